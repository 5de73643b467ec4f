"""Servers that want the password too soon, say too much or nothing, or hang up: all ends, nothing is sent."""

import asyncio
import base64
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.accounts.attempt import AccountFailure, Attempt
from scanner.accounts.imap_protocol import ImapProtocol
from scanner.accounts.line_channel import LONGEST_LINE, MOST_CUT, LineChannel
from scanner.model.account import AccountCheck, AccountReason, Activity
from tests.accounts.account_world import SECRET, make_account, make_checker
from tests.accounts.scripted import SERVERS, Scripted, Talk, Wire, imap, run_scripted
from tests.servers.certificates import Authority, Leaf

NAME = "scripted.mail.test"
R = AccountReason
ALL = tuple(SERVERS)


async def visit(
    server: Scripted, folder: Path, activity: Activity, mode: str, ca_file: Path | None, **keys: object
) -> AccountCheck:
    account = make_account(folder, SECRET, **{activity.value: f"{NAME}:{server.port}:{mode}"}, **keys)
    return await make_checker(ca_file, {NAME: "127.0.0.1"}).check(account, activity)


def check_untouched(server: Scripted) -> None:
    """Fail if anything of a sign-in reached the server, in whatever form."""
    for word in (b"AUTH", b"LOGIN", b"USER", b"PASS", b"probe", b"battery"):
        assert word not in server.heard.upper() + server.heard, server.heard


@pytest.mark.parametrize("activity", ALL)
@pytest.mark.parametrize("mode", ["ssl", "starttls"])
async def test_a_certificate_that_nobody_signed_gets_no_byte_of_the_password(
    authority: Authority, tmp_path: Path, activity: Activity, mode: str
) -> None:
    with run_scripted(authority.issue(NAME), SERVERS[activity](), is_implicit=mode == "ssl") as server:
        check = await visit(server, tmp_path, activity, mode, None)
        check_untouched(server)
    assert check.reason is R.CERTIFICATE_UNTRUSTED, check
    assert server.listener.connections == 1


@pytest.mark.parametrize("activity", ALL)
@pytest.mark.parametrize(
    ("leaf", "reason"),
    [
        (lambda authority: authority.issue("other.mail.test"), R.CERTIFICATE_NAME_MISMATCH),
        (lambda authority: authority.issue(NAME, days=-3), R.CERTIFICATE_EXPIRED),
    ],
)
async def test_a_wrong_certificate_gets_no_byte_of_the_password(
    authority: Authority,
    tmp_path: Path,
    activity: Activity,
    leaf: Callable[[Authority], Leaf],
    reason: AccountReason,
) -> None:
    with run_scripted(leaf(authority), SERVERS[activity]()) as server:
        check = await visit(server, tmp_path, activity, "ssl", authority.ca_file)
        check_untouched(server)
    assert check.reason is reason, check
    assert "No password was sent" in (check.advice or "")


@pytest.mark.parametrize("activity", ALL)
async def test_allow_unverified_is_what_it_says(
    authority: Authority, tmp_path: Path, activity: Activity
) -> None:
    good = {
        Activity.SMTP: ("235 in\r\n",),
        Activity.IMAP: ("+ \r\n", "TAG OK in\r\n"),
        Activity.POP3: ("+OK\r\n", "+OK in\r\n"),
    }
    with run_scripted(authority.issue("other.mail.test"), SERVERS[activity](*good[activity])) as server:
        check = await visit(server, tmp_path, activity, "ssl", None, allow_unverified=True)
    assert check.success, check


@pytest.mark.parametrize("activity", ALL)
@pytest.mark.parametrize("mode", ["none", "starttls"])
async def test_allow_unencrypted_sends_it_in_clear(
    authority: Authority, tmp_path: Path, activity: Activity, mode: str
) -> None:
    talks: dict[Activity, Talk] = {
        Activity.SMTP: SERVERS[Activity.SMTP]("235 in\r\n", clear=("AUTH PLAIN",)),
        Activity.IMAP: SERVERS[Activity.IMAP]("+ \r\n", "TAG OK in\r\n", clear="IMAP4rev1 AUTH=PLAIN"),
        Activity.POP3: SERVERS[Activity.POP3]("+ \r\n", "+OK in\r\n", clear=("SASL PLAIN",)),
    }
    with run_scripted(authority.issue(NAME), talks[activity], is_implicit=False) as server:
        check = await visit(server, tmp_path, activity, mode, None, allow_unencrypted=True)
    assert check.success, check
    assert base64.b64encode(f"\0probe@mail.test\0{SECRET}".encode()) in server.heard


@pytest.mark.parametrize("activity", ALL)
async def test_where_starttls_is_stripped_the_password_stays_here(
    authority: Authority, tmp_path: Path, activity: Activity
) -> None:
    stripped: dict[Activity, Talk] = {
        Activity.SMTP: SERVERS[Activity.SMTP](clear=("AUTH PLAIN LOGIN",)),
        Activity.IMAP: SERVERS[Activity.IMAP](clear="IMAP4rev1 AUTH=PLAIN"),
        Activity.POP3: SERVERS[Activity.POP3](clear=("USER", "SASL PLAIN")),
    }
    with run_scripted(authority.issue(NAME), stripped[activity], is_implicit=False) as server:
        check = await visit(server, tmp_path, activity, "starttls", authority.ca_file)
        check_untouched(server)
    assert check.reason is R.STARTTLS_MISSING, check


async def test_a_password_that_is_a_word_of_ours_is_not_told_by_a_mask_over_it(
    authority: Authority, tmp_path: Path
) -> None:
    account_folder = tmp_path / "own"
    account_folder.mkdir()
    talk = SERVERS[Activity.SMTP](clear=("AUTH PLAIN LOGIN",))
    with run_scripted(authority.issue(NAME), talk, is_implicit=False) as server:
        account = make_account(account_folder, "secret", smtp=f"{NAME}:{server.port}:starttls")
        checker = make_checker(authority.ca_file, {NAME: "127.0.0.1"})
        stripped = await checker.check(account, Activity.SMTP)
    with run_scripted(authority.issue(NAME), SERVERS[Activity.SMTP](), is_implicit=True) as server:
        account = make_account(account_folder, "secret", smtp=f"{NAME}:{server.port}:ssl")
        unsigned = await make_checker(None, {NAME: "127.0.0.1"}).check(account, Activity.SMTP)
    assert stripped.detail == "the server does not offer TLS here; nothing secret was sent"
    assert unsigned.reason is R.CERTIFICATE_UNTRUSTED
    assert unsigned.detail is not None
    assert unsigned.detail.endswith("; nothing secret was sent")


@pytest.mark.parametrize("activity", ALL)
async def test_text_in_clear_behind_the_go_ahead_is_never_taken_for_an_answer(
    authority: Authority, tmp_path: Path, activity: Activity
) -> None:
    injected = b"250-evil\r\n250 AUTH PLAIN\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n+OK\r\n"
    talk = SERVERS[activity](behind_starttls=injected)
    with run_scripted(authority.issue(NAME), talk, is_implicit=False) as server:
        check = await visit(server, tmp_path, activity, "starttls", authority.ca_file)
    assert check.reason is R.STARTTLS_INJECTION, check
    check_untouched(server)


@pytest.mark.parametrize(
    "behind", [b"\r\n", b"2", b"220 go ahead\r\n", b"x" * 100_000], ids=lambda one: one[:9]
)
async def test_however_little_or_much_it_is_no_smtp_server_is_signed_in_at(
    authority: Authority, tmp_path: Path, behind: bytes
) -> None:
    talk = SERVERS[Activity.SMTP](behind_starttls=behind)
    with run_scripted(authority.issue(NAME), talk, is_implicit=False) as server:
        check = await visit(server, tmp_path, Activity.SMTP, "starttls", authority.ca_file)
    assert check.reason is R.STARTTLS_INJECTION, check
    check_untouched(server)


async def test_a_go_ahead_in_several_lines_and_pieces_is_none_of_that(
    authority: Authority, tmp_path: Path
) -> None:
    def talk(wire: Wire) -> None:
        wire.say("220 scripted.test ESMTP\r\n")
        wire.hear()
        wire.say("250-scripted.test\r\n250 STARTTLS\r\n")
        wire.hear()
        for piece in ("22", "0-wait\r", "\n220 now", "\r\n"):
            wire.say(piece)
        wire.start_tls()
        wire.hear()
        wire.say("250-scripted.test\r\n250 AUTH PLAIN\r\n")
        wire.hear()
        wire.say("235 in\r\n")
        wire.hear()
        wire.say("221 bye\r\n")

    with run_scripted(authority.issue(NAME), talk, is_implicit=False) as server:
        check = await visit(server, tmp_path, Activity.SMTP, "starttls", authority.ca_file)
    assert check.success, check


@pytest.mark.parametrize("activity", ALL)
async def test_a_server_that_closes_in_auth_is_told_as_that(
    authority: Authority, tmp_path: Path, activity: Activity
) -> None:
    with run_scripted(authority.issue(NAME), SERVERS[activity]()) as server:
        check = await visit(server, tmp_path, activity, "ssl", authority.ca_file)
    assert check.reason is R.SERVER_CLOSED, check
    assert "auth" in (check.detail or "")


@pytest.mark.parametrize("activity", ALL)
@pytest.mark.parametrize(
    ("mode", "is_silent_inside", "reason"),
    [("ssl", True, R.NO_GREETING), ("starttls", True, R.NO_GREETING), ("ssl", False, R.TLS_TIMEOUT)],
)
async def test_a_silent_server_ends_with_the_time_of_the_account(
    authority: Authority,
    tmp_path: Path,
    activity: Activity,
    mode: str,
    is_silent_inside: bool,
    reason: AccountReason,
) -> None:
    def say_nothing(wire: Wire) -> None:
        while wire.hear():
            pass

    is_implicit = mode == "ssl" and is_silent_inside
    with run_scripted(authority.issue(NAME), say_nothing, is_implicit=is_implicit) as server:
        check = await visit(server, tmp_path, activity, mode, authority.ca_file, timeout=1.5)
    assert check.reason is reason, check
    assert 1.4 < check.duration < 30


@pytest.mark.parametrize("activity", ALL)
async def test_a_hundred_megabytes_are_not_read(
    authority: Authority, tmp_path: Path, activity: Activity
) -> None:
    def flood(wire: Wire) -> None:
        while True:
            wire.say(b"x" * 65536)

    with run_scripted(authority.issue(NAME), flood) as server:
        check = await visit(server, tmp_path, activity, "ssl", authority.ca_file)
    assert check.reason is R.PROTOCOL_ERROR, check


async def test_a_hundred_thousand_mailboxes_are_counted_and_not_kept(
    authority: Authority, tmp_path: Path
) -> None:
    def list_all(wire: Wire) -> None:
        for start in range(0, 100_000, 1000):
            lines = (f'* LIST (\\HasNoChildren) "/" "Box/{n}"\r\n' for n in range(start, start + 1000))
            wire.say("".join(lines))
        wire.say('* LIST (\\HasNoChildren \\Junk) "/" "Spam \\"old\\""\r\n')

    talk = imap("+ \r\n", "TAG OK in\r\n", listing=list_all)
    with run_scripted(authority.issue(NAME), talk) as server:
        account = make_account(tmp_path, imap=f"{NAME}:{server.port}:ssl")
        checker = make_checker(authority.ca_file, {NAME: "127.0.0.1"})
        tracemalloc.start()
        check = await checker.check(account, Activity.IMAP)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert check.success, check
    assert check.mailboxes == 100_001
    assert peak < 8 * 1024 * 1024


@pytest.mark.parametrize(
    "listing",
    [
        b'* LIST () "/" {999999999999}\r\n',
        b'* LIST () "/" {1048577}\r\n',
        b"* LIST () " + b"y" * 70_000 + b"\r\n",
        b"* FLAGS ()\r\n" * 60_000,
    ],
)
async def test_a_huge_literal_line_or_answer_ends_the_conversation(
    authority: Authority, tmp_path: Path, listing: bytes
) -> None:
    talk = imap("+ \r\n", "TAG OK in\r\n", listing=lambda wire: wire.say(listing))
    with run_scripted(authority.issue(NAME), talk) as server:
        check = await visit(server, tmp_path, Activity.IMAP, "ssl", authority.ca_file)
    assert check.reason is R.PROTOCOL_ERROR, check


async def test_a_name_as_literal_is_counted_too(authority: Authority, tmp_path: Path) -> None:
    talk = imap(
        "+ \r\n",
        "TAG OK in\r\n",
        listing=lambda wire: wire.say(b'* LIST () "/" {5}\r\na"b\r\n\r\n* LIST () "/" INBOX\r\n'),
    )
    with run_scripted(authority.issue(NAME), talk) as server:
        check = await visit(server, tmp_path, Activity.IMAP, "ssl", authority.ca_file)
    assert check.success, check
    assert check.mailboxes == 2


@pytest.mark.parametrize(
    "greeting", ["* PREAUTH you are in\r\n", "* BYE not you\r\n", "220 smtp\r\n", "\xff\r\n"]
)
async def test_an_odd_greeting_gets_no_password(authority: Authority, tmp_path: Path, greeting: str) -> None:
    with run_scripted(authority.issue(NAME), imap(greeting=greeting)) as server:
        check = await visit(server, tmp_path, Activity.IMAP, "ssl", authority.ca_file)
        check_untouched(server)
    assert check.reason in {R.PROTOCOL_ERROR, R.GREETING_REJECTED}


class NoTransport(asyncio.Transport):
    """Takes what is written."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take it."""

    def abort(self) -> None:
        """Be gone."""

    def pause_reading(self) -> None:
        """Hold up nobody."""

    def resume_reading(self) -> None:
        """Hold up nobody."""


CHUNKS = st.lists(
    st.one_of(
        st.binary(max_size=200),
        st.sampled_from(
            [b'* LIST () "/" {3}\r\n', b"\r\n", b"+ \r\n", b"A1 OK\r\n", b"* BYE \r\n", b"{9}\r\n"]
        ),
    ),
    max_size=30,
)


@given(CHUNKS)
@settings(max_examples=200)
def test_no_bytes_make_the_guard_of_the_library_raise(chunks: list[bytes]) -> None:
    async def feed() -> None:
        protocol = ImapProtocol(Attempt(60))
        protocol.connection_made(NoTransport())
        for chunk in chunks:
            protocol.data_received(chunk)
        protocol.connection_lost(None)
        assert isinstance(protocol.ended.result(), AccountFailure)

    asyncio.run(feed())


@given(CHUNKS)
@settings(max_examples=200)
def test_lines_come_whole_however_they_are_cut(chunks: list[bytes]) -> None:
    whole = b"".join(chunks).split(b"\n")[:-1]

    async def feed() -> list[bytes]:
        channel = LineChannel(Attempt(60))
        channel.connection_made(NoTransport())
        for chunk in chunks:
            channel.data_received(chunk)
        channel.connection_lost(None)
        lines = [await channel.line() for _ in range(len(whole))]
        with pytest.raises(AccountFailure):
            await channel.line()
        return lines

    assert asyncio.run(feed()) == [line.removesuffix(b"\r") for line in whole]


@given(
    lines=st.lists(st.integers(0, 3 * LONGEST_LINE), min_size=1, max_size=6),
    size=st.integers(1, 9000),
    ending=st.sampled_from([b"\n", b"\r\n"]),
)
@settings(max_examples=60)
def test_where_long_lines_are_cut_the_others_stay_whole(lines: list[int], size: int, ending: bytes) -> None:
    whole = [b"x" * length for length in lines]
    text = b"".join(line + ending for line in whole)

    async def feed() -> None:
        channel = LineChannel(Attempt(60))
        channel.connection_made(NoTransport())
        channel.cuts_lines = True
        for start in range(0, len(text), size):
            channel.data_received(text[start : start + size])
            assert len(channel._rest) <= LONGEST_LINE + 2
        for line in whole:
            before = channel.cut
            got = await channel.line()
            assert line.startswith(got)
            assert (channel.cut > before) == (len(line) > LONGEST_LINE)
            assert got == line or len(line) > LONGEST_LINE

    asyncio.run(feed())


def test_a_line_without_an_end_is_not_cut_for_ever() -> None:
    channel = LineChannel(Attempt(60))
    channel.connection_made(NoTransport())
    channel.cuts_lines = True
    for _ in range(MOST_CUT // 2**20 + 1):
        channel.data_received(b"x" * 2**20)
    with pytest.raises(AccountFailure) as caught:
        asyncio.run(channel.line())
    assert caught.value.reason is R.PROTOCOL_ERROR


def test_the_secret_of_these_tests_needs_every_kind_of_escaping() -> None:
    assert {'"', "\\", " ", ";"} <= set(SECRET)
