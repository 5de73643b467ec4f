"""The routes for people who look closer: a domain, an endpoint, and having it probed now."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from scanner.model import Observation
from scanner.model.domain import DomainFacts
from scanner.model.endpoint_id import read_id
from scanner.model.event import Event
from scanner.model.observation import Key
from scanner.store import EventQuery, StoreError
from scanner.web.asked import Probed, ProbeRefusedError
from scanner.web.brief import Briefs
from scanner.web.domain_page import find_domain, render_absent, render_domain
from scanner.web.endpoint_page import MOST_PROBES, MOST_READ, Frame, Past, render_endpoint
from scanner.web.monitor import Clock, Monitor, Now, Watched
from scanner.web.render import endpoint_link, render
from scanner.web.shield import is_cross_origin
from scanner.web.siblings import find_keeper, pick
from scanner.web.status_page import Snapshot, take_snapshot
from scanner.web.turns import InTurn, Turns

log = structlog.get_logger(__name__)

routes = APIRouter(tags=["pages"], default_response_class=HTMLResponse)

_UNREAD = "The store does not answer, so the past cannot be shown; the log says why."


@routes.get(
    "/domains/{name:path}",
    summary="A domain",
    response_description="The page",
    responses={404: {"description": "No such domain is watched"}},
)
async def domain(request: Request, monitor: Watched, turns: InTurn, name: str) -> HTMLResponse:
    """A domain, or a host that was named: its services and endpoints, what to set up, what it publishes."""
    known: Briefs = request.app.state.briefs
    clock: Clock = request.app.state.clock

    async def render() -> str | None:
        return await asyncio.to_thread(_render_domain, name, monitor, take_snapshot(monitor), known, clock())

    page = await turns.pages.make(name, render)
    if page is None:
        raise HTTPException(404, "no such domain is watched. The page / lists all that are.")
    return HTMLResponse(page)


def _render_domain(
    name: str, monitor: Monitor, snapshot: Snapshot, known: Briefs, now: datetime
) -> str | None:
    others = pick(monitor.shard_pages, monitor.shards_beside(name))
    if name in snapshot.absent:
        return render_absent(name, snapshot, others)
    found = find_domain(name, snapshot, known)
    if found is None:
        return None
    # A host that serves a domain without being watched for itself is known by its endpoints alone.
    facts = monitor.domain(name) or DomainFacts(name, is_domain=False)
    return render_domain(found, facts, monitor.advise(facts), snapshot, now, others)


@routes.get(
    "/endpoints/{id}",
    summary="An endpoint",
    response_description="The page",
    responses={
        404: {"description": "No such endpoint is watched here; the page says which shard has its host"}
    },
)
async def endpoint(
    monitor: Watched,
    now: Now,
    turns: InTurn,
    id: str,  # noqa: A002 - its name outside
) -> HTMLResponse:
    """An endpoint: its last probe in full, its latency over time, and what has changed."""
    seen = _find(monitor, id)
    if seen is None:
        return _answer_missing(monitor, id)
    return await _Desk(monitor, now, turns).answer(seen)


@routes.post(
    "/endpoints/{id}",
    summary="Probe an endpoint now, and show how it went",
    response_description="The page, with the dialogue as it happened",
    responses={
        403: {"description": "A browser sent this for another site"},
        404: {"description": "No such endpoint is watched here; the page says which shard has its host"},
        429: {
            "description": "It was asked for too soon; the page says so, and Retry-After when it may be again"
        },
        503: {"description": "Its turn did not come in time"},
    },
)
async def probe(
    request: Request,
    monitor: Watched,
    now: Now,
    turns: InTurn,
    id: str,  # noqa: A002 - as above
) -> HTMLResponse:
    """What the button of the page does: a probe in its turn and within all limits."""
    if is_cross_origin(request.headers):
        raise HTTPException(403, "a page of another site may not have anything probed.")
    seen, desk = _find(monitor, id), _Desk(monitor, now, turns)
    if seen is None:
        return _answer_missing(monitor, id)
    try:
        probed = await monitor.desk.probe_endpoint(seen.endpoint.key)
    except ProbeRefusedError as refusal:
        notice = f"It was not probed: {refusal.detail}."
        answer = await desk.answer(seen, notice=notice)
        answer.status_code = refusal.status
        answer.headers.update(refusal.headers)
        return answer
    return await desk.answer(_find(monitor, id) or seen, probed=probed)


def _find(monitor: Monitor, text: str) -> Observation | None:
    key = read_id(text)
    return None if key is None else monitor.latest_of(key)


def _answer_missing(monitor: Monitor, text: str) -> HTMLResponse:
    """Say which shard has the host of an endpoint; raise where there is none to name."""
    key = read_id(text)
    keeper = None if key is None else find_keeper(monitor, key)
    if key is None or keeper is None:
        raise HTTPException(404, "no such endpoint is watched. The page / shows all that are.")
    page = render(
        "elsewhere.html",
        monitor=monitor,
        title=f"{key[0]}:{key[2]}",
        host=key[0],
        others=[keeper],
        path=endpoint_link(key),
    )
    return HTMLResponse(page, 404)


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where the pages of endpoints are made for one request."""

    monitor: Monitor
    now: datetime
    turns: Turns

    async def answer(
        self, seen: Observation, *, probed: Probed | None = None, notice: str = ""
    ) -> HTMLResponse:
        """Return the page of an endpoint."""
        # The clock goes on while a probe is made.
        now = max(self.now, seen.started_at)
        frame = Frame(self.monitor.version, self.monitor.grafana, self.monitor.elsewhere(seen.endpoint.key))
        async with self.turns.pasts:
            past = await self._read_past(seen.endpoint.key)
            page = await asyncio.to_thread(render_endpoint, frame, seen, past, now, probed, notice)
        return HTMLResponse(page)

    async def _read_past(self, key: Key) -> Past:
        try:
            history: Sequence[Observation] = await self.monitor.history(
                key, since=None, before=None, limit=MOST_PROBES
            )
            events: Sequence[Event] = await self.monitor.events(EventQuery(host=key[0], limit=MOST_READ))
        except StoreError as error:
            log.error("past_not_read", error=str(error))
            return Past(history_note=_UNREAD, events_note=_UNREAD)
        return Past(history=history, events=events)
