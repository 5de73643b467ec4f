"""What is lacking for a scan over a cluster, and how to mend it."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from scanner.cluster.connection import shown_broker
from scanner.cluster.fleet import CLOSE_SECONDS
from scanner.cluster.scans import LIFE_SECONDS, Scans, place_of
from scanner.cluster.stream import FAULTS, Stream
from scanner.config import Settings
from scanner.model.target import escape

WORKER_SECONDS = 10.0
"""How long a worker may take to find a scan."""
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Lack:
    """Why there can be no scan, in one line."""

    text: str
    is_configuration: bool = False
    """Whether a setting is wrong; else the broker or the workers are not there."""


async def find_lack(settings: Settings) -> Lack | None:
    """Tell what is lacking: the broker, or a worker that finds a scan; None = nothing."""
    name = uuid4().hex[:16]
    where = shown_broker(settings.cluster)
    scans = Scans(settings.cluster, settings.vantage)
    place = place_of(settings.vantage, name)
    lease = settings.cluster.lease
    queue = Stream(settings.cluster, f"{place}:tasks", consumer=name, lease=lease, life=LIFE_SECONDS)
    try:
        await queue.keep_alive()
        await scans.announce(name)
        async with asyncio.timeout(WORKER_SECONDS):
            while not await queue.readers():  # noqa: ASYNC110 - the event is the broker's
                await asyncio.sleep(LOOK_SECONDS)
    except FAULTS as error:
        return _lack_of_broker(error, where) if type(error) is not TimeoutError else _lack_of_worker(settings)
    else:
        return None
    finally:
        with suppress(*FAULTS):
            async with asyncio.timeout(CLOSE_SECONDS):
                await scans.withdraw(name)
                await queue.shutdown()
        await scans.close()


def describe(error: BaseException) -> str:
    """Return a fault as a person may read it, in one line."""
    text = escape(" ".join(str(error).split()))[:200]
    return text.rstrip(".") or type(error).__name__


def _lack_of_worker(settings: Settings) -> Lack:
    queue, vantage = settings.cluster.queue, settings.vantage
    return Lack(
        f"no worker reads from the broker at {shown_broker(settings.cluster)} (cluster.queue {queue}, "
        f"vantage {vantage}); start one: mailport worker --config FILE, with the same three settings (one "
        "that works for 16 scans takes no more)"
    )


def _lack_of_broker(error: BaseException, where: str) -> Lack:
    why = describe(error)
    if isinstance(error, AuthenticationError) or "AUTH" in why:
        return Lack(
            f"the broker at {where} refuses the password, or wants one ({why}); write it into the URL, as in "
            "redis://USER:PASSWORD@HOST, or name its file with cluster.password_file in --config FILE",
            is_configuration=True,
        )
    if isinstance(error, NoPermissionError | ResponseError):
        return Lack(
            f"the broker at {where} does not do what is asked of it ({why}); it has to be a Redis 7 or "
            "Valkey, and its user needs all commands on the keys of cluster.queue",
            is_configuration=True,
        )
    return Lack(
        f"the broker at {where} does not answer ({why}); see that it runs, and that its port is open from "
        "here; with TLS its URL begins with rediss://, and cluster.ca_file names who signed its certificate"
    )
