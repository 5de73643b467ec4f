"""The routes about domains: the list, and one of them with its endpoints."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from scanner.explain.advice_record import advice_record
from scanner.model.domain import DomainFacts
from scanner.model.record import Record
from scanner.model.target import TargetError, normalise_host
from scanner.web.answers import answer_page, tagged_answer
from scanner.web.domain_record import DomainWriter
from scanner.web.monitor import Watched
from scanner.web.problems import problem
from scanner.web.queries import DomainFilter, Filter
from scanner.web.schemas import NOT_FOUND, described
from scanner.web.selection import cut_page, matcher
from scanner.web.siblings import elsewhere, pick

routes = APIRouter(prefix="/api/v1", tags=["domains"])

_ABOUT_ENDPOINTS = ("state", "verdict", "kind", "severity", "port", "protocol", "provider")


@routes.get(
    "/domains",
    summary="The domains that are watched",
    responses=described("DomainPage", "A page of domains, sorted by name"),
)
async def domains(request: Request, monitor: Watched, wanted: Annotated[DomainFilter, Query()]) -> Response:
    """Each domain, or host that was named, with what its endpoints add up to.

    A domain is listed where one endpoint of it fits all that is asked of endpoints.
    """
    observations = tuple(monitor.observations())
    findings = tuple(monitor.findings())

    def write() -> Record:
        latest = {seen.endpoint.key: seen for seen in observations}
        writer = DomainWriter(latest.get, findings)
        found = [each for each in monitor.domains() if _is_wanted(each, wanted, writer)]
        page = cut_page(found, lambda each: each.domain, wanted.after, wanted.limit)
        last = page.items[-1].domain if page.has_more else None
        return {"domains": list(map(writer.write, page.items)), "total": page.total, "next": last}

    return await answer_page(request, write)


@routes.get(
    "/domains/{domain}",
    summary="One domain",
    responses=described("Domain", "The domain, its endpoints and what it has published") | NOT_FOUND,
)
async def domain(request: Request, monitor: Watched, domain: str) -> Response:
    """A domain in any spelling, with its endpoints."""
    try:
        name = normalise_host(domain)
    except TargetError:
        name = ""
    facts = monitor.domain(name)
    if name in monitor.absent():
        others = pick(monitor.shard_pages, monitor.shards_beside(name))
        return elsewhere(request, monitor, "what there is of this domain", others)
    if facts is None:
        return problem(404, "no such domain is watched; /api/v1/domains lists them")
    writer = DomainWriter(monitor.latest_of, monitor.findings())
    return tagged_answer(
        request, writer.write_whole(facts) | {"advice": advice_record(monitor.advise(facts))}
    )


def _is_wanted(facts: DomainFacts, wanted: Filter, writer: DomainWriter) -> bool:
    if wanted.domain is not None and wanted.domain.lower() != facts.domain:
        return False
    names = (facts.domain, *(member.key[0] for member in facts.members))
    if wanted.q is not None and not any(wanted.q.casefold() in name for name in names):
        return False
    if not any(getattr(wanted, name) for name in _ABOUT_ENDPOINTS):
        return True
    matches = matcher(wanted.model_copy(update={"domain": None, "q": None}))
    return any(matches(seen) for seen in writer.seen_of(facts))
