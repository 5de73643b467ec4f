"""An event: something that changed, with the evidence of both sides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from scanner.model.observation import Key
from scanner.model.verdict import Severity


class EventKind(StrEnum):
    """What sort of change an event tells."""

    STATE_CHANGED = "state_changed"
    VERDICT_RAISED = "verdict_raised"
    VERDICT_RESOLVED = "verdict_resolved"
    BASELINE_LEARNT = "baseline_learnt"
    BASELINE_CHANGED = "baseline_changed"
    """By an operator, or because the old one had aged."""
    INCIDENT_OPENED = "incident_opened"
    INCIDENT_CLOSED = "incident_closed"
    EGRESS_CHANGED = "egress_changed"
    """Our own network began or ceased to block or to intercept a port."""
    ACCOUNT_CHANGED = "account_changed"
    """A check of an account began to fail, fails for another reason, or works again."""
    MEMORY_LOST = "memory_lost"
    """What was known of the past could not be read: baselines are learnt anew."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change. `before` and `after` hold plain JSON values: the evidence of both sides."""

    at: datetime
    kind: EventKind
    subject: str
    """What it is about, for people: "mx1.example.org [192.0.2.7]:25", "port 25", "account sales imap"."""
    severity: Severity
    summary: str
    key: Key | None = None
    """The endpoint, where it is about one."""
    name: str | None = None
    """The id of the verdict or of the cause; of an account's check the reason why it fails."""
    advice: str | None = None
    before: Mapping[str, object] = field(default_factory=dict)
    after: Mapping[str, object] = field(default_factory=dict)
    vantage: str = "default"
    id: int | None = None
    """The store's number for it, growing with time; None until it is stored."""
    ended: Severity | None = None
    """The worst that the trouble was told to be that it tells the end of; None where it tells no end."""
    hosts: tuple[str, ...] = ()
    """Whom it concerns beside `key`: the hosts of an incident, or the domain that it is about."""
    vantages: tuple[str, ...] = ()
    """From where alone it is so what it tells, by a comparison; `vantage` is who tells it."""
    compared_with: tuple[str, ...] = ()
    """From where it was in order at about the same time."""
    port: int | None = None
    """The port that our own network is in the way of: it concerns every host that is probed on it."""
    uid: str | None = None
    """Its own name (a UUID), the same wherever and however often it is told; None until it is told first."""
    is_due: bool = False
    """Whether a receiver is owed it: the store then keeps it for that until it was taken."""

    @property
    def weight(self) -> Severity:
        """How much it matters to be told: an end as much as its beginning."""
        return self.severity if self.ended is None else max(self.severity, self.ended)
