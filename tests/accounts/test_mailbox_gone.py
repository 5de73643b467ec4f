"""A folder, or a message in it, that somebody else takes away between our finding and our reading it."""

import imaplib
import ssl

import pytest

from scanner.accounts.attempt import AccountFailure
from scanner.accounts.inbox import Arrival
from scanner.accounts.tag import Tag
from scanner.config.account_settings import RoundTripSettings
from scanner.model.account import AccountReason
from tests.servers.mailbox import Mailbox

R = AccountReason
BESIDE = RoundTripSettings(wait="poll", poll_interval=1)
SELECTED = BESIDE.model_copy(update={"mailbox": "Junk", "junk": "INBOX"})


def interfere(mailbox: Mailbox, what: str) -> None:
    """Delete the folder, make it again, or empty it, as another program of the user does."""
    context = ssl.create_default_context(cafile=str(mailbox.ca_file))
    context.check_hostname = False
    with imaplib.IMAP4_SSL(mailbox.address, 993, ssl_context=context) as client:
        client.login(mailbox.dovecot.user, mailbox.dovecot.password)
        if what == "emptied":
            client.select("Junk")
            client.store("1:*", "+FLAGS", r"(\Deleted)")
            assert client.expunge()[0] == "OK"
            return
        assert client.delete("Junk")[0] == "OK"
        if what == "made again":
            assert client.create("Junk")[0] == "OK"


@pytest.mark.parametrize(
    ("settings", "what", "when", "reason"),
    [
        (BESIDE, "emptied", "fetch", R.MESSAGE_GONE),
        (SELECTED, "emptied", "fetch", R.MESSAGE_GONE),
        (SELECTED, "made again", "fetch", R.MESSAGE_GONE),
        (BESIDE, "deleted", "fetch", R.MAILBOX_MISSING),
        (SELECTED, "deleted", "fetch", R.MAILBOX_MISSING),
        (SELECTED, "deleted", "delete", R.MAILBOX_MISSING),
    ],
)
async def test_what_somebody_else_took_away_is_told_as_gone(
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
    settings: RoundTripSettings,
    what: str,
    when: str,
    reason: AccountReason,
) -> None:
    mailbox.put(b"Subject: hello\r\n\r\nA message of somebody's.\r\n", ".Junk")
    inbox = mailbox.imap(settings)
    original = getattr(inbox, when)

    async def go_on(tag: Tag, arrival: Arrival) -> None:
        interfere(mailbox, what)
        await original(tag, arrival)

    monkeypatch.setattr(inbox, when, go_on)
    with pytest.raises(AccountFailure) as caught:
        await mailbox.travel(inbox, recipient=mailbox.junk_address)
    assert caught.value.reason is reason, caught.value
