"""The families about the operator's own accounts: whether one can sign in, send and receive with them."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from scanner.metrics.labels import label, number, write_header
from scanner.model.account import Activity
from scanner.model.account_standing import AccountStanding

FAMILIES = {
    "mailport_account_success": (
        "Whether the last check of an account succeeded (1 yes, 0 no): signing in by smtp, imap and pop3, "
        "and a message to itself as roundtrip."
    ),
    "mailport_account_failures": "How many checks of an account have failed in a row; 0 after a good one.",
    "mailport_account_reason_info": "1 for the reason why the last check of an account failed.",
    "mailport_account_phase_seconds": (
        "How long each phase of the last check of an account took, in seconds of a monotonic clock."
    ),
    "mailport_account_check_timestamp_seconds": (
        "When the last check of an account began, in seconds since 1970 by our clock."
    ),
    "mailport_account_success_timestamp_seconds": (
        "When the last check of an account that succeeded began, in seconds since 1970 by our clock."
    ),
    "mailport_account_next_check_timestamp_seconds": (
        "When an account is checked next, in seconds since 1970 by our clock; later after a refused sign-in."
    ),
    "mailport_roundtrip_seconds": (
        "How long the last message of an account to itself took from its sending to the mailbox, in seconds; "
        "absent where it did not arrive."
    ),
    "mailport_roundtrip_junk": (
        "Whether the last message of an account to itself came in as junk (1 yes, 0 no); absent where it did "
        "not arrive."
    ),
}
"""Name and help; all are gauges. No label holds a user name: accounts have names of their own."""

Sample: TypeAlias = tuple[str, float]
"""Labels behind the account's, with a comma before each; and the value."""

_BY_ACCOUNT = frozenset({"mailport_roundtrip_seconds", "mailport_roundtrip_junk"})
"""Round trips alone have them, so that no protocol need be named."""


class AccountBoard:
    """Shows how each account stands at the moment of the scrape."""

    def __init__(self) -> None:
        self._standings: Callable[[], Iterable[AccountStanding]] = tuple

    def read_from(self, standings: Callable[[], Iterable[AccountStanding]]) -> None:
        """Show these standings from now on."""
        self._standings = standings

    def render(self, *, openmetrics: bool) -> bytes:
        """Return all lines; nothing where no account is checked."""
        standings = tuple(self._standings())
        parts = []
        for name, documentation in FAMILIES.items():
            lines = [line for each in standings for line in _write(name, each)]
            if lines:
                parts.append(write_header(name, documentation, openmetrics=openmetrics))
                parts.append("".join(lines).encode())
        return b"".join(parts)


def _write(name: str, standing: AccountStanding) -> Iterator[str]:
    labels = label("account", standing.account)
    if name not in _BY_ACCOUNT:
        labels += f",{label('protocol', standing.activity)}"
    for more, value in _READERS[name](standing):
        yield f"{name}{{{labels}{more}}} {number(value)}\n"


def _read_success(standing: AccountStanding) -> Iterator[Sample]:
    if standing.last is not None:
        yield "", int(standing.last.success)


def _read_failures(standing: AccountStanding) -> Iterator[Sample]:
    if standing.last is not None:
        yield "", standing.failures


def _read_reason(standing: AccountStanding) -> Iterator[Sample]:
    if standing.last is not None and standing.last.reason is not None:
        yield f",{label('reason', standing.last.reason)}", 1


def _read_phases(standing: AccountStanding) -> Iterator[Sample]:
    for phase, seconds in standing.last.phases.items() if standing.last is not None else ():
        yield f",{label('phase', phase)}", seconds


def _read_time(standing: AccountStanding) -> Iterator[Sample]:
    if standing.last is not None:
        yield "", standing.last.started_at.timestamp()


def _read_success_time(standing: AccountStanding) -> Iterator[Sample]:
    if standing.succeeded_at is not None:
        yield "", standing.succeeded_at.timestamp()


def _read_due(standing: AccountStanding) -> Iterator[Sample]:
    if standing.due_at is not None:
        yield "", standing.due_at.timestamp()


def _read_travelled(standing: AccountStanding) -> Iterator[Sample]:
    if standing.activity is Activity.ROUNDTRIP and standing.travelled is not None:
        yield "", standing.travelled


def _read_junk(standing: AccountStanding) -> Iterator[Sample]:
    last = standing.last
    if standing.activity is Activity.ROUNDTRIP and last is not None and last.is_junk is not None:
        yield "", int(last.is_junk)


_READERS: dict[str, Callable[[AccountStanding], Iterator[Sample]]] = {
    "mailport_account_success": _read_success,
    "mailport_account_failures": _read_failures,
    "mailport_account_reason_info": _read_reason,
    "mailport_account_phase_seconds": _read_phases,
    "mailport_account_check_timestamp_seconds": _read_time,
    "mailport_account_success_timestamp_seconds": _read_success_time,
    "mailport_account_next_check_timestamp_seconds": _read_due,
    "mailport_roundtrip_seconds": _read_travelled,
    "mailport_roundtrip_junk": _read_junk,
}
