"""A scan's side of the cluster: queues of its own, which workers are told of, and which end with it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

from scanner.cluster.connection import shown_broker
from scanner.cluster.fleet import CLOSE_SECONDS, Fleet
from scanner.cluster.lack import describe
from scanner.cluster.scans import BEAT_SECONDS, LIFE_SECONDS, Scans, place_of
from scanner.cluster.stream import FAULTS
from scanner.config import Settings


class ScanFleet(Fleet):
    """The workers of a cluster for one scan. It never has a part in the queues of a watch or another scan.

    Args:
        settings: whose broker, queue, lease and vantage count.
        tell: told in a sentence when the broker or all workers are gone, and when they are back.
    """

    def __init__(self, settings: Settings, tell: Callable[[str], None]) -> None:
        self.name = uuid4().hex[:16]
        place = place_of(settings.vantage, self.name)
        super().__init__(settings.cluster, place, settings.limits.rate, life=LIFE_SECONDS)
        self._scans = Scans(settings.cluster, settings.vantage)
        self._where = shown_broker(settings.cluster)
        self._say = tell
        self._is_waiting = False
        self._heard_at = self._clock()
        self.tally.is_broker_up = True  # it was a moment ago: whoever scans has looked

    async def run(self) -> None:
        """Send and take until cancelled, and be known to workers meanwhile."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(super().run())
                group.create_task(self._beat())
        finally:
            with suppress(*FAULTS):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._scans.withdraw(self.name)
            await self._scans.close()

    async def _beat(self) -> None:
        """Keep the queues and the announcement alive, and tell where nobody works any more."""
        while True:
            try:
                for queue in (self._tasks, self._results):
                    await queue.keep_alive()
                await self._scans.announce(self.name)
            except FAULTS as error:
                self._fail(error)
            else:
                self._recover()
                self._look_for_workers()
            await asyncio.sleep(BEAT_SECONDS)

    def _look_for_workers(self) -> None:
        latest = self._clock() - self.lease
        self._heard_at = max([self._heard_at, *self.tally.seen.values()])
        is_waiting = bool(self._flights.overdue()) and self._heard_at < latest
        if is_waiting and not self._is_waiting:
            self._say(
                f"no worker has told anything for {self.lease:g} s; the scan waits, and goes on by itself "
                f"when there is one: mailport worker --config FILE, with the broker at {self._where}"
            )
        elif self._is_waiting and not is_waiting:
            self._say("workers are there again; the scan goes on")
        self._is_waiting = is_waiting

    def _fail(self, error: BaseException) -> None:
        if self.tally.is_broker_up:
            self._say(
                f"the broker at {self._where} does not answer ({describe(error)}); the scan waits, and "
                "goes on by itself when it does"
            )
        super()._fail(error)

    def _recover(self) -> None:
        if not self.tally.is_broker_up:
            self._say("the broker answers again; the scan goes on")
            self._heard_at = self._clock()  # workers have to come back first
        super()._recover()
