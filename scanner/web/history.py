"""The routes for programs that ask what has changed: events, and the incidents that are open."""

import json
from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response

from scanner.model.event_record import event_record, incident_record
from scanner.store import QueryError, StoreError, read_query
from scanner.web.monitor import Now, Watched

log = structlog.get_logger(__name__)

_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "A parameter cannot be understood; `error` says which and why"},
    503: {"description": "The store does not answer; `error` says so"},
}
_PARAMETERS = {
    "since": "how long ago (2h), or a time in ISO 8601, in UTC unless it says otherwise",
    "until": "the same: only events before",
    "after": "only events with a greater id: `next` of the last answer",
    "severity": "notice, warning or critical: this, or worse",
    "kind": "kinds of events, separated by commas",
    "host": "only about endpoints of this host",
    "limit": "so many at most; 100 unless said",
}
"""They are read by the store's own reader, as text: FastAPI would answer in another form."""

routes = APIRouter(prefix="/api/v1", tags=["history"])


def _describe(name: str, text: str) -> dict[str, Any]:
    schema = {"type": "string"}
    return {"name": name, "in": "query", "required": False, "description": text, "schema": schema}


@routes.get(
    "/events",
    summary="What has changed",
    response_description="`events`, oldest first, and `next`: the `after` of the next request",
    responses=_RESPONSES,
    openapi_extra={"parameters": [_describe(*each) for each in _PARAMETERS.items()]},
)
async def events(request: Request, monitor: Watched, now: Now) -> Response:
    """Events from the store. Without `after` and `since` these are the newest; `next` goes on from there."""
    try:
        query = read_query(_words(request), now)
    except QueryError as error:
        return _answer({"error": str(error)}, 400)
    try:
        found = await monitor.events(query)
    except StoreError as error:
        log.error("events_not_read", error=str(error))
        return _answer({"error": "the store does not answer; the log says why"}, 503)
    last = found[-1].id if found else query.after_id
    return _answer({"events": [event_record(event) for event in found], "next": last})


@routes.get("/incidents", summary="The incidents that are open", response_description="`incidents`")
async def incidents(monitor: Watched) -> Response:
    """One cause each, the widest that explains its findings."""
    return _answer({"incidents": [incident_record(incident) for incident in monitor.incidents()]})


def _words(request: Request) -> Mapping[str, str]:
    """Return the parameters; one that comes again is joined: a list where that is one, and else wrong."""
    names = dict.fromkeys(request.query_params)
    return {name: ",".join(request.query_params.getlist(name)) for name in names}


def _answer(document: Mapping[str, object], status: int = 200) -> Response:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, media_type="application/json")
