"""What the HTTP interface sees of the running scanner, and may have it do."""

import asyncio
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import structlog

from scanner import __version__
from scanner.config import ConfigError, Settings
from scanner.explain.advice import Advice
from scanner.model import Observation, TargetFinding, Verdict
from scanner.model.account_standing import AccountStanding
from scanner.model.domain import DomainFacts
from scanner.model.event import Event
from scanner.model.incident import Incident
from scanner.model.observation import Key
from scanner.model.shard import Shard
from scanner.service.advising import Adviser
from scanner.service.archive import Archive, find_last
from scanner.service.far import Far
from scanner.service.outposts import Outposts
from scanner.service.parts import build_parts
from scanner.service.probe_desk import ProbeDesk
from scanner.service.restart_needs import find_restart_needs
from scanner.service.watch import Watch
from scanner.store import EventQuery
from scanner.verdict.egress import tell_gate
from scanner.web import Hub, ReloadOutcome

log = structlog.get_logger(__name__)

FRESH_SECONDS = 5.0
"""How soon after one look at everything a reload may cause the next."""
Loader = Callable[[], Settings]


class Service:
    """What the HTTP interface sees of the running scanner (`scanner.web.Monitor`)."""

    def __init__(
        self,
        watch: Watch,
        load: Loader,
        archive: Archive | None = None,
        *,
        on_reload: Iterable[Callable[[Settings], None]] = (),
        accounts: Callable[[], Sequence[AccountStanding]] = tuple,
        far: Far | None = None,
        outposts: Outposts | None = None,
    ) -> None:
        self.version = __version__
        self._watch = watch
        self._begun = watch.settings
        self._load = load
        self._on_reload = on_reload
        self._far = far or Far(watch.settings)
        self._far.show(watch.registry)
        self._outposts = outposts or Outposts(watch, self._far)
        self._archive = archive
        self.accounts = accounts
        self.hub = Hub(self.events)
        self.desk = ProbeDesk(watch)
        self._adviser = Adviser()
        watch.chronicle.conditions.listen(self.hub.take_condition)
        self._reloading = asyncio.Lock()
        self._next_reload: asyncio.Future[ReloadOutcome] | None = None
        self._wants_fresh = False
        self._fresh_at = time.monotonic()
        watch.telemetry.record_reload(is_successful=True, at=datetime.now(UTC))
        watch.telemetry.show_shard(self.shard)

    @property
    def grafana(self) -> str | None:
        """Where Grafana is."""
        return self._watch.settings.web.grafana

    @property
    def is_ready(self) -> bool:
        """Whether the first pass is done."""
        return self._watch.is_ready

    @property
    def started_at(self) -> datetime:
        """When the service started."""
        return self._watch.started_at

    @property
    def endpoints_total(self) -> int:
        """How many endpoints are watched."""
        return self._watch.endpoints_total

    @property
    def endpoints_done(self) -> int:
        """How many endpoints have been probed at least once."""
        return self._watch.endpoints_done

    @property
    def next_pass_at(self) -> datetime | None:
        """When the next endpoint is due."""
        return self._watch.next_pass_at

    def scrape(self, *, openmetrics: bool) -> Generator[bytes, None, None]:
        """Return the scrape in pieces."""
        return self._watch.exposition.pieces(openmetrics=openmetrics)

    def observations(self) -> Sequence[Observation]:
        """Return the last observation of every endpoint."""
        return self._watch.observations()

    def latest_of(self, key: Key) -> Observation | None:
        """Return the last observation of an endpoint."""
        return self._watch.latest_of(key)

    def elsewhere(self, key: Key) -> Sequence[Observation]:
        """Return what other vantages than the main one saw of an endpoint last."""
        return self._outposts.of(key)

    async def history(
        self, key: Key, *, since: datetime | None, before: datetime | None, limit: int
    ) -> Sequence[Observation]:
        """Return observations of an endpoint, newest first: from the store, or else the last one."""
        if self._archive is None:
            return find_last(self._watch.latest_of(key), since, before)
        return await self._archive.history(key, since=since, before=before, limit=limit)

    def targets(self) -> Sequence[str]:
        """Return the names of all that is watched."""
        return [target.host for target in self._watch.settings.targets]

    def domains(self) -> Sequence[DomainFacts]:
        """Return what discovery knows of every target, without guesses that have shown nothing."""
        return self._watch.checkpoint.roster.facts_in_force()

    def domain(self, name: str) -> DomainFacts | None:
        """Return the same of one target."""
        return self._watch.checkpoint.roster.facts_of(name)

    def advise(self, facts: DomainFacts) -> Advice:
        """Return what a mail program should be set to."""
        return self._adviser.advise(self._watch.settings, facts, self._watch.latest_of)

    def findings(self) -> Sequence[TargetFinding]:
        """Return what was found about targets that have no endpoint."""
        return self._watch.findings()

    def egress(self) -> Sequence[Verdict]:
        """Return what is wrong with our own network: a verdict a port, and one a worker that is cut off."""
        standings = self._watch.controls.standings
        verdicts = (tell_gate(gate, standings[gate]) for gate in sorted(standings))
        ours = [verdict for verdict in verdicts if verdict is not None]
        return [*ours, *self._outposts.egress(), *self._far.cut_off()]

    def incidents(self) -> Sequence[Incident]:
        """Return the incidents that are open."""
        return tuple(self._watch.chronicle.board.open.values())

    async def events(self, query: EventQuery) -> Sequence[Event]:
        """Return events, oldest first: from the store, or else those that this process remembers."""
        is_onward = query.after_id is not None or query.since is not None
        query = replace(query, is_newest_first=not is_onward)
        if self._archive is None:
            ports = {seen.endpoint.port for seen in self.observations() if seen.endpoint.host == query.host}
            query = replace(query, ports=frozenset(ports))
            return self._watch.chronicle.events.find(query)
        found = await asyncio.to_thread(self._archive.store.reader.events, query)
        return found if is_onward else found[::-1]

    @property
    def shard(self) -> Shard | None:
        """Which of several shards this is; None for the only one."""
        return self._watch.share.shard

    @property
    def places(self) -> Sequence[str]:
        """Where all shards answer; nothing where that is not known."""
        return self._watch.settings.shards.places(self.shard or Shard())

    @property
    def shard_pages(self) -> Sequence[str]:
        """Where the page of each shard is; nothing where that is not known."""
        return self._watch.settings.shards.links(self.shard or Shard())

    def shards_beside(self, name: str) -> Sequence[int]:
        """Return which other shards have servers of a target; none where all of them are here."""
        return self._watch.share.others_of(name)

    def absent(self) -> frozenset[str]:
        """Return the targets that other shards have all of."""
        return self._watch.share.absent

    def masked_settings(self) -> str:
        """Return the settings in force, every secret masked."""
        return self._watch.settings.masked()

    async def reload(self, *, is_fresh: bool = True) -> ReloadOutcome:
        """Read the configuration again; a bad one changes nothing but the reload metric.

        One reload runs at a time, and whoever asks while another waits for its turn shares that one.
        `is_fresh` looks everything up anew; not more often than every few seconds, whoever asks.
        """
        self._wants_fresh |= is_fresh
        if self._next_reload is None:
            self._next_reload = asyncio.ensure_future(self._reload_in_turn())
        return await asyncio.shield(self._next_reload)

    async def _reload_in_turn(self) -> ReloadOutcome:
        async with self._reloading:
            self._next_reload = None
            is_fresh = self._wants_fresh and time.monotonic() >= self._fresh_at + FRESH_SECONDS
            self._wants_fresh = False
            try:
                settings = await asyncio.to_thread(self._load)
                former = self._watch.parts_in_force
                make = self._far.make_prober
                parts = await asyncio.to_thread(
                    build_parts, settings, former, is_fresh=is_fresh, make_prober=make
                )
            except (ConfigError, ValueError, OSError) as error:
                problems = tuple(str(error).splitlines())
                log.error("reload_failed", problems=problems)
                self._watch.telemetry.record_reload(is_successful=False, at=datetime.now(UTC))
                return ReloadOutcome(ok=False, problems=problems)
            if is_fresh:
                self._fresh_at = time.monotonic()
            await self._watch.apply(settings, parts)
            for adjust in self._on_reload:
                adjust(settings)
            self._far.adjust(settings)
            self._watch.telemetry.record_reload(is_successful=True, at=datetime.now(UTC))
            log.info("reloaded", targets=len(settings.targets))
            if needs := find_restart_needs(self._begun, settings):
                log.warning("restart_needed", settings=needs, why="a service takes these at its start alone")
            return ReloadOutcome(ok=True)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that the settings in force hang on."""
        return self._watch.settings.files
