"""Starts a watch of very many endpoints on a filled store: `large_start.py COUNT FOLDER`.

`large_watch.py` has filled it. Everything is as in `mailport serve`, but for names and results, as there.
Obeys lines on standard input, each with a line of JSON: `start` loads the store and waits until a scrape
shows all endpoints again, `reload` goes on with a plan that has a tenth of new endpoints, and a tenth of the
former ones not.
"""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import structlog
import uvloop

from bench.processes.large_plan import PLACES, ListPlanner
from bench.processes.large_watch import BEAT, INTERVAL, LargeProber, Pulse, cpu, rss, settings_for
from scanner.config import override
from scanner.discovery import Planner
from scanner.protocol import TlsClient
from scanner.service import agenda
from scanner.service.account_desk import AccountDesk
from scanner.service.archive import Archive
from scanner.service.far import Far
from scanner.service.long_lived import set_aside
from scanner.service.outposts import Outposts
from scanner.service.parts import build_parts
from scanner.service.serve import _run_watch
from scanner.service.watch import Watch
from scanner.store import Place as StorePlace
from tests.verdict.observations import healthy

SECONDS = 850.0
PORTS = len(PLACES)


class Restarted:
    """A watch that begins with what another has left."""

    def __init__(self, count: int, folder: Path) -> None:
        self.count = count
        settings = override(settings_for(None), {"schedule.interval": INTERVAL})
        agenda.UNLIMITED_RATE = 1.1 * count / INTERVAL
        self.parts = build_parts(settings)
        prober = LargeProber(
            settings.probe, ehlo_name="prober.mail.test", tls=TlsClient(), policy=self.parts.policy
        )
        prober.templates = {}
        prober.seconds = 0.1
        self.parts = replace(self.parts, prober=prober, planner=self._plan_from(0))
        for endpoint in cast("ListPlanner", self.parts.planner).endpoints:
            prober.templates.setdefault(
                (endpoint.host.partition(".")[2], endpoint.port), healthy(endpoint.port)
            )
        self.archive = Archive(StorePlace(path=folder / f"{count}.db"), settings)
        self.watch = Watch(settings, self.parts, on_planned=set_aside, keeper=self.archive.keeper)
        self.settings = settings
        self._running: asyncio.Future[None] | None = None

    def _plan_from(self, first: int) -> Planner:
        planner = ListPlanner(self.parts.planner.resolver, self.count, tuple(PLACES.values()), first=first)
        return cast("Planner", planner)

    async def start(self) -> dict[str, float]:
        """Load, plan, and wait until a scrape shows all that was known."""

        def begin() -> None:
            accounts, outposts = (
                AccountDesk(self.watch, self.archive, {}),
                Outposts(self.watch, Far(self.settings)),
            )
            self._running = asyncio.ensure_future(_run_watch(self.watch, self.archive, accounts, outposts))

        return await self._timed(begin, lambda: self.watch.exposition.endpoints() == self.count)

    async def reload(self) -> dict[str, float]:
        """Go on with another plan, and wait until it is taken over."""
        planner = self._plan_from(self.count // PORTS // 10)
        last = cast("ListPlanner", planner).endpoints[-1].key
        first = cast("ListPlanner", self.parts.planner).endpoints[0].key

        def begin() -> None:
            parts = replace(self.parts, planner=planner)
            self._reloading = asyncio.ensure_future(self.watch.apply(self.settings, parts))

        def is_done() -> bool:
            planning = self.watch._planning._under_way
            is_planned = planning is not None and planning.done()
            return is_planned and last in self.watch._agenda and first not in self.watch._agenda

        return await self._timed(begin, is_done)

    async def _timed(self, begin: Callable[[], None], is_done: Callable[[], bool]) -> dict[str, float]:
        pulse = Pulse()
        beating = asyncio.ensure_future(pulse.beat())
        await asyncio.sleep(2 * BEAT)
        used, begun = cpu(), time.perf_counter()
        begin()
        while not is_done():
            await asyncio.sleep(BEAT)
            if time.perf_counter() - begun > SECONDS:
                raise TimeoutError("the watch did not come so far")
        took = time.perf_counter() - begun
        used = cpu() - used
        beating.cancel()
        stalls = sorted(pulse.stalls)
        return {
            "seconds": took,
            "cpu": used,
            "rss": rss(),
            "stall_99": stalls[int(len(stalls) * 0.99)],
            "stall": stalls[-1],
        }


async def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    set_aside()
    count, folder = sys.argv[1:]
    restarted = Restarted(int(count), Path(folder))
    print("ready", flush=True)
    while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
        found = await (restarted.start() if line == "start" else restarted.reload())
        print(json.dumps(found), flush=True)
    await restarted.archive.close()


if __name__ == "__main__":
    uvloop.run(main())
