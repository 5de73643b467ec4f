"""The log of events: the latest ones at hand, a line for each, and whoever else wants to be told."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import structlog

from scanner.model import Severity
from scanner.model.event import Event

log = structlog.get_logger(__name__)

MOST_KEPT = 1000
_LEVELS = {Severity.NOTICE: logging.INFO, Severity.WARNING: logging.WARNING, Severity.CRITICAL: logging.ERROR}


class EventLog:
    """Keeps the last events, newest last."""

    def __init__(self, listeners: Sequence[Callable[[Event], None]] = ()) -> None:
        self._listeners = list(listeners)
        self._kept: deque[Event] = deque(maxlen=MOST_KEPT)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Have one more told of every event from now on; it must not block."""
        self._listeners.append(listener)

    def tell(self, events: Iterable[Event]) -> None:
        """Write down what has happened."""
        for event in events:
            self._kept.append(event)
            log.log(
                _LEVELS[event.severity],
                event.kind.value,
                subject=event.subject,
                severity=event.severity.label,
                name=event.name,
                summary=event.summary,
            )
            for listener in self._listeners:
                try:
                    listener(event)
                except Exception as fault:  # noqa: BLE001 - who fails to listen must not cost the others
                    log.error("event_not_told", error=f"{type(fault).__name__}: {fault}")

    def latest(self) -> tuple[Event, ...]:
        """Return the events kept, newest first."""
        return tuple(reversed(self._kept))
