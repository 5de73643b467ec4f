"""Tells an observation that somebody else wrote down from one that no probe can have made."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime

from scanner.model.observation import Observation

LONGEST_SECONDS = 1e6
"""No phase takes longer: a probe has seconds."""
LARGEST_NUMBER = 2**53
"""What counters and every reader of JSON can hold."""
_NAMES: dict[type, tuple[str, ...]] = {}


def check_soundness(seen: Observation) -> Observation:
    """Return an observation whose values are of the right types, if one can go on reckoning with it.

    Its endpoint is not looked at: whose it is, the reader knows.

    Raises:
        ValueError: a moment has no time zone, a number is negative or without bounds, or a text is none.
    """
    for name in _names_of(Observation):
        if name != "endpoint":
            _check(getattr(seen, name), name)
    return seen


def _check(value: object, name: str) -> None:
    # In this order, since most are texts, or nothing.
    if isinstance(value, str):
        if not value.isascii():
            value.encode()  # halves of surrogate pairs, which nobody can write
    elif value is None or value is True or value is False:
        return
    elif isinstance(value, int | float):
        if not 0 <= value <= (LARGEST_NUMBER if isinstance(value, int) else LONGEST_SECONDS):
            raise ValueError(f"{name} is no such number")
    elif isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{name} has no time zone")
    else:
        for part in _parts_of(value):
            _check(part, name)


def _parts_of(value: object) -> Iterable[object]:
    if isinstance(value, tuple | frozenset):
        return value
    if isinstance(value, Mapping):
        return (*value.keys(), *value.values())
    return [getattr(value, name) for name in _names_of(type(value))]


def _names_of(kind: type) -> tuple[str, ...]:
    """Return the names of a dataclass's fields, without making the list of its fields each time."""
    if (names := _NAMES.get(kind)) is None:
        names = tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
        _NAMES[kind] = names
    return names
