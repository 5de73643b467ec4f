"""The log of events: the latest ones at hand, a line for each, and whoever else wants to be told."""

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

import structlog

from scanner.model import Severity
from scanner.model.event import Event
from scanner.service.uuids import Uuids
from scanner.store import EventQuery

log = structlog.get_logger(__name__)

MOST_KEPT = 1000
_LEVELS = {Severity.NOTICE: logging.INFO, Severity.WARNING: logging.WARNING, Severity.CRITICAL: logging.ERROR}


class EventLog:
    """Keeps the last events, newest last, each with a number of its own."""

    def __init__(self, listeners: Sequence[Callable[[Event], None]] = ()) -> None:
        self._listeners = list(listeners)
        self._kept: deque[Event] = deque(maxlen=MOST_KEPT)
        self._number = 0
        self._uuids = Uuids()
        self._is_due: Callable[[Event], bool] = lambda _: False

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Have one more told of every event from now on; it must not block."""
        self._listeners.append(listener)

    def owe(self, is_due: Callable[[Event], bool]) -> None:
        """Have each event that is signed from now on say whether a receiver is owed it."""
        self._is_due = is_due

    def sign(self, events: Sequence[Event]) -> Sequence[Event]:
        """Return events with what they are known by wherever they are told, before they are kept or told."""
        return tuple(replace(each, uid=self._uuids.make(), is_due=self._is_due(each)) for each in events)

    def tell(self, events: Iterable[Event]) -> None:
        """Write down what has happened."""
        for event in events:
            self._number += 1
            self._kept.append(replace(event, id=self._number))
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

    def find(self, query: EventQuery) -> tuple[Event, ...]:
        """Return the events asked for, oldest first; of too many the newest or the oldest, as asked for."""
        found = [event for event in self._kept if _is_asked_for(event, query)]
        return tuple(found[-query.limit :] if query.is_newest_first else found[: query.limit])

    def latest(self) -> tuple[Event, ...]:
        """Return the events kept, newest first."""
        return tuple(reversed(self._kept))


def _is_asked_for(event: Event, query: EventQuery) -> bool:
    return (
        (query.since is None or event.at >= query.since)
        and (query.until is None or event.at < query.until)
        and (query.after_id is None or (event.id or 0) > query.after_id)
        and (not query.kinds or event.kind in query.kinds)
        and (query.severity is None or event.weight >= query.severity)
        and (query.host is None or _concerns(event, query.host, query.ports))
    )


def _concerns(event: Event, host: str, ports: Collection[int]) -> bool:
    if event.key is not None:
        return event.key[0] == host
    return host in event.hosts or event.port in ports
