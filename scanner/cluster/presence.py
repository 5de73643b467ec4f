"""Which workers are there: each says so in the broker, and the scheduler looks there for those it misses."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import structlog

from scanner.cluster.stream import FAULTS, Stream
from scanner.cluster.tally import Tally

log = structlog.get_logger(__name__)

BEAT_SECONDS = 1.0
"""How often a worker says that it is there."""
KEPT_SECONDS = 86_400
"""How long it is known of a worker that it was there."""
LOOKS = 8
"""Of a scheduler within a lease."""


class Presence:
    """The list of the workers of one vantage. It goes by the broker's clock alone.

    Args:
        queue: the tasks of that vantage; its connections are used.
    """

    def __init__(self, queue: Stream) -> None:
        self._key = f"{queue.queue_name}:workers"
        self._client: Any = queue.client()

    async def keep(self, name: str) -> None:
        """Say again and again that a worker is there, until cancelled; no outage ends it."""
        while True:
            with suppress(*FAULTS):  # whoever reads the queue tells of that
                now = await self._now()
                pipe = self._client.pipeline(transaction=True)
                pipe.zadd(self._key, {name: now})
                pipe.zremrangebyscore(self._key, "-inf", now - KEPT_SECONDS)
                pipe.expire(self._key, KEPT_SECONDS)
                await pipe.execute()
            await asyncio.sleep(BEAT_SECONDS)

    async def leave(self, name: str) -> None:
        """Say that a worker ends in good order."""
        await self._client.zrem(self._key, name)

    async def silences(self, names: Iterable[str]) -> dict[str, float]:
        """Return for how many seconds each of these workers has said nothing, but for those that left."""
        now = await self._now()
        listed = list(names)
        found = await self._client.zmscore(self._key, listed)
        return {name: now - at for name, at in zip(listed, found, strict=True) if at is not None}

    async def _now(self) -> float:
        seconds, microseconds = await self._client.time()
        return float(seconds) + float(microseconds) / 1e6


async def call_the_roll(presence: Presence, tally: Tally, lease: float) -> None:
    """Tell in the log which workers are gone, until cancelled.

    One that has nothing to deliver is not gone for that, nor is one that has left in good order.
    """
    while True:
        await asyncio.sleep(lease / LOOKS)
        missing = tally.silent(lease)
        if not missing or not tally.is_broker_up:
            continue
        with suppress(*FAULTS):  # whoever sends tells of that
            silences = await presence.silences(missing)
            for name in set(missing).intersection(tally.silent(lease)):  # some were heard meanwhile
                if name not in silences:
                    tally.forget(name)
                elif silences[name] > lease:
                    tally.miss(name)
