"""What goes into the store and comes out of it: frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from scanner.config import StoreSettings
from scanner.discovery.mta_sts import KeptPolicy
from scanner.model import Observation, Severity
from scanner.model.event import Event, EventKind
from scanner.model.observation import Key
from scanner.store.packing import PackedTexts


@dataclass(frozen=True, slots=True)
class Entry:
    """What one probe adds: kept whole or not at all."""

    observation: Observation
    memory: str | None = None
    """What the judge remembers of the endpoint, as JSON text of its own; None = as it was."""
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept, whichever bound comes first."""

    samples: int = 1000
    """Observations of one endpoint."""
    sample_days: float = 30.0
    """Also how long an endpoint is remembered that is no longer watched."""
    events: int = 100_000
    event_days: float = 365.0

    @classmethod
    def of(cls, settings: StoreSettings) -> "Limits":
        """Return what the settings say."""
        return cls(settings.samples, settings.sample_days, settings.events, settings.event_days)


@dataclass(frozen=True, slots=True)
class Pace:
    """How the writer works, in seconds and numbers."""

    batch_seconds: float = 0.5
    """The longest that an entry waits before it is written."""
    batch_entries: int = 500
    """The most in one transaction."""
    retry_seconds: float = 1.0
    """The first wait after a fault; doubled each time."""
    longest_retry_seconds: float = 30.0
    lock_seconds: float = 5.0
    """How long a lock of another program is waited for before that counts as a fault."""
    prune_seconds: float = 10.0
    """Between two steps of pruning."""
    prune_endpoints: int = 50
    """Endpoints of one step; its transaction must stay short."""
    look_seconds: float = 300.0
    """Between two looks at the file on disk, which the open connection might not notice to be damaged."""
    most_pending: int = 50_000
    """Entries that wait while the store fails; of more the oldest observations go."""
    most_pending_events: int = 500_000

    def next_delay(self, former: float) -> float:
        """Return how long to wait after a fault, given the wait after the one before (0 = there was none)."""
        return min(max(self.retry_seconds, 2 * former), self.longest_retry_seconds)


@dataclass(frozen=True, slots=True)
class Loss:
    """The store's file could not be read any more, and was started anew."""

    at: datetime
    text: str
    """What, where, and where the old file is."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was known when the process before this one ended."""

    memories: PackedTexts = field(default_factory=PackedTexts)
    latest: Mapping[Key, Observation] = field(default_factory=dict)
    policies: Mapping[str, KeptPolicy] = field(default_factory=dict)
    """The MTA-STS policies by domain."""
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Owed:
    """What a receiver of events had not taken when the process before this one ended."""

    events: tuple[Event, ...] = ()
    """Oldest first."""
    dropped: int = 0
    """How many more there were: too many, or damaged. They are owed no more."""


@dataclass(frozen=True, slots=True)
class Status:
    """How the store is; totals count from the start of the process."""

    is_up: bool
    """Whether the last thing tried succeeded; false until it was opened."""
    pending: int
    """Entries and events that wait to be written."""
    written: int
    """Entries written."""
    dropped: int
    """Observations given up since too many waited; what counts of them (memory, events) was kept."""
    dropped_events: int
    """Events given up since far too many waited."""
    refused: int
    """Entries and events that could not be written for what was in them."""
    unreadable: int
    """Rows that could not be read and were passed over."""
    failures: int
    """Attempts to open or to write that failed."""
    error: str | None
    """What, where, how to mend it; None while it is up."""
    succeeded_at: datetime | None
    size_bytes: int | None
    """What it takes on disk; None where that cannot be told."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The judge's memory of one endpoint."""

    key: Key
    vantage: str
    memory: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """One endpoint as the store has it."""

    key: Key
    domains: tuple[str, ...]
    """Those that it serves, by its latest observation."""
    memory: str | None
    updated_at: datetime
    latest: Observation | None
    """None where it cannot be read."""


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events to return; what is None does not matter."""

    since: datetime | None = None
    until: datetime | None = None
    """Only those before."""
    after_id: int | None = None
    """Only those with a greater id, as when going on from the last one seen."""
    before_id: int | None = None
    kinds: frozenset[EventKind] = frozenset()
    """Empty = all."""
    severity: Severity | None = None
    """This, or worse; the end of a trouble counts as much as its beginning."""
    host: str | None = None
    """Also incidents that concern it, and our own network in the way of a port that it is probed on."""
    ports: frozenset[int] = frozenset()
    """The ports that the host is probed on, for those who do not know; the store does."""
    key: Key | None = None
    vantage: str | None = None
    limit: int = 100
    is_newest_first: bool = True


@dataclass(frozen=True, slots=True)
class Order:
    """What an operator asked of the running service from another process."""

    id: int
    at: datetime
    action: str
    argument: Mapping[str, object] = field(default_factory=dict)
    taken_at: datetime | None = None
    """When it was carried out."""
