"""Fills a store as `mailport serve` does: probes are judged with memory, one after the other, and kept."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from scanner.model import Observation, Severity
from scanner.model.event import Event, EventKind
from scanner.model.memory import Memory
from scanner.model.observation import Key
from scanner.probe.prober import judged
from scanner.service.orders import change_memory
from scanner.service.recollection import write_memory
from scanner.store import Entry, Order, Pace, Place, Reader, Store
from scanner.verdict import Policy
from scanner.verdict.remember import Patience, remember, supplement
from scanner.verdict.version import RULES_VERSION
from tests.verdict.observations import NOW

QUICK = Pace(batch_seconds=0.01, retry_seconds=0.02, longest_retry_seconds=0.1, lock_seconds=0.5)


@dataclass
class KeptHistory:
    """A store in a folder, with a configuration that names it."""

    folder: Path
    policy: Policy = field(default_factory=Policy)
    memories: dict[Key, Memory] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    at: datetime = NOW
    settings: dict[str, Any] = field(default_factory=dict)
    """More for the configuration."""

    @property
    def place(self) -> Place:
        """Where the store is."""
        return Place(path=self.folder / "mailport.db")

    @property
    def config(self) -> Path:
        """A configuration of a service with this store."""
        path = self.folder / "kept.yml"
        store = {"url": f"sqlite:///{self.place.path}"}
        path.write_text(yaml.safe_dump({"store": store, **self.settings}))
        return path

    def see(self, *shown: Observation, times: int = 1) -> list[Event]:
        """Probe so often, a quarter of an hour apart; return what that told."""
        told: list[Event] = []
        for _ in range(times):
            for observation in shown:
                told += self._see(observation)
            self.at += timedelta(minutes=15)
        return told

    def order(self, action: str, seen: Observation) -> None:
        """Have an order of the operator carried out, between two probes."""
        at = self.at - timedelta(minutes=5)
        key, last = seen.endpoint.key, self.entries[-1].observation
        again = judged(last, self.policy)
        changed = change_memory(action, self.memories[key], again, at)
        done = supplement(changed, again, self.policy)
        self.memories[key] = done.memory
        event = Event(
            at, EventKind.BASELINE_CHANGED, "subject", Severity.NOTICE, "An order.", key=key, name=action
        )
        kept = replace(done.observation, standing=None)
        self.entries.append(Entry(kept, write_memory(done.memory), (event,)))

    def write(self, events: Iterable[Event] = (), rules: str = RULES_VERSION) -> None:
        """Write what was seen."""

        async def write() -> None:
            store = Store(self.place, pace=QUICK)
            await store.load()
            for entry in self.entries:
                store.put(entry)
            store.put_events(events)
            store.set_meta({"rules": rules})
            assert await store.flush()
            await store.close()

        asyncio.run(write())
        self.entries.clear()

    def orders(self) -> tuple[Order, ...]:
        """Return the orders that wait."""
        reader = Reader(self.place)
        try:
            return reader.pending_orders()
        finally:
            reader.close()

    def _see(self, observation: Observation) -> tuple[Event, ...]:
        probed = replace(observation, started_at=self.at)
        seen = judged(probed, self.policy)
        seen = replace(seen, verdicts=(*seen.verdicts, *observation.verdicts))  # by its siblings
        key = probed.endpoint.key
        done = remember(self.memories.get(key, Memory()), seen, self.policy, Patience())
        self.memories[key] = done.memory
        kept = replace(done.observation, standing=None)
        self.entries.append(Entry(kept, write_memory(done.memory), done.events))
        return done.events
