"""Nothing but our own messages is touched, whatever else is in the mailbox and whatever it pretends to be."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scanner.accounts.imap_inbox import ImapInbox
from scanner.accounts.pop3_inbox import Pop3Inbox
from scanner.accounts.tag import HEADER, Tag, Tagger, compose
from scanner.config.account_settings import RoundTripSettings
from tests.servers.mailbox import ACCOUNT, KEY, Mailbox

NOW = datetime.now(UTC)
OWN, STRANGER = Tagger(KEY), Tagger(b"the key of another mailport.....")
INBOXES = pytest.mark.parametrize("inbox_of", [Mailbox.imap, Mailbox.pop3], ids=["imap", "pop3"])
InboxOf = Callable[[Mailbox], ImapInbox | Pop3Inbox]
LONG_AGO = NOW - timedelta(hours=3)


def message(tagger: Tagger, tag: Tag, value: str | None = None) -> bytes:
    return compose(tag, value or tagger.write(tag), "probe@mail.test", "probe@mail.test")


def look_alikes() -> Iterator[bytes]:
    """What may stand in a mailbox and is none of ours to delete."""
    old = OWN.make(ACCOUNT, LONG_AGO)
    yield b"From: a@b.test\r\nSubject: hello\r\n\r\nA message of somebody's.\r\n"
    yield message(STRANGER, STRANGER.make(ACCOUNT, LONG_AGO))
    yield message(OWN, OWN.make("other-account", LONG_AGO))
    yield message(OWN, OWN.make(ACCOUNT, NOW - timedelta(minutes=10)))  # another run may wait for it
    yield message(OWN, old, OWN.write(replace(old, run="0" * 32)).replace("0" * 32, old.run))
    yield message(OWN, old, OWN.write(old)[:-1] + "x")
    twice = message(OWN, old)
    yield twice.replace(HEADER.encode(), f"{HEADER}: x\r\n{HEADER}".encode(), 1)
    yield b"Subject: Fwd\r\n\r\n" + message(OWN, old)
    yield b"Subject: about\r\n" + f"{HEADER}: {ACCOUNT}\r\n\r\nno tag at all\r\n".encode()


@INBOXES
async def test_others_stay_and_what_a_broken_check_left_goes(mailbox: Mailbox, inbox_of: InboxOf) -> None:
    others = sorted(look_alikes())
    for other in others:
        mailbox.put(other)
    mailbox.put(message(OWN, OWN.make(ACCOUNT, LONG_AGO)))
    mailbox.put(message(OWN, OWN.make(ACCOUNT, NOW - timedelta(days=3))))

    await mailbox.travel(inbox_of(mailbox))

    assert mailbox.texts() == others


@INBOXES
async def test_a_message_of_ours_that_was_resent_counts_as_ours(mailbox: Mailbox, inbox_of: InboxOf) -> None:
    """The proof is of the header alone, as the documentation says."""
    header, _, _ = message(OWN, OWN.make(ACCOUNT, LONG_AGO)).partition(b"\r\n\r\n")
    mailbox.put(b"Resent-From: a@b.test\r\n" + header + b"\r\n\r\nAnother text.\r\n")
    quoted = b"Subject: Fwd\r\n\r\n" + header + b"\r\n"
    mailbox.put(quoted)

    await mailbox.travel(inbox_of(mailbox))

    assert mailbox.texts() == [quoted]


@INBOXES
async def test_what_others_marked_as_deleted_is_theirs_to_expunge(
    mailbox: Mailbox, inbox_of: InboxOf
) -> None:
    marked = mailbox.put(b"From: a@b.test\r\nSubject: to be deleted\r\n\r\nNot yet.\r\n")
    mailbox.put(b"From: a@b.test\r\nSubject: kept\r\n\r\nKeep me.\r\n")
    current = marked.parent.parent / "cur" / f"{marked.name}:2,T"
    marked.rename(current)
    before = mailbox.texts()

    await mailbox.travel(inbox_of(mailbox))

    assert mailbox.texts() == before


@INBOXES
@pytest.mark.parametrize("octets", [8_190, 8_193, 40_000])
async def test_a_line_that_no_message_may_have_is_somebody_elses_and_no_fault(
    mailbox: Mailbox, inbox_of: InboxOf, octets: int
) -> None:
    long = b"X-Endless: " + b"y" * octets + b"\r\n"
    mailbox.put(long + message(OWN, OWN.make(ACCOUNT, LONG_AGO)))
    mailbox.put(b"Subject: hello\r\n" + long + b"Subject: report\r\n\r\n" + b"z" * octets + b"\r\n")
    others = mailbox.texts()
    if inbox_of is Mailbox.imap:  # is asked for the header of ours alone
        others = [each for each in others if HEADER.encode() not in each]

    trip = await mailbox.travel(inbox_of(mailbox))

    assert trip.arrival is not None
    assert mailbox.texts() == others


async def test_what_was_left_in_the_junk_folder_goes_too(mailbox: Mailbox) -> None:
    others = sorted(look_alikes())
    for other in others:
        mailbox.put(other, ".Junk")
    mailbox.put(message(OWN, OWN.make(ACCOUNT, LONG_AGO)), ".Junk")

    await mailbox.travel(mailbox.imap())

    assert mailbox.texts(".Junk") == others


async def test_a_server_that_cannot_expunge_one_message_keeps_it_marked(mailbox: Mailbox) -> None:
    other = b"From: a@b.test\r\nSubject: to be deleted\r\n\r\nNot yet.\r\n"
    path = mailbox.put(other)
    path.rename(path.parent.parent / "cur" / f"{path.name}:2,T")

    await mailbox.travel(mailbox.imap(RoundTripSettings(wait="poll", poll_interval=1), lacking={"UIDPLUS"}))

    assert other in mailbox.texts()
    (ours,) = [text for text in mailbox.texts() if text != other]
    assert OWN.read(ours) is not None
    flags = [path.name.rpartition(",")[2] for path in (mailbox.folder / "cur").iterdir()]
    assert all("T" in each for each in flags)


@INBOXES
async def test_a_mailbox_of_a_hundred_thousand_messages_costs_no_more(
    mailbox: Mailbox, inbox_of: InboxOf
) -> None:
    year_ago = (NOW - timedelta(days=365)).timestamp()
    mailbox.fill(b"From: a@b.test\r\nSubject: hello\r\n\r\nOne of many.\r\n", 100_000, at=year_ago)

    trip = await mailbox.travel(inbox_of(mailbox))

    assert trip.arrival is not None
    assert len(mailbox.texts()) == 100_000
    assert mailbox.octets_received() < 50_000
