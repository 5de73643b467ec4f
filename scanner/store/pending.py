"""What waits to be written: taken from the event loop at once, handed to the writer in order."""

import secrets
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from scanner.discovery.mta_sts import KeptPolicy
from scanner.model.event import Event
from scanner.model.observation import Key
from scanner.store.values import Entry, Pace

Name = tuple[Key, str]
"""An endpoint as one vantage sees it."""


@dataclass(slots=True)
class Batch:
    """What goes into one transaction, oldest first."""

    entries: list["Waiting"] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    policies: dict[str, KeptPolicy] = field(default_factory=dict)
    meta: dict[str, str | None] = field(default_factory=dict)
    """Values of the key/value table; None = it is removed."""
    finished: list[int] = field(default_factory=list)
    """Orders that were carried out."""
    settled: list[str] = field(default_factory=list)
    """Events, by their uids, that no receiver is owed any more."""
    barriers: list[Future[None]] = field(default_factory=list)
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    """Written with it: tells whether it was committed where the answer got lost."""
    tries: int = 0

    def __len__(self) -> int:
        others = len(self.policies) + len(self.meta) + len(self.finished) + len(self.settled)
        return len(self.entries) + len(self.events) + others

    def split(self) -> "list[Batch]":
        """Return the same in single pieces, so that one that cannot be written stops no other."""
        return [
            *(Batch(events=[event]) for event in self.events),
            *(Batch(entries=[waiting]) for waiting in self.entries),
            *(Batch(policies={domain: kept}) for domain, kept in self.policies.items()),
            *(Batch(meta={key: value}) for key, value in self.meta.items()),
            *(Batch(finished=[number]) for number in self.finished),
            *(Batch(settled=[uid]) for uid in self.settled),
            Batch(barriers=self.barriers),
        ]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry that waits."""

    entry: Entry
    is_blind: bool = False
    """It was put before the memory of earlier runs could be read: it must not replace that memory."""

    @property
    def name(self) -> Name:
        """Whose entry it is."""
        return (self.entry.observation.endpoint.key, self.entry.observation.vantage)


class Pending:
    """A bounded queue between the event loop and the writer's thread.

    When too much waits, the oldest observations go; of each endpoint the newest stays, and every event, up
    to a larger bound of its own.
    """

    def __init__(self, pace: Pace) -> None:
        self.dropped = 0
        self.dropped_events = 0
        self.filled = threading.Event()
        """Set when there is something to write."""
        self.is_full = threading.Event()
        """Set when there is enough for a whole batch."""
        self._pace = pace
        self._lock = threading.Lock()
        self._entries: deque[Waiting] = deque()
        self._carried: dict[Name, Waiting] = {}
        self._events: deque[Event] = deque()
        self._policies: dict[str, KeptPolicy] = {}
        self._meta: dict[str, str | None] = {}
        self._finished: list[int] = []
        self._settled: deque[str] = deque(maxlen=pace.most_pending_events)
        self._barriers: list[Future[None]] = []

    def __len__(self) -> int:
        others = len(self._policies) + len(self._meta) + len(self._finished) + len(self._settled)
        return len(self._entries) + len(self._carried) + len(self._events) + others

    def put(self, waiting: Waiting) -> None:
        """Add an entry."""
        with self._lock:
            self._entries.append(waiting)
            if len(self._entries) > self._pace.most_pending:
                self._carry(self._entries.popleft())
            is_full = len(self._entries) >= self._pace.batch_entries
        self._tell(is_full=is_full)

    def put_events(self, events: Iterable[Event], meta: Mapping[str, str | None] | None = None) -> None:
        """Add events that belong to no entry; they are written in the order in which they came.

        The values of the key/value table go into one transaction with them.
        """
        with self._lock:
            self._add_events(events)
            self._meta.update(meta or {})
        self._tell()

    def put_policies(self, policies: Mapping[str, KeptPolicy]) -> None:
        """Add policies by their domain."""
        with self._lock:
            self._policies.update(policies)
        self._tell()

    def put_meta(self, values: Mapping[str, str | None]) -> None:
        """Add values of the key/value table; None removes one."""
        with self._lock:
            self._meta.update(values)
        self._tell()

    def finish(self, orders: Iterable[int]) -> None:
        """Note orders as carried out."""
        with self._lock:
            self._finished.extend(orders)
        self._tell()

    def settle(self, uids: Iterable[str]) -> None:
        """Note events that no receiver is owed any more."""
        with self._lock:
            self._settled.extend(uids)
        self._tell(is_full=True)

    def take(self) -> Batch:
        """Take what goes into the next transaction."""
        with self._lock:
            self.filled.clear()
            self.is_full.clear()
            batch = Batch(list(self._carried.values()), list(self._events))
            batch.policies, batch.meta = self._policies, self._meta
            self._carried, self._policies, self._meta = {}, {}, {}
            self._events.clear()
            while self._entries and len(batch.entries) < self._pace.batch_entries:
                batch.entries.append(self._entries.popleft())
            is_more = bool(self._entries)
            if not is_more:
                batch.finished, self._finished = self._finished, []
                batch.settled = list(self._settled)
                self._settled.clear()
                batch.barriers, self._barriers = self._barriers, []
        if is_more:
            self._tell(is_full=True)
        return batch

    def add_barrier(self) -> Future[None]:
        """Return what is done once everything that waits now is written."""
        barrier: Future[None] = Future()
        with self._lock:
            self._barriers.append(barrier)
        self._tell(is_full=True)
        return barrier

    def _carry(self, waiting: Waiting) -> None:
        """Keep of the oldest entry what counts: its events, and all of it if it is its endpoint's last."""
        former = self._carried.pop(waiting.name, None)
        if former is not None:
            self.dropped += 1
            self._add_events(former.entry.events)
            if waiting.entry.memory is None and former.entry.memory is not None:
                entry = Entry(waiting.entry.observation, former.entry.memory, waiting.entry.events)
                waiting = Waiting(entry, former.is_blind)
        self._carried[waiting.name] = waiting

    def _add_events(self, events: Iterable[Event]) -> None:
        self._events.extend(events)
        while len(self._events) > self._pace.most_pending_events:
            self._events.popleft()
            self.dropped_events += 1

    def _tell(self, *, is_full: bool = False) -> None:
        if not self.filled.is_set():
            self.filled.set()
        if is_full and not self.is_full.is_set():
            self.is_full.set()
