"""An outpost: another vantage with workers, a schedule, limits and controls of its own."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from scanner.config import Settings
from scanner.config.vantage_settings import VantageSettings
from scanner.discovery.pieces import give_way
from scanner.engine import Pool, WaitingRoom
from scanner.model import Endpoint, Observation
from scanner.model.control import Gate, GateStanding, gate_of
from scanner.model.event import Event
from scanner.model.observation import Key
from scanner.model.target import parse_target
from scanner.service.agenda import Agenda, first_spread
from scanner.service.asking import Errand
from scanner.service.clues import Clues
from scanner.service.controls import Controls, Reports, one_a_gate
from scanner.service.parts import Parts, build_prober, build_rounds
from scanner.service.rounds import FRESH_SECONDS, Manner, Rounds
from scanner.verdict.egress import EGRESS_REASONS
from scanner.verdict.rules import Override

if TYPE_CHECKING:
    from scanner.cluster.fleet import Fleet


@dataclass(frozen=True, slots=True)
class Dispatches:
    """Who is told what an outpost sees."""

    deliver: Callable[[Observation], None]
    on_gone: Callable[[Key, str], None]
    """Told of endpoints that are not probed from there any more, and by whom."""
    tell: Callable[[Event], None]
    """Told where the network of the outpost began or ceased to be at fault."""


class Outpost:
    """Probes what is watched from another place, more seldom, and at once where it is asked to.

    A fault of its own network or of its workers stops nobody else: its results are then about itself, or do
    not come.
    """

    def __init__(
        self,
        place: VantageSettings,
        settings: Settings,
        parts: Parts,
        fleet: "Fleet",
        dispatches: Dispatches,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = place.name
        self.fleet = fleet
        self._dispatches = dispatches
        self._clock = clock
        self._clues = Clues()
        self._begun: dict[Key, float] = {}
        """Probes under way, and when they began."""
        self._asked: set[Key] = set()
        self._in_our_way: dict[Key, Gate] = {}
        """Endpoints that the network of the outpost is in the way of."""
        self._agenda = Agenda(settings.schedule)
        limits = settings.limits
        waiting: WaitingRoom[Endpoint | Errand] = WaitingRoom(limits.per_address, limits.per_address_gap)
        self._waiting = waiting
        self._pool: Pool[Endpoint | Errand, Observation] = Pool(
            self._do, self._deliver, waiting, concurrency=limits.concurrency, rate=place.rate
        )
        self._set(place, settings, parts)
        self.controls = Controls(
            self._build_rounds(settings, parts),
            self._pool.spawn,
            self.prober.judge,
            Reports(self._deliver, self._take_change),
            vantage=self.name,
        )

    def adjust(self, place: VantageSettings, settings: Settings, parts: Parts) -> None:
        """Go on with other settings."""
        self._set(place, settings, parts)
        limits = settings.limits
        self._waiting.adjust(limits.per_address, limits.per_address_gap)
        self._pool.adjust(concurrency=limits.concurrency, rate=place.rate)
        self.fleet.adjust(place.rate, settings.exclusion)
        self.controls.adjust(self._build_rounds(settings, parts), self.prober.judge, vantage=self.name)

    async def run(self) -> None:
        """Probe until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.fleet.run())
            group.create_task(self._pool.run(self._agenda.feed()))
            group.create_task(self.controls.run())

    async def plan(self, endpoints: Iterable[Endpoint]) -> None:
        """Probe those of these that are meant to be probed from here."""
        wanted = [each for each in endpoints if self.is_meant(each)]
        spread = first_spread(len(wanted), self.place.rate)
        await give_way(self._agenda.replace(wanted, spread=spread, on_gone=self._forget))
        self.controls.watch(await give_way(one_a_gate(wanted)))

    def is_meant(self, endpoint: Endpoint) -> bool:
        """Tell whether an endpoint is probed from here."""
        return self._targets is None or any(one.is_about(endpoint) for one in self._targets)

    def __contains__(self, key: Key) -> bool:
        """Whether an endpoint is on the schedule here."""
        return key in self._agenda

    def ask(self, endpoint: Endpoint) -> bool:
        """Look at an endpoint now; False where it is not meant to, or where its workers do not answer."""
        if not self.is_meant(endpoint) or not self.is_answering:
            return False
        if endpoint.key not in self._asked:
            self._asked.add(endpoint.key)
            self._pool.push(endpoint, is_urgent=True)
        return True

    def hasten(self, key: Key, seconds: float) -> None:
        """Look at an endpoint again in so many seconds."""
        self._agenda.hasten(key, seconds)

    @property
    def interval(self) -> float:
        """Seconds between two looks at an endpoint."""
        return self.place.interval

    @property
    def in_flight(self) -> int:
        """How many probes are under way, or wait for workers."""
        return len(self._begun)

    @property
    def is_answering(self) -> bool:
        """Whether workers do what they are given: none has had a probe for longer than it may take."""
        longest = min(self._begun.values(), default=None)
        return longest is None or self._clock() - longest <= self._patience

    def _set(self, place: VantageSettings, settings: Settings, parts: Parts) -> None:
        # Imported here, as all of the cluster is: without one nothing of it is loaded.
        from scanner.cluster.remote_prober import RemoteProber  # noqa: PLC0415

        self.place = place
        self._patience = settings.probe.total_timeout + settings.cluster.lease
        there = settings.model_copy(update={"vantage": self.name})
        self.prober = build_prober(there, partial(RemoteProber, self.fleet))
        self._agenda.adjust(settings.schedule.model_copy(update={"interval": place.interval}))
        named = place.targets
        self._targets = None if named is None else tuple(Override(parse_target(each)) for each in named)

    def _build_rounds(self, settings: Settings, parts: Parts) -> Rounds:
        """Let this outpost's workers ask the controls, and all that goes with them."""
        fresh = min(FRESH_SECONDS, self.place.interval / 2)

        def push(errand: Errand) -> None:
            self._pool.push(errand, is_urgent=True)

        return build_rounds(
            settings, replace(parts, prober=self.prober), self._clues, push, Manner(fresh=fresh)
        )

    async def _do(self, job: Endpoint | Errand) -> Observation | None:
        if isinstance(job, Errand):
            await job.run()
            return None
        key = job.key
        if key in self._begun:
            self._agenda.begin(key)  # due, or asked for, while it is looked at: that look is the one
            return None
        is_asked = key in self._asked
        if not is_asked and not self._agenda.begin(key):
            return None
        self._begun[key] = self._clock()
        try:
            seen = await self.prober.probe(job)
        finally:
            del self._begun[key]
            self._asked.discard(key)
        if key in self._agenda:
            (self._agenda.count if is_asked else self._agenda.end)(key, seen.state)
        return self.controls.pass_on(seen)

    def _deliver(self, seen: Observation) -> None:
        key = seen.endpoint.key
        if seen.reason in EGRESS_REASONS and key in self:
            self._in_our_way[key] = gate_of(seen.endpoint)
        else:
            self._in_our_way.pop(key, None)
        self._dispatches.deliver(seen)

    def _forget(self, key: Key) -> None:
        self._in_our_way.pop(key, None)
        self.controls.forget(key)
        self._dispatches.on_gone(key, self.name)

    def _take_change(self, gate: Gate, _: GateStanding, event: Event) -> None:
        """Tell that the network there changed, and look again soon at what passes that gate."""
        words = f"Seen from vantage {self.name}: {event.summary}"
        self._dispatches.tell(replace(event, summary=words, subject=f"{event.subject} from {self.name}"))
        for key, passed in self._in_our_way.items():
            if passed == gate:
                self._agenda.hasten(key)
