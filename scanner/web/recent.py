"""What came of the last probes that /probe was asked for, target by target; it is held in memory alone."""

from collections import OrderedDict
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import islice

from scanner.model import Observation
from scanner.model.size import size_of
from scanner.verdict import works
from scanner.web.asked import ProbedTarget

LAST = 10
"""Kept of one target; a scrape every minute would else push everything else out."""
LAST_FAILURES = 10
"""And so many that failed, which are what somebody looks for later."""
MOST_BYTES = 16 * 2**20
"""Roughly, over all targets; the oldest go first."""
LARGEST_NUMBER = 10**15
_FINDING_BYTES = 6000
_ENDPOINT_BYTES = 2000
"""The domains of an endpoint that is watched are many, and are shared with the watch."""


def is_success(found: ProbedTarget) -> bool:
    """Tell whether a client could use every endpoint of the target."""
    return (
        bool(found.probed) and not found.unfinished and all(works(each.observation) for each in found.probed)
    )


@dataclass(frozen=True, slots=True)
class Recent:
    """One probe of a target."""

    number: int
    """Counted from the start of the process."""
    target: str
    at: datetime
    found: ProbedTarget
    is_success: bool

    bytes: int
    """Roughly what it takes in memory."""


class RecentProbes:
    """Keeps the last probes of each target within fixed bounds."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Recent] = OrderedDict()
        self._by_target: dict[str, list[int]] = {}
        self._bytes = 0
        self._count = 0

    def add(self, target: str, found: ProbedTarget, at: datetime) -> None:
        """Keep what came of a probe."""
        self._count += 1
        recent = Recent(self._count, target, at, found, is_success(found), _measure(found))
        self._kept[recent.number] = recent
        self._by_target.setdefault(target, []).append(recent.number)
        self._bytes += recent.bytes
        self._thin(target)
        while self._bytes > MOST_BYTES and len(self._kept) > 1:
            self._drop(next(iter(self._kept)))

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def find(self, target: str | None, before: int | None, limit: int) -> list[Recent]:
        """Return the newest first: of one target or of all, and with numbers below `before`."""
        matching = (
            recent
            for recent in reversed(self._kept.values())
            if (target is None or recent.target == target) and (before is None or recent.number < before)
        )
        return list(islice(matching, limit))

    def get(self, number: int) -> Recent | None:
        """Return one of them; None where it is not kept, or not any more."""
        return self._kept.get(number)

    def _thin(self, target: str) -> None:
        """Let go of what one target has too much of."""
        older = self._by_target[target][:-LAST]
        failures = [number for number in older if not self._kept[number].is_success]
        for number in set(older) - set(failures[-LAST_FAILURES:]):
            self._drop(number)

    def _drop(self, number: int) -> None:
        recent = self._kept.pop(number)
        self._bytes -= recent.bytes
        numbers = self._by_target[recent.target]
        numbers.remove(number)
        if not numbers:
            del self._by_target[recent.target]


def read_number(text: str) -> int | None:
    """Return the number of a probe as an address has it; None for what is none."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_NUMBER))
    return int(text) if is_number else None


def _measure(found: ProbedTarget) -> int:
    # By what each text takes: servers choose how long theirs are, and a sign takes up to four bytes.
    size = sum(_measure_seen(each.observation) + size_of(each.dialogue) for each in found.probed)
    return size + _FINDING_BYTES * (1 + len(found.findings))


def _measure_seen(seen: Observation) -> int:
    shown = (getattr(seen, field.name) for field in fields(seen) if field.name != "endpoint")
    return _ENDPOINT_BYTES + sum(map(size_of, shown))
