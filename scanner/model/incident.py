"""An incident: one cause, however many ports show it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scanner.model.observation import Key
from scanner.model.verdict import Kind, Severity


class Cause(StrEnum):
    """What lies behind the findings of an incident; the wider covers the narrower."""

    EGRESS_BLOCKED = "egress_blocked"
    EGRESS_INTERCEPTED = "egress_intercepted"
    PROVIDER_DOWN = "provider_down"
    """Every host of a provider that is watched, and there are several, is down."""
    HOST_DOWN = "host_down"
    """Every port of a host that has ever answered, and there are several, is down."""
    ADDRESS_DOWN = "address_down"
    """The same of one address, while other addresses of the host answer."""
    CERTIFICATE = "certificate"
    """One certificate, wherever it is shown."""
    VERDICT = "verdict"
    """One verdict about a host, on however many of its ports and addresses."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One cause, and all that shows it."""

    cause: Cause
    subject: str
    """A host, "mx1.example.org [192.0.2.7]", "port 25", a provider, "certificate" and its fingerprint, "our
    EHLO name"."""
    name: str
    """The id of the verdict for a narrow cause; that of the cause for a wide one."""
    kind: Kind
    severity: Severity
    since: datetime
    keys: tuple[Key, ...]
    domains: tuple[str, ...]
    summary: str
    advice: str
    fading: frozenset[Key] = frozenset()
    """Where the last probe does not show it any more: it is not over there yet, and would not begin now."""

    worst: Severity = Severity.NOTICE
    """The worst that it was before, while it was open."""
    vantage: str | None = None
    """From where alone it is so, several joined by commas; None = it is the target, or nobody compared."""
    compared_with: tuple[str, ...] = ()
    """From where it was in order at about the same time."""

    @property
    def vantages(self) -> tuple[str, ...]:
        """From where alone it is so."""
        return tuple(self.vantage.split(", ")) if self.vantage else ()

    @property
    def told(self) -> Severity:
        """The worst that it was told to be."""
        return max(self.worst, self.severity)

    @property
    def is_ours(self) -> bool:
        """Whether our own network is the cause."""
        return self.cause in {Cause.EGRESS_BLOCKED, Cause.EGRESS_INTERCEPTED}

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that show it, or else the domains that it is about."""
        return tuple(dict.fromkeys(key[0] for key in self.keys)) or self.domains

    @property
    def id(self) -> str:
        """What makes it the same incident at another time."""
        return f"{self.cause.value} {self.name} {self.subject}"
