"""The governor: as many connections at once as the machine bears, between one and the settings' limit."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from scanner.model import Observation, Reason
from scanner.model.observation import Key
from scanner.service.machine import SCARCE_BYTES, available_memory

LATE_SECONDS = 0.2
"""An event loop that is later than this times its probes wrong."""
CALM_SECONDS = 5.0
"""After a shortage connections become no more for so long."""
LEAST_SHARE = 0.1
"""A late event loop costs no more than all but this share of the connections: they may not be its cause."""
MOST_TRIES = 8
"""How often a probe is made again that this machine lacked something for."""
MOST_TRIES_ALONE = 5
"""The same while there is no other probe: what is lacking is not ours to give back, or never was there."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds before the first of them and, doubled each time, at most."""
_MEMORY_BEATS = 4


class Workers(Protocol):
    """What is governed: a pool."""

    workers: int
    busy: int

    def resize(self, concurrency: int) -> None:
        """Take a new number of connections at once."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What was noticed since the last beat."""

    lag: float
    """Seconds by which the event loop was late."""
    busy: int
    has_shortage: bool = False
    """Whether a connection lacked a descriptor, a port, a buffer or memory."""
    is_memory_scarce: bool = False
    is_calm: bool = True
    """Whether the last shortage is a while ago."""


def next_size(size: int, signs: Signs, limit: int) -> int:
    """Return how many connections there may be at once from now on: quickly fewer, slowly more."""
    if signs.has_shortage:
        return max(1, min(size, signs.busy) * 3 // 4)
    if signs.is_memory_scarce:
        return max(1, size // 2)
    if signs.lag > LATE_SECONDS:
        return max(min(size, int(limit * LEAST_SHARE)), size * 9 // 10, 1)
    if signs.is_calm and size < limit:
        return min(limit, size + max(1, size // 10))
    return size


class Governor:
    """Sizes a pool anew at every beat, and says which probes are to be made again.

    Args:
        pool: starts with the limit.
        limit: the most connections at once.
        is_behind: whether those who take the results have more than they can take; nothing is begun then.
        on_resized: told the size whenever it changes.
    """

    BEAT_SECONDS = 0.25

    def __init__(
        self,
        pool: Workers,
        limit: int,
        is_behind: Callable[[], bool],
        on_resized: Callable[[int], None],
        *,
        memory: Callable[[], int] = available_memory,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._limit = limit
        self._size = limit
        self._is_behind = is_behind
        self._on_resized = on_resized
        self._memory = memory
        self._clock = clock
        self._tries: Counter[Key] = Counter()
        self._has_shortage = False
        self._calm_at = 0.0
        self._beats = 0
        self._beat_at = clock()
        self._free = asyncio.Event()

    async def until_free(self) -> None:
        """Let others go on, and wait while those who take the results have too much."""
        await asyncio.sleep(0)
        if self._is_behind():
            self._free.clear()
            await self._free.wait()

    async def run(self) -> None:
        """Watch over the pool until cancelled."""
        was_late = False
        while True:
            begun = self._clock()
            await asyncio.sleep(self.BEAT_SECONDS)
            lag = self._clock() - begun - self.BEAT_SECONDS
            is_late = lag > LATE_SECONDS
            # Once may be anything; what goes on is too much work.
            self.beat(lag if was_late else 0.0)
            was_late = is_late

    def adjust(self, limit: int) -> None:
        """Take another limit."""
        self._limit = self._size = limit

    def tick(self) -> None:
        """Beat if it is time to: for pools whose work goes on for ever, which bring their own rhythm."""
        if self._clock() - self._beat_at >= self.BEAT_SECONDS:
            self.beat(0.0)

    def beat(self, lag: float) -> None:
        """Look at the signs once; `lag` is by how many seconds the event loop was late."""
        now = self._beat_at = self._clock()
        if self._has_shortage:
            self._calm_at = now + CALM_SECONDS
        self._beats += 1
        is_scarce = self._beats % _MEMORY_BEATS == 0 and self._memory() < SCARCE_BYTES
        signs = Signs(lag, self._pool.busy, self._has_shortage, is_scarce, now >= self._calm_at)
        self._has_shortage = False
        size = next_size(self._size, signs, self._limit)
        if size != self._size:
            self._size = size
            self._on_resized(size)
        is_behind = self._is_behind()
        if not is_behind:
            self._free.set()
        wanted = 0 if is_behind else size
        if wanted != self._pool.workers:
            self._pool.resize(wanted)

    def look_at(self, observation: Observation) -> float | None:
        """Return the seconds after which a probe is to be made again, since this machine lacked something.

        None where it showed something, or was made again often enough: then nothing is known of the target.
        """
        key = observation.endpoint.key
        if observation.reason is not Reason.PROBE_RESOURCES:
            self._tries.pop(key, None)
            return None
        self._has_shortage = True
        self._tries[key] += 1
        if self._tries[key] > (MOST_TRIES if self._pool.busy > 1 else MOST_TRIES_ALONE):
            del self._tries[key]
            return None
        return min(FIRST_PAUSE * (1 << self._tries[key] - 1), LONGEST_PAUSE)
