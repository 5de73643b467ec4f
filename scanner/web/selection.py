"""Selects and pages what lists show: pure, stable in its order, and the same page for the same world."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from scanner.model import Observation, Severity
from scanner.model.endpoint_id import read_id
from scanner.model.observation import Key
from scanner.model.target import TargetError, normalise_host
from scanner.web.queries import Filter

_SEVERITIES = {severity.label: severity for severity in Severity}

Item = TypeVar("Item")
Place = TypeVar("Place", tuple[str, int, str, str, str], str)


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of a list, and how much there is in all."""

    items: Sequence[Item]
    total: int
    has_more: bool


def place_of(key: Key) -> tuple[str, int, str, str, str]:
    """Return where an endpoint stands in a list: the ports of a host together."""
    host, address, port, protocol, tls_mode = key
    return (host, port, address, str(protocol), str(tls_mode))


def cut_page(
    items: Iterable[Item], find_place: Callable[[Item], Place], after: Place | None, limit: int
) -> Page[Item]:
    """Return the page behind a place; what comes and goes meanwhile moves nothing else off it."""
    ordered = sorted(items, key=find_place)
    rest = ordered if after is None else [item for item in ordered if find_place(item) > after]
    return Page(rest[:limit], len(ordered), len(rest) > limit)


def select_endpoints(
    observations: Iterable[Observation], wanted: Filter, after: str | None
) -> Page[Observation]:
    """Return a page of the endpoints that a filter is about."""
    matches = matcher(wanted)
    key = None if after is None else read_id(after)
    return cut_page(
        [seen for seen in observations if matches(seen)],
        lambda seen: place_of(seen.endpoint.key),
        None if key is None else place_of(key),
        wanted.limit,
    )


def matcher(wanted: Filter) -> Callable[[Observation], bool]:
    """Return what tells whether an endpoint is looked for."""
    tests: list[Callable[[Observation], bool]] = []
    if wanted.state:
        states = frozenset(wanted.state)
        tests.append(lambda seen: seen.state in states)
    if wanted.port:
        ports = frozenset(wanted.port)
        tests.append(lambda seen: seen.endpoint.port in ports)
    if wanted.protocol:
        protocols = frozenset(wanted.protocol)
        tests.append(lambda seen: seen.endpoint.protocol in protocols)
    if wanted.domain is not None:
        domain = _normalise(wanted.domain)
        tests.append(lambda seen: domain in seen.endpoint.domains)
    tests += _match_verdicts(wanted)
    tests += _match_words(wanted)
    return lambda seen: all(test(seen) for test in tests)


def _match_verdicts(wanted: Filter) -> Iterable[Callable[[Observation], bool]]:
    if wanted.verdict:
        ids = frozenset(wanted.verdict)
        yield lambda seen: any(verdict.id in ids for verdict in seen.counting)
    if wanted.kind:
        kinds = frozenset(wanted.kind)
        yield lambda seen: any(verdict.kind in kinds for verdict in seen.counting)
    if wanted.severity is not None:
        least = _SEVERITIES[wanted.severity]
        yield lambda seen: any(verdict.severity >= least for verdict in seen.counting)


def _match_words(wanted: Filter) -> Iterable[Callable[[Observation], bool]]:
    if wanted.provider is not None:
        provider = wanted.provider.casefold()
        yield lambda seen: provider in provider_of(seen).casefold()
    if wanted.q is not None:
        text = wanted.q.casefold()
        yield lambda seen: any(
            text in name for name in (seen.endpoint.host, seen.endpoint.address, *seen.endpoint.domains)
        )


def provider_of(seen: Observation) -> str:
    """Return the name of the provider that an endpoint belongs to; empty where none is known."""
    expectation = seen.endpoint.expectation
    return (expectation.provider if expectation is not None else None) or ""


def _normalise(text: str) -> str:
    try:
        return normalise_host(text)
    except TargetError:
        return text.lower()
