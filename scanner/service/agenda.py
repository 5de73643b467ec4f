"""The agenda: hands endpoints to the pool when they are due, and knows how late it is."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterable
from datetime import UTC, datetime, timedelta

import structlog

from scanner.config.settings import ScheduleSettings
from scanner.engine import Restraint, Schedule
from scanner.model import Endpoint, State
from scanner.model.observation import Key

log = structlog.get_logger(__name__)

FIRST_PASS_SECONDS = 60.0
"""The first runs come within this time as far as the rate allows, rather than after an interval."""
UNLIMITED_RATE = 500.0
"""Connections a second that first runs are spread by where the rate is not limited."""
STANDSTILL_SECONDS = 10.0
"""So late nobody wakes up who was not stopped: the machine slept, or the process was held."""


def first_spread(count: int, rate: float) -> float:
    """Return the seconds that the first runs of so many endpoints are spread over; a rate of 0 is no limit.

    Not less than the rate allows, or they would wait in a long queue, and what is urgent with them.
    """
    soon = min(FIRST_PASS_SECONDS, 2 * count / (rate or 100.0))
    return max(soon, 1.1 * count / (rate or UNLIMITED_RATE))


class Agenda:
    """The schedule on the running loop. Times are seconds, of a clock that never goes back.

    Time for which the process stood still does not count: everything goes on where it was, in place of a
    burst of all that was missed.
    """

    def __init__(self, settings: ScheduleSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._schedule = Schedule(settings.interval, settings.jitter)
        self._restraint = Restraint(settings.interval, settings.unreachable_interval)
        self._clock = clock
        self._stood_still = 0.0
        self._due_at: dict[Key, float] = {}
        self._overtaken: set[Key] = set()
        """Handed out, and then probed for somebody else before their turn came."""
        self._postponed: dict[Key, float] = {}
        """When they were due before they were postponed first."""
        self._changed = asyncio.Event()
        self._last_lag = 0.0
        self.is_closed = False

    def __len__(self) -> int:
        return len(self._schedule)

    def __contains__(self, key: Key) -> bool:
        return key in self._schedule

    @property
    def lag(self) -> float:
        """How late the last probe began, or how late the next one is by now where that is more."""
        longest = next(iter(self._due_at.values()), None)
        return self._last_lag if longest is None else max(self._last_lag, self._now() - longest)

    @property
    def next_at(self) -> datetime | None:
        """When the next endpoint is due; None where there is none."""
        due = self._schedule.next_due()
        if due is None:
            return None
        return datetime.now(UTC) + timedelta(seconds=max(0.0, due - self._now()))

    def adjust(self, settings: ScheduleSettings) -> None:
        """Go on with another interval and jitter."""
        self._schedule.adjust(settings.interval, settings.jitter)
        self._restraint.adjust(settings.interval, settings.unreachable_interval)

    def replace(
        self, endpoints: Iterable[Endpoint], *, spread: float, on_gone: Callable[[Key], None]
    ) -> Generator[None, None, None]:
        """Have exactly these endpoints on it, piece by piece; each key that goes is told to `on_gone`."""

        def let_go(key: Key) -> None:
            self._due_at.pop(key, None)
            self._postponed.pop(key, None)
            self._restraint.forget(key)
            on_gone(key)

        yield from self._schedule.replace(endpoints, self._now(), spread=spread, on_gone=let_go)
        self._changed.set()

    def close(self) -> None:
        """Hand out nothing more."""
        self.is_closed = True
        self._changed.set()

    def hasten(self, key: Key, seconds: float = 0.0) -> None:
        """Make an endpoint due in so many seconds, unless it is due before."""
        self._schedule.hasten(key, self._now() + seconds)
        self._changed.set()

    def begin(self, key: Key) -> bool:
        """Tell whether a probe that was handed out is still wanted, and note how late it begins."""
        due_at = self._due_at.pop(key, None)
        if key in self._overtaken:
            self._overtaken.discard(key)
            return False
        if key not in self._schedule or self.is_closed:
            return False  # removed while it waited for its turn, or too late to start
        if due_at is not None:
            self._last_lag = self._now() - due_at
        return True

    def end(self, key: Key, found: State, *, at_least: float = 0.0) -> None:
        """Schedule the next probe of an endpoint by what this one found.

        It waits `at_least` so many seconds where the interval is shorter.
        """
        self._postponed.pop(key, None)
        longer = self._restraint.wait_after(key, found)
        self._schedule.probed(key, self._now(), at_least=max(at_least, longer))
        self._changed.set()

    def count(self, key: Key, found: State) -> None:
        """Take a probe that was made for somebody else as one of these: the next comes an interval later.

        One that was handed out and waits for its turn is not wanted any more.
        """
        if self._due_at.pop(key, None) is not None:
            self._overtaken.add(key)
        self.end(key, found)

    def postpone(self, key: Key, seconds: float) -> None:
        """Leave an endpoint alone for so long that was probed for somebody else, and is due before.

        It is probed so many seconds after its time at the latest: who asks for it again and again does not
        keep the watch from it.
        """
        due = self._schedule.due_of(key)
        if due is None or key in self._due_at:
            return
        until = min(self._now(), self._postponed.get(key, due)) + seconds
        if due < until:
            self._postponed.setdefault(key, due)
            self._schedule.postpone(key, until)
            self._changed.set()

    async def feed(self) -> AsyncIterator[Endpoint]:
        """Yield each endpoint when it is due, until closed."""
        while not self.is_closed:
            now = self._now()
            due = self._schedule.pop_due(now)
            if due is not None:
                endpoint, late = due
                self._due_at[endpoint.key] = now - late
                yield endpoint
                continue
            next_due = self._schedule.next_due()
            await self._sleep(None if next_due is None else max(0.0, next_due - now))

    async def _sleep(self, seconds: float | None) -> None:
        """Wait for so long, or until something has changed; note where it took far longer."""
        self._changed.clear()
        began = self._clock()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            pass
        too_long = 0.0 if seconds is None else self._clock() - began - seconds
        if too_long >= STANDSTILL_SECONDS:
            self._stood_still += too_long
            log.warning("stood_still", seconds=round(too_long, 1), why="process or machine were stopped")

    def _now(self) -> float:
        return self._clock() - self._stood_still
