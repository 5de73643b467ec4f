"""The routes about what /probe has been asked for lately: the list, and the dialogues of one probe."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field

from scanner.model.endpoint_id import write_id
from scanner.model.record import Record
from scanner.model.target import TargetError, parse_target
from scanner.web.answers import answer_page
from scanner.web.probe_target import write_dialogues
from scanner.web.problems import problem
from scanner.web.queries import LONGEST_TEXT, Limit
from scanner.web.recent import LARGEST_NUMBER, Recent, RecentProbes, read_number
from scanner.web.schemas import NOT_FOUND, described

routes = APIRouter(prefix="/api/v1", tags=["probes"])


class RecentFilter(BaseModel):
    """Which probes are looked for, newest first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: Annotated[str, Field(max_length=LONGEST_TEXT)] | None = Field(
        None, description="the target, written in any way that /probe takes"
    )
    before: Annotated[int, Field(ge=1, le=LARGEST_NUMBER)] | None = Field(
        None, description="`next` of the page before"
    )
    limit: Limit = 100


@routes.get(
    "/probes",
    summary="What /probe was asked for lately",
    responses=described("AskedProbePage", "Probes, newest first"),
)
async def probes(request: Request, wanted: Annotated[RecentFilter, Query()]) -> Response:
    """The last ten probes of each target, and the last ten before these that failed; a restart forgets them.

    The dialogues of each are at /api/v1/probes/{number}. What is watched has its own history.
    """
    target = None if wanted.target is None else _normalise(wanted.target)
    recent: RecentProbes = request.app.state.recent
    found = recent.find(target, wanted.before, wanted.limit + 1)

    def write() -> Record:
        shown = found[: wanted.limit]
        last = shown[-1].number if len(found) > wanted.limit else None
        return {"probes": list(map(_write, shown)), "next": last}

    return await answer_page(request, write)


@routes.get(
    "/probes/{number}",
    summary="The dialogues of one of these probes",
    response_class=PlainTextResponse,
    response_description="The dialogues as they happened, secrets left out, as `debug=true` shows them",
    responses=NOT_FOUND,
)
async def probe_dialogues(request: Request, number: str) -> Response:
    """What was said at each endpoint of the target, line by line with its time."""
    recent: RecentProbes = request.app.state.recent
    index = read_number(number)
    found = None if index is None else recent.get(index)
    if found is None:
        return problem(404, "no such probe is kept; /api/v1/probes lists those that are")
    return PlainTextResponse(write_dialogues(found.found))


def _normalise(text: str) -> str:
    """Return a target in the spelling of the list; of what is no target nothing was ever probed."""
    try:
        return str(parse_target(text))
    except TargetError:
        return text


def _write(recent: Recent) -> Record:
    found = recent.found
    return {
        "number": recent.number,
        "target": recent.target,
        "at": recent.at.isoformat(),
        "success": recent.is_success,
        "seconds": round(found.seconds, 6),
        "unfinished": found.unfinished,
        "endpoints": [
            {
                "id": write_id(each.observation.endpoint.key),
                "state": each.observation.state.value,
                "reason": None if each.observation.reason is None else each.observation.reason.value,
                "level": each.observation.level,
            }
            for each in found.probed
        ],
        "findings": [
            {
                "state": finding.state.value,
                "reason": None if finding.reason is None else finding.reason.value,
                "host": finding.host,
            }
            for finding in found.findings
        ],
    }
