"""The farm's journal: who connected when, what was said, and when the connection ended."""

from collections import deque
from typing import NamedTuple

_TEXT_LIMIT = 200


class Entry(NamedTuple):
    """One event on one port; `at` is in seconds of the monotonic clock.

    `event` is `connect`, `disconnect`, `line <what the client said>`, `tls <version>`,
    `handshake failed: <why>`, `spoke before the greeting` or `fault: <our own error>`.
    """

    at: float
    host: str
    address: str
    port: int
    event: str


def cut(event: str) -> str:
    """Bound the length of an event's text."""
    return event if len(event) <= _TEXT_LIMIT else event[:_TEXT_LIMIT] + "..."


Journal = deque[Entry]


def count_open_at_most(journal: Journal, address: str | None = None) -> int:
    """Return the most connections that were open at once, to one address or to the whole farm."""
    now = most = 0
    for entry in journal:
        if address is not None and entry.address != address:
            continue
        if entry.event == "connect":
            now += 1
            most = max(most, now)
        elif entry.event == "disconnect":
            now -= 1
    return most
