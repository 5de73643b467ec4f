"""What `mailport worker` runs: a worker for the watch and one for each scan, in one room."""

import asyncio

import structlog

from scanner.cluster.room import Room
from scanner.cluster.scans import Scans
from scanner.cluster.stream import FAULTS
from scanner.cluster.worker import Way, Worker
from scanner.config import Settings
from scanner.probe import Prober

log = structlog.get_logger(__name__)

MOST_SCANS = 16
"""Scans that are worked for at once; others wait until one of them is over."""
LOOK_SECONDS = 1.0
"""How often it is looked for scans."""


class Crew:
    """Workers of one process. Together they make `limits.concurrency` connections at once at most."""

    def __init__(self, settings: Settings, prober: Prober, way: Way | None = None) -> None:
        self._settings = settings
        self._prober = prober
        self._way = way
        self._room = Room(settings.limits.concurrency)
        self._scans = Scans(settings.cluster, settings.vantage)
        self._ends: dict[str, asyncio.Event] = {}
        self.watch = Worker(settings, prober, way, room=self._room)

    @property
    def name(self) -> str:
        """What the scheduler knows this worker by."""
        return self.watch.name

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; what is under way is then done first."""
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(self._look(group))
            await self.watch.run(stop)
            looking.cancel()
            for end in self._ends.values():
                end.set()
        await self._scans.close()

    async def _look(self, group: asyncio.TaskGroup) -> None:
        """Work for every scan from its announcement to its end."""
        while True:
            try:
                listed = await self._scans.listed()
            except FAULTS:
                pass  # whoever reads the watch's queue tells of that
            else:
                for name in self._ends.keys() - listed:
                    self._ends[name].set()
                for name in sorted(listed - self._ends.keys())[: MOST_SCANS - len(self._ends)]:
                    self._ends[name] = asyncio.Event()
                    group.create_task(self._work_for(name))
            await asyncio.sleep(LOOK_SECONDS)

    async def _work_for(self, scan: str) -> None:
        log.info("scan_begun", scan=scan)
        worker = Worker(self._settings, self._prober, self._way, room=self._room, scan=scan)
        self._room.readers += 1
        try:
            await worker.run(self._ends[scan])
        finally:
            self._room.readers -= 1
            del self._ends[scan]
            log.info("scan_over", scan=scan)
