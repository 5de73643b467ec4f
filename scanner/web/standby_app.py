"""What a standby answers: that it is one, for people, for health checks and for Prometheus."""

from collections.abc import Callable
from html import escape
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from scanner.web.shield import HeadAsGet, LastResort, SecurityHeaders

STATIC = Path(__file__).with_name("static")
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="10">
<title>mailport: standby</title>
<link rel="icon" href="/static/mailport.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/mailport.css">
</head>
<body>
<header class="top"><a class="brand" href="/">mailport <span class="version">{version}</span></a></header>
<main id="content"><h1>Standby</h1><p>This mailport is a standby: {why}</p></main>
</body>
</html>
"""


def create_standby_app(why: Callable[[], str], version: str) -> Starlette:
    """Return the HTTP interface of a standby; `why` says in one sentence for whom it waits."""
    registry = CollectorRegistry()
    leader = Gauge(
        "mailport_cluster_leader",
        "Whether this scheduler leads (1) or is a standby, or does not know (0).",
        registry=registry,
    )
    leader.set(0)
    Gauge("mailport_build_info", "The version of mailport.", ["version"], registry=registry).labels(
        version
    ).set(1)

    def sentence() -> str:
        return f"mailport is a standby: {why()}\n"

    async def page(_: Request) -> Response:
        # As for all but health and metrics: a proxy that goes on to the next at 503 so finds who leads.
        return HTMLResponse(_PAGE.format(version=escape(version), why=escape(why())), status_code=503)

    async def healthy(_: Request) -> Response:
        return PlainTextResponse(sentence())

    async def not_here(_: Request) -> Response:
        return PlainTextResponse(sentence(), status_code=503)

    async def metrics(request: Request) -> Response:
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"Content-Type": kind})

    return Starlette(
        routes=[
            Route("/", page),
            Route("/-/healthy", healthy),
            Route("/metrics", metrics),
            Mount("/static", StaticFiles(directory=STATIC)),
            Route("/{path:path}", not_here, methods=["GET", "POST"]),
        ],
        middleware=[Middleware(SecurityHeaders), Middleware(HeadAsGet), Middleware(LastResort)],
    )
