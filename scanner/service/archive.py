"""The archive: lets what a watch remembers outlive the process; no fault of the store holds a probe up."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog

from scanner.config import Settings
from scanner.discovery.pieces import give_way
from scanner.model import Observation, Severity
from scanner.model.event import Event, EventKind
from scanner.model.incident import Incident
from scanner.model.observation import Key
from scanner.service.orders import OrderDesk
from scanner.service.past import Past, egress_marks, incident_marks, read_past
from scanner.service.share import Share
from scanner.service.watch import Watch
from scanner.store import Entry, Limits, Place, Store, StoredPolicies, StoreError, find_place
from scanner.store.fence import Fence
from scanner.verdict.version import RULES_VERSION

log = structlog.get_logger(__name__)

LOAD_SECONDS = 10.0
"""How long the first plan waits for what was known; what comes later is taken over when it comes."""
ORDER_SECONDS = 5.0
"""How often an operator's orders and the store's losses are looked for."""


class StoreKeeper:
    """Hands on to the store what one probe came to."""

    def __init__(self, store: Store, scope: str) -> None:
        self._store = store
        self._scope = scope

    def keep(self, observation: Observation, memory: str, events: Sequence[Event]) -> None:
        """Keep it."""
        self._store.put(Entry(observation, memory, tuple(events)))

    def keep_events(self, events: Sequence[Event]) -> None:
        """Keep events that are about no single endpoint, and what they tell of our own network."""
        self._store.put_events(events, egress_marks(events, self._scope))

    def keep_incidents(self, changed: Mapping[str, Incident | None], events: Sequence[Event]) -> None:
        """Keep which incidents are open, and the events that tell of it."""
        self._store.put_events(events, incident_marks(changed, self._scope))

    def forget(self, keys: Iterable[Key]) -> None:
        """Take note that endpoints are watched no more."""
        self._store.forget(keys)


class Archive:
    """The store of a running service."""

    def __init__(self, place: Place, settings: Settings, share: Share | None = None) -> None:
        kept = settings.store
        self._share = share or Share()
        scope = self._share.scope(settings.vantage)
        limits = Limits(kept.samples, kept.sample_days, kept.events, kept.event_days)
        outbox = self._share.outbox(settings.vantage)
        self.store = Store(place, limits, vantage=settings.vantage, owner=scope, outbox=outbox)
        self.keeper = StoreKeeper(self.store, scope)
        self.policies = StoredPolicies(self.store, {})
        self._desk = OrderDesk(settings.vantage, is_ours=self._share.has)
        self._vantage, self._scope = settings.vantage, scope
        self._is_loaded = False
        self._told: set[str] = set()
        """The kinds of faults that are in the log."""

    async def load(self, seconds: float | None = LOAD_SECONDS) -> Past:
        """Return what was known; nothing where the store fails, which it then goes on to mend by itself."""
        try:
            known = await self.store.load(seconds)
            self.policies.restore(known.policies)
        except Exception as error:  # noqa: BLE001 - without what was known all the rest can be done
            self._tell_once("store_not_loaded", error)
            return Past()
        self._is_loaded = True
        self.store.set_meta({"rules": RULES_VERSION})
        log.info("store_loaded", place=str(self.store.place), endpoints=len(known.memories))
        return await give_way(self._share.recall(read_past(known, self._scope)))

    async def history(
        self, key: Key, *, since: datetime | None, before: datetime | None, limit: int
    ) -> Sequence[Observation]:
        """Return the newest observations of an endpoint in a time, newest first.

        Raises:
            StoreError: they cannot be read.
        """
        read = partial(self.store.reader.history, key, vantage=self._vantage)
        return await asyncio.to_thread(read, since=since, before=before, limit=limit)

    async def run(self, watch: Watch) -> None:
        """Obey an operator's orders and tell what the store has lost, until cancelled; no fault ends it."""
        while True:
            try:
                await self._look(watch)
            except Exception as error:  # noqa: BLE001 - it would end the probes as well
                self._tell_once("archive_failed", error)
            await asyncio.sleep(ORDER_SECONDS)

    async def close(self) -> None:
        """Write what waits, as far as that can be done in a moment."""
        await self.store.close()

    async def _look(self, watch: Watch) -> None:
        if not self._is_loaded:
            past = await self.load(None)
            await give_way(watch.restore(past))
        watch.chronicle.tell(tuple(self._tell_losses()))
        await self._obey(watch)

    async def _obey(self, watch: Watch) -> None:
        try:
            self._desk.take(await self.store.take_orders())
        except StoreError as error:
            self._tell_once("orders_not_read", error)
            return
        self.store.finish_orders(self._desk.work(watch))

    def _tell_once(self, event: str, error: Exception) -> None:
        """Log a fault, once of each kind: it may come again every few seconds."""
        is_ours = not isinstance(error, StoreError)
        text = f"{type(error).__name__}: {error}"[:300] if is_ours else str(error)
        kind = f"{event} {type(error).__name__ if is_ours else text}"
        if kind not in self._told:
            self._told.add(kind)
            log.error(event, error=text)

    def _tell_losses(self) -> Iterable[Event]:
        for loss in self.store.take_losses():
            yield Event(
                at=loss.at,
                kind=EventKind.MEMORY_LOST,
                subject="store",
                severity=Severity.WARNING,
                summary=loss.text,
                advice="Baselines are learnt anew; a backup of the file, put in its place, has the old ones.",
                vantage=self._vantage,
            )


def find_last(
    seen: Observation | None, since: datetime | None, before: datetime | None
) -> Sequence[Observation]:
    """Return the last observation where it is of this time: all the history there is without a store."""
    if seen is None or (since is not None and seen.started_at < since):
        return ()
    return () if before is not None and seen.started_at >= before else (seen,)


def open_archive(
    settings: Settings,
    environ: Mapping[str, str],
    share: Share | None = None,
    fence: Fence | None = None,
) -> Archive | None:
    """Open the store that the settings name; None where none is wanted, or no place for one is known.

    Behind a fence nothing is written once another scheduler leads.
    """
    try:
        place = find_place(settings.store, environ, None if share is None else share.shard)
    except StoreError as error:
        log.error("store_not_opened", error=str(error))
        return None
    return None if place is None else Archive(replace(place, fence=fence), settings, share)
