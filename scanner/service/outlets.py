"""The outlets of events: a webhook and standard output, as the operator wants; neither holds a probe up."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from scanner.config import Settings
from scanner.model import Severity
from scanner.model.event import Event
from scanner.model.event_record import event_record
from scanner.model.record import to_line
from scanner.network.webhook import Posted, Resolve, Webhook
from scanner.service.held_events import AskWritten, HeldEvents
from scanner.service.line_writer import LineWriter

log = structlog.get_logger(__name__)

MOST_WAITING = 1000
"""Events; of more the oldest go."""
RETRY_SECONDS = 1.0
"""The first wait after a failure; doubled each time."""
LONGEST_RETRY_SECONDS = 300.0

OUTCOMES = ("delivered", "failed", "refused", "dropped")
"""Taken; an attempt that is made again; not wanted by the receiver; given up since too many waited."""
Count = Callable[[str], None]


class WebhookOutlet:
    """Sends events one at a time, in their order, each again and again until it is taken or refused."""

    def __init__(self, count: Count, *, first_wait: float = RETRY_SECONDS) -> None:
        self._count = count
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
            return
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self._drop(1)
        self._waiting.append(event)
        self._is_idle.clear()
        self._news.set()

    async def run(self) -> None:
        """Send what comes, until cancelled."""
        try:
            while True:
                await self._close_former()
                if self._webhook is None:
                    self._drop(len(self._waiting))
                    self._waiting.clear()
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
                log.warning("webhook_closed_unsent", waiting=self._unsent)
            self.adjust(None)
            await self._close_former()

    async def until_idle(self, seconds: float) -> None:
        """Wait until all is sent, or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_idle.wait()

    @property
    def _unsent(self) -> int:
        return len(self._waiting) + (self._hand is not None)

    async def _deliver(self, event: Event) -> None:
        body = to_line(event_record(event)).encode()
        delay = 0.0
        while self._webhook is not None:
            self._adjusted.clear()
            posted = await self._webhook.post(body)
            if posted.is_taken:
                self._succeed()
                return
            if posted.is_refused:
                self._count("refused")
                log.error("webhook_refused", error=str(posted), subject=event.subject)
                return
            delay = min(max(self._first_wait, 2 * delay), LONGEST_RETRY_SECONDS)
            self._fail(posted, delay)
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._adjusted.wait()
                    delay = 0.0
            await self._close_former()
        self._drop(1)

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

    def _drop(self, number: int) -> None:
        """Count events that are given up; the first is logged, and every thousandth."""
        for _ in range(number):
            self._count("dropped")
            self._dropped += 1
            if self._dropped % MOST_WAITING == 1:
                log.error("webhook_events_dropped", dropped=self._dropped)

    async def _close_former(self) -> None:
        while self._former:
            await self._former.pop().close()


class Outlets:
    """Hands events to the outlets that are set, from the least severity on that is.

    Args:
        resolve: returns the addresses of a name; it may be another after a reload.
        count: is told how each delivery ended, by a word of `OUTCOMES`.
        is_ours: whether it is certain that events are ours to tell; until then they are held.
        ask_written: asks the store, which knows of each event that was held.
    """

    def __init__(
        self,
        settings: Settings,
        resolve: Resolve,
        count: Count,
        *,
        is_ours: Callable[[], bool] = lambda: True,
        ask_written: AskWritten | None = None,
    ) -> None:
        self._resolve = resolve
        self._webhook = WebhookOutlet(count)
        self._held = HeldEvents(
            self._hand_on, is_ours, ask_written, most=MOST_WAITING, on_dropped=lambda: count("dropped")
        )
        self._lines = LineWriter(count)
        self._least = Severity.WARNING
        self._has_lines = False
        self._place: tuple[object, ...] = (None,)
        self.adjust(settings)

    def adjust(self, settings: Settings) -> None:
        """Go on with other settings; what waits for a webhook that stays goes on waiting."""
        events, ca_file = settings.events, settings.probe.ca_file
        self._least, self._has_lines = events.least, events.stdout
        place = (events.webhook, dict(events.webhook_headers), ca_file)
        if place != self._place:
            self._place = place
            self._webhook.adjust(self._make(events.webhook, dict(events.webhook_headers), ca_file))

    def take(self, event: Event) -> None:
        """Take an event; never waits."""
        if event.weight >= self._least:
            self._held.take(event)

    async def run(self) -> None:
        """Send what comes, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._webhook.run())
            group.create_task(self._held.run())

    async def drain(self, seconds: float) -> None:
        """Give what waits some time to be sent."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._held.until_idle()
        writing = asyncio.to_thread(self._lines.wait_until_idle, seconds)
        await asyncio.gather(self._webhook.until_idle(seconds), writing)

    def _hand_on(self, event: Event) -> None:
        self._webhook.take(event)
        if self._has_lines:
            self._lines.take(to_line(event_record(event)))

    def _make(self, url: str | None, headers: dict[str, str], ca_file: Path | None) -> Webhook | None:
        return None if url is None else Webhook(url, headers, ca_file=ca_file, resolve=self._resolve)
