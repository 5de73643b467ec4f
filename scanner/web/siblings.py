"""The other shards, as a page names them and links to them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scanner.model.shard import Shard


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another shard."""

    number: int
    page: str | None
    """The address of its page; None where that is not known."""


def siblings_of(shard: Shard | None, pages: Sequence[str]) -> tuple[Sibling, ...]:
    """Return all shards but this one."""
    if shard is None:
        return ()
    return pick(pages, (number for number in range(1, shard.count + 1) if number != shard.index))


def pick(pages: Sequence[str], numbers: Iterable[int]) -> tuple[Sibling, ...]:
    """Return the shards of these numbers; `pages` has the address of each, or is empty."""
    return tuple(Sibling(number, pages[number - 1] if pages else None) for number in numbers)
