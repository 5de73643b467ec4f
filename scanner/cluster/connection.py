"""How connections to the broker are made."""

from typing import Any

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from scanner.config.cluster_settings import ClusterSettings
from scanner.config.store_url import read_password


def connect_options(settings: ClusterSettings) -> dict[str, Any]:
    """Return how connections are made: nothing is sent twice unasked, and a dead peer is noticed."""
    options: dict[str, Any] = {
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": 5,
        "socket_timeout": 10,
        "socket_keepalive": True,
    }
    if settings.password_file is not None:
        options["password"] = read_password(settings.password_file)
    if settings.ca_file is not None:
        options["ssl_ca_certs"] = str(settings.ca_file)
    return options
