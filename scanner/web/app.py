"""Puts the HTTP interface together: routes, shield, static files."""

from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from scanner.web import (
    account_routes,
    asked_pages,
    detail_pages,
    discovery_routes,
    domain_routes,
    endpoint_routes,
    history,
    operations,
    pages,
    probe_now,
    probe_target,
    recent_routes,
    reference,
    scrape,
    streams,
)
from scanner.web.brief import Briefs
from scanner.web.monitor import Clock, Monitor
from scanner.web.openapi import Application
from scanner.web.recent import RecentProbes
from scanner.web.refusals import answer_invalid, answer_problem
from scanner.web.shield import HeadAsGet, LastResort, SecurityHeaders
from scanner.web.turns import Turns

STATIC = Path(__file__).with_name("static")


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(monitor: Monitor, *, clock: Clock = _utc_now) -> FastAPI:
    """Return the HTTP interface of a service; `clock` tells the time that ages are counted to."""
    app = Application(
        title="mailport",
        version=monitor.version,
        description="Watches mail ports and tells which are blocked or downgraded.",
        # The pages that FastAPI brings load their code from other servers; /docs is our own.
        docs_url=None,
        redoc_url=None,
        # A redirect to the address with a slash would repeat whatever Host the client claims.
        redirect_slashes=False,
        exception_handlers={HTTPException: answer_problem, RequestValidationError: answer_invalid},
        middleware=[Middleware(SecurityHeaders), Middleware(HeadAsGet), Middleware(LastResort)],
    )
    app.state.monitor = monitor
    app.state.clock = clock
    app.state.scrapes = scrape.Gate()
    app.state.turns = Turns()
    app.state.recent = RecentProbes()
    app.include_router(pages.routes)
    app.include_router(scrape.routes)
    app.state.briefs = Briefs()
    app.include_router(detail_pages.routes)
    app.include_router(asked_pages.routes)
    app.include_router(reference.routes)
    app.include_router(operations.routes)
    app.include_router(history.routes)
    app.include_router(streams.routes)
    app.include_router(probe_now.routes)
    app.include_router(probe_target.routes)
    app.include_router(recent_routes.routes)
    app.include_router(endpoint_routes.routes)
    app.include_router(domain_routes.routes)
    app.include_router(discovery_routes.routes)
    app.include_router(account_routes.routes)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app
