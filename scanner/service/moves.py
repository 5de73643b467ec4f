"""Moves: the addresses that hosts have left while nothing watched, and those that they have now."""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from scanner.model.observation import Key

Place: TypeAlias = tuple[str, int, str, str]
"""A port of a host, whichever of its addresses: host, port, protocol, TLS mode."""


@dataclass(slots=True)
class Move:
    """The endpoints of one place: those that are watched, and those that are remembered only."""

    watched: list[Key]
    left: list[Key] = field(default_factory=list)


def place_of(key: Key) -> Place:
    """Return the place of an endpoint."""
    host, _, port, protocol, tls_mode = key
    return (host, port, protocol, tls_mode)


def find_moves(
    watched: Iterable[Key], remembered: Iterable[Key], is_known: Callable[[Key], bool]
) -> Generator[None, None, dict[Place, Move]]:
    """Return the places that have left an address and have one that nothing is known of, piece by piece."""
    planned: defaultdict[Place, list[Key]] = defaultdict(list)
    kept: set[Key] = set()
    for key in watched:
        planned[place_of(key)].append(key)
        kept.add(key)
        yield
    found: dict[Place, Move] = {}
    for key in remembered:
        yield
        place = place_of(key)
        if key in kept or all(map(is_known, planned.get(place, ()))):
            continue
        found.setdefault(place, Move(planned[place])).left.append(key)
    return found
