"""Round trips as the service makes them, and where they go wrong: refused, lost, returned, greylisted."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from scanner.accounts.check import Checker
from scanner.accounts.round_trip_check import JUNK_ADVICE, check_round_trip
from scanner.accounts.tag import Tagger
from scanner.config.account_settings import Account
from scanner.model.account import AccountCheck, AccountPhase, AccountReason, Activity
from tests.accounts.account_world import make_account, make_checker
from tests.servers.mailbox import ACCOUNT, KEY, Mailbox

SMTP_NAME = "odd.mail.test"


def checker_of(mailbox: Mailbox) -> Checker:
    names = {mailbox.name: mailbox.address, SMTP_NAME: "127.0.0.1"}
    return make_checker(mailbox.ca_file, names)


def account_of(mailbox: Mailbox, folder: Path, trip: Mapping[str, Any], **keys: Any) -> Account:
    values = {
        "name": ACCOUNT,
        "smtp": f"{mailbox.name}:587",
        "imap": f"{mailbox.name}:993",
        "pop3": f"{mailbox.name}:995",
        "roundtrip": {"poll_interval": 1, **trip},
    } | keys
    return make_account(folder, mailbox.dovecot.password, **values)


async def check(mailbox: Mailbox, folder: Path, trip: Mapping[str, Any], **keys: Any) -> AccountCheck:
    account = account_of(mailbox, folder, trip, **keys)
    return await check_round_trip(checker_of(mailbox), account, Tagger(KEY))


@pytest.mark.parametrize("trip", [{}, {"wait": "poll"}, {"receive": "pop3"}], ids=["idle", "poll", "pop3"])
async def test_a_round_trip_tells_every_step(mailbox: Mailbox, tmp_path: Path, trip: dict[str, Any]) -> None:
    found = await check(mailbox, tmp_path, trip)

    assert found.success, found
    assert (found.activity, found.host, found.port) == (Activity.ROUNDTRIP, mailbox.name, 587)
    assert (found.reason, found.advice, found.mailbox, found.is_junk) == (None, None, "INBOX", False)
    phases = [AccountPhase.AUTH, AccountPhase.SUBMIT, AccountPhase.DELIVERY, AccountPhase.FETCH]
    assert found.phases.keys() >= {*phases, AccountPhase.DELETE}
    assert mailbox.texts() == []
    assert re.search(r"postfix/lmtp\[.*status=sent", mailbox.postfix.log_text())
    assert re.search(r"lmtp\(probe@mail\.test\).*saved mail to INBOX", mailbox.dovecot.log_file.read_text())


async def test_what_arrives_as_junk_is_a_success_with_advice(mailbox: Mailbox, tmp_path: Path) -> None:
    mailbox.put(b"Subject: x\r\n\r\nso that the folder is there\r\n", ".Junk")
    found = await check(mailbox, tmp_path, {"recipient": mailbox.junk_address})

    assert (found.success, found.mailbox, found.is_junk) == (True, "Junk", True)
    assert found.advice == JUNK_ADVICE
    assert len(mailbox.texts(".Junk")) == 1


async def test_a_message_that_never_arrives(mailbox: Mailbox, tmp_path: Path) -> None:
    trip = {"recipient": f"{mailbox.dovecot.user}-lost@mail.test", "timeout": 2}
    found = await check(mailbox, tmp_path, trip)

    assert (found.success, found.reason) == (False, AccountReason.DELIVERY_TIMEOUT)
    assert AccountPhase.SUBMIT in found.phases
    assert AccountPhase.DELIVERY not in found.phases
    assert found.detail is not None
    assert found.detail.startswith("mailport.")
    assert found.detail[9:41] in mailbox.postfix.log_text(), "the id in the log is the one that is told"


@pytest.mark.parametrize("receive", ["imap", "pop3"])
async def test_a_message_that_comes_back(mailbox: Mailbox, tmp_path: Path, receive: str) -> None:
    trip = {"recipient": f"{mailbox.dovecot.user}-back@mail.test", "receive": receive}
    found = await check(mailbox, tmp_path, trip)

    assert not found.success
    assert found.reason is AccountReason.MESSAGE_REFUSED
    assert found.detail is not None
    assert "keeps its mail to itself" in found.detail
    (report,) = mailbox.texts()
    assert b"multipart/report" in report, "the report is not ours to delete"


@pytest.mark.parametrize(
    ("recipient", "reason"),
    [
        ("nobody@mail.test", AccountReason.RECIPIENT_REFUSED),
    ],
)
async def test_a_recipient_that_is_refused(
    mailbox: Mailbox, tmp_path: Path, recipient: str, reason: AccountReason
) -> None:
    found = await check(mailbox, tmp_path, {"recipient": recipient})
    assert (found.success, found.reason) == (False, reason), found
    assert AccountPhase.SUBMIT not in found.phases


async def test_a_folder_that_is_not_there_is_found_before_anything_is_sent(
    mailbox: Mailbox, tmp_path: Path
) -> None:
    before = mailbox.postfix.log_text().count("from=<probe@")
    found = await check(mailbox, tmp_path, {"mailbox": "Nowhere"})
    assert (found.success, found.reason) == (False, AccountReason.MAILBOX_MISSING)
    assert mailbox.postfix.log_text().count("from=<probe@") == before


@asynccontextmanager
async def odd_server(answers: Mapping[str, str | None]) -> AsyncIterator[int]:
    """Serve SMTP in clear; a verb without an answer ends the connection, "." is the end of the message."""
    usual = {
        "EHLO": "250-odd.mail.test\r\n250 AUTH PLAIN",
        "AUTH": "235 2.7.0 in",
        "MAIL": "250 2.1.0 ok",
        "RCPT": "250 2.1.5 ok",
        "DATA": "354 go on",
        ".": "250 2.0.0 queued",
        "QUIT": "221 bye",
    }
    script = usual | dict(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 odd.mail.test ESMTP\r\n")
        is_message = False
        while line := (await reader.readline()).decode().strip("\r\n"):
            verb = line if line == "." else line.split(" ")[0].upper()
            while is_message and line != ".":
                line = (await reader.readline()).decode().strip("\r\n")
                verb = "."
            answer = script[verb]
            if answer is None:
                break
            is_message = verb == "DATA"
            writer.write(f"{answer}\r\n".encode())
            await writer.drain()
            if verb == "QUIT":
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"RCPT": "451 4.7.1 Greylisted, please try again later"}, AccountReason.GREYLISTED),
        ({".": "452 4.2.2 The mailbox is over quota"}, AccountReason.QUOTA),
        ({"RCPT": "552 5.2.2 Mailbox full, quota exceeded"}, AccountReason.QUOTA),
        ({"RCPT": "554 5.7.1 <x>: Relay access denied"}, AccountReason.RELAY_DENIED),
        (
            {"MAIL": "553 5.7.1 <a@b>: Sender address rejected: not owned by user x"},
            AccountReason.SENDER_REFUSED,
        ),
        ({".": "554 5.7.1 Message rejected as spam"}, AccountReason.MESSAGE_REFUSED),
        ({".": None}, AccountReason.SERVER_CLOSED),
        ({"MAIL": None}, AccountReason.SERVER_CLOSED),
        ({"RCPT": "nonsense"}, AccountReason.PROTOCOL_ERROR),
    ],
    ids=str,
)
async def test_what_a_server_says_when_it_takes_no_mail(
    mailbox: Mailbox, tmp_path: Path, answers: dict[str, str | None], reason: AccountReason
) -> None:
    other = b"Subject: another\r\n\r\nstays\r\n"
    mailbox.put(other)
    async with odd_server(answers) as port:
        found = await check(
            mailbox, tmp_path, {"timeout": 2}, smtp=f"{SMTP_NAME}:{port}:none", allow_unencrypted=True
        )

    assert (found.success, found.reason) == (False, reason), found
    assert found.advice
    assert mailbox.texts() == [other]
    assert mailbox.dovecot.password not in repr(found)


async def test_a_program_that_is_stopped_in_the_middle_leaves_a_message_that_the_next_run_knows(
    mailbox: Mailbox, tmp_path: Path
) -> None:
    account = account_of(mailbox, tmp_path, {"recipient": f"{mailbox.dovecot.user}-lost@mail.test"})
    running = asyncio.create_task(check_round_trip(checker_of(mailbox), account, Tagger(KEY)))
    async with asyncio.timeout(60):
        while not (sent := list((mailbox.dovecot.mail_folder / "lost" / "new").glob("*"))):
            await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert Tagger(KEY).read(sent[-1].read_bytes()) is not None
