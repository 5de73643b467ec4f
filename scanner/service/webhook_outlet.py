"""The webhook: sends events to the address that the operator names, and holds no probe up."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import structlog

from scanner.model.event import Event
from scanner.model.event_record import event_record
from scanner.model.record import to_line
from scanner.network.webhook import Posted, Webhook
from scanner.service.held_events import LOOK_SECONDS
from scanner.store import Owed

log = structlog.get_logger(__name__)

MOST_WAITING = 1000
"""Events; of more the oldest go."""
RETRY_SECONDS = 1.0
"""The first wait after a failure; doubled each time."""
LONGEST_RETRY_SECONDS = 300.0

OUTCOMES = ("delivered", "failed", "refused", "dropped")
"""Taken; an attempt that is made again; not wanted by the receiver; given up since too many waited."""
Count = Callable[[str], None]
Settle = Callable[[tuple[str, ...]], None]


class WebhookOutlet:
    """Sends events one at a time, in their order, each again and again until it is taken or refused.

    Args:
        count: is told how each delivery ended, by a word of `OUTCOMES`.
        is_ours: whether it is certain that events are ours to tell; until then none is sent.
        settle: is told the uid of each that was due and is owed no more.
        first_wait: seconds after a failure; doubled each time.
    """

    def __init__(
        self,
        count: Count,
        *,
        is_ours: Callable[[], bool] = lambda: True,
        settle: Settle = lambda _: None,
        first_wait: float = RETRY_SECONDS,
    ) -> None:
        self._count = count
        self._is_ours = is_ours
        self._settle = settle
        self._first_wait = first_wait
        self._webhook: Webhook | None = None
        self._former: list[Webhook] = []
        self._waiting: deque[Event] = deque()
        self._hand: Event | None = None
        self._news = asyncio.Event()
        self._adjusted = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._dropped = 0
        self._told: str | None = None

    def adjust(self, webhook: Webhook | None) -> None:
        """Send to another place from now on; with None what waits is given up."""
        if self._webhook is not None:
            self._former.append(self._webhook)
        self._webhook = webhook
        self._adjusted.set()
        self._news.set()

    def take(self, event: Event) -> None:
        """Take an event; the oldest that waits goes where there are too many."""
        if self._webhook is None:
            if event.is_due:  # the webhook was switched off since
                self.drop(event)
            return
        self._waiting.append(event)
        self._note_news()

    def resume(self, owed: Owed) -> None:
        """Take what was owed when the process before this one ended; it goes first."""
        self._count_dropped(owed.dropped)
        if owed.events:
            log.info("webhook_resumed", waiting=len(owed.events))
            self._waiting.extendleft(reversed(owed.events))
            self._note_news()

    async def run(self) -> None:
        """Send what comes, until cancelled."""
        try:
            while True:
                await self._close_former()
                while self._webhook is None and self._waiting:
                    self.drop(self._waiting.popleft())
                if self._waiting:
                    self._hand = self._waiting.popleft()
                    await self._deliver(self._hand)
                    self._hand = None
                    continue
                self._is_idle.set()
                self._news.clear()
                await self._news.wait()
        finally:
            if self._unsent:
                hand = () if self._hand is None else (self._hand,)
                kept = sum(event.is_due for event in (*hand, *self._waiting))
                log.warning("webhook_closed_unsent", waiting=self._unsent, kept=kept)
            if self._webhook is not None:
                self._former.append(self._webhook)
            await self._close_former()

    async def until_idle(self, seconds: float) -> None:
        """Wait until all is sent, or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_idle.wait()

    @property
    def _unsent(self) -> int:
        return len(self._waiting) + (self._hand is not None)

    def drop(self, event: Event) -> None:
        """Give an event up."""
        self._count_dropped(1)
        self._end(event)

    def _note_news(self) -> None:
        while len(self._waiting) > MOST_WAITING:
            self.drop(self._waiting.popleft())
        self._is_idle.clear()
        self._news.set()

    async def _deliver(self, event: Event) -> None:
        body = to_line(event_record(event)).encode()
        delay = 0.0
        while self._webhook is not None:
            self._adjusted.clear()
            if not self._is_ours():  # whoever leads by now may be sending it
                await asyncio.sleep(LOOK_SECONDS)
                continue
            posted = await self._webhook.post(body, event.uid)
            if posted.is_taken:
                self._succeed()
                self._end(event)
                return
            if posted.is_refused:
                self._count("refused")
                log.error("webhook_refused", error=str(posted), subject=event.subject)
                self._end(event)
                return
            delay = min(max(self._first_wait, 2 * delay), LONGEST_RETRY_SECONDS)
            self._fail(posted, delay)
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._adjusted.wait()
                    delay = 0.0
            await self._close_former()
        self.drop(event)

    def _end(self, event: Event) -> None:
        if event.is_due and event.uid is not None:
            self._settle((event.uid,))

    def _succeed(self) -> None:
        self._count("delivered")
        if self._told is not None or self._dropped:
            log.info("webhook_up", waiting=len(self._waiting), dropped=self._dropped)
        self._told, self._dropped = None, 0

    def _fail(self, posted: Posted, delay: float) -> None:
        self._count("failed")
        if str(posted) != self._told:
            log.error("webhook_down", error=str(posted), waiting=self._unsent, again_in=delay)
        self._told = str(posted)

    def _count_dropped(self, number: int) -> None:
        """Count events that are given up; the first is logged, and every thousandth."""
        for _ in range(number):
            self._count("dropped")
            self._dropped += 1
            if self._dropped % MOST_WAITING == 1:
                log.error("webhook_events_dropped", dropped=self._dropped)

    async def _close_former(self) -> None:
        while self._former:
            await self._former.pop().close()
