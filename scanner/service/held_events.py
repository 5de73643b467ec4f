"""Holds events back until the store has them, and while it is not known whether they are ours to tell."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from itertools import takewhile

import structlog

from scanner.model.event import Event

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.1
"""How often it is looked whether they are written by now, and ours: a term grows fresh without a sign."""
WRITE_SECONDS = 2.0
"""How long the store is waited for: a store that is down must not keep an alert back."""

AskWritten = Callable[[], Future[None]]
"""Returns what is done once the store has all that was put there until now."""


class HeldEvents:
    """Hands events on in their order, each as soon as the store has it: else a kill would have it told again.

    Of two schedulers one tells each. Behind the fence the store writes for the leader only, and whoever leads
    next finds there what was told. What the store does not take in time is handed on all the same, as long
    as we lead for certain. What is held when we lead no longer and was not written is left to the next
    leader, who finds out the same by its own probes.

    Args:
        hand_on: takes an event that is ours to tell.
        is_ours: whether we lead for certain.
        ask_written: asks the store; None where there is none.
        most: events that are held; of more the oldest go on, or are dropped where they are not ours.
        on_dropped: is told of each that goes.
        clock: seconds, never going back.
    """

    def __init__(
        self,
        hand_on: Callable[[Event], None],
        is_ours: Callable[[], bool],
        ask_written: AskWritten | None = None,
        *,
        most: int = 1000,
        on_dropped: Callable[[Event], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hand_on = hand_on
        self._is_ours = is_ours
        self._ask_written = ask_written
        self._most = most
        self._on_dropped = on_dropped
        self._clock = clock
        self._held: deque[tuple[Event, float]] = deque()
        """Each with the time when it came."""
        self._written: Future[None] | None = None
        self._asked_for = 0
        """How many of those held will be written when `_written` is done."""
        self._is_doubtful = False
        self._news = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def take(self, event: Event) -> None:
        """Take an event; never waits."""
        is_ours = self._is_ours()
        if is_ours and self._ask_written is None:
            self._release(len(self._held))
            self._hand_on(event)
            return
        if not is_ours and not self._is_doubtful:
            log.info("events_held", why="it is not known whether this scheduler leads still")
        self._is_doubtful = not is_ours
        if len(self._held) >= self._most:
            self._make_room(is_ours=is_ours)
        self._held.append((event, self._clock()))
        self._is_idle.clear()
        self._news.set()

    async def run(self) -> None:
        """Hand on what was held, as soon as that may be, until cancelled."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                while self._held:
                    self._look()
                    if self._held:
                        await asyncio.sleep(LOOK_SECONDS)
        finally:
            if self._held:
                log.warning("events_left_to_next_leader", events=len(self._held))

    async def drain(self, seconds: float) -> None:
        """Wait until nothing is held; after this time hand on what is ours as it is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_idle.wait()
        if self._is_ours():
            self._release(len(self._held))

    def _look(self) -> None:
        if self._written is not None and self._written.done():
            self._written = None
            self._release(self._asked_for)
        if self._is_ours():
            self._release(self._count_overdue())
        if self._held and self._written is None and self._ask_written is not None:
            self._asked_for, self._written = len(self._held), self._ask_written()

    def _count_overdue(self) -> int:
        if self._ask_written is None:
            return len(self._held)
        since = self._clock() - WRITE_SECONDS
        return sum(1 for _ in takewhile(lambda held: held[1] <= since, self._held))

    def _make_room(self, *, is_ours: bool) -> None:
        if is_ours:
            self._release(1)
            return
        event, _ = self._held.popleft()
        self._asked_for = max(0, self._asked_for - 1)
        self._on_dropped(event)

    def _release(self, number: int) -> None:
        self._asked_for = max(0, self._asked_for - number)
        for _ in range(number):
            self._hand_on(self._held.popleft()[0])
        if not self._held:
            self._is_idle.set()
