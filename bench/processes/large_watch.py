"""A watch of very many endpoints by itself: `large_watch.py ENDPOINTS FOLDER [CA_FILE PORT...]`.

Everything is as in `mailport serve` with an SQLite store, but for the names, which are not looked up: the
plan is made from a list, seven ports a host and a provider for 500 endpoints. Results are pretended, equal
to what servers show where there are any (CA_FILE, PORT...), until a window of real probes begins.

Obeys lines on standard input, each with a line of JSON: `fill`, `probe COUNT`, `plan`, `scrape`,
`watch SECONDS`.
"""

import asyncio
import gc
import json
import logging
import random
import resource
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import structlog
import uvloop

from bench.processes.large_plan import PLACES, ListPlanner, Place
from scanner.config import Settings, default_settings, override
from scanner.discovery import Planner
from scanner.model import Certificate, Endpoint, Observation, Phase
from scanner.model.observation import ChainMember
from scanner.model.target import parse_target
from scanner.probe import Prober
from scanner.protocol import TlsClient
from scanner.service import agenda
from scanner.service.archive import StoreKeeper
from scanner.service.long_lived import set_aside
from scanner.service.parts import build_parts
from scanner.service.watch import Watch
from scanner.store import Place as StorePlace
from scanner.store import Store
from tests.verdict.observations import healthy

INTERVAL = 900.0
NO_INTERVAL = 30 * 86_400.0
"""Where results are pretended nothing may be due by itself: that would be work that nobody counts."""
SCRAPE_SECONDS = 15.0
BEAT = 0.01
BEGIN = datetime.now(UTC) - timedelta(days=30)
END = BEGIN + timedelta(days=90)
ROUNDS = 4
"""So many results make a baseline, and nothing that is worked out changes by the next one."""


class LargeProber(Prober):
    """Probes, or pretends to have probed."""

    templates: dict[tuple[str, int], Observation]
    """What a port of each provider shows."""
    is_pretending = True
    is_like_real_ones = False
    seconds = 0.0
    """How long a pretended probe takes, in the mean. With 0 all of them end in one turn of the loop."""

    async def probe(self, endpoint: Endpoint) -> Observation:
        """Return a result; a pretended one is judged like any other, and no network is used."""
        if not self.is_pretending:
            return await super().probe(endpoint)
        await asyncio.sleep(random.expovariate(1 / self.seconds) if self.seconds else 0)
        return self.pretend(endpoint)

    def pretend(self, endpoint: Endpoint) -> Observation:
        """Make a result of the template, with times of its own."""
        times = {phase: random.expovariate(30) for phase in Phase}
        template = self.templates[_provider_of(endpoint), endpoint.port]
        seen = replace(template, endpoint=endpoint, started_at=datetime.now(UTC), phases=times)
        return self.judge(seen if self.is_like_real_ones else replace(seen, **made_up(seen)))


def _provider_of(endpoint: Endpoint) -> str:
    return endpoint.host.partition(".")[2]


def made_up(seen: Observation) -> dict[str, Any]:
    """Make up what an endpoint shows of its own, each time of new values as a probe does."""
    host = seen.endpoint.host
    provider = _provider_of(seen.endpoint)
    names = (f"*.{provider}", "CN=R1,O=Example Encrypt,C=US", "CN=Root X1,O=Example Group,C=US")
    chain = tuple(
        ChainMember(subject, issuer, END, "EC secp256r1", "SHA256", f"{hash(subject) % 2**256:064x}")
        for subject, issuer in pairwise(names)
    )
    certificate = Certificate(
        *(names[0], names[1], (names[0], provider), BEGIN, END, chain[0].fingerprint_sha256),
        *("EC secp256r1", 2, True, True),
        matched_name="host",
        chain=chain,
    )
    return {"certificate": certificate, "banner": f"{seen.banner} {host}"}


@dataclass(slots=True)
class Pulse:
    """How much the loop's thread worked between two beats, in seconds of CPU: nobody waited longer."""

    stalls: list[float] = field(default_factory=list)

    async def beat(self) -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(BEAT)
            now = time.thread_time()
            self.stalls.append(now - last)
            last = now


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def rss() -> int:
    """Return the resident memory in bytes."""
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def settings_for(ca_file: Path | None) -> Settings:
    changes: dict[str, object] = {
        "limits.rate": 0,
        "limits.concurrency": 200,
        "probe.allow_private": True,
        "probe.versions_interval": None,
        "controls.enabled": False,
        "schedule.interval": NO_INTERVAL if ca_file is None else INTERVAL,
        "probe.ca_file": None if ca_file is None else str(ca_file),
    }
    return override(default_settings([parse_target("bench.test:25")]), changes)


class LargeWatch:
    """The watch, and what is done to it."""

    def __init__(self, endpoints: int, folder: Path, ca_file: Path | None, places: tuple[Place, ...]) -> None:
        settings = settings_for(ca_file)
        parts = build_parts(settings)
        self.prober = LargeProber(
            settings.probe, ehlo_name="prober.mail.test", tls=TlsClient(ca_file), policy=parts.policy
        )
        self.prober.templates = {}
        self.planner = ListPlanner(parts.planner.resolver, endpoints, places)
        self.store = Store(StorePlace(path=folder / f"{endpoints}.db"))
        self.watch = Watch(
            settings,
            replace(parts, prober=self.prober, planner=cast("Planner", self.planner)),
            on_planned=set_aside,
            keeper=StoreKeeper(self.store, settings.vantage),
        )
        self.lags: list[float] = []
        self._planned_at = 0.0
        self._probing = AsyncExitStack()
        self._is_probing = False
        self.is_real = self.prober.is_like_real_ones = ca_file is not None

    async def start(self) -> None:
        """Load the store, and learn what the servers show."""
        await self.store.load(30)
        for endpoint in self.planner.endpoints:
            about = (_provider_of(endpoint), endpoint.port)
            if about not in self.prober.templates:
                self.prober.templates[about] = await self._learn(endpoint)

    async def _learn(self, endpoint: Endpoint) -> Observation:
        """Return what a port of a provider shows."""
        if not self.is_real:
            return healthy(endpoint.port)
        seen = await Prober.probe(self.prober, endpoint)
        assert seen.reason is None, seen
        assert seen.level >= 4, seen
        return seen

    async def fill(self) -> dict[str, float]:
        """Plan, with the first runs spread over the whole interval, and give every endpoint results."""
        before = rss()
        interval = self.watch.settings.schedule.interval
        agenda.FIRST_PASS_SECONDS = interval
        agenda.UNLIMITED_RATE = 1.1 * len(self.planner.endpoints) / interval
        self._planned_at = time.monotonic()
        await self.watch.plan()
        begun = cpu()
        for _ in range(ROUNDS if self.is_real else 1):
            for number, endpoint in enumerate(self._soon()):
                self.watch._deliver(self.prober.pretend(endpoint))
                if not number % 20:
                    await self._let_write()
        used = cpu() - begun
        self.watch.chronicle.settle()
        await self.store.flush(60)
        return {"cpu": used, "rss_before": before, "rss": rss()}

    def _soon(self) -> Iterator[Endpoint]:
        """Yield all endpoints in the first round, and after it those that a window may come to."""
        if not self.watch.endpoints_done:
            yield from self.planner.endpoints
            return
        entries = self.watch._agenda._schedule._entries.values()
        soon = sorted(entries, key=lambda entry: entry.due)[: len(entries) // 5]
        yield from (entry.endpoint for entry in soon)

    async def _let_write(self) -> None:
        await asyncio.sleep(0)
        while self.store.status.pending > 2000:
            await asyncio.sleep(0.01)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let the watch run."""
        task = asyncio.ensure_future(self.watch.run())
        await asyncio.sleep(0.1)
        planning = self.watch._planning._under_way
        while planning is not None and not planning.done():
            await asyncio.sleep(0.1)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def probe(self, count: int) -> dict[str, float]:
        """Send pretended probes through schedule, pool, judge, memory, metrics and store, at full speed.

        The watch then runs on for another turn, until something else is asked for.
        """
        todo = random.sample(self.planner.endpoints, min(count, len(self.planner.endpoints)))
        for endpoint in todo * (ROUNDS - 1):  # until nothing new is learnt by one more
            self.watch._deliver(self.prober.pretend(endpoint))
            await self._let_write()
        await self.store.flush(60)
        done = 0
        used = 0.0
        if not self._is_probing:
            await self._probing.enter_async_context(self.running())
            self._is_probing = True
        while done < count:
            begun = cpu()
            for endpoint in todo:
                self.watch._agenda.hasten(endpoint.key)
            while self._is_busy():
                await asyncio.sleep(0.02)
            await self.store.flush(60)
            used += cpu() - begun
            done += len(todo)
        return {"cpu": used / done, "probes": done}

    def _is_busy(self) -> bool:
        due = self.watch._agenda._schedule.next_due()
        is_due = due is not None and due <= time.monotonic()
        return bool(is_due or self.watch._pool.waiting or self.watch._pool.busy)

    async def plan(self) -> dict[str, float]:
        """Make a plan that changes nothing, as every five minutes; the look-ups are not in it."""
        return await self._timed(self.watch.plan())

    async def scrape(self) -> dict[str, float]:
        """Scrape once."""
        return await self._timed(self._scrape())

    async def _scrape(self) -> None:
        for _ in self.watch.exposition.pieces(openmetrics=False):
            await asyncio.sleep(0)

    async def _timed(self, work: Awaitable[object]) -> dict[str, float]:
        await self._probing.aclose()
        pulse = Pulse()
        beating = asyncio.ensure_future(pulse.beat())
        await asyncio.sleep(2 * BEAT)
        begun = cpu()
        await work
        used = cpu() - begun
        await asyncio.sleep(2 * BEAT)
        beating.cancel()
        return {"cpu": used, "stall": max(pulse.stalls)}

    async def observe(self, seconds: float) -> dict[str, float]:
        """Watch for so long, with real probes and a scrape now and then."""
        self.prober.is_pretending = False
        keep_lag = self.watch._agenda.begin

        def begin(key: tuple[str, str, int, str, str]) -> bool:
            is_wanted = keep_lag(key)
            self.lags.append(self.watch._agenda._last_lag)
            return is_wanted

        self.watch._agenda.begin = begin  # type: ignore[method-assign]
        # What was filled came while the clock went on: the rhythm begins now.
        self.watch._agenda._stood_still = time.monotonic() - self._planned_at
        async with self.running():
            await asyncio.sleep(1)
            self.lags.clear()
            pulse = Pulse()
            beating = asyncio.ensure_future(pulse.beat())
            scraping = asyncio.ensure_future(self._scrape_on())
            begun, at = cpu(), time.perf_counter()
            await asyncio.sleep(seconds)
            used, passed = cpu() - begun, time.perf_counter() - at
            beating.cancel()
            scraping.cancel()
            lags, stalls = sorted(self.lags), sorted(pulse.stalls)
        states = [each.state for each in self.watch.observations()]
        return {
            "cpu": used / passed,
            "probes": len(lags) / passed,
            "lag_median": lags[len(lags) // 2],
            "lag_99": lags[int(len(lags) * 0.99)],
            "lag_most": lags[-1],
            "stall_99": stalls[int(len(stalls) * 0.99)],
            "stall_most": stalls[-1],
            "rss": rss(),
            "open": states.count(states[0]) / len(states),
            "dropped": self.store.status.dropped,
        }

    async def _scrape_on(self) -> None:
        while True:
            await asyncio.sleep(SCRAPE_SECONDS)
            await self._scrape()


async def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    endpoints, folder, *rest = sys.argv[1:]
    ca_file = Path(rest[0]) if rest else None
    places = tuple(PLACES[number] for number in PLACES)
    if ca_file is not None:
        places = tuple(replace(place, port=int(port)) for place, port in zip(places, rest[1:], strict=True))
    large = LargeWatch(int(endpoints), Path(folder), ca_file, places)
    await large.start()
    print("ready", flush=True)
    while line := (await asyncio.to_thread(sys.stdin.readline)).split():
        match line:
            case ["fill"]:
                found = await large.fill()
            case ["probe", count]:
                found = await large.probe(int(count))
            case ["plan"]:
                found = await large.plan()
            case ["scrape"]:
                found = await large.scrape()
            case ["watch", seconds]:
                found = await large.observe(float(seconds))
            case _:
                raise ValueError(f"no such order: {line}")
        print(json.dumps(found), flush=True)
    await large.store.close()


if __name__ == "__main__":
    uvloop.run(main())
