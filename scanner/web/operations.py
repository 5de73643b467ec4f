"""The routes for machines and operators: the probes of an orchestrator, reload, settings."""

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import PlainTextResponse

from scanner.model import Reason
from scanner.web.monitor import Watched
from scanner.web.shield import is_cross_origin

routes = APIRouter(tags=["operations"], default_response_class=PlainTextResponse)


@routes.get("/-/healthy", summary="Is the process alive?", response_description="It is")
async def healthy() -> str:
    """Answers 200 as long as the process runs."""
    return "mailport is healthy.\n"


@routes.get(
    "/-/ready",
    summary="Is the first pass done?",
    response_description="It is",
    responses={503: {"description": "The first pass over all endpoints is still under way"}},
)
async def ready(monitor: Watched) -> PlainTextResponse:
    """Answers 200 once every endpoint has been probed, 503 before; tells where there is none to probe."""
    if monitor.is_ready:
        lost = sum(finding.reason is Reason.DNS_FAILURE for finding in monitor.findings())
        is_idle = lost and not monitor.endpoints_total
        names = f"{lost} {'name' if lost == 1 else 'names'} could not be looked up"
        why = f" It has nothing to probe: {names}." if is_idle else ""
        return PlainTextResponse(f"mailport is ready.{why}\n")
    text = (
        "mailport is not ready: the first pass is under way, "
        f"{monitor.endpoints_done} of {monitor.endpoints_total} endpoints probed.\n"
    )
    return PlainTextResponse(text, status_code=503)


@routes.post(
    "/-/reload",
    summary="Read the configuration again",
    response_description="The new configuration is in force",
    responses={
        403: {"description": "A browser sent this for another site"},
        500: {"description": "The configuration has problems, one a line; the old one stays in force"},
    },
)
async def reload(request: Request, monitor: Watched) -> PlainTextResponse:
    """Reads the configuration again, as SIGHUP does. A bad one changes nothing."""
    if is_cross_origin(request.headers):
        raise HTTPException(403, "a page of another site may not reload mailport; use curl or SIGHUP.")
    outcome = await monitor.reload()
    if outcome.ok:
        return PlainTextResponse("The configuration was loaded.\n")
    lines = ("The configuration has problems; the old one stays in force.", *outcome.problems)
    return PlainTextResponse("\n".join(lines) + "\n", status_code=500)


@routes.get("/config", summary="The settings in force", response_description="YAML")
async def config(monitor: Watched) -> str:
    """The settings in force as YAML, every secret masked."""
    return monitor.masked_settings()
