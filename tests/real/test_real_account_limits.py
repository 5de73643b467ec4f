"""A real Postfix and Dovecot with limits, met by an account: a full mailbox, greylisting, closed accounts."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.accounts.round_trip_check import check_round_trip
from scanner.accounts.tag import Tagger
from scanner.config.account_settings import Account
from scanner.model.account import AccountCheck, AccountPhase, AccountReason, Activity
from tests.accounts.account_world import make_account, make_checker
from tests.servers.limiting_host import CLOSED, FULL, GREYLISTED, LAPSED, LATE, MOST_MESSAGES
from tests.servers.mailbox import ACCOUNT, KEY, Mailbox
from tests.servers.postfix import DOMAIN

R = AccountReason
OTHER = b"From: a@b.test\r\nSubject: hello\r\n\r\nA message of somebody's.\r\n"


@pytest.fixture
def limits(limiting_host: Mailbox) -> Iterator[Mailbox]:
    yield limiting_host
    for folder in limiting_host.dovecot.mail_folder.iterdir():
        shutil.rmtree(folder, ignore_errors=True)


def account_of(host: Mailbox, folder: Path, **keys: Any) -> Account:
    values = {"smtp": f"{host.name}:587", "imap": f"{host.name}:993", "pop3": f"{host.name}:995"}
    return make_account(folder, host.dovecot.password, **({"name": ACCOUNT} | values | keys))


async def travel(host: Mailbox, folder: Path, **trip: Any) -> AccountCheck:
    account = account_of(host, folder, roundtrip={"poll_interval": 1, "timeout": 60, **trip})
    checker = make_checker(host.ca_file, {host.name: host.address})
    return await check_round_trip(checker, account, Tagger(KEY))


@pytest.mark.parametrize("receive", ["imap", "pop3"])
async def test_a_mailbox_that_is_full_takes_no_message_and_is_told_as_that(
    limits: Mailbox, tmp_path: Path, receive: str
) -> None:
    for _ in range(MOST_MESSAGES):
        limits.put(OTHER)
    full = await travel(limits, tmp_path, receive=receive)
    assert full.reason is R.QUOTA, full
    assert "Quota exceeded" in (full.detail or "")
    assert limits.texts() == [OTHER] * MOST_MESSAGES

    shutil.rmtree(limits.folder)
    limits.put(OTHER)
    assert (await travel(limits, tmp_path, receive=receive)).success
    assert limits.texts() == [OTHER]


@pytest.mark.parametrize("receive", ["imap", "pop3"])
async def test_what_lmtp_returns_for_a_full_mailbox_is_told_as_that(
    limits: Mailbox, tmp_path: Path, receive: str
) -> None:
    for _ in range(MOST_MESSAGES):
        limits.put(OTHER, user=FULL)
    returned = await travel(limits, tmp_path, receive=receive, recipient=f"{FULL}@{DOMAIN}")
    assert returned.reason is R.QUOTA, returned
    assert "Quota exceeded (mailbox for user is full)" in (returned.detail or "")
    assert AccountPhase.SUBMIT in returned.phases, "the server took the message"
    assert limits.texts(user=FULL) == [OTHER] * MOST_MESSAGES
    (report,) = limits.texts()
    assert b"multipart/report" in report


async def test_a_full_mailbox_that_takes_no_report_either_is_asked_for_its_quota(
    limits: Mailbox, tmp_path: Path
) -> None:
    for _ in range(MOST_MESSAGES):
        limits.put(OTHER)
    lost = await travel(limits, tmp_path, recipient=LATE, timeout=3)
    assert lost.reason is R.QUOTA, lost
    assert f"its quota is used up: {MOST_MESSAGES} of {MOST_MESSAGES} messages" in (lost.detail or "")
    assert AccountPhase.SUBMIT in lost.phases
    assert limits.texts() == [OTHER] * MOST_MESSAGES
    blind = await travel(limits, tmp_path, recipient=LATE, timeout=3, receive="pop3")
    assert blind.reason is R.DELIVERY_TIMEOUT, blind


async def test_greylisting_in_postfixs_own_words(limits: Mailbox, tmp_path: Path) -> None:
    found = await travel(limits, tmp_path, recipient=GREYLISTED)
    assert found.reason is R.GREYLISTED, found
    assert "Recipient address rejected: Greylisted for 300 seconds" in (found.detail or "")
    assert limits.texts() == []


@pytest.mark.parametrize("activity", [Activity.IMAP, Activity.POP3])
@pytest.mark.parametrize(
    ("user", "words"), [(CLOSED, "Login disabled for this user"), (LAPSED, "PASSWORD-EXPIRED")]
)
async def test_an_account_that_is_closed_is_told_as_that_and_no_wrong_password(
    limits: Mailbox, tmp_path: Path, activity: Activity, user: str, words: str
) -> None:
    checker = make_checker(limits.ca_file, {limits.name: limits.address})
    found = await checker.check(account_of(limits, tmp_path, username=user), activity)
    code = {Activity.IMAP: "NO [CONTACTADMIN]", Activity.POP3: "-ERR [AUTH]"}[activity]
    assert found.detail == f"{code} {words}"
    assert found.reason is R.PASSWORD_EXPIRED, found
