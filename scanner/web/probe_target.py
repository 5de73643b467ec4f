"""The route for the multi-target pattern: one target is probed now, and told as metrics or as dialogue."""

import math
from collections.abc import Iterable

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from scanner.metrics import Exposition
from scanner.model import Observation
from scanner.model.endpoint_id import write_id
from scanner.model.target import Target, TargetError, escape, parse_target, quote
from scanner.web.asked import Probed, ProbedTarget, ProbeRefusedError
from scanner.web.monitor import Now, Watched
from scanner.web.negotiation import OPENMETRICS, TEXT, wants_openmetrics
from scanner.web.recent import RecentProbes, is_success

TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
LONGEST_TARGET = 512

_PARAMETERS = {
    "target": ("a host, a domain, or a target as smtps://mx.example.org", {"type": "string", "minLength": 1}),
    "port": (
        "the port, where the target names none; else all of them",
        {"type": "integer", "minimum": 1, "maximum": 65535},
    ),
    "debug": ("true: the dialogues, not the metrics", {"type": "boolean"}),
}
_TIMEOUT = {
    "name": TIMEOUT_HEADER,
    "in": "header",
    "required": False,
    "description": "how long the scrape may take; Prometheus sends it by itself",
    "schema": {"type": "number", "exclusiveMinimum": 0, "maximum": 1e6},
}

routes = APIRouter(tags=["probes"], default_response_class=PlainTextResponse)


def _describe(name: str) -> dict[str, object]:
    text, schema = _PARAMETERS[name]
    return {
        "name": name,
        "in": "query",
        "required": name == "target",
        "description": text,
        "schema": schema,
    }


@routes.get(
    "/probe",
    summary="Probe a target now",
    response_description="The metrics of its endpoints; with debug=true the dialogues as text",
    responses={
        200: {"content": {OPENMETRICS: {}, TEXT: {}}},
        400: {"description": "The target, the port or the scrape's timeout cannot be understood"},
        403: {"description": "The configuration does not allow this target"},
        503: {"description": "Its turn did not come before the scrape's timeout"},
    },
    openapi_extra={"parameters": [*(_describe(name) for name in _PARAMETERS), _TIMEOUT]},
)
async def probe(request: Request, monitor: Watched, now: Now) -> Response:
    """One probe in the multi-target pattern of Prometheus. Only targets that the configuration allows.

    All limits of the watch hold. The answer is given before the time is over that the header
    X-Prometheus-Scrape-Timeout-Seconds leaves. The last ones of each target are listed at /api/v1/probes.
    """
    try:
        words = {name: request.query_params.get(name, "") for name in _PARAMETERS}
        wanted = read_target(words["target"], words["port"])
        seconds = read_timeout(request.headers.get(TIMEOUT_HEADER))
        is_debug = _read_switch(words["debug"])
    except ValueError as error:
        return PlainTextResponse(f"400 Bad Request: {error}\n", 400)
    try:
        found = await monitor.desk.probe_target(wanted, seconds)
    except ProbeRefusedError as refusal:
        text = f"{refusal.status} {escape(refusal.detail)}\n"
        return PlainTextResponse(text, refusal.status, headers=refusal.headers)
    recent: RecentProbes = request.app.state.recent
    recent.add(str(wanted), found, now)
    if is_debug:
        return PlainTextResponse(write_dialogues(found))
    is_openmetrics = wants_openmetrics(", ".join(request.headers.getlist("accept")))
    media_type = OPENMETRICS if is_openmetrics else TEXT
    body = write_metrics(found, openmetrics=is_openmetrics)
    return Response(body, headers={"Content-Type": media_type, "Vary": "Accept"})


def read_target(text: str, port: str) -> Target:
    """Read the target of a probe; a port beside it counts where the target itself names none.

    Raises:
        ValueError: with a text for a person.
    """
    if not text:
        raise TargetError("name a target, as in /probe?target=mx.example.org&port=25")
    if len(text) > LONGEST_TARGET:
        raise TargetError("the target is too long")
    target = parse_target(text)
    if not port:
        return target
    if target.port is not None and str(target.port) != port:
        raise TargetError(f"{quote(text)} names port {target.port}, and port= says {quote(port)}; keep one")
    if target.port is not None:
        return target
    host = f"[{target.host}]" if ":" in target.host else target.host
    return parse_target(f"{host}:{port}")


def read_timeout(text: str | None) -> float | None:
    """Read the seconds that a scrape may take; None where the header is not there.

    Raises:
        ValueError: it is no number of seconds.
    """
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"{TIMEOUT_HEADER} must be a number of seconds above 0 (got {quote(text)})")
    return seconds


def _read_switch(text: str) -> bool:
    if text.lower() not in ("", "true", "false", "1", "0"):
        raise ValueError(f"debug must be true or false (got {quote(text)})")
    return text.lower() in ("true", "1")


def write_metrics(found: ProbedTarget, *, openmetrics: bool) -> bytes:
    """Return the series of the endpoints, behind two that tell of the whole probe.

    These two bear the names that dashboards for other probers know.
    """
    observations = [each.observation for each in found.probed]
    exposition = Exposition()
    for observation in observations:
        exposition.accept(observation)
    lines = [
        *_gauge(
            "probe_success",
            "Whether a client could use every endpoint of the target.",
            int(is_success(found)),
        ),
        *_gauge("probe_duration_seconds", "How long all of it took.", round(found.seconds, 6)),
        *_gauge("mailport_probe_endpoints", "How many endpoints were probed.", len(observations)),
        *_gauge("mailport_probe_unfinished", "How many had no turn in time.", found.unfinished),
    ]
    return "".join(f"{line}\n" for line in lines).encode() + exposition.render(openmetrics=openmetrics)


def _gauge(name: str, text: str, value: float) -> tuple[str, str, str]:
    return (f"# HELP {name} {text}", f"# TYPE {name} gauge", f"{name} {value}")


def write_dialogues(found: ProbedTarget) -> str:
    """Return the dialogues for a person's eyes."""
    parts = [_write_dialogue(each) for each in found.probed]
    parts += [
        f"{finding.host}: {finding.state.value}{_say_reason(finding.reason, finding.detail)}\n"
        for finding in found.findings
    ]
    if found.unfinished:
        parts.append(f"{found.unfinished} more did not get their turn in time.\n")
    return "\n".join(parts) or "Nothing was found to probe.\n"


def _write_dialogue(probed: Probed) -> str:
    seen = probed.observation
    head = f"{write_id(seen.endpoint.key)}: {seen.state.value}{_say_reason(seen.reason, seen.detail)}"
    verdicts = [f"         {each.severity.label}: {each.id}: {each.summary}" for each in seen.verdicts]
    return "\n".join([head, *map(str, probed.dialogue), *_phases(seen), *verdicts]) + "\n"


def _phases(seen: Observation) -> Iterable[str]:
    timed = ", ".join(f"{phase.value} {seconds * 1000:.1f} ms" for phase, seconds in seen.phases.items())
    return [f"         level {seen.level}; {timed or 'no phase was completed'}"]


def _say_reason(reason: str | None, detail: str | None) -> str:
    return f", {reason}{f' ({detail})' if detail else ''}" if reason else ""
