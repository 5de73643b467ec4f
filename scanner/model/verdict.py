"""A verdict: one judgement about one observation."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum


class Kind(StrEnum):
    """What sort of trouble a verdict names."""

    BLOCKED = "blocked"
    DOWNGRADE = "downgrade"
    WEAKNESS = "weakness"
    MISCONFIGURATION = "misconfiguration"
    NOTICE = "notice"


class Severity(IntEnum):
    """How much it matters; ordered, so that a threshold can be compared."""

    NOTICE = 1
    WARNING = 2
    CRITICAL = 3

    @property
    def label(self) -> str:
        """The name as the record and the metrics write it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Verdict:
    """One finding with the evidence in words (`summary`) and the way to mend it (`advice`)."""

    id: str
    kind: Kind
    severity: Severity
    summary: str
    advice: str
    working_alternative: str | None = None
    """Another port of the same service that was measured and works, as "mail.example.org:465, TLS from the
    first byte"."""
    vantages: tuple[str, ...] = ()
    """From where alone it is seen, where vantages were compared and it is not so from all of them."""
    compared_with: tuple[str, ...] = ()
    """From where it was in order at about the same time."""


@dataclass(frozen=True, slots=True)
class StandingVerdict:
    """A verdict that is confirmed, and counts until good probes have resolved it."""

    verdict: Verdict
    since: datetime
    """When it was seen first, of the probes that confirmed it."""
    seen_at: datetime
    absent: int = 0
    """Good probes in a row that could have shown it and did not."""
    absent_since: datetime | None = None
    """When the first of these was made."""
    is_relapse: bool = False
    """Whether it is back soon after it was resolved: then it has to be absent for longer."""
    is_first: bool = False
    """Whether it stands by the very first probe alone: shown, but no incident until a second one shows it."""
    worst: Severity = Severity.NOTICE
    """The worst that it was before, while it stood."""

    @property
    def told(self) -> Severity:
        """The worst that it was told to be."""
        return max(self.worst, self.verdict.severity)
