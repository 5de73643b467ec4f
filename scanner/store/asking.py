"""Reads what people and programs ask for: which events, since when, of which severity, kind and host."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from scanner.config import values
from scanner.model import Severity
from scanner.model.event import EventKind
from scanner.model.target import TargetError, normalise_host, quote
from scanner.store.values import EventQuery

MOST_EVENTS = 10_000
"""At once."""
_LARGEST_ID = 2**63 - 1
_NUMBER = re.compile(r"[0-9]{1,18}")
_read_duration = values.duration()


class QueryError(ValueError):
    """What was asked for cannot be understood; the text says what and how to mend it."""


def read_query(words: Mapping[str, str], now: datetime) -> EventQuery:
    """Return the query that words such as `since` and `severity` make.

    Raises:
        QueryError: with the name of the word at its beginning.
    """
    query = EventQuery()
    for name, text in words.items():
        reader = _READERS.get(name)
        if reader is None:
            raise QueryError(f"{quote(name)}: unknown; known are {', '.join(_READERS)}")
        try:
            query = replace(query, **reader(text, now))
        except ValueError as error:
            raise QueryError(f"{name}: {error}") from None
    return query


def read_moment(text: str, now: datetime) -> datetime:
    """Read a moment: how long ago (`2h`), or a date and time of ISO 8601, in UTC unless it says otherwise.

    Raises:
        ValueError: it is neither, or out of all bounds.
    """
    try:
        return now - timedelta(seconds=_read_duration(text))
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f'must be how long ago, as "2h", or a time, as "2026-01-02T03:04" (got {quote(text)})'
        ) from None


def read_kinds(text: str) -> frozenset[EventKind]:
    """Read kinds of events, separated by commas."""
    names = [name.strip() for name in text.split(",")]
    try:
        return frozenset(EventKind(name) for name in names)
    except ValueError:
        raise ValueError(f"must be of {', '.join(EventKind)} (got {quote(text)})") from None


def _read_number(text: str, low: int, high: int) -> int:
    if not _NUMBER.fullmatch(text) or not low <= int(text) <= high:
        raise ValueError(f"must be a whole number from {low} to {high} (got {quote(text)})")
    return int(text)


def _read_severity(text: str) -> Severity:
    found = {severity.label: severity for severity in Severity}.get(text)
    if found is None:
        raise ValueError(f"must be notice, warning or critical (got {quote(text)})")
    return found


def _read_host(text: str) -> str:
    try:
        return normalise_host(text.removeprefix("[").removesuffix("]"))
    except TargetError as error:
        raise ValueError(str(error)) from None


_READERS: Mapping[str, Callable[[str, datetime], dict[str, Any]]] = {
    "since": lambda text, now: {"since": read_moment(text, now)},
    "until": lambda text, now: {"until": read_moment(text, now)},
    "after": lambda text, _: {"after_id": _read_number(text, 0, _LARGEST_ID)},
    "severity": lambda text, _: {"severity": _read_severity(text)},
    "kind": lambda text, _: {"kinds": read_kinds(text)},
    "host": lambda text, _: {"host": _read_host(text)},
    "limit": lambda text, _: {"limit": _read_number(text, 1, MOST_EVENTS)},
}
