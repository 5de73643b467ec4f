"""The schedule: a heap of due times; first runs spread, second ones over an interval, later ones jittered."""

import heapq
import random
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace

from scanner.model import Endpoint
from scanner.model.observation import Key

_Turn = tuple[float, int, Key]
"""When an endpoint is due, the serial number that its entry must still have, and its key."""


@dataclass(frozen=True, slots=True)
class _Entry:
    endpoint: Endpoint
    serial: int
    is_new: bool
    due: float


class Schedule:
    """Decides when which endpoint is due; pure, the time is handed in (seconds, monotonic).

    Args:
        interval: seconds between two probes of one endpoint.
        jitter: share of the interval by which each due time may move either way (0 to 0.5).
        random_source: where the jitter and the first phase come from.
    """

    def __init__(self, interval: float, jitter: float, random_source: random.Random | None = None) -> None:
        self._interval = interval
        self._jitter = jitter
        self._random = random_source or random.Random()  # noqa: S311 - spreads load, keeps no secret
        self._entries: dict[Key, _Entry] = {}
        self._heap: list[_Turn] = []
        self._serial = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def adjust(self, interval: float, jitter: float) -> None:
        """Take a new interval and jitter; they hold from each endpoint's next probe on."""
        self._interval = interval
        self._jitter = jitter

    def replace(
        self,
        endpoints: Iterable[Endpoint],
        now: float,
        *,
        spread: float,
        on_gone: Callable[[Key], None] = lambda _: None,
    ) -> Generator[None, None, None]:
        """Schedule exactly these endpoints; yields wherever that may be put off, since there may be many.

        Known ones keep their due time; new ones come first over the next `spread` seconds (at most the
        interval), evenly and in random order, so that a start gives answers soon and is no burst. Each key
        that goes is told to `on_gone` at once. Broken off, it leaves a schedule that can be gone on with.
        """
        wanted: dict[Key, Endpoint] = {}
        new = []
        for endpoint in endpoints:
            key = endpoint.key
            if key not in wanted and key not in self._entries:
                new.append(key)
            wanted[key] = endpoint
            yield
        for key in tuple(self._entries):
            self._renew(key, wanted.get(key), on_gone)
            yield
        step = min(spread, self._interval) / max(1, len(new))
        for index in range(len(new)):
            # A shuffle (Fisher and Yates) in steps: as a whole it holds a hundred thousand up for long.
            other = self._random.randrange(index, len(new))
            new[index], new[other] = new[other], new[index]
            self._enter(wanted[new[index]], now + index * step, is_new=True)
            yield
        yield from self._sweep()

    def pop_due(self, now: float) -> tuple[Endpoint, float] | None:
        """Return an endpoint that is due and by how many seconds it is late, or None."""
        due = self.next_due()
        if due is None or due > now:
            return None
        _, _, key = heapq.heappop(self._heap)
        return self._entries[key].endpoint, now - due

    def next_due(self) -> float | None:
        """Return when the next endpoint is due, or None where there is none."""
        while self._heap and self._is_stale(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def probed(self, key: Key, now: float, *, at_least: float = 0.0) -> None:
        """Schedule the next probe of an endpoint that was just probed; missed runs are not caught up.

        `at_least` is the shortest wait (seconds) where the interval is shorter; half as long again at most,
        so that those who got it together do not come back together.
        """
        entry = self._entries.get(key)
        if entry is None:
            return
        # The first runs came close together; the second ones move apart over a whole interval, so that no
        # part of it has more to do than another.
        drift = 0.5 if entry.is_new else self._jitter
        wait = self._interval * (1.0 + drift * self._random.uniform(-1.0, 1.0))
        if at_least > wait:
            wait = at_least * (1.0 + drift * self._random.random())
        self._enter(entry.endpoint, now + wait, is_new=False)

    def hasten(self, key: Key, due: float) -> None:
        """Make an endpoint due by then; one that is due before stays so."""
        entry = self._entries.get(key)
        if entry is not None and due < entry.due:
            self._enter(entry.endpoint, due, is_new=entry.is_new)

    def postpone(self, key: Key, due: float) -> None:
        """Make an endpoint due no sooner than then; one that is due later stays so."""
        entry = self._entries.get(key)
        if entry is not None and due > entry.due:
            self._enter(entry.endpoint, due, is_new=entry.is_new)

    def due_of(self, key: Key) -> float | None:
        """Return when an endpoint is due, or was where it was taken; None where there is no such."""
        entry = self._entries.get(key)
        return None if entry is None else entry.due

    def _renew(self, key: Key, endpoint: Endpoint | None, on_gone: Callable[[Key], None]) -> None:
        """Take what is known of a scheduled endpoint now, or that it is gone."""
        entry = self._entries[key]
        if endpoint is None:
            del self._entries[key]
            on_gone(key)
        elif endpoint != entry.endpoint:
            self._entries[key] = replace(entry, endpoint=endpoint)

    def _enter(self, endpoint: Endpoint, due: float, *, is_new: bool) -> None:
        self._serial += 1
        self._entries[endpoint.key] = _Entry(endpoint, self._serial, is_new, due)
        heapq.heappush(self._heap, (due, self._serial, endpoint.key))

    def _sweep(self) -> Generator[None, None, None]:
        """Forget the due times of removed endpoints before they outnumber the others."""
        if len(self._heap) <= 2 * len(self._entries) + 16:
            return
        old, self._heap = self._heap, []
        try:
            while old:
                turn = old.pop()
                if not self._is_stale(turn):
                    heapq.heappush(self._heap, turn)
                yield
        finally:
            if old:  # broken off
                self._heap += old
                heapq.heapify(self._heap)

    def _is_stale(self, turn: _Turn) -> bool:
        """Whether the endpoint is gone, or has got another due time since."""
        _, serial, key = turn
        entry = self._entries.get(key)
        return entry is None or entry.serial != serial
