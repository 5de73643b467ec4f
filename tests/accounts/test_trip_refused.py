"""A round trip whose sign-in to read is broken off at the password counts as refused, as any sign-in does."""

from pathlib import Path
from typing import Any

import pytest

from scanner.accounts.back_off import is_refused
from scanner.model.account import AccountReason
from tests.accounts.account_world import check_trip
from tests.accounts.scripted import Talk, Wire, imap, pop3, run_scripted, smtp
from tests.servers.certificates import Authority

NAME = "scripted.mail.test"


@pytest.mark.parametrize(
    ("receive", "talk"),
    [("imap", imap()), ("imap", imap("+ \r\n")), ("pop3", pop3()), ("pop3", pop3("+OK\r\n"))],
)
async def test_one_that_is_broken_off_at_the_password_to_read(
    authority: Authority, tmp_path: Path, receive: str, talk: Talk
) -> None:
    with run_scripted(authority.issue(NAME), talk) as server:
        place = f"{NAME}:{server.port}:ssl"
        keys: dict[str, Any] = {receive: place, "smtp": place, "roundtrip": {"receive": receive}}
        check = await check_trip(tmp_path, authority.ca_file, NAME, **keys)
    assert check.reason is AccountReason.SERVER_CLOSED, check
    assert is_refused(check), check


async def test_one_that_is_broken_off_in_a_look_behind_the_sending(
    authority: Authority, tmp_path: Path
) -> None:
    looks = iter((pop3("+OK\r\n", "+OK in\r\n", "+OK 0 0\r\n"), pop3("+OK\r\n")))
    submission = smtp("235 in\r\n", "250 sender\r\n", "250 recipient\r\n", "354 go on\r\n", "250 taken\r\n")

    def talk(wire: Wire) -> None:
        next(looks)(wire)

    with (
        run_scripted(authority.issue(NAME), talk) as reading,
        run_scripted(authority.issue(NAME), submission) as sending,
    ):
        keys: dict[str, Any] = {
            "pop3": f"{NAME}:{reading.port}:ssl",
            "smtp": f"{NAME}:{sending.port}:ssl",
            "roundtrip": {"receive": "pop3"},
        }
        check = await check_trip(tmp_path, authority.ca_file, NAME, **keys)
    assert check.reason is AccountReason.SERVER_CLOSED, check
    assert is_refused(check), check


async def test_a_mailbox_that_another_program_holds_says_nothing_of_the_password(
    authority: Authority, tmp_path: Path
) -> None:
    with run_scripted(authority.issue(NAME), pop3("+OK\r\n", "-ERR [IN-USE] locked\r\n")) as server:
        place = f"{NAME}:{server.port}:ssl"
        keys: dict[str, Any] = {"pop3": place, "smtp": place, "roundtrip": {"receive": "pop3"}}
        check = await check_trip(tmp_path, authority.ca_file, NAME, **keys)
    assert check.reason is AccountReason.IN_USE, check
    assert not is_refused(check), check
