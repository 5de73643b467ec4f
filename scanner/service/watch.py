"""The watch: keeps every target probed on schedule and holds what is known about each."""

import asyncio
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from datetime import UTC, datetime

import structlog
from prometheus_client import CollectorRegistry

from scanner import __version__
from scanner.config import Settings
from scanner.discovery.pieces import give_way
from scanner.engine import Pipeline, WaitingRoom
from scanner.metrics import Exposition, Telemetry
from scanner.model import Endpoint, Observation, Proof, Reason, TargetFinding
from scanner.model.event import Event
from scanner.model.memory import Memory
from scanner.model.observation import Key
from scanner.probe import Examiner, Rhythm, Sweep
from scanner.service.agenda import Agenda, first_spread
from scanner.service.checkpoint import Checkpoint, Ties, WatchJob
from scanner.service.chronicle import Chronicle, Keeper
from scanner.service.controls import one_a_gate
from scanner.service.herald import Herald
from scanner.service.parts import Parts
from scanner.service.past import Past
from scanner.service.planning import Planning
from scanner.service.roster import Roster
from scanner.service.share import LONE, Share
from scanner.service.sinks import Latest, Metrics
from scanner.verdict import is_proven

log = structlog.get_logger(__name__)

SETTLE_SECONDS = 1.0
"""How often incidents are worked out, where an endpoint has changed."""
GUESS_SECONDS = 3600.0
"""How soon at the earliest a guessed server that showed nothing is tried again."""


class Watch:
    """Owns the schedule, the pool and the latest result of every endpoint.

    `on_planned` is called after the first plan, and after the first with other settings.
    """

    def __init__(
        self,
        settings: Settings,
        parts: Parts,
        *,
        on_planned: Callable[[], None] = lambda: None,
        keeper: Keeper | None = None,
        share: Share = LONE,
    ) -> None:
        self.settings, self.share = settings, share
        self.started_at = datetime.now(UTC)
        self.registry = CollectorRegistry()
        self.telemetry = Telemetry(self.registry, version=__version__)
        self.exposition = Exposition(registry=self.registry, detail=lambda: self.settings.metrics.detail)
        self._parts = parts
        self._roster = Roster()
        self._latest = self._roster.latest
        self._findings: tuple[TargetFinding, ...] = ()
        self._addresses: Mapping[str, Sequence[str]] = {}
        self._agenda = Agenda(settings.schedule)
        self._herald = Herald()
        self._on_planned = on_planned
        self._has_new_settings = True
        self._is_planned = False
        self._planning = Planning(self.plan)
        self._was_ready = False
        self.first_pass = asyncio.Event()
        limits = settings.limits
        self._examiner = Examiner(parts.prober, self._rhythm(), self._push_later)
        self._waiting: WaitingRoom[WatchJob] = WaitingRoom(limits.per_address, limits.per_address_gap)
        self.chronicle = Chronicle(
            parts.policy,
            parts.patience,
            show_incidents=self.exposition.incidents.replace,
            find_others=self._roster.others_of,
            hasten=self._agenda.hasten,
            keeper=keeper,
        )
        self._pipeline = Pipeline(
            [Latest(self.keep), Metrics(self.exposition, self.telemetry)], self.telemetry.count_sink_error
        )
        self.telemetry.declare_sinks([Latest.name, Metrics.name])
        tell = self.chronicle.tell_one
        ties = Ties(self._probe, self._deliver, self._agenda, self._roster, self._examiner, tell)
        self.checkpoint = Checkpoint(settings, parts, self._waiting, ties)
        self._pool, self.controls = self.checkpoint.pool, self.checkpoint.controls
        self.exposition.egress.read_from(lambda: self.controls.standings, lambda: self.settings.vantage)
        self.telemetry.read_from(
            pool_workers=lambda: self._pool.workers,
            pool_busy=lambda: self._pool.busy,
            queue_length=lambda: self._pool.waiting,
            scheduler_lag_seconds=lambda: self._agenda.lag,
            endpoints=lambda: self.endpoints_total,
            domains=lambda: self.share.count(self.settings.targets),
        )

    async def run(self) -> None:
        """Watch until cancelled; probes under way are then cut short."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._planning.run())
                group.create_task(self._pool.run(self._agenda.feed()))
                group.create_task(self._settle())
                group.create_task(self.controls.run())
        finally:
            await self._parts.close()

    async def plan(self) -> bool:
        """Look all targets up, and watch what they lead to now; return whether name servers failed."""
        whole = await self._parts.planner.plan(self.settings.targets, known=self._addresses)
        self._addresses = await give_way(whole.list_addresses())
        plan = await give_way(self.share.cut(whole))
        self._waiting.crowded = self.share.crowded
        self._findings = self.chronicle.board.take_findings(plan.findings)
        spread = first_spread(len(plan.endpoints), self.settings.limits.rate)
        # Before the agenda: a result of an endpoint that it does not know would be lost to it.
        await give_way(self.exposition.domains.replace(plan.domains))
        await give_way(self._roster.plan(plan.domains))
        await give_way(self.chronicle.recollection.follow(each.key for each in plan.endpoints))
        await give_way(self._agenda.replace(plan.endpoints, spread=spread, on_gone=self._forget))
        self.controls.watch(await give_way(one_a_gate(plan.endpoints)))
        await give_way(self._look_again_at_all(plan.endpoints))
        self._is_planned = True
        self._check_first_pass()  # there may be nothing to probe at all
        await give_way(self._herald.report(plan))
        if self._has_new_settings:
            self._has_new_settings = False
            self._on_planned()
        has_failed = any(finding.reason is Reason.DNS_FAILURE for finding in whole.findings)
        if not has_failed:
            self._roster.let_go()
        return has_failed

    async def drain(self, seconds: float) -> None:
        """Start no more probes and give those under way some time to say goodbye."""
        self._agenda.close()
        try:
            async with asyncio.timeout(seconds):
                await self._pool.until_idle()
        except TimeoutError:
            return

    async def apply(self, settings: Settings, parts: Parts) -> None:
        """Go on with other settings; what is known about endpoints that stay is kept."""
        former, self._parts = self._parts, parts
        self.settings = settings
        self._examiner.adjust(parts.prober, self._rhythm())
        self.chronicle.recollection.adjust(parts.policy, parts.patience)
        self.checkpoint.adjust(settings, parts)
        await self._planning.give_up()
        await former.close()
        self._agenda.adjust(settings.schedule)
        self._waiting.adjust(settings.limits.per_address, settings.limits.per_address_gap)
        self._has_new_settings = True
        self._planning.ask()

    @property
    def parts_in_force(self) -> tuple[Settings, Parts]:
        """The settings in force and the parts built from them."""
        return self.settings, self._parts

    @property
    def is_ready(self) -> bool:
        """Whether every endpoint of the first plan has been probed once; true from then on."""
        if not self._was_ready and self._is_planned:
            self._was_ready = self.endpoints_done >= self.endpoints_total
        return self._was_ready

    @property
    def endpoints_total(self) -> int:
        """How many endpoints are watched; a guess that showed nothing is none."""
        return len(self._agenda) - len(self._roster.ruled_out)

    @property
    def endpoints_done(self) -> int:
        """How many endpoints have a result."""
        return self._roster.probed

    @property
    def next_pass_at(self) -> datetime | None:
        """When the next endpoint is due."""
        return self._agenda.next_at

    def observations(self) -> tuple[Observation, ...]:
        """Return the latest result of every endpoint."""
        return tuple(self._latest.values())

    def findings(self) -> tuple[TargetFinding, ...]:
        """Return what was found about targets that have no endpoint."""
        return self._findings

    def restore(self, past: Past) -> Generator[None, None, None]:
        """Take over what was known before the process began, in pieces; it is shown until the next probe."""
        yield from self.chronicle.restore(past)
        yield from self._roster.restore(past.latest)
        self.controls.restore(past.egress)
        self._planning.ask()  # it may come late, behind the first plan: the next takes over what is shown

    def latest_of(self, key: Key) -> Observation | None:
        """Return the latest result of an endpoint."""
        return self._latest.get(key)

    def is_awaited(self, key: Key) -> bool:
        """Whether an endpoint is watched, or may be as far as is known yet."""
        return not self._is_planned or (key in self._agenda and key not in self._roster.ruled_out)

    def change_memory(self, seen: Observation, memory: Memory, event: Event) -> None:
        """Put another memory in the place of an endpoint's, as an operator asks for."""
        judged = self._parts.prober.judge(seen)  # what the old baseline added is no verdict any more
        self._show_again(self.chronicle.recollection.change(judged, memory, (event,)))

    def keep(self, observation: Observation) -> None:
        """Keep the latest result of an endpoint."""
        self._roster.keep(observation)
        self._check_first_pass()

    def _check_first_pass(self) -> None:
        if self.is_ready:
            self.first_pass.set()

    def _look_again_at_all(self, endpoints: Iterable[Endpoint]) -> Generator[None, None, None]:
        """Let what is published of the endpoints now count for what is known of them."""
        for endpoint in endpoints:
            if (renewed := self._roster.renewed(endpoint)) is not None:
                self._reconsider(self._parts.prober.judge(renewed))
            if endpoint.key in self._roster.ruled_out and endpoint.proof is Proof.NONE:
                self._roster.ruled_out.discard(endpoint.key)  # a guess that somebody publishes now
                self._agenda.hasten(endpoint.key)
            yield

    def _reconsider(self, seen: Observation) -> None:
        """Let more that is known of the last probe of an endpoint count."""
        self._show_again(self.chronicle.supplement(seen))

    def _show_again(self, seen: Observation) -> None:
        self._latest[seen.endpoint.key] = seen
        self.exposition.accept(seen)

    def _forget(self, key: Key) -> None:
        self._roster.forget(key)
        self._examiner.forget(key)
        self.controls.forget(key)
        self.exposition.remove(key)
        self.chronicle.forget(key)

    def _rhythm(self) -> Rhythm:
        probe = self.settings.probe
        return Rhythm(
            probe.versions_interval, with_groups=probe.groups, pause=probe.versions_gap, is_patient=True
        )

    def _push_later(self, sweep: Sweep, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._pool.push, sweep)

    def _show(self, key: Key) -> None:
        """Show what a sweep has found beside the latest probe."""
        seen = self._latest.get(key)
        if seen is not None and self._examiner.has_more(seen):
            self._reconsider(self._examiner.complete(seen))

    async def _probe(self, endpoint: Endpoint | Sweep) -> Observation | None:
        if isinstance(endpoint, Sweep):
            if not self._agenda.is_closed:
                await self._examiner.examine(endpoint)
                self._show(endpoint.key)
            return None
        key = endpoint.key
        observation = await self._examiner.examine(endpoint) if self._agenda.begin(key) else None
        if observation is None:
            return None
        is_known = key in self._latest or is_proven(observation)
        self._agenda.end(key, observation.state, at_least=0.0 if is_known else GUESS_SECONDS)
        if key not in self._agenda:
            return None
        if not is_known:
            self._rule_out(key)
            return None
        return observation

    def _deliver(self, observation: Observation) -> None:
        """Judge a result with memory, and tell it."""
        self._pipeline.deliver(self.chronicle.remember(self._roster.spare(observation)))

    async def _settle(self) -> None:
        while True:
            await asyncio.sleep(SETTLE_SECONDS)
            if self.is_ready:  # before, a host of which two ports are probed would be judged by these alone
                await self.chronicle.settle_and_give_way()

    def _rule_out(self, key: Key) -> None:
        """Leave a guess that showed nothing out of everything that is told."""
        self._roster.ruled_out.add(key)
        self.exposition.domains.rule_out(key)
        self._check_first_pass()
