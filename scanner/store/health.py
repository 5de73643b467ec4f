"""How the store is: what failed last and is still failing, and what was lost; each told in the log once."""

from collections import deque
from datetime import UTC, datetime

import structlog

from scanner.store.values import Loss, Pace

log = structlog.get_logger(__name__)


class Health:
    """Written by the writer's thread, read by any."""

    def __init__(self, store: str, pace: Pace) -> None:
        self.is_up = False
        self.error: str | None = None
        """What is failing now."""
        self.fault: Exception | None = None
        """The last one, mended or not."""
        self.failures = 0
        self.succeeded_at: float | None = None
        """Seconds since 1970."""
        self.delay = 0.0
        """How long to wait until the next try; 0 while nothing fails."""
        self.losses: deque[Loss] = deque()
        self._store = store
        self._pace = pace

    def succeed(self, now: float, waiting: int) -> None:
        """Note a success."""
        if not self.is_up:
            log.info("store_up", store=self._store, waiting=waiting)
        self.is_up, self.error = True, None
        self.succeeded_at = now
        self.delay = 0.0

    def fail(self, fault: Exception, text: str, waiting: int) -> None:
        """Note a fault and wait longer each time; it is logged when it is another than before."""
        if self.is_up or text != self.error:
            log.error("store_down", error=text, waiting=waiting)
        self.is_up, self.error, self.fault = False, text, fault
        self.failures += 1
        self.delay = self._pace.next_delay(self.delay)

    def lose(self, text: str, now: float) -> None:
        """Note that what was stored is gone."""
        log.error("store_lost", error=text)
        self.losses.append(Loss(datetime.fromtimestamp(now, UTC), text))
