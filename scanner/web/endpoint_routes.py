"""The routes about endpoints: the list, one of them, and the probes of it that are kept."""

from collections.abc import Sequence
from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Request, Response

from scanner.model import Observation
from scanner.model.endpoint_id import read_id, write_id
from scanner.model.record import Record, to_record
from scanner.store import StoreError
from scanner.web.answers import answer_page, tagged_answer
from scanner.web.monitor import Watched
from scanner.web.problems import problem
from scanner.web.queries import EndpointFilter, HistoryFilter
from scanner.web.schemas import NOT_FOUND, UNAVAILABLE, described
from scanner.web.selection import select_endpoints
from scanner.web.siblings import missing_endpoint

log = structlog.get_logger(__name__)

routes = APIRouter(prefix="/api/v1", tags=["endpoints"])

_NO_SUCH = "there is no such endpoint; /api/v1/endpoints lists them"


@routes.get(
    "/endpoints",
    summary="The endpoints that are watched",
    responses=described("EndpointPage", "A page of endpoints, sorted by host, port and address"),
)
async def endpoints(
    request: Request, monitor: Watched, wanted: Annotated[EndpointFilter, Query()]
) -> Response:
    """Each endpoint with its latest observation. `next` is the `after` of the next page; null = the last."""
    observations = tuple(monitor.observations())

    def write() -> Record:
        page = select_endpoints(observations, wanted, wanted.after)
        last = write_id(page.items[-1].endpoint.key) if page.has_more else None
        listed = [write_endpoint(seen, monitor.elsewhere(seen.endpoint.key)) for seen in page.items]
        return {"endpoints": listed, "total": page.total, "next": last}

    return await answer_page(request, write)


@routes.get(
    "/endpoints/{id}",
    summary="One endpoint",
    responses=described("Endpoint", "Its latest observation") | NOT_FOUND,
)
async def endpoint(request: Request, monitor: Watched, id: str) -> Response:  # noqa: A002 - its name outside
    """The latest observation of an endpoint."""
    key = read_id(id)
    if key is None:
        return problem(404, _NO_SUCH)
    seen = monitor.latest_of(key)
    if seen is None:
        why = "no such endpoint is watched, or it was not probed yet"
        return missing_endpoint(request, monitor, key, why)
    return tagged_answer(request, write_endpoint(seen, monitor.elsewhere(seen.endpoint.key)))


@routes.get(
    "/endpoints/{id}/history",
    summary="The recent probes of an endpoint",
    responses=described("History", "Observations, newest first") | NOT_FOUND | UNAVAILABLE,
)
async def history(
    request: Request,
    monitor: Watched,
    id: str,  # noqa: A002 - its name outside
    wanted: Annotated[HistoryFilter, Query()],
) -> Response:
    """What the store keeps of an endpoint; without a store, its latest observation alone."""
    key = read_id(id)
    if key is None:
        return problem(404, _NO_SUCH)
    since, before = wanted.bounds
    try:
        found = await monitor.history(key, since=since, before=before, limit=wanted.limit + 1)
    except StoreError as error:
        log.error("history_not_read", error=str(error))
        return problem(503, "the store does not answer; the log says why", headers={"Retry-After": "10"})
    if not found and monitor.latest_of(key) is None:
        why = "no such endpoint is watched; /api/v1/endpoints lists them"
        return missing_endpoint(request, monitor, key, why)

    def write() -> Record:
        shown = found[: wanted.limit]
        last = shown[-1].started_at.isoformat() if len(found) > wanted.limit else None
        return {"id": write_id(key), "observations": list(map(to_record, shown)), "next": last}

    return await answer_page(request, write)


def write_endpoint(seen: Observation, others: Sequence[Observation] = ()) -> Record:
    """Return an endpoint with its latest observation, and those of other vantages where there are any."""
    found = {"id": write_id(seen.endpoint.key), "observation": to_record(seen)}
    return found | {"vantages": list(map(to_record, others))} if others else found
