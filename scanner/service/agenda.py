"""The agenda: hands endpoints to the pool when they are due, and knows how late it is."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterable
from datetime import UTC, datetime, timedelta

from scanner.config.settings import ScheduleSettings
from scanner.engine import Schedule
from scanner.model import Endpoint
from scanner.model.observation import Key


class Agenda:
    """The schedule on the running loop. Times are seconds."""

    def __init__(self, settings: ScheduleSettings) -> None:
        self._schedule = Schedule(settings.interval, settings.jitter)
        self._due_at: dict[Key, float] = {}
        self._changed = asyncio.Event()
        self.is_closed = False
        self.lag = 0.0
        """How late the last probe began."""

    def __len__(self) -> int:
        return len(self._schedule)

    def __contains__(self, key: Key) -> bool:
        return key in self._schedule

    @property
    def next_at(self) -> datetime | None:
        """When the next endpoint is due; None where there is none."""
        due = self._schedule.next_due()
        if due is None:
            return None
        return datetime.now(UTC) + timedelta(seconds=max(0.0, due - time.monotonic()))

    def adjust(self, settings: ScheduleSettings) -> None:
        """Go on with another interval and jitter."""
        self._schedule.adjust(settings.interval, settings.jitter)

    def replace(
        self, endpoints: Iterable[Endpoint], *, spread: float, on_gone: Callable[[Key], None]
    ) -> Generator[None, None, None]:
        """Have exactly these endpoints on it, piece by piece; each key that goes is told to `on_gone`."""

        def let_go(key: Key) -> None:
            self._due_at.pop(key, None)
            on_gone(key)

        yield from self._schedule.replace(endpoints, time.monotonic(), spread=spread, on_gone=let_go)
        self._changed.set()

    def close(self) -> None:
        """Hand out nothing more."""
        self.is_closed = True
        self._changed.set()

    def hasten(self, key: Key, seconds: float = 0.0) -> None:
        """Make an endpoint due in so many seconds, unless it is due before."""
        self._schedule.hasten(key, time.monotonic() + seconds)
        self._changed.set()

    def begin(self, key: Key) -> bool:
        """Tell whether a probe that was handed out is still wanted, and note how late it begins."""
        due_at = self._due_at.pop(key, None)
        if key not in self._schedule or self.is_closed:
            return False  # removed while it waited for its turn, or too late to start
        if due_at is not None:
            self.lag = time.monotonic() - due_at
        return True

    def end(self, key: Key, *, at_least: float = 0.0) -> None:
        """Schedule the next probe of an endpoint, in `at_least` seconds where the interval is shorter."""
        self._schedule.probed(key, time.monotonic(), at_least=at_least)
        self._changed.set()

    async def feed(self) -> AsyncIterator[Endpoint]:
        """Yield each endpoint when it is due, until closed."""
        while not self.is_closed:
            now = time.monotonic()
            due = self._schedule.pop_due(now)
            if due is not None:
                endpoint, late = due
                self._due_at[endpoint.key] = now - late
                yield endpoint
                continue
            next_due = self._schedule.next_due()
            self._changed.clear()
            try:
                async with asyncio.timeout(None if next_due is None else max(0.0, next_due - now)):
                    await self._changed.wait()
            except TimeoutError:
                continue
