"""The outlets of events: a webhook and standard output, as the operator wants; neither holds a probe up."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

import structlog

from scanner.config import Settings
from scanner.model import Severity
from scanner.model.event import Event
from scanner.model.event_record import event_record
from scanner.model.record import to_line
from scanner.network.webhook import Resolve, Webhook
from scanner.service.held_events import HeldEvents
from scanner.service.line_writer import LineWriter
from scanner.service.webhook_outlet import MOST_WAITING, Count, WebhookOutlet
from scanner.store import Owed

log = structlog.get_logger(__name__)


class Outbox(Protocol):
    """What keeps events that a receiver is owed over the end of the process: a store."""

    def ask_written(self) -> Future[None]:
        """Return what is done once all that was put until now is written."""

    def recall_due(self, most: int) -> Future[Owed]:
        """Return what will be the newest events that are owed since earlier runs; older ones are given up."""

    def settle(self, uids: Iterable[str]) -> None:
        """Note that these events are owed no more; must not block."""


class Outlets:
    """Hands events to the outlets that are set, from the least severity on that is.

    Args:
        resolve: returns the addresses of a name; it may be another after a reload.
        count: is told how each delivery ended, by a word of `OUTCOMES`.
        is_ours: whether it is certain that events are ours to tell; until then they are held.
        outbox: has each event written before it is told, and keeps what the webhook is owed, if there is one.
    """

    def __init__(
        self,
        settings: Settings,
        resolve: Resolve,
        count: Count,
        *,
        is_ours: Callable[[], bool] = lambda: True,
        outbox: Outbox | None = None,
    ) -> None:
        self._resolve = resolve
        self._outbox = outbox
        if outbox is None:
            self._webhook = WebhookOutlet(count, is_ours=is_ours)
        else:
            self._webhook = WebhookOutlet(count, is_ours=is_ours, settle=outbox.settle)
        self._held = HeldEvents(
            self._hand_on,
            is_ours,
            None if outbox is None else outbox.ask_written,
            most=MOST_WAITING,
            on_dropped=self._webhook.drop,
        )
        # Now: what is new would be found among it later.
        self._owed = None if outbox is None else outbox.recall_due(MOST_WAITING)
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

    def is_due(self, event: Event) -> bool:
        """Tell whether an event is to be kept until the webhook has it."""
        return self._outbox is not None and self._place[0] is not None and event.weight >= self._least

    def take(self, event: Event) -> None:
        """Take an event; never waits."""
        if event.weight >= self._least:
            self._held.take(event)

    async def run(self) -> None:
        """Send what comes, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._webhook.run())
            group.create_task(self._held.run())
            group.create_task(self._resume())

    async def drain(self, seconds: float) -> None:
        """Give what waits some time to be sent; half of that first to be written, where it is not."""
        await self._held.drain(seconds / 2)
        writing = asyncio.to_thread(self._lines.wait_until_idle, seconds)
        await asyncio.gather(self._webhook.until_idle(seconds), writing)

    async def _resume(self) -> None:
        """Send what is owed since earlier runs, once the store can be read."""
        recalled, self._owed = self._owed, None
        if recalled is None:
            return
        try:
            owed = await asyncio.wrap_future(recalled)
        except Exception as error:  # noqa: BLE001 - without it all the rest can be told
            log.error("webhook_not_resumed", error=f"{error}"[:300])
        else:
            self._webhook.resume(owed)

    def _hand_on(self, event: Event) -> None:
        self._webhook.take(event)
        if self._has_lines:
            self._lines.take(to_line(event_record(event)))

    def _make(self, url: str | None, headers: dict[str, str], ca_file: Path | None) -> Webhook | None:
        return None if url is None else Webhook(url, headers, ca_file=ca_file, resolve=self._resolve)
