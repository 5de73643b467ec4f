"""A real Dovecot that archives what is expunged, as Gmail does: our message is gone for good all the same."""

from datetime import UTC, datetime, timedelta

import pytest

from scanner.accounts.tag import Tagger, compose
from tests.servers.mailbox import ACCOUNT, KEY, Mailbox

OTHERS = b"From: a@b.test\r\nSubject: hello\r\n\r\nA message of somebody's.\r\n"
BIN, ARCHIVE = ".Bin", ".Archive"


def left_behind(mailbox: Mailbox) -> bytes:
    tagger = Tagger(KEY)
    tag = tagger.make(ACCOUNT, datetime.now(UTC) - timedelta(hours=2))
    return compose(tag, tagger.write(tag), mailbox.owner, mailbox.owner)


def all_texts(mailbox: Mailbox) -> dict[str, list[bytes]]:
    return {name: mailbox.texts(name) for name in ("", BIN, ARCHIVE, ".Junk")}


async def test_what_is_only_expunged_is_archived_there(archive: Mailbox) -> None:
    await archive.travel(archive.imap(lacking={"X-GM-EXT-1"}))
    assert len(archive.texts(ARCHIVE)) == 1
    assert archive.texts() == []


@pytest.mark.parametrize("folder", ["INBOX", "Junk"])
async def test_the_message_of_a_round_trip_is_gone_for_good(archive: Mailbox, folder: str) -> None:
    for name in ("", BIN, ARCHIVE, ".Junk"):
        archive.put(OTHERS, name)
    recipient = archive.owner if folder == "INBOX" else archive.junk_address
    trip = await archive.travel(archive.imap(), recipient=recipient)
    assert trip.arrival is not None
    assert trip.arrival.folder == folder
    assert all_texts(archive) == {name: [OTHERS] for name in ("", BIN, ARCHIVE, ".Junk")}


async def test_what_broken_runs_left_in_the_mailbox_and_in_the_trash_is_removed(archive: Mailbox) -> None:
    for name in ("", "", BIN, ".Junk"):
        archive.put(left_behind(archive), name)
    archive.put(OTHERS, BIN)
    await archive.travel(archive.imap())
    assert all_texts(archive) == {"": [], BIN: [OTHERS], ARCHIVE: [], ".Junk": []}


async def test_a_server_without_a_trash_is_done_with_as_others_are(archive: Mailbox) -> None:
    await archive.travel(archive.imap(lacking={"MOVE"}))
    assert len(archive.texts(ARCHIVE)) == 1
    assert archive.texts() == []
