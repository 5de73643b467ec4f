"""The route that probes a watched endpoint at once, for an operator who has just mended it."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response

from scanner.model.endpoint_id import read_id, write_id
from scanner.model.record import to_record
from scanner.web.answers import json_answer
from scanner.web.asked import ProbeRefusedError, dialogue_record
from scanner.web.monitor import Watched
from scanner.web.problems import problem
from scanner.web.schema_words import ref
from scanner.web.schemas import NOT_FOUND, refused
from scanner.web.shield import is_cross_origin
from scanner.web.siblings import missing_endpoint

routes = APIRouter(prefix="/api/v1", tags=["probes"])

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The observation, the dialogue line by line, and whether the probe counts",
        "content": {"application/json": {"schema": ref("Probed")}},
    },
    **refused(403, "A browser sent this for another site"),
    **NOT_FOUND,
    **refused(429, "It was asked for too soon; Retry-After says when it may be again"),
    **refused(503, "Its turn did not come in time"),
}


@routes.post(
    "/endpoints/{id}/probe",
    summary="Probe an endpoint now",
    responses=_RESPONSES,
)
async def probe_now(request: Request, monitor: Watched, id: str) -> Response:  # noqa: A002 - its name outside
    """One probe, in its turn and within all limits, and the dialogue as it happened.

    It counts like any other probe, unless the last one is less than a minute old: two looks at one bad
    moment confirm nothing.
    """
    if is_cross_origin(request.headers):
        return problem(403, "a page of another site may not have anything probed")
    key = read_id(id)
    if key is None:
        return problem(404, "there is no such endpoint; /api/v1/endpoints lists them")
    try:
        probed = await monitor.desk.probe_endpoint(key)
    except ProbeRefusedError as refusal:
        if refusal.status == HTTPStatus.NOT_FOUND:
            return missing_endpoint(request, monitor, key, refusal.detail)
        return problem(refusal.status, refusal.detail, headers=refusal.headers)
    return json_answer(
        {
            "id": write_id(key),
            "is_counted": probed.is_kept,
            "observation": to_record(probed.observation),
            "dialogue": dialogue_record(probed.dialogue),
        }
    )
