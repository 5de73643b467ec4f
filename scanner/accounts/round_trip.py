"""A round trip: sends a small message from an account to itself, waits for it, reads it and deletes it."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiosmtplib import SMTP

from scanner.accounts.attempt import AccountFailure, Attempt
from scanner.accounts.inbox import Arrival, Inbox
from scanner.accounts.submit import submit
from scanner.accounts.tag import Tag, Tagger, compose
from scanner.model.account import AccountPhase, AccountReason

PREPARE_SECONDS = 90.0
"""To sign in where mail is read, and to clear up: what was not read for long takes its time."""
_AFTERWARDS = 30.0
"""Seconds to read and to delete the message once it is there."""
LONGEST_ASIDE = PREPARE_SECONDS + _AFTERWARDS
"""What a trip takes at most besides the sign-ins and the waiting (seconds)."""


@dataclass(slots=True)
class Trip:
    """What is known of a round trip, up to where it broke off."""

    phases: dict[AccountPhase, float] = field(default_factory=dict)
    arrival: Arrival | None = None
    reading: Attempt | None = None
    """The latest sign-in to read; None where it says nothing of the account."""

    @property
    def refused_mechanism(self) -> str | None:
        """By what the latest sign-in to read was begun, where it was never granted; else None."""
        reading = self.reading
        return None if reading is None or AccountPhase.AUTH in reading.phases else reading.mechanism

    @contextmanager
    def phase(self, phase: AccountPhase) -> Iterator[None]:
        """Time a phase; one that breaks off has no time."""
        begun = time.monotonic()
        yield
        self.phases[phase] = time.monotonic() - begun


@dataclass(frozen=True, slots=True)
class Letter:
    """Who writes to whom, and how long it may take (seconds)."""

    account: str
    sender: str
    recipient: str
    timeout: float


async def travel(
    trip: Trip,
    letter: Letter,
    tagger: Tagger,
    inbox: Inbox,
    open_smtp: Callable[[], tuple[Attempt, AbstractAsyncContextManager[SMTP]]],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    on_sent: Callable[[], None] = lambda: None,
) -> None:
    """Make a round trip; `trip` holds what was learnt, however it ends. `on_sent` is called in between.

    Raises:
        AccountFailure: what a server did wrong, or that the message did not come in time.
    """
    await _prepare(inbox, now())
    tag = tagger.make(letter.account, now())
    message = compose(tag, tagger.write(tag), letter.sender, letter.recipient)
    attempt, opening = open_smtp()
    try:
        async with opening as client:
            await submit(attempt, client, message, letter.sender, letter.recipient)
            taken = time.monotonic()
    finally:
        trip.phases.update(attempt.phases)
    on_sent()
    await _await_and_remove(trip, letter, inbox, tag, taken)


async def _prepare(inbox: Inbox, now: datetime) -> None:
    try:
        async with asyncio.timeout(PREPARE_SECONDS):
            await inbox.prepare(now)
    except TimeoutError:
        why = f"the mailbox could not be read within {PREPARE_SECONDS:g} s; nothing was sent"
        raise AccountFailure(AccountReason.READ_TIMEOUT, why) from None


async def _explain_absence(letter: Letter, inbox: Inbox, tag: Tag) -> AccountFailure:
    """Return why a message did not come: a full mailbox takes no report of that either, and knows it."""
    why = f"{tag.message_id}: taken by the server, and not in the mailbox within {letter.timeout:g} s"
    with suppress(AccountFailure, TimeoutError):
        async with asyncio.timeout(_AFTERWARDS):
            full = await inbox.find_full_quota()
        if full is not None:
            return AccountFailure(AccountReason.QUOTA, f"{why}; its quota is used up: {full}")
    return AccountFailure(AccountReason.DELIVERY_TIMEOUT, why)


async def _await_and_remove(trip: Trip, letter: Letter, inbox: Inbox, tag: Tag, taken: float) -> None:
    try:
        async with asyncio.timeout(letter.timeout):
            trip.arrival = await inbox.find(tag)
        trip.phases[AccountPhase.DELIVERY] = time.monotonic() - taken
    except TimeoutError:
        raise await _explain_absence(letter, inbox, tag) from None
    try:
        async with asyncio.timeout(_AFTERWARDS):
            with trip.phase(AccountPhase.FETCH):
                await inbox.fetch(tag, trip.arrival)
            with trip.phase(AccountPhase.DELETE):
                await inbox.delete(tag, trip.arrival)
    except TimeoutError:
        why = f"the message came, and was not read and deleted within {_AFTERWARDS:g} s"
        raise AccountFailure(AccountReason.READ_TIMEOUT, why) from None
