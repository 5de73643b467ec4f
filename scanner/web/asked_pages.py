"""The pages of what /probe was asked for lately: the list, and the dialogues of one probe."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse

from scanner.model.target import TargetError, escape, parse_target
from scanner.web.monitor import Now, Watched
from scanner.web.queries import LONGEST_TEXT
from scanner.web.recent import Recent, RecentProbes, read_number
from scanner.web.render import render
from scanner.web.view import mark_of, say_name

routes = APIRouter(tags=["pages"], default_response_class=HTMLResponse)

ON_A_PAGE = 50
MOST_NAMED = 7
"""Endpoints that a row names: the ports of one host."""


@dataclass(frozen=True, slots=True)
class Row:
    """One probe as the list shows it."""

    recent: Recent
    mark: str
    words: str
    places: tuple[tuple[str, str], ...]
    """What came of each endpoint, or of the target itself: colour and words."""
    more: int
    """How many more there are."""


def describe(recent: Recent) -> Row:
    """Return the row of a probe."""
    found = recent.found
    seen = [(each.observation.endpoint.port, each.observation) for each in found.probed]
    places = [(mark_of(one), f"{port} {say_name(one.state)}") for port, one in seen]
    places += [(mark_of(one), say_name(one.reason or one.state)) for one in found.findings]
    if found.unfinished:
        places.append(("warn", f"{found.unfinished} not in time"))
    mark, words = ("ok", "works") if recent.is_success else ("bad", "does not work")
    if not found.probed and not found.unfinished:
        mark, words = "info", "nothing was probed"
    return Row(recent, mark, words, tuple(places[:MOST_NAMED]), max(0, len(places) - MOST_NAMED))


@routes.get(
    "/probes", summary="The page of what /probe was asked for lately", response_description="The page"
)
async def asked(
    request: Request,
    monitor: Watched,
    now: Now,
    target: Annotated[str, Query(description="a target, as /probe takes it")] = "",
    before: Annotated[str, Query(description="the number that a page ends at")] = "",
) -> HTMLResponse:
    """The last ten probes of each target, and ten before these that failed, the newest first."""
    recent: RecentProbes = request.app.state.recent
    wanted = _normalise(target.strip()) or None
    found = recent.find(wanted, read_number(before), ON_A_PAGE + 1)
    page = render(
        "probes.html",
        monitor={"version": monitor.version},
        now=_latest(now, found),
        target=wanted,
        rows=[describe(each) for each in found[:ON_A_PAGE]],
        following=found[ON_A_PAGE - 1].number if len(found) > ON_A_PAGE else None,
        is_first=not before,
    )
    return HTMLResponse(page)


@routes.get(
    "/probes/{number}",
    summary="The page of one of these probes, with its dialogues",
    response_description="The page",
    responses={404: {"description": "No such probe is kept"}},
)
async def one(request: Request, monitor: Watched, now: Now, number: str) -> HTMLResponse:
    """What was said at each endpoint of the target, line by line with its time."""
    recent: RecentProbes = request.app.state.recent
    index = read_number(number)
    kept = None if index is None else recent.get(index)
    if kept is None:
        raise HTTPException(404, "no such probe is kept any more. The page /probes lists those that are.")
    values = {
        "monitor": {"version": monitor.version},
        "now": _latest(now, [kept]),
        "row": describe(kept),
        "found": kept.found,
    }
    # Dialogues may be long, and no probe's clock may feel that.
    return HTMLResponse(await asyncio.to_thread(lambda: render("probe.html", **values)))


def _latest(now: datetime, found: list[Recent]) -> datetime:
    """Return the moment that ages are counted to: never before a probe that ended just now."""
    return max([now, *(each.at for each in found)])


def _normalise(text: str) -> str:
    try:
        return str(parse_target(text)) if text else ""
    except TargetError:
        return escape(text[:LONGEST_TEXT])  # nothing was ever probed under that name
