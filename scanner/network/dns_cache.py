"""Keeps answers of the DNS: what was found by its TTL and beyond, what was not for a shorter time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from scanner.network.answer import Answer, Status

MAX_STALE = 3 * 86400.0
"""Seconds that records may be old when they stand in for servers that fail (RFC 8767 section 5)."""
_FAILURES = {Status.FAILED, Status.TIMEOUT, Status.BOGUS}

Key = tuple[str, str]
"""Name and record type."""
ALL_TYPES = ""
"""The type under which "no such name" is kept: it holds for every type (RFC 2308 section 5)."""
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class _Kept:
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

    def get(self, key: Key) -> _Value | None:
        return self._values.get(key)

    def put(self, key: Key, value: _Value) -> None:
        self._values.pop(key, None)
        if len(self._values) >= self._size:
            del self._values[next(iter(self._values))]
        self._values[key] = value

    def drop(self, key: Key) -> None:
        self._values.pop(key, None)


class AnswerCache:
    """What is known; records are kept apart from "there is none", which is so much more often the answer.

    Args:
        size: how many answers with records, and how many without, are kept.
        clock: seconds.
    """

    def __init__(self, size: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._found: _Shelf[_Kept] = _Shelf(size)
        self._lacking: _Shelf[_Kept] = _Shelf(size)

    def __len__(self) -> int:
        return max(len(self._found), len(self._lacking))

    def get(self, key: Key) -> Answer[Any] | None:
        """Return what is known now, with the seconds left; old records where the servers just failed."""
        now = self._clock()
        found = self._found.get(key)
        if found is not None and now < found.until:
            return replace(found.answer, ttl=found.until - now)
        for place in ((key[0], ALL_TYPES), key):
            lacking = self._lacking.get(place)
            if lacking is not None and now < lacking.until:
                return self.stand_in(key, replace(lacking.answer, ttl=lacking.until - now))
        return None

    def put(self, key: Key, answer: Answer[Any]) -> Answer[Any]:
        """Keep an answer for its TTL, and return what is to be said now: the answer, or old records."""
        now = self._clock()
        kept = _Kept(answer, now, now + answer.ttl)
        if answer.status in _FAILURES:
            if answer.ttl > 0:
                self._lacking.put(key, kept)
            return self.stand_in(key, answer)
        self._lacking.drop(key)
        self._lacking.drop((key[0], ALL_TYPES))
        if answer.status is Status.FOUND:
            self._found.put(key, kept)
        else:
            self._found.drop(key)
            self._lacking.put((key[0], ALL_TYPES) if answer.status is Status.NO_NAME else key, kept)
        return answer

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

    def seconds_of(self, key: Key) -> float | None:
        """Return how long the look-up took that the records come from, however old they are."""
        found = self._found.get(key)
        return None if found is None else found.answer.seconds
