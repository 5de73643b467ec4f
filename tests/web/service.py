"""A service to put behind the pages in tests."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry

from scanner.explain.advice import Advice, Wish, advise
from scanner.metrics import Exposition, Telemetry
from scanner.model import Observation, TargetFinding, Verdict
from scanner.model.account_standing import AccountStanding
from scanner.model.domain import DomainFacts
from scanner.model.event import Event
from scanner.model.incident import Incident
from scanner.model.observation import Key
from scanner.model.ports import Preference
from scanner.model.shard import Shard
from scanner.store import EventQuery, StoreError
from scanner.web import Hub, ReloadOutcome
from tests.web.desk import FakeDesk
from tests.web.facts import facts_of
from tests.web.samples import FINDINGS, NOW, WORLD


@dataclass
class FakeService:
    """A service that shows what a test gives it; its scrape is the real one."""

    seen: Sequence[Observation] = WORLD
    found: Sequence[TargetFinding] = FINDINGS
    is_ready: bool = True
    version: str = "1.2.3"
    grafana: str | None = None
    shard: Shard | None = None
    places: Sequence[str] = ()
    shard_pages: Sequence[str] = ()
    beside: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """The other shards that have servers of a target."""
    missing: frozenset[str] = frozenset()
    started_at: datetime = NOW - timedelta(days=3)
    next_pass_at: datetime | None = NOW + timedelta(seconds=18)
    endpoints_total: int = len(WORLD)
    endpoints_done: int = len(WORLD)
    outcome: ReloadOutcome = field(default_factory=lambda: ReloadOutcome(ok=True))
    own_network: Sequence[Verdict] = ()
    reloads: int = 0
    preference: Preference | None = None
    open_incidents: Sequence[Incident] = ()
    standings: Sequence[AccountStanding] = ()
    told: Sequence[Event] = ()
    past: Sequence[Observation] = ()
    others: Sequence[Observation] = ()
    queries: list[EventQuery] = field(default_factory=list)
    store_fault: StoreError | None = None
    settings: str = "targets:\n- example.org\nstore: postgresql://mailport:***@db/mailport\n"
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.hub = Hub(self.events)
        self.desk = FakeDesk()
        self.exposition = Exposition(registry=self.registry)
        self.telemetry = Telemetry(self.registry, version=self.version)
        for observation in self.seen:
            self.exposition.accept(observation)
            self.telemetry.observe(observation)

    def scrape(self, *, openmetrics: bool) -> Generator[bytes, None, None]:
        return self.exposition.pieces(openmetrics=openmetrics)

    def observations(self) -> Sequence[Observation]:
        return self.seen

    def elsewhere(self, key: Key) -> Sequence[Observation]:
        return [seen for seen in self.others if seen.endpoint.key == key]

    def latest_of(self, key: Key) -> Observation | None:
        return next((seen for seen in self.seen if seen.endpoint.key == key), None)

    async def history(
        self, key: Key, *, since: datetime | None, before: datetime | None, limit: int
    ) -> Sequence[Observation]:
        if self.store_fault is not None:
            raise self.store_fault
        kept = [seen for seen in self.past if seen.endpoint.key == key]
        return [
            seen
            for seen in kept
            if (since is None or seen.started_at >= since) and (before is None or seen.started_at < before)
        ][:limit]

    def targets(self) -> Sequence[str]:
        return [facts.domain for facts in self.domains()]

    def domains(self) -> Sequence[DomainFacts]:
        return facts_of(self.seen)

    def domain(self, name: str) -> DomainFacts | None:
        return next((facts for facts in self.domains() if facts.domain == name), None)

    def advise(self, facts: DomainFacts) -> Advice:
        latest = {seen.endpoint.key: seen for seen in self.seen}
        return advise(facts, latest, None, Wish(), self.preference)

    def shards_beside(self, name: str) -> Sequence[int]:
        return self.beside.get(name, ())

    def absent(self) -> frozenset[str]:
        return self.missing

    def findings(self) -> Sequence[TargetFinding]:
        return self.found

    def egress(self) -> Sequence[Verdict]:
        return self.own_network

    def accounts(self) -> Sequence[AccountStanding]:
        return self.standings

    def incidents(self) -> Sequence[Incident]:
        return self.open_incidents

    async def events(self, query: EventQuery) -> Sequence[Event]:
        self.queries.append(query)
        if self.store_fault is not None:
            raise self.store_fault
        return self.told

    def masked_settings(self) -> str:
        return self.settings

    async def reload(self) -> ReloadOutcome:
        self.reloads += 1
        return self.outcome
