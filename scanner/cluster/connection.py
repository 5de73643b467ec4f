"""How connections to the broker are made."""

import asyncio
from typing import Any

from redis.asyncio import ConnectionPool
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


def shown_broker(settings: ClusterSettings) -> str:
    """Return the broker's URL without what is secret."""
    scheme, _, rest = (settings.broker or "").partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


class _Obedient:
    """A connection that ends what it does when whoever uses it is cancelled.

    redis sends by `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that comes in the
    moment in which the sending is done. Who was told to end would then go on for ever.
    """

    async def send_packed_command(self, *command: Any, **options: Any) -> None:  # noqa: ANN401 - as they are
        """Send a command."""
        task = asyncio.current_task()
        before = 0 if task is None else task.cancelling()
        mro: Any = super()
        await mro.send_packed_command(*command, **options)
        if task is not None and task.cancelling() > before:
            whole: Any = self
            await whole.disconnect(nowait=True)  # an answer is on its way that nobody reads
            raise asyncio.CancelledError


def heed_cancellation(pool: ConnectionPool) -> None:
    """Let no connection of a pool overhear that its user is cancelled."""
    former = pool.connection_class
    pool.connection_class = type(f"Obedient{former.__name__}", (_Obedient, former), {})
