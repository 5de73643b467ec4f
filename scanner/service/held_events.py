"""Holds events back while it is not known whether they are ours to tell: of two schedulers one tells each."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

import structlog

from scanner.model.event import Event

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.1
"""How often it is looked whether it is known by now: a term grows fresh without setting an event."""

AskWritten = Callable[[], Future[None]]
"""Returns what is done once the store has all that was put there until now."""


class HeldEvents:
    """Hands events on in their order, as soon as nobody else can be about to tell them.

    That is so while we lead for certain, and of what the store has written: behind the fence it writes for
    the leader only, and whoever leads next finds it there and tells it no more. What is held when we lead
    no longer and was not written is left to the next leader, who finds out the same by its own probes.

    Args:
        hand_on: takes an event that is ours to tell.
        is_ours: whether we lead for certain.
        ask_written: asks the store; None where there is none.
        most: events that are held; of more the oldest go.
        on_dropped: is told of each that goes.
    """

    def __init__(
        self,
        hand_on: Callable[[Event], None],
        is_ours: Callable[[], bool],
        ask_written: AskWritten | None = None,
        *,
        most: int = 1000,
        on_dropped: Callable[[], None] = lambda: None,
    ) -> None:
        self._hand_on = hand_on
        self._is_ours = is_ours
        self._ask_written = ask_written
        self._most = most
        self._on_dropped = on_dropped
        self._held: deque[Event] = deque()
        self._written: Future[None] | None = None
        self._asked_for = 0
        """How many of those held will be written when `_written` is done."""
        self._news = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def take(self, event: Event) -> None:
        """Take an event; never waits."""
        if self._is_ours():
            self._release(len(self._held))
            self._hand_on(event)
            return
        if not self._held:
            log.info("events_held", why="it is not known whether this scheduler leads still")
        if len(self._held) >= self._most:
            self._held.popleft()
            self._asked_for = max(0, self._asked_for - 1)
            self._on_dropped()
        self._held.append(event)
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

    async def until_idle(self) -> None:
        """Wait until nothing is held."""
        await self._is_idle.wait()

    def _look(self) -> None:
        if self._is_ours():
            self._release(len(self._held))
        elif self._written is not None and self._written.done():
            self._release(self._asked_for)
        if self._held and self._written is None and self._ask_written is not None:
            self._asked_for, self._written = len(self._held), self._ask_written()

    def _release(self, number: int) -> None:
        self._asked_for, self._written = 0, None
        for _ in range(number):
            self._hand_on(self._held.popleft())
        if not self._held:
            self._is_idle.set()
