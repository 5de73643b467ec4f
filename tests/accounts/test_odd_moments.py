"""Servers that refuse, or say yes, at a moment when nobody expects it: told as what it is."""

from pathlib import Path
from typing import Any

import pytest

from scanner.accounts.round_trip_check import check_round_trip
from scanner.accounts.tag import Tagger
from scanner.model.account import AccountReason, Activity
from tests.accounts.account_world import SECRET, check_trip, make_account, make_checker
from tests.accounts.scripted import Talk, imap, pop3, run_scripted, smtp
from tests.servers.certificates import Authority

NAME = "scripted.mail.test"
SIGNED_IN = ("+ \r\n", "TAG OK in\r\n")
R = AccountReason


@pytest.mark.parametrize(
    ("receive", "talk"),
    [
        ("imap", imap(*SIGNED_IN, "TAG OK [READ-WRITE] done\r\n", "TAG NO searching is switched off\r\n")),
        ("pop3", pop3("+ \r\n", "+OK in\r\n", "-ERR no counting today\r\n", inside=("SASL PLAIN",))),
    ],
)
async def test_what_is_refused_behind_the_sign_in_is_no_refusal_of_the_password(
    authority: Authority, tmp_path: Path, receive: str, talk: Talk
) -> None:
    with run_scripted(authority.issue(NAME), talk) as server:
        place = f"{NAME}:{server.port}:ssl"
        keys: dict[str, Any] = {receive: place, "smtp": place, "roundtrip": {"receive": receive}}
        check = await check_trip(tmp_path, authority.ca_file, NAME, **keys)
    assert check.reason is R.SERVER_REFUSED, check


async def test_a_yes_before_the_password_was_sent_is_no_success(authority: Authority, tmp_path: Path) -> None:
    with run_scripted(authority.issue(NAME), imap("TAG OK in\r\n")) as server:
        account = make_account(tmp_path, imap=f"{NAME}:{server.port}:ssl")
        checker = make_checker(authority.ca_file, {NAME: "127.0.0.1"})
        check = await checker.check(account, Activity.IMAP)
    assert check.reason is R.PROTOCOL_ERROR, check
    assert "before anything was said" in (check.detail or "")


@pytest.mark.parametrize(
    "behind",
    [
        b"* CAPABILITY IMAP4rev1\r\n",
        b"* OK hello\r\n",
        b'* LIST () "/" X\r\n',
        b"+ \r\n",
        b"A1 OK x\r\n",
        b"\r\n",
    ],
)
async def test_whole_answers_in_clear_behind_the_go_ahead_for_tls_are_found_too(
    authority: Authority, tmp_path: Path, behind: bytes
) -> None:
    talk = imap(*SIGNED_IN, behind_starttls=behind)
    with run_scripted(authority.issue(NAME), talk, is_implicit=False) as server:
        account = make_account(tmp_path, imap=f"{NAME}:{server.port}:starttls")
        checker = make_checker(authority.ca_file, {NAME: "127.0.0.1"})
        check = await checker.check(account, Activity.IMAP)
    assert check.reason is R.STARTTLS_INJECTION, check
    assert b"AUTHENTICATE" not in server.heard


async def test_a_password_repeated_at_the_end_of_a_long_reply_is_not_shown_in_part(
    authority: Authority, tmp_path: Path
) -> None:
    reading = imap(*SIGNED_IN, "TAG OK [READ-WRITE] done\r\n", "* SEARCH\r\nTAG OK done\r\n")
    sending = smtp("235 in\r\n", f"550 5.7.1 {'x' * 480} {SECRET} is not welcome\r\n")
    leaf = authority.issue(NAME)
    with run_scripted(leaf, reading) as imap_server, run_scripted(leaf, sending) as smtp_server:
        keys: dict[str, Any] = {
            "imap": f"{NAME}:{imap_server.port}:ssl",
            "smtp": f"{NAME}:{smtp_server.port}:ssl",
            "roundtrip": {},
        }
        checker = make_checker(authority.ca_file, {NAME: "127.0.0.1"})
        check = await check_round_trip(checker, make_account(tmp_path, **keys), Tagger(b"k" * 32))
    assert check.reason is R.SENDER_REFUSED, check
    assert "xxx ***" in (check.detail or "")
    assert SECRET[:4] not in (check.detail or "")
