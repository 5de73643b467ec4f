"""The other shards, as pages and the API name them and link to them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import Request, Response

from scanner.model.observation import Key
from scanner.model.shard import Shard
from scanner.model.target import TargetError, normalise_host
from scanner.web.monitor import Monitor
from scanner.web.problems import problem


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another shard."""

    number: int
    page: str | None
    """The address of its page; None where that is not known."""

    def link(self, path: str, scheme: str = "") -> str | None:
        """Return the address of a path there; `scheme` is for programs, which are not on a page of ours."""
        if self.page is None:
            return None
        start = f"{scheme}:" if scheme and self.page.startswith("//") else ""
        return f"{start}{self.page.rstrip('/')}{path}"


def siblings_of(shard: Shard | None, pages: Sequence[str]) -> tuple[Sibling, ...]:
    """Return all shards but this one."""
    if shard is None:
        return ()
    return pick(pages, (number for number in range(1, shard.count + 1) if number != shard.index))


def pick(pages: Sequence[str], numbers: Iterable[int]) -> tuple[Sibling, ...]:
    """Return the shards of these numbers; `pages` has the address of each, or is empty."""
    return tuple(Sibling(number, pages[number - 1] if pages else None) for number in numbers)


def find_keeper(monitor: Monitor, key: Key) -> Sibling | None:
    """Return the other shard that the host of an endpoint belongs to; None where it is ours.

    Whether that shard watches the endpoint is for it to say: it alone keeps them.
    """
    shard, host = monitor.shard, key[0]
    if shard is None or shard.has(host) or not _is_host(host):
        return None
    return pick(monitor.shard_pages, [shard.number_of(host)])[0]


def elsewhere(request: Request, monitor: Monitor, what: str, others: Sequence[Sibling]) -> Response:
    """Tell a program which shards have what it asked for, each with the address where that is known."""
    shard, path = monitor.shard or Shard(), quote(request.url.path, safe="/:~")
    links = [(other.number, other.link(path, request.url.scheme)) for other in others]
    named = ", ".join(
        f"shard {number}" if link is None else f"shard {number}: {link}" for number, link in links
    )
    return problem(404, f"this is shard {shard.index} of {shard.count}, and {what} is with {named}")


def missing_endpoint(request: Request, monitor: Monitor, key: Key, why: str) -> Response:
    """Tell a program that an endpoint is not here, and which shard has its host."""
    keeper = find_keeper(monitor, key)
    if keeper is None:
        return problem(404, why)
    return elsewhere(request, monitor, f"the host {key[0]} with all its endpoints", [keeper])


def _is_host(text: str) -> bool:
    try:
        return normalise_host(text) == text
    except TargetError:
        return False
