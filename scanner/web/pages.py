"""The route for people: the status page."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from scanner.web.brief import Briefs
from scanner.web.filters import read_filters
from scanner.web.monitor import Clock, Watched
from scanner.web.recent import RecentProbes
from scanner.web.status_page import render_status, take_snapshot
from scanner.web.turns import InTurn

routes = APIRouter(tags=["pages"], default_response_class=HTMLResponse)

_FILTERS = {
    "state": "a state, downgraded, or waiting",
    "verdict": "the id of a verdict",
    "port": "a port",
    "provider": "part of a provider's name",
    "q": "part of the name of a domain or host, or of an address",
    "sort": "worst (first) or name",
    "page": "which page, from 1",
    "size": "rows of a page: 25, 50, 100 or 200",
}


def _describe(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": text, "schema": {"type": "string"}}


@routes.get(
    "/",
    summary="The status page",
    response_description="The page",
    openapi_extra={"parameters": [_describe(*each) for each in _FILTERS.items()]},
)
async def status(request: Request, monitor: Watched, turns: InTurn) -> HTMLResponse:
    """What is wrong, since when and what to do; every domain on its ports, the worst first.

    A filter that cannot be understood leaves nothing out.
    """
    known: Briefs = request.app.state.briefs
    clock: Clock = request.app.state.clock
    recent: RecentProbes = request.app.state.recent
    filters = read_filters(request.query_params)

    async def render() -> str:
        # A long page takes a tenth of a second, which no probe's clock may feel: not on the loop.
        snapshot, asked = take_snapshot(monitor), len(recent)
        return await asyncio.to_thread(render_status, snapshot, known, clock(), filters, asked)

    return HTMLResponse(await turns.pages.make(filters, render))
