"""Room 2: the only room with sockets."""

from scanner.network.connect import Connected, ConnectFailure, open_connection
from scanner.network.identity import own_name
from scanner.network.link import Budgets, Link
from scanner.network.resolver import ResolveFailure, Resolver
from scanner.network.web import WebClient

__all__ = [
    "Budgets",
    "ConnectFailure",
    "Connected",
    "Link",
    "ResolveFailure",
    "Resolver",
    "WebClient",
    "open_connection",
    "own_name",
]
