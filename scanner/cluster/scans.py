"""The scans that want workers, listed in the broker; one that is killed is forgotten."""

import re
from typing import Any

from redis.asyncio import Redis

from scanner.cluster.connection import connect_options, heed_cancellation
from scanner.config.cluster_settings import ClusterSettings

LIFE_SECONDS = 60.0
"""How long what belongs to a scan is left when nobody keeps it."""
BEAT_SECONDS = 2.0
"""How often a scan tells that it is there."""
MOST_LISTED = 1000
"""Scans that are looked at, those that end first."""
_NAME = re.compile(r"[0-9a-f]{16}")


def place_of(vantage: str, scan: str | None) -> str:
    """Return how the names of the queues of a scan begin, or of those of the watch."""
    return vantage if scan is None else f"{vantage}:scan:{scan}"


class Scans:
    """The list of scans of one vantage. It goes by the broker's clock alone."""

    def __init__(self, settings: ClusterSettings, vantage: str) -> None:
        self._key = f"{settings.queue}:{vantage}:scans"
        self._client: Any = Redis.from_url(settings.broker or "", **connect_options(settings))
        heed_cancellation(self._client.connection_pool)

    async def announce(self, name: str) -> None:
        """Enter a scan for `LIFE_SECONDS` from now; raises one of `FAULTS` where the broker fails."""
        now = await self._now()
        pipe = self._client.pipeline(transaction=True)
        pipe.zadd(self._key, {name: now + LIFE_SECONDS})
        pipe.zremrangebyscore(self._key, "-inf", now)
        pipe.pexpire(self._key, round(LIFE_SECONDS * 1000))
        await pipe.execute()

    async def withdraw(self, name: str) -> None:
        """Strike a scan out."""
        await self._client.zrem(self._key, name)

    async def listed(self) -> frozenset[str]:
        """Return the scans that there are."""
        found = await self._client.zrangebyscore(
            self._key, await self._now(), "+inf", start=0, num=MOST_LISTED
        )
        names = (one.decode("ascii", "replace") for one in found)
        return frozenset(name for name in names if _NAME.fullmatch(name))

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    async def _now(self) -> float:
        seconds, microseconds = await self._client.time()
        return float(seconds) + float(microseconds) / 1e6
