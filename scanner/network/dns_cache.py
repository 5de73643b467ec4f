"""Keeps answers of the DNS: what was found by its TTL and beyond, what was not for a shorter time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from scanner.network import dns_records
from scanner.network.answer import Answer, Status

MAX_STALE = 3 * 86400.0
"""Seconds that records may be old when they stand in for servers that fail (RFC 8767 section 5)."""
_FAILURES = {Status.FAILED, Status.TIMEOUT, Status.BOGUS}

Key = tuple[str, str]
"""Name and record type."""
ALL_TYPES = ""
"""The type under which "no such name" is kept: it holds for every type (RFC 2308 section 5)."""
_KINDS = tuple(
    kind.text
    for kind in (
        dns_records.A,
        dns_records.AAAA,
        dns_records.MX,
        dns_records.SRV,
        dns_records.TXT,
        dns_records.TLSA,
    )
)
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class _Kept:
    kind: str
    answer: Answer[Any]
    since: float
    until: float


class _Shelf(Generic[_Value]):
    """A bounded dictionary: what was put in first goes first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: dict[Key, _Value] = {}

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: Key) -> bool:
        return key in self._values

    def get(self, key: Key) -> _Value | None:
        return self._values.get(key)

    def put(self, key: Key, value: _Value) -> None:
        self._values.pop(key, None)
        if len(self._values) >= self._size:
            del self._values[next(iter(self._values))]
        self._values[key] = value

    def drop(self, key: Key) -> None:
        self._values.pop(key, None)

    def change(self, make: Callable[[_Value], _Value]) -> None:
        self._values = {key: make(value) for key, value in self._values.items()}


class AnswerCache:
    """What is known; records are kept apart from "there is none", which is so much more often the answer.

    Failures have a place of their own: they do not make us forget what was said before them.

    Args:
        size: how many answers with records, how many without, and how many failures are kept.
        clock: seconds.
    """

    def __init__(self, size: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._found: _Shelf[_Kept] = _Shelf(size)
        self._lacking: _Shelf[_Kept] = _Shelf(size)
        self._failed: _Shelf[_Kept] = _Shelf(size)

    def __len__(self) -> int:
        return max(len(self._found), len(self._lacking), len(self._failed))

    def expire(self) -> None:
        """Let everything be asked anew; records stand in for servers that fail, as old ones do."""
        now = self._clock()
        for shelf in (self._found, self._lacking, self._failed):
            shelf.change(lambda kept: replace(kept, until=min(kept.until, now)))

    def get(self, key: Key) -> Answer[Any] | None:
        """Return what is known now, with the seconds left; old records where the servers just failed."""
        now = self._clock()
        found = self._found.get(key)
        if found is not None and now < found.until:
            return replace(found.answer, ttl=found.until - now)
        for place in ((key[0], ALL_TYPES), key):
            lacking = self._lacking.get(place)
            if lacking is not None and now < lacking.until:
                return replace(lacking.answer, ttl=lacking.until - now)
        failed = self._failed.get(key)
        if failed is not None and now < failed.until:
            return self.stand_in(key, replace(failed.answer, ttl=failed.until - now))
        return None

    def put(self, key: Key, answer: Answer[Any]) -> Answer[Any]:
        """Keep an answer for its TTL, and return what is to be said now: the answer, or old records."""
        now = self._clock()
        kept = _Kept(key[1], answer, now, now + answer.ttl)
        if answer.status in _FAILURES:
            if answer.ttl > 0:
                self._failed.put(key, kept)
            return self.stand_in(key, answer)
        self._failed.drop(key)
        self._lacking.drop(key)
        if answer.status is Status.FOUND:
            self._found.put(key, kept)
        else:
            self._found.drop(key)
        if answer.status is Status.NO_NAME and not self._has_records(key[0]):
            self._lacking.put((key[0], ALL_TYPES), kept)
        else:
            self._narrow(key[0])
            if answer.status is not Status.FOUND:
                self._lacking.put(key, kept)
        return answer

    def _narrow(self, name: str) -> None:
        """Let "no such name" hold for the type it was said of only, now that the name is seen to exist."""
        gone = self._lacking.get((name, ALL_TYPES))
        if gone is not None:
            self._lacking.drop((name, ALL_TYPES))
            if (name, gone.kind) not in self._found:
                self._lacking.put((name, gone.kind), gone)

    def _has_records(self, name: str) -> bool:
        """Tell whether there are records of a name now; some servers deny a name for the type they lack."""
        found = (self._found.get((name, kind)) for kind in _KINDS)
        return any(kept is not None and self._clock() < kept.until for kept in found)

    def stand_in(self, key: Key, failure: Answer[Any]) -> Answer[Any]:
        """Return old records in place of a failure, or the failure where there are none to be trusted."""
        found = self._found.get(key)
        if failure.status not in {Status.FAILED, Status.TIMEOUT} or found is None:
            return failure
        gone = self._lacking.get((key[0], ALL_TYPES))
        age = self._clock() - found.since
        if age > MAX_STALE or (gone is not None and gone.since >= found.since):
            return failure
        detail = f"{failure.detail}; these records are {age / 60:.0f} minutes old"
        return replace(found.answer, is_stale=True, ttl=failure.ttl, detail=detail)

    def denial(self, key: Key) -> Answer[Any] | None:
        """Return what the DNS said last, if that was "there is none" and is not too old to stand in."""
        places = (self._lacking.get(key), self._lacking.get((key[0], ALL_TYPES)))
        lacking = [kept for kept in places if kept is not None]
        if not lacking:
            return None
        last = max(lacking, key=lambda kept: kept.since)
        return last.answer if self._clock() - last.since <= MAX_STALE else None

    def seconds_of(self, key: Key) -> float | None:
        """Return how long the look-up took that the records come from, however old they are."""
        found = self._found.get(key)
        return None if found is None else found.answer.seconds
