"""Room 5: the HTTP interface: the status page, the scrape, and what operators ask of a running service."""

from scanner.web.app import create_app
from scanner.web.guard import Guard, Names
from scanner.web.hub import Hub
from scanner.web.monitor import Monitor, ReloadOutcome
from scanner.web.server import ListenError, bind, serve_http

__all__ = [
    "Guard",
    "Hub",
    "ListenError",
    "Monitor",
    "Names",
    "ReloadOutcome",
    "bind",
    "create_app",
    "serve_http",
]
