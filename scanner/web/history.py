"""The routes for programs that ask what has changed: events, and the incidents that are open."""

from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response

from scanner.model import Severity
from scanner.model.event import EventKind
from scanner.model.event_record import event_record, incident_record
from scanner.store import QueryError, StoreError, read_query
from scanner.store.asking import MOST_EVENTS
from scanner.web.answers import answer_page
from scanner.web.monitor import Now, Watched
from scanner.web.problems import problem
from scanner.web.schemas import UNAVAILABLE, described, refused

log = structlog.get_logger(__name__)

_MOMENT = {
    "anyOf": [
        {"type": "string", "pattern": "^[1-9][0-9]{0,4}[smhd]$"},
        {"type": "string", "format": "date-time"},
    ]
}
_PARAMETERS = (
    ("since", "how long ago (2h), or a time in ISO 8601, in UTC unless it says otherwise", _MOMENT),
    ("until", "the same: only events before", _MOMENT),
    (
        "after",
        "only events with a greater id: `next` of the last answer",
        {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
    ),
    (
        "severity",
        "this, or worse",
        {"type": "string", "enum": [severity.label for severity in Severity]},
    ),
    (
        "kind",
        "kinds of events, separated by commas",
        {"type": "string", "pattern": f"^({'|'.join(EventKind)})(,({'|'.join(EventKind)}))*$"},
    ),
    ("host", "only about endpoints of this host", {"type": "string", "minLength": 1, "maxLength": 253}),
    (
        "limit",
        "so many at most; 100 unless said",
        {"type": "integer", "minimum": 1, "maximum": MOST_EVENTS},
    ),
)
"""They are read by the store's own reader, as text, as those of the command line are."""

routes = APIRouter(prefix="/api/v1", tags=["history"])


def _describe(name: str, text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": text, "schema": dict(schema)}


@routes.get(
    "/events",
    summary="What has changed",
    responses=described("EventPage", "Events, oldest first, and the `after` of the next request")
    | refused(400, "A parameter cannot be understood; `detail` says which and why")
    | UNAVAILABLE,
    openapi_extra={"parameters": [_describe(*each) for each in _PARAMETERS]},
)
async def events(request: Request, monitor: Watched, now: Now) -> Response:
    """Events from the store. Without `after` and `since` these are the newest; `next` goes on from there."""
    try:
        query = read_query(_words(request), now)
    except QueryError as error:
        return problem(400, str(error))
    try:
        found = await monitor.events(query)
    except StoreError as error:
        log.error("events_not_read", error=str(error))
        return problem(503, "the store does not answer; the log says why", headers={"Retry-After": "10"})
    last = found[-1].id if found else query.after_id
    return await answer_page(request, lambda: {"events": list(map(event_record, found)), "next": last})


@routes.get(
    "/incidents",
    summary="The incidents that are open",
    responses=described("IncidentList", "One cause each, the widest that explains its findings"),
)
async def incidents(request: Request, monitor: Watched) -> Response:
    """One cause each, the widest that explains its findings."""
    found = tuple(monitor.incidents())
    return await answer_page(request, lambda: {"incidents": list(map(incident_record, found))})


def _words(request: Request) -> Mapping[str, str]:
    """Return the parameters; one that comes again is joined: a list where that is one, and else wrong."""
    names = dict.fromkeys(request.query_params)
    return {name: ",".join(request.query_params.getlist(name)) for name in names}
