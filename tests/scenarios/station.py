"""The watch on the world's clock: its true parts, joined as `scanner.service.watch` joins them."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from scanner.config import Settings, default_settings, override
from scanner.discovery import Plan, Planner
from scanner.discovery.pieces import give_way
from scanner.engine import Pool, Restraint, Schedule, WaitingRoom
from scanner.model import PORTS, Endpoint, Observation, Reason
from scanner.model.control import CONTROL, Gate, GateStanding
from scanner.model.event import Event
from scanner.model.incident import Incident
from scanner.model.observation import Key
from scanner.model.target import parse_target
from scanner.probe import Prober
from scanner.protocol import TlsClient
from scanner.service.agenda import first_spread
from scanner.service.asking import Asker, Errand
from scanner.service.chronicle import Chronicle
from scanner.service.clues import Clues
from scanner.service.controls import Controls, Reports
from scanner.service.past import Past
from scanner.service.planning import RETRY_SECONDS
from scanner.service.roster import Roster
from scanner.service.rounds import Rounds
from scanner.service.watch import SETTLE_SECONDS
from scanner.verdict import Policy
from scanner.verdict.remember import Patience
from tests.scenarios.ledger import Ledger
from tests.scenarios.sources import WorldResolver, WorldSources
from tests.scenarios.world import DARK, World

Job = Endpoint | Errand
MOST_AT_ONCE = 16
"""Connections open at once: as many as there are addresses, so that none waits for another."""


@dataclass
class Kept:
    """What outlives the process: written by the chronicle as a store is, read by the next one."""

    memories: dict[Key, str] = field(default_factory=dict)
    latest: dict[Key, Observation] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)

    def keep(self, observation: Observation, memory: str, events: Sequence[Event]) -> None:
        """Keep what one probe came to; what stands is in the memory."""
        self.memories[observation.endpoint.key] = memory
        self.latest[observation.endpoint.key] = replace(observation, standing=None)

    def keep_events(self, events: Sequence[Event]) -> None:
        """Keep none of them."""

    def keep_incidents(self, changed: Mapping[str, Incident | None], events: Sequence[Event]) -> None:
        """Keep which incidents are open."""
        for id_, incident in changed.items():
            if incident is None:
                del self.incidents[id_]
            else:
                self.incidents[id_] = incident

    def forget(self, keys: Iterable[Key]) -> None:
        """Keep what there is: a store keeps it for a month."""


class WorldProber(Prober):
    """Sees what the world shows; judges as every prober does."""

    def __init__(self, world: World) -> None:
        settings = default_settings(()).probe
        super().__init__(settings, ehlo_name="probe.test", tls=_TLS, policy=Policy())
        self._world = world

    async def probe(self, endpoint: Endpoint) -> Observation:
        """Take the world's word, and the time that it takes."""
        seen = self._world.probe(endpoint, asyncio.get_running_loop().time())
        await asyncio.sleep(seen.duration)
        # Nothing asks for a verdict on a control.
        return seen if endpoint.source == CONTROL else self.judge(seen)

    async def knock(self, host: str, address: str, port: int, seconds: float | None = None) -> bool:
        """Take the world's word on a bare connection."""
        return self._world.connects(address, port, asyncio.get_running_loop().time())


_TLS = TlsClient()


def _settings(world: World) -> Settings:
    controls = [
        {"host": address, "provider": owner, "banner": f"{owner}.control ready", "starttls": True}
        for address, owner in world.controls.items()
    ]
    wanted = {
        "controls.ports": {str(port): controls for port in PORTS},
        "controls.https": ["8.8.5.1:443", "8.8.5.2:443"],
        "controls.dark": DARK,
        "controls.interval": world.control_interval,
        "schedule.interval": world.interval,
    }
    return override(default_settings(()), wanted)


class Station:
    """One life of the scanner, from its start to its end."""

    def __init__(self, world: World, kept: Kept, ledger: Ledger) -> None:
        self._world, self._ledger = world, ledger
        self._time = asyncio.get_running_loop().time
        self._settings = _settings(world)
        schedule = self._settings.schedule
        self._schedule = Schedule(schedule.interval, schedule.jitter, random.Random(world.seed))
        self._restraint = Restraint(schedule.interval)
        self._prober = WorldProber(world)
        self._roster = Roster()
        self._changed, self._unsettled = asyncio.Event(), asyncio.Event()
        resolver = WorldResolver(world, self._time)
        self._planner = Planner(
            resolver,
            tuple(PORTS),
            WorldSources(world, resolver, self._time),
            with_dane=False,
            clock=self._time,
        )
        self._pool: Pool[Job, Observation] = Pool(
            self._do,
            self._deliver,
            WaitingRoom(self._settings.limits.per_address, self._settings.limits.per_address_gap),
            concurrency=MOST_AT_ONCE,
            rate=0,
            clock=self._time,
        )
        self._clues = Clues(self._time)
        self._controls = Controls(
            self._build_rounds(resolver),
            self._pool.spawn,
            self._prober.judge,
            Reports(self._hand_out, self._take_change),
            clock=self._time,
        )
        self._chronicle = Chronicle(
            Policy(),
            Patience(),
            show_incidents=lambda incidents: ledger.show(incidents, self._time()),
            find_others=self._roster.others_of,
            hasten=self._hasten,
            keeper=kept,
            clock=self._time,
        )
        self._chronicle.events.listen(ledger.hear)
        self._endpoints: int | None = None
        past = Past(kept.memories, kept.latest, kept.incidents)
        for _ in chain(self._chronicle.restore(past), self._roster.restore(past.latest)):
            pass

    async def live(self, seconds: float) -> None:
        """Watch for so long, and end as a process does that is killed."""
        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                group.create_task(self._plan_again_and_again())
                group.create_task(self._pool.run(self._feed()))
                group.create_task(self._settle())
                group.create_task(self._controls.run())
        except TimeoutError:
            self._ledger.stop(self._time())

    def _build_rounds(self, resolver: WorldResolver) -> Rounds:
        settings = self._settings
        asker = Asker(
            settings.controls,
            self._prober,
            resolver,
            lambda errand: self._pool.push(errand, is_urgent=True),
        )
        return Rounds(settings.controls, asker, self._clues)

    async def _plan_again_and_again(self) -> None:
        known: Mapping[str, Sequence[str]] = {}
        targets = [parse_target(domain) for domain in self._world.domains]
        while True:
            plan = await self._planner.plan(targets, known=known)
            known = await give_way(plan.list_addresses())
            self._take(plan)
            has_failed = any(finding.reason is Reason.DNS_FAILURE for finding in plan.findings)
            await asyncio.sleep(RETRY_SECONDS if has_failed else self._world.replan)

    def _take(self, plan: Plan) -> None:
        """As `Watch.plan` does."""
        self._chronicle.board.take_findings(plan.findings)
        self._ledger.show_domains(plan.domains, self._time())
        spread = first_spread(len(plan.endpoints), self._settings.limits.rate)
        keys = [each.key for each in plan.endpoints]
        for _ in chain(self._roster.plan(plan.domains), self._chronicle.recollection.follow(keys)):
            pass
        for _ in self._schedule.replace(plan.endpoints, self._time(), spread=spread, on_gone=self._forget):
            pass
        self._changed.set()
        self._controls.watch(plan.endpoints)
        self._endpoints = len(plan.endpoints)
        for endpoint in plan.endpoints:
            if (renewed := self._roster.renewed(endpoint)) is not None:
                seen = self._chronicle.supplement(self._prober.judge(renewed))
                self._roster.latest[endpoint.key] = seen
        self._unsettled.set()

    def _forget(self, key: Key) -> None:
        self._roster.forget(key)
        self._controls.forget(key)
        self._chronicle.forget(key)

    def _hasten(self, key: Key, seconds: float) -> None:
        self._schedule.hasten(key, self._time() + seconds)
        self._changed.set()

    async def _feed(self) -> AsyncIterator[Endpoint]:
        while True:
            now = self._time()
            if (due := self._schedule.pop_due(now)) is not None:
                yield due[0]
                continue
            next_due = self._schedule.next_due()
            self._changed.clear()
            try:
                async with asyncio.timeout(None if next_due is None else max(0.0, next_due - now)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _do(self, job: Job) -> Observation | None:
        if isinstance(job, Errand):
            await job.run()
            return None
        key = job.key
        if key not in self._schedule:
            return None
        observation = await self._prober.probe(job)
        self._ledger.probes += 1
        longer = self._restraint.wait_after(key, observation.state)
        self._schedule.probed(key, self._time(), at_least=longer)
        self._changed.set()
        return self._controls.pass_on(observation) if key in self._schedule else None

    def _hand_out(self, observation: Observation) -> None:
        if observation.endpoint.key in self._schedule:
            self._deliver(observation)

    def _deliver(self, observation: Observation) -> None:
        self._roster.keep(self._chronicle.remember(observation))
        self._unsettled.set()

    def _take_change(self, gate: Gate, standing: GateStanding, event: Event) -> None:
        for key in self._roster.judged_otherwise(gate, standing):
            self._hasten(key, 0.0)

    async def _settle(self) -> None:
        """As often as a watch does, where there is anything to settle."""
        while True:
            await self._unsettled.wait()
            self._unsettled.clear()
            await asyncio.sleep(SETTLE_SECONDS)
            if self._endpoints is not None and self._roster.probed >= self._endpoints:
                self._chronicle.settle()


async def play(world: World) -> Ledger:
    """Let the world and the scanner run to the end of the scenario."""
    ledger, kept = Ledger(), Kept()
    begun = 0.0
    for stops_at, pause in (*world.restarts, (world.hours * 3600.0, 0.0)):
        await Station(world, kept, ledger).live(stops_at - begun)
        await asyncio.sleep(pause)
        begun = stops_at + pause
    return ledger
