"""The matrix of the status page: a row a domain, a column a mail port, the worst of each cell shown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scanner.model import PORTS, TargetFinding
from scanner.web.brief import Brief
from scanner.web.filters import Filters
from scanner.web.standing import Concern, concern_of
from scanner.web.waiting import NOTHING, Waiting

COLUMNS = (25, 465, 587, 143, 993, 110, 995)
"""In the order of what they are for: between servers, sending, reading."""
_PLACES = {port: place for place, port in enumerate(COLUMNS)}


@dataclass(slots=True)
class Domain:
    """A domain or a host that is watched, with all that is known of it."""

    name: str
    briefs: list[Brief] = field(default_factory=list)
    findings: list[TargetFinding] = field(default_factory=list)
    waiting: Waiting = NOTHING

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to say of it: no server is known, and none is looked for."""
        return not (self.briefs or self.findings or self.waiting)

    @property
    def concern(self) -> Concern:
        """How soon to look: the worst of all."""
        concerns = [brief.concern for brief in self.briefs]
        concerns += [concern_of(finding) for finding in self.findings]
        return max(concerns, default=Concern.NONE)

    @property
    def worst(self) -> Brief | None:
        """The endpoint to look at first."""
        return min(self.briefs, key=_order_of, default=None)


@dataclass(frozen=True, slots=True)
class Cell:
    """What a domain has on one port; the worst endpoint stands for all."""

    port: int
    shown: Brief
    endpoints: tuple[Brief, ...]
    is_wanted: bool
    """Whether one of them is what the filters look for."""

    @property
    def troubled(self) -> int:
        """How many of them need a look as soon as the worst one."""
        return sum(brief.concern == self.shown.concern for brief in self.endpoints)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the matrix; a column without an endpoint is None."""

    domain: Domain
    concern: Concern
    cells: tuple[Cell | None, ...]
    others: tuple[Cell, ...]
    """Ports beside the seven."""

    def waits_for(self, port: int) -> bool:
        """Whether a server is known there, and none has been probed yet."""
        return port in self.domain.waiting.ports


@dataclass(frozen=True, slots=True)
class Page:
    """The lines of one page, and what else there is."""

    lines: tuple[Line, ...]
    selected: int
    """Domains that the filters let through."""
    total: int
    number: int
    """The page, from 1."""
    pages: int

    @property
    def has_others(self) -> bool:
        """Whether a line of the page has a port beside the seven."""
        return any(line.others for line in self.lines)


def group_domains(
    briefs: Iterable[Brief], findings: Iterable[TargetFinding], waiting: Mapping[str, Waiting]
) -> dict[str, Domain]:
    """Return all domains by name; an endpoint that serves none stands under its host.

    `waiting` names every target, so that none is missing of which nothing is known yet.
    """
    domains: dict[str, Domain] = {}
    for brief in briefs:
        endpoint = brief.seen.endpoint
        for name in endpoint.domains or (endpoint.host,):
            known = domains.get(name)
            if known is None:
                known = domains[name] = Domain(name)
            known.briefs.append(brief)
    for finding in findings:
        domains.setdefault(finding.domain, Domain(finding.domain)).findings.append(finding)
    for name, still in waiting.items():
        known = domains.get(name)
        if known is None:
            domains[name] = Domain(name, waiting=still)
        else:
            known.waiting = still
    return domains


def lay_out(domains: Mapping[str, Domain], filters: Filters) -> Page:
    """Return the page of the matrix that the filters ask for; a page behind the last is the last one."""
    selected = [domain for domain in domains.values() if _is_wanted(domain, filters)]
    selected.sort(key=_sorting(filters))
    pages = max(1, -(-len(selected) // filters.size))
    number = min(filters.page, pages)
    start = (number - 1) * filters.size
    lines = tuple(_draw(domain, filters) for domain in selected[start : start + filters.size])
    return Page(lines, len(selected), len(domains), number, pages)


def _is_wanted(domain: Domain, filters: Filters) -> bool:
    if not filters.is_narrow:
        return True
    if filters.text and not filters.names(domain.name):
        keys = [brief.seen.endpoint.key for brief in domain.briefs]
        keys += [member.key for member in domain.waiting.members]
        places = (name for key in keys for name in key[:2])
        if not filters.names(*places, *(finding.host for finding in domain.findings)):
            return False
    if not filters.is_about_endpoints:
        return True
    return (
        any(map(filters.matches, domain.briefs))
        or any(map(filters.matches_finding, domain.findings))
        or filters.matches_waiting(domain.waiting)
    )


def _sorting(filters: Filters) -> Callable[[Domain], tuple[object, ...]]:
    if filters.order == "name":
        return lambda domain: (domain.name,)
    return _badness


_LAST = (1,)


def _badness(domain: Domain) -> tuple[object, ...]:
    # What has shown nothing yet comes behind all that has.
    worst = min([brief.rank for brief in domain.briefs], default=() if domain.findings else _LAST)
    concern = domain.concern
    if not concern:  # most domains are in order, and are not told apart
        return 0, 0, worst, domain.name
    return -concern, -sum(brief.concern == concern for brief in domain.briefs), worst, domain.name


def _draw(domain: Domain, filters: Filters) -> Line:
    by_port: dict[int, list[Brief]] = {}
    for brief in domain.briefs:
        by_port.setdefault(brief.port, []).append(brief)
    cells = {port: make_cell(port, briefs, filters) for port, briefs in sorted(by_port.items())}
    others = tuple(cell for port, cell in cells.items() if port not in PORTS)
    return Line(domain, domain.concern, tuple(cells.get(port) for port in COLUMNS), others)


def make_cell(port: int, briefs: Sequence[Brief], filters: Filters) -> Cell:
    """Return the cell of some endpoints with one port."""
    ordered = tuple(sorted(briefs, key=_order_of))
    return Cell(
        port, ordered[0], ordered, not filters.is_about_endpoints or any(map(filters.matches, ordered))
    )


def _order_of(brief: Brief) -> tuple[object, ...]:
    return brief.rank, _PLACES.get(brief.port, len(_PLACES)), brief.seen.endpoint.key
