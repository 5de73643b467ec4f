"""One probe before the judge, beside what is remembered of its endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from scanner.model import Verdict
from scanner.model.memory import Memory, Trait, TraitValue
from scanner.verdict.baseline import lost
from scanner.verdict.rules import Case

_ASK = "Ask who runs the server; if nobody changed it, compare from another network"
ACCEPT = "if the change is meant, accept it as the new baseline (mailport baseline accept)"
ADVICE = f"{_ASK}; {ACCEPT}."


@dataclass(frozen=True, slots=True)
class Past:
    """One probe before the judge, beside what is remembered of its endpoint."""

    case: Case
    memory: Memory
    readings: Mapping[str, TraitValue]
    verdicts: tuple[Verdict, ...]
    """What the probe itself shows."""

    def lost(self, name: str) -> Trait | None:
        """Return the trait that has fallen behind its baseline; None where it has not."""
        return lost(self.memory, self.readings, name)

    def has(self, *ids: str) -> bool:
        """Tell whether the probe itself shows one of these verdicts."""
        return any(verdict.id in ids for verdict in self.verdicts)


def say_moment(moment: datetime) -> str:
    """Write a moment for people, to the minute."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def last_seen(trait: Trait) -> str:
    """Write when a trait was seen last."""
    return say_moment(trait.seen_at)
