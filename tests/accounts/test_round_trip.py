"""A message there and back through a real Postfix and Dovecot: by IDLE, by looking, by POP3, as junk."""

import imaplib
import ssl
from collections.abc import Callable
from datetime import datetime

import pytest

from scanner.accounts.imap_inbox import ImapInbox
from scanner.accounts.inbox import Arrival
from scanner.accounts.pop3_inbox import Pop3Inbox
from scanner.config.account_settings import RoundTripSettings
from scanner.model.account import AccountPhase
from tests.servers.mailbox import Mailbox

POLLING = RoundTripSettings(wait="poll", poll_interval=1)
OTHERS = b"From: a@b.test\r\nSubject: hello\r\n\r\nA message of somebody's.\r\n"
TRAVELLED = {AccountPhase.SUBMIT, AccountPhase.DELIVERY, AccountPhase.FETCH, AccountPhase.DELETE}


@pytest.mark.parametrize(
    "inbox_of",
    [Mailbox.imap, lambda mailbox: mailbox.imap(POLLING), Mailbox.pop3],
    ids=["idle", "poll", "pop3"],
)
async def test_a_message_comes_back_and_is_gone(
    mailbox: Mailbox, inbox_of: Callable[[Mailbox], ImapInbox | Pop3Inbox]
) -> None:
    mailbox.put(OTHERS)
    trip = await mailbox.travel(inbox_of(mailbox))

    assert trip.arrival is not None
    assert (trip.arrival.folder, trip.arrival.is_junk) == ("INBOX", False)
    assert trip.phases.keys() >= TRAVELLED
    assert all(seconds >= 0 for seconds in trip.phases.values())
    assert mailbox.texts() == [OTHERS]


async def test_a_message_that_comes_as_junk_is_found_there(mailbox: Mailbox) -> None:
    mailbox.put(OTHERS, ".Junk")
    trip = await mailbox.travel(mailbox.imap(POLLING), recipient=mailbox.junk_address)

    assert trip.arrival == Arrival(trip.arrival.number if trip.arrival else 0, "Junk", is_junk=True)
    assert mailbox.texts(".Junk") == [OTHERS]
    assert mailbox.texts() == []


def make_again(mailbox: Mailbox, folder: str, messages: int) -> None:
    """Delete a folder and make one of its name, as a user does: UIDs count anew, and UIDVALIDITY says so."""
    context = ssl.create_default_context(cafile=str(mailbox.ca_file))
    context.check_hostname = False
    with imaplib.IMAP4_SSL(mailbox.address, 993, ssl_context=context) as client:
        client.login(mailbox.dovecot.user, mailbox.dovecot.password)
        client.delete(folder)
        assert client.create(folder)[0] == "OK"
        for _ in range(messages):
            assert client.append(folder, "", "", OTHERS)[0] == "OK"


@pytest.mark.parametrize(
    "settings",
    [POLLING, POLLING.model_copy(update={"mailbox": "Junk", "junk": "INBOX"})],
    ids=["beside", "selected"],
)
async def test_a_message_is_found_in_a_folder_that_was_made_again_meanwhile(
    mailbox: Mailbox, settings: RoundTripSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_again(mailbox, "Junk", messages=5)
    inbox = mailbox.imap(settings)
    prepare = inbox.prepare

    async def prepare_and_lose(now: datetime) -> None:
        await prepare(now)
        make_again(mailbox, "Junk", messages=1)

    monkeypatch.setattr(inbox, "prepare", prepare_and_lose)
    trip = await mailbox.travel(inbox, recipient=mailbox.junk_address)

    assert trip.arrival is not None
    assert (trip.arrival.number, trip.arrival.folder) == (2, "Junk")
    assert [text.splitlines() for text in mailbox.texts(".Junk")] == [OTHERS.splitlines()]
