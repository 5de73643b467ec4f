"""The routes for people: the status page and the list of addresses."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from scanner.model import Observation, Severity, TargetFinding, Verdict
from scanner.web import view
from scanner.web.monitor import Monitor, Now, Watched
from scanner.web.standing import ALL, Concern, concern_of, count, count_targets, select, sort_worst_first

MAX_ROWS = 500
"""A page with more rows serves nobody; the filters reach the others."""

routes = APIRouter(tags=["pages"], default_response_class=HTMLResponse)

_SEVERITY_MARKS = {Severity.NOTICE: "info", Severity.WARNING: "warn", Severity.CRITICAL: "bad"}


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("scanner.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "age": view.say_age,
        "name": view.say_name,
        "wait": view.say_wait,
        "seconds": view.say_seconds,
        "time": view.say_time,
        "concern_mark": view.mark_of,
        "counsel": view.counsel_on,
        "severity_mark": _SEVERITY_MARKS.__getitem__,
    }
    return environment


_templates = _environment()


@routes.get("/", summary="The status page", response_description="The page")
async def status(monitor: Watched, now: Now, show: str = ALL) -> HTMLResponse:
    """What is watched and what was found, worst first; show names a state, or says downgraded."""
    # A long page takes a tenth of a second, which no probe's clock may feel: not on the loop.
    page = await asyncio.to_thread(_render_status, _take_snapshot(monitor), now, show)
    return HTMLResponse(page)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the service knew when the page was asked for; a thread may read it while probing goes on."""

    version: str
    is_ready: bool
    started_at: datetime
    endpoints_total: int
    endpoints_done: int
    next_pass_at: datetime | None
    observations: tuple[Observation, ...]
    findings: tuple[TargetFinding, ...]
    egress: tuple[Verdict, ...]


def _take_snapshot(monitor: Monitor) -> Snapshot:
    return Snapshot(
        version=monitor.version,
        is_ready=monitor.is_ready,
        started_at=monitor.started_at,
        endpoints_total=monitor.endpoints_total,
        endpoints_done=monitor.endpoints_done,
        next_pass_at=monitor.next_pass_at,
        observations=tuple(monitor.observations()),
        findings=tuple(monitor.findings()),
        egress=tuple(monitor.egress()),
    )


def _render_status(snapshot: Snapshot, now: datetime, show: str) -> str:
    selected = sort_worst_first(select(snapshot.observations, show))
    endpoints = Counter(concern_of(observation) for observation in snapshot.observations)
    targets = count_targets(snapshot.findings)
    return _templates.get_template("status.html").render(
        monitor=snapshot,
        now=now,
        show=show,
        counts=count(snapshot.observations),
        urgent=(endpoints[Concern.NOW], targets[Concern.NOW]),
        soon=(endpoints[Concern.SOON], targets[Concern.SOON]),
        selected=len(selected),
        rows=[view.describe(observation, now) for observation in selected[:MAX_ROWS]],
        findings=snapshot.findings,
        egress=snapshot.egress,
    )


@routes.get("/docs", summary="This list of addresses", response_description="The page")
async def docs(request: Request, monitor: Watched) -> HTMLResponse:
    """Every address of this interface, from its OpenAPI document, without a script or an outside asset."""
    document = request.app.openapi()
    page = _templates.get_template("docs.html").render(
        monitor=monitor, operations=list(_list_operations(document))
    )
    return HTMLResponse(page)


@dataclass(frozen=True, slots=True)
class Operation:
    """One address and method of the OpenAPI document."""

    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Mapping[str, Any], ...]
    responses: tuple[tuple[str, str], ...]


def _list_operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield Operation(
                method=method.upper(),
                path=path,
                summary=operation.get("summary", ""),
                description=operation.get("description", ""),
                parameters=tuple(operation.get("parameters", ())),
                responses=tuple(
                    (status, response.get("description", ""))
                    for status, response in operation["responses"].items()
                ),
            )
