"""The store as the service sees it: takes what is new without waiting, and gives back what was known."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from sqlalchemy import Connection

from scanner.discovery.mta_sts import KeptPolicy
from scanner.model.event import Event
from scanner.model.observation import Key
from scanner.store.codec import is_same_sample
from scanner.store.current import Current
from scanner.store.damage import Skipped
from scanner.store.faults import StoreError
from scanner.store.orders import read_pending
from scanner.store.outbox import recall
from scanner.store.packing import pack
from scanner.store.pending import Name, Waiting
from scanner.store.place import Place
from scanner.store.reader import Reader
from scanner.store.reading import read_known
from scanner.store.values import Entry, Known, Limits, Loss, Order, Owed, Pace, Status
from scanner.store.writer import Writer

log = structlog.get_logger(__name__)


class Store:
    """One for each process. Its writer works in a thread of its own; `reader` answers questions.

    Args:
        place: see `find_place`.
        vantage: whose memories `load` returns.
        owner: who writes; two with the same name cannot write to one database. None = the vantage.
        outbox: who delivers what is due; after a restart it is found by this name. None = the vantage.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        place: Place,
        limits: Limits | None = None,
        *,
        vantage: str = "default",
        owner: str | None = None,
        outbox: str | None = None,
        clock: Callable[[], float] = time.time,
        pace: Pace | None = None,
    ) -> None:
        self.place = place
        self._vantage = vantage
        self._outbox = outbox or vantage
        self._skipped = Skipped()
        self.reader = Reader(place, self._skipped)
        self._writer = Writer(
            place,
            limits or Limits(),
            pace or Pace(),
            clock=clock,
            owner=owner or vantage,
            outbox=self._outbox,
        )
        self._is_known = False
        self._handed_out: set[int] = set()
        self._untouched: set[Name] = set()
        """Whose entry was loaded, and none put since."""
        self._writer.start()

    async def load(self, seconds: float | None = 10.0) -> Known:
        """Return what was known when the last process ended.

        May be called again after it failed, without a limit perhaps: meanwhile the store takes what is put,
        and memories put then do not replace those that it holds.

        Raises:
            StoreError: it could not be opened in this time, or never can: what, where, how to mend it.
        """

        def read(connection: Connection) -> Known:
            known = read_known(connection, self._vantage, self._skipped)
            for key, observation in known.latest.items():
                current = Current(observation, known.memories.packed.get(key))
                self._writer.current.setdefault((key, self._vantage), current)
            return known

        future = asyncio.wrap_future(self._writer.submit(read))
        try:
            known = await asyncio.wait_for(future, seconds)
        except TimeoutError:
            health = self._writer.health
            if isinstance(health.fault, StoreError):
                raise health.fault from None
            raise StoreError(health.error or f"{self.place}: gives no answer") from None
        self._writer.meta = {**known.meta, **self._writer.meta}
        self._untouched = {(key, self._vantage) for key in known.latest}
        self._is_known = True
        return known

    def put(self, entry: Entry) -> None:
        """Take one entry. It is written whole or not at all, within a second where the store works.

        What was loaded and comes back as it was, as each endpoint does after a start, is not written again.
        """
        if self._untouched and self._is_written(entry):
            return
        self._writer.pending.put(Waiting(entry, is_blind=not self._is_known))

    def _is_written(self, entry: Entry) -> bool:
        """Tell whether an entry is the one that was loaded, and nothing was put of its endpoint since."""
        name = (entry.observation.endpoint.key, entry.observation.vantage)
        if name not in self._untouched:
            return False
        self._untouched.discard(name)
        if not self._untouched:
            self._untouched = set()  # an empty one still has the room that it had
        current = self._writer.current.get(name)
        if current is None or entry.events or entry.memory is None:
            return False
        is_same = current.memory == pack(entry.memory) and is_same_sample(
            current.observation, entry.observation
        )
        if is_same:
            # The watch has the same result made of values that others share: one of the two is enough.
            self._writer.current[name] = replace(current, observation=entry.observation)
        return is_same

    def put_events(self, events: Iterable[Event], meta: Mapping[str, str | None] | None = None) -> None:
        """Take events that belong to no entry, and values of the key/value table that go with them.

        They are written in one transaction; a value that is None is removed.
        """
        self._writer.pending.put_events(events, meta)

    def save_policies(self, policies: Mapping[str, KeptPolicy]) -> None:
        """Take MTA-STS policies by domain."""
        self._writer.pending.put_policies(policies)

    def set_meta(self, values: Mapping[str, str]) -> None:
        """Take values for the key/value table, such as the version of the rules."""
        self._writer.pending.put_meta(values)

    def forget(self, keys: Iterable[Key]) -> None:
        """Take note that endpoints are not watched any more.

        Their rows stay until their age is over: a target removed and added again has its memory.
        """
        for key in keys:
            self._writer.current.pop((key, self._vantage), None)

    async def take_orders(self) -> tuple[Order, ...]:
        """Return the orders that were not handed out yet by this process, oldest first.

        Put what an order changes, then tell by `finish_orders` that it is carried out: one that a kill
        interrupts is handed out again by the next process. Waits while the store is down. One that cannot be
        read is told in the log and done with.
        """
        job = self._writer.submit(lambda connection: read_pending(connection, self._skipped))
        found, unreadable = await asyncio.wrap_future(job)
        for number, why in unreadable.items():
            log.error("order_unreadable", order=number, error=why)
        self.finish_orders(unreadable)
        new = tuple(order for order in found if order.id not in self._handed_out)
        self._handed_out = {order.id for order in found}
        return new

    def finish_orders(self, numbers: Iterable[int]) -> None:
        """Note orders as carried out; written not before what was put before."""
        self._writer.pending.finish(numbers)

    def take_losses(self) -> tuple[Loss, ...]:
        """Return what got lost since this was asked last, each an event for people (MEMORY_LOST)."""
        found = []
        while losses := self._writer.health.losses:
            found.append(losses.popleft())
        return tuple(found)

    def recall_due(self, most: int) -> Future[Owed]:
        """Return what will be the newest events that receivers are owed; older ones are given up.

        Ask before anything is put, or that is among them.
        """
        return self._writer.submit(lambda connection: recall(connection, self._outbox, most, self._skipped))

    def settle(self, uids: Iterable[str]) -> None:
        """Note that no receiver is owed these events any more; written not before the events themselves."""
        self._writer.pending.settle(uids)

    def ask_written(self) -> Future[None]:
        """Return what is done once all that was put until now is written."""
        return self._writer.pending.add_barrier()

    async def flush(self, seconds: float = 10.0) -> bool:
        """Write what waits now; tell whether that was done in this time."""
        barrier = self.ask_written()
        self._writer.rush()
        try:
            await asyncio.wait_for(asyncio.wrap_future(barrier), seconds)
        except TimeoutError:
            return False
        return True

    async def close(self, seconds: float = 5.0) -> None:
        """Write what waits and end; what cannot be written in this time is given up, and told in the log."""
        await asyncio.to_thread(self._writer.stop, seconds)
        self.reader.close()

    @property
    def status(self) -> Status:
        """How the store is now."""
        writer, health = self._writer, self._writer.health
        at = health.succeeded_at
        return Status(
            is_up=health.is_up,
            pending=len(writer),
            written=writer.written,
            dropped=writer.pending.dropped,
            dropped_events=writer.pending.dropped_events,
            refused=writer.batches.refused,
            unreadable=self._skipped.count + writer.batches.rows.damaged,
            failures=health.failures,
            error=health.error,
            succeeded_at=None if at is None else datetime.fromtimestamp(at, UTC),
            size_bytes=writer.size_bytes,
        )
