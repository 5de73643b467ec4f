"""The panel: a result that may be the trouble of one vantage alone waits until others have looked as well."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from scanner.model import Endpoint, Observation
from scanner.model.observation import Key
from scanner.verdict.vantages import Compared, Word, compare, is_odd

SAME_TIME_SECONDS = 120.0
"""How far apart two vantages may have seen the same trouble for it to be about the same time. Who saw nothing
wrong before is asked again: the trouble may have begun since, for all."""
STEADY_INTERVALS = 1.5
"""For how many of a vantage's intervals its last look counts for what was found to be so everywhere: who is
down is not asked more often by all because one of them asks often."""


class Handle(Protocol):
    """Something that was put off."""

    def cancel(self) -> None:
        """Do it no more."""


Later = Callable[[float, Callable[[], None]], Handle]


@dataclass(frozen=True, slots=True)
class Seat:
    """One vantage at the panel."""

    interval: Callable[[], float]
    """Seconds between its looks at an endpoint."""
    ask: Callable[[Endpoint], bool]
    """Have it look at an endpoint now; False where it cannot, or is not meant to."""
    tell: Callable[[Compared], None]
    """Takes what it saw, as the others make it."""


@dataclass(slots=True, eq=False)
class _Case:
    """A result that waits for others."""

    seen: Observation
    missing: set[str]
    timer: Handle
    since: float = field(default=0.0)


class Panel:
    """Keeps the last look of each vantage at each endpoint, and compares where one of them is in doubt.

    Args:
        patience: seconds that a result waits for the others at most.
        later: has something done in so many seconds.
    """

    def __init__(
        self,
        patience: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        later: Later | None = None,
    ) -> None:
        self.patience = patience
        self._clock = clock
        self._later = later or (lambda seconds, work: asyncio.get_running_loop().call_later(seconds, work))
        self._seats: dict[str, Seat] = {}
        self._looks: dict[Key, dict[str, tuple[float, Observation]]] = {}
        self._words: dict[tuple[Key, str], Word] = {}
        """What was said last, where that was more than that all is sound."""
        self._held: dict[tuple[Key, str], _Case] = {}

    def join(self, vantage: str, seat: Seat) -> None:
        """Let a vantage take part."""
        self._seats[vantage] = seat

    def leave(self, vantage: str) -> None:
        """Let a vantage take part no more: what of it waits is told, and its looks count no longer.

        Who waits for it does so until its time is over.
        """
        for key, name in [place for place in self._held if place[1] == vantage]:
            self._give_up(key, name)
        for key in [key for key, looks in self._looks.items() if vantage in looks]:
            self.forget(key, vantage)
        self._seats.pop(vantage, None)

    def __contains__(self, vantage: str) -> bool:
        return vantage in self._seats

    def take(self, seen: Observation) -> None:
        """Take what a vantage saw; it is told at once, or when the others have looked.

        A newer result of the same vantage overtakes one that still waits, within the time of that one.
        """
        key, name = seen.endpoint.key, seen.vantage
        self._looks.setdefault(key, {})[name] = (self._clock(), seen)
        former = self._held.pop((key, name), None)
        if former is not None:
            former.timer.cancel()
        if not is_odd(seen):
            self._tell(compare(seen, ()))
        elif self._is_as_before(seen) or not (missing := set(self._ask(seen))):
            self._decide(seen)
        else:
            since = self._clock() if former is None else former.since
            wait = max(0.0, since + self.patience - self._clock())
            timer = self._later(wait, lambda: self._give_up(key, name))
            self._held[key, name] = _Case(seen, missing, timer, since)
        self._serve_those_who_wait(key, name)

    def forget(self, key: Key, vantage: str | None = None) -> None:
        """Forget an endpoint, or what one vantage saw of it."""
        for name in [vantage] if vantage is not None else list(self._seats):
            self._looks.get(key, {}).pop(name, None)
            self._words.pop((key, name), None)
            case = self._held.pop((key, name), None)
            if case is not None:
                case.timer.cancel()
        if not self._looks.get(key, True):
            del self._looks[key]

    def keep_only(self, vantage: str, is_wanted: Callable[[Key], bool]) -> None:
        """Forget what a vantage saw of endpoints that are not wanted any more."""
        for key in [key for key in self._looks if not is_wanted(key)]:
            self.forget(key, vantage)

    def _serve_those_who_wait(self, key: Key, name: str) -> None:
        for other in self._seats:
            case = self._held.get((key, other))
            if case is not None and name in case.missing:
                case.missing.discard(name)
                if not case.missing:
                    self._give_up(key, other)

    def _give_up(self, key: Key, name: str) -> None:
        """Wait no longer."""
        case = self._held.pop((key, name), None)
        if case is not None:
            case.timer.cancel()
            self._decide(case.seen)

    def _is_as_before(self, seen: Observation) -> bool:
        """Tell whether by older looks of the others it is still so everywhere."""
        if self._words.get((seen.endpoint.key, seen.vantage)) is not Word.EVERYWHERE:
            return False
        return compare(seen, self._others(seen, is_steady=True)).word is Word.EVERYWHERE

    def _ask(self, seen: Observation) -> Iterator[str]:
        """Ask the others that have not looked lately, and yield those who will."""
        looks = self._looks[seen.endpoint.key]
        for name, seat in self._seats.items():
            if name == seen.vantage or (name in looks and self._counts(name, looks, seen)):
                continue
            if seat.ask(seen.endpoint):
                yield name

    def _others(self, seen: Observation, *, is_steady: bool) -> list[Observation]:
        looks = self._looks[seen.endpoint.key]
        return [
            look
            for name, (_, look) in looks.items()
            if name != seen.vantage
            and name in self._seats
            and self._counts(name, looks, seen, is_steady=is_steady)
        ]

    def _counts(
        self,
        name: str,
        looks: dict[str, tuple[float, Observation]],
        seen: Observation,
        *,
        is_steady: bool = False,
    ) -> bool:
        """Tell whether the last look of a vantage was made at about the same time."""
        at, look = looks[name]
        if is_steady:
            return self._clock() - at <= self._seats[name].interval() * STEADY_INTERVALS
        if is_odd(look):
            return self._clock() - at <= SAME_TIME_SECONDS
        return at >= looks[seen.vantage][0] - seen.duration

    def _decide(self, seen: Observation) -> None:
        # An old look tells what is so everywhere, if it was so before; whose way it is, only a new one.
        compared = compare(seen, self._others(seen, is_steady=self._is_as_before(seen)))
        self._tell(compared)

    def _tell(self, compared: Compared) -> None:
        seen = compared.observation
        name = (seen.endpoint.key, seen.vantage)
        if compared.word is Word.SOUND:
            self._words.pop(name, None)
        else:
            self._words[name] = compared.word
        self._seats[seen.vantage].tell(compared)
