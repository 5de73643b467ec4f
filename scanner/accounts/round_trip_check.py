"""Makes one round trip of one account, and tells what came of it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import replace

from aiosmtplib import SMTP

from scanner.accounts.attempt import AccountFailure, Attempt
from scanner.accounts.back_off import SAYS_NOTHING
from scanner.accounts.check import Checker, Report
from scanner.accounts.imap_inbox import ImapInbox
from scanner.accounts.imap_sign_in import open_imap
from scanner.accounts.imap_talk import ImapTalk
from scanner.accounts.inbox import Inbox
from scanner.accounts.insist import insist
from scanner.accounts.pop3_inbox import Pop3Inbox
from scanner.accounts.pop3_sign_in import Pop3, open_pop3
from scanner.accounts.round_trip import LONGEST_ASIDE, Letter, Trip, travel
from scanner.accounts.smtp_sign_in import open_smtp
from scanner.accounts.tag import Tagger
from scanner.accounts.way import Visit, Way
from scanner.config.account_settings import Account, RoundTripSettings
from scanner.model.account import AccountCheck, AccountPhase, Activity

JUNK_ADVICE = (
    "The message arrived as junk, as other mail of this server may. Look at SPF, DKIM and DMARC of the "
    "sender's domain, and tell the filter that this is none."
)


async def check_round_trip(
    checker: Checker, account: Account, tagger: Tagger, on_sent: Callable[[], None] = lambda: None
) -> AccountCheck:
    """Send a message from an account to itself, and see it arrive; whatever goes wrong is in the result.

    `on_sent` is called when all is said and the message only has to come.
    """
    return await insist(_check(checker, account, tagger, on_sent))


async def _check(
    checker: Checker, account: Account, tagger: Tagger, on_sent: Callable[[], None]
) -> AccountCheck:
    settings = account.roundtrip or RoundTripSettings()
    # The deadlines of the trip itself come first; this one stands behind all of them.
    seconds = settings.timeout + LONGEST_ASIDE + 3 * account.timeout
    report, trip = Report(checker, account, Activity.ROUNDTRIP, seconds), Trip()
    try:
        sending = await report.prepare(Activity.SMTP)
        reading = await report.prepare(Activity(settings.receive))
        async with _open_inbox(account, tagger, checker.way, reading, trip) as inbox:
            letter = Letter(account.name, account.sender or "", account.recipient or "", settings.timeout)

            def open_sender() -> tuple[Attempt, AbstractAsyncContextManager[SMTP]]:
                return report.attempt, open_smtp(report.attempt, checker.way, sending)

            await travel(trip, letter, tagger, inbox, open_sender, checker.way.now, on_sent)
    except AccountFailure as failure:
        return _complete(report.failed(failure), trip)
    except Exception as error:  # noqa: BLE001 - one account's fault must not end the others' checks
        return _complete(report.broken(error), trip)
    return _complete(report.succeeded(None if trip.arrival is None else trip.arrival.folder), trip)


def _open_inbox(account: Account, tagger: Tagger, way: Way, visit: Visit, trip: Trip) -> Inbox:
    settings = account.roundtrip or RoundTripSettings()
    seconds = settings.timeout + LONGEST_ASIDE + 2 * account.timeout
    if Activity(settings.receive) is Activity.IMAP:

        @asynccontextmanager
        async def open_talk() -> AsyncIterator[ImapTalk]:
            with _sign_in_to_read(trip, seconds) as attempt:
                async with open_imap(attempt, way, visit) as imap:
                    yield ImapTalk(imap)

        return ImapInbox(open_talk, tagger, account.name, settings)

    @asynccontextmanager
    async def open_look() -> AsyncIterator[Pop3]:
        with _sign_in_to_read(trip, account.timeout + LONGEST_ASIDE) as attempt:
            async with open_pop3(attempt, way, visit) as pop3:
                yield pop3

    return Pop3Inbox(open_look, tagger, account.name, settings.poll_interval)


@contextmanager
def _sign_in_to_read(trip: Trip, seconds: float) -> Iterator[Attempt]:
    """Keep the attempt: one that ends without a yes may have been counted against the account."""
    attempt = trip.reading = Attempt(seconds)
    try:
        yield attempt
    except AccountFailure as failure:
        if failure.reason in SAYS_NOTHING:
            trip.reading = None
        raise


def _complete(check: AccountCheck, trip: Trip) -> AccountCheck:
    """Add what the trip itself knows."""
    arrival = trip.arrival
    is_junk = None if arrival is None else arrival.is_junk
    phases = {**check.phases, **trip.phases}
    mechanism = None if check.success else trip.refused_mechanism
    if mechanism is not None:  # that of the server for sending was granted, and is not what counts
        phases.pop(AccountPhase.AUTH, None)
    return replace(
        check,
        phases=phases,
        mechanism=mechanism or check.mechanism,
        is_junk=is_junk,
        advice=JUNK_ADVICE if is_junk and check.success else check.advice,
    )
