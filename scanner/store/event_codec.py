"""Events as the store keeps them: a few columns to ask by, and the whole as JSON."""

from dataclasses import fields, replace
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from scanner.model.event import Event
from scanner.model.event_record import event_record
from scanner.store.codec import to_json
from scanner.store.moments import to_micros

_EVENT = TypeAdapter(Event)
_KEPT = tuple(field.name for field in fields(Event) if field.name not in {"id", "is_due"})


def encode_event(event: Event) -> dict[str, Any]:
    """Return the columns of an event.

    Raises:
        TypeError: the evidence holds what JSON has not.
    """
    host, address, port, protocol, tls_mode = event.key or (None, None, None, None, None)
    return {
        "at": to_micros(event.at),
        "kind": event.kind.value,
        "severity": int(event.weight),
        "vantage": event.vantage,
        "host": host,
        "address": address,
        "port": port if event.port is None else event.port,
        "protocol": protocol,
        "tls_mode": tls_mode,
        "body": to_json({name: getattr(event, name) for name in _KEPT}),
    }


def decode_event(number: int, body: str) -> Event:
    """Return the event with its number; raise `ValueError` where this program does not understand it."""
    return replace(_EVENT.validate_json(body), id=number)


def decode_due(body: str) -> Event:
    """Return an event that a receiver is owed.

    Raises:
        ValueError: this program does not understand it, or it has no sound name, which goes into a header.
        OverflowError: it is of a time that cannot be told.
    """
    event = _EVENT.validate_json(body)
    event_record(event)
    if event.uid is None or str(UUID(event.uid)) != event.uid:
        raise ValueError("it is due, and has no name of its own")
    return replace(event, is_due=True)
