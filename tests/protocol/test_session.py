"""The session's own promises: limits, phases, the order of events, and bounds that hold to the byte."""

import sys

import pytest

from scanner.model import Phase, Protocol, Reason, TlsMode
from scanner.protocol import MAX_BYTES, End, Session, TlsClient
from scanner.protocol.lines import MAX_LINE
from tests.protocol.identities import HOST
from tests.protocol.replay import EHLO_NAME, MAX_INTERRUPTS, fake_clock

PROTOCOLS = tuple(Protocol)


class Clock:
    """A clock that stands still until it is moved (seconds)."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def make(
    tls: TlsClient, protocol: Protocol = Protocol.SMTP, mode: TlsMode = TlsMode.STARTTLS, **known: Clock
) -> Session:
    clock = known.get("clock") or fake_clock()
    return Session(protocol, mode, HOST, ehlo_name=EHLO_NAME, tls=tls, clock=clock)


def test_each_phase_has_its_own_time(tls: TlsClient) -> None:
    clock = Clock()
    session = make(tls, clock=clock)
    session.begin()

    for seconds, line in ((1, b"220 mx\r\n"), (2, b"250 mx\r\n"), (4, b"221 bye\r\n")):
        clock.now += seconds
        session.receive(line)

    assert session.found.phases == {Phase.GREETING: 1.0, Phase.CAPABILITIES: 2.0, Phase.QUIT: 4.0}


def test_a_phase_of_several_lines_ends_with_the_last(tls: TlsClient) -> None:
    clock = Clock()
    session = make(tls, clock=clock)
    session.begin()

    for part in (b"22", b"0-teaser\r\n", b"220 mx\r\n"):
        clock.now += 5
        session.receive(part)

    assert session.found.phases == {Phase.GREETING: 15.0}
    assert session.phase is Phase.CAPABILITIES
    assert session.phase_started == 115.0


@pytest.mark.parametrize(
    ("protocol", "lines"),
    [
        (Protocol.SMTP, (b"220 mx\r\n", b"250 mx\r\n")),
        (Protocol.IMAP, (b"* OK mx\r\n", b"* CAPABILITY LOGINDISABLED\r\na1 OK\r\n")),
        (Protocol.POP3, (b"+OK mx\r\n", b"+OK\r\n.\r\n")),
    ],
)
def test_the_answer_to_the_farewell_is_not_waited_for_long(
    protocol: Protocol, lines: tuple[bytes, ...], tls: TlsClient
) -> None:
    session = make(tls, protocol)
    session.begin()
    assert session.limit is None

    for line in lines:
        session.receive(line)

    assert session.phase is Phase.QUIT
    assert session.limit == 2.0


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_silent_port_gets_one_last_question_and_little_time(protocol: Protocol, tls: TlsClient) -> None:
    session = make(tls, protocol)
    session.begin()
    assert session.take_outgoing() == b""  # nobody speaks before the greeting

    session.interrupt(End.TIMEOUT)

    assert session.take_outgoing().startswith(b"\x16\x03")
    assert (session.phase, session.limit, session.is_done) == (Phase.TLS, 1.5, False)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_implicit_tls_begins_with_our_hello(protocol: Protocol, tls: TlsClient) -> None:
    session = make(tls, protocol, TlsMode.IMPLICIT)

    session.begin()

    assert session.phase is Phase.TLS
    assert session.take_outgoing().startswith(b"\x16\x03")


@pytest.mark.parametrize("end", [End.CLOSED, End.RESET, End.TIMEOUT])
@pytest.mark.parametrize("mode", TlsMode)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_interrupts_end_it_at_every_moment(
    protocol: Protocol, mode: TlsMode, end: End, tls: TlsClient
) -> None:
    for has_begun in (False, True):
        session = make(tls, protocol, mode)
        if has_begun:
            session.begin()
        for _ in range(MAX_INTERRUPTS):
            session.interrupt(end)

        assert session.is_done
        assert session.found.reason is not None


def test_what_comes_after_the_end_changes_nothing(tls: TlsClient) -> None:
    session = make(tls)
    session.begin()
    session.receive(b"SSH-2.0-x\r\n")
    assert session.is_done
    count = session.bytes_read

    session.receive(b"220 mx\r\n" * 10)
    session.interrupt(End.RESET, "late")

    assert (session.found.reason, session.found.banner) == (Reason.WRONG_PROTOCOL, None)
    assert (session.bytes_read, session.take_outgoing()) == (count, b"")


def test_no_bytes_are_no_event(tls: TlsClient) -> None:
    session = make(tls)
    session.begin()
    session.receive(b"")

    session.interrupt(End.CLOSED)

    assert session.found.reason is Reason.CLOSED_BEFORE_GREETING


ENDLESS = (
    pytest.param(Protocol.SMTP, (b"220 mx\r\n", b"250 mx\r\n"), b"221-and on\r\n", None, id="smtp-quit"),
    pytest.param(
        Protocol.IMAP,
        (b"* OK\r\n", b"* CAPABILITY LOGINDISABLED\r\na1 OK\r\n"),
        b"* 1 EXISTS\r\n",
        None,
        id="imap-logout",
    ),
    pytest.param(
        Protocol.IMAP,
        (b"* OK\r\n",),
        b"* X {60000}\r\n" + bytes(60000) + b"\r\n",
        Reason.PROTOCOL_ERROR,
        id="imap-literals",
    ),
    pytest.param(
        Protocol.IMAP,
        (b"* OK\r\n", b"* X {60000}\r\n"),
        bytes(59999) + b"x{2}\r\n",
        Reason.PROTOCOL_ERROR,
        id="imap-literals-in-one-line",
    ),
    pytest.param(
        Protocol.SMTP, (), b"220-" + b"x" * 500 + b"\r\n", Reason.PROTOCOL_ERROR, id="smtp-greeting"
    ),
    pytest.param(Protocol.POP3, (b"+OK\r\n", b"+OK\r\n"), b"\r\n", Reason.PROTOCOL_ERROR, id="pop3-list"),
)


@pytest.mark.parametrize(("protocol", "before", "piece", "reason"), ENDLESS)
def test_a_server_without_end_is_cut_off(
    protocol: Protocol, before: tuple[bytes, ...], piece: bytes, reason: Reason | None, tls: TlsClient
) -> None:
    session = make(tls, protocol)
    session.begin()
    for line in before:
        session.receive(line)

    for _ in range(MAX_BYTES // len(piece) + 1):
        session.receive(piece)
        assert len(session._lines) <= 64 * 1024 + len(piece)

    assert session.is_done
    assert session.found.reason is reason
    assert session.bytes_read <= MAX_BYTES


def test_a_line_without_end_is_cut_off_at_the_longest_line(tls: TlsClient) -> None:
    session = make(tls)
    session.begin()

    session.receive(b"220 " + b"x" * (MAX_LINE - 4))
    assert not session.is_done
    session.receive(b"x")

    assert session.found.reason is Reason.PROTOCOL_ERROR


def test_the_longest_line_is_read(tls: TlsClient) -> None:
    session = make(tls)
    session.begin()

    session.receive(b"220 " + b"x" * (MAX_LINE - 5) + b"\r\n")

    assert session.found.banner == "220 " + "x" * 508


def test_many_lines_at_once_take_no_depth_of_stack(tls: TlsClient) -> None:
    """A quarter of a megabyte of the shortest replies, in one piece, under a low limit of recursion."""
    depth = len(list(iter_frames()))
    pieces = {
        Protocol.SMTP: b"220 mx\r\n250 mx\r\n" + b"221-\r\n" * 40_000,
        Protocol.IMAP: b"* OK\r\n* CAPABILITY LOGINDISABLED\r\na1 OK\r\n" + b"*\r\n" * 80_000,
        Protocol.POP3: b"+OK\r\n+OK\r\n" + b"\r\n" * 120_000,
    }
    limit = sys.getrecursionlimit()
    for protocol, piece in pieces.items():
        session = make(tls, protocol)
        sys.setrecursionlimit(depth + 40)
        try:
            session.begin()
            session.receive(piece)
        finally:
            sys.setrecursionlimit(limit)

        assert session.bytes_read == len(piece) <= MAX_BYTES
        assert session.is_done is (protocol is Protocol.POP3)


def iter_frames() -> list[object]:
    frames, frame = [], sys._getframe()
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back  # type: ignore[assignment]
    return frames


def test_ways_to_sign_in_are_bounded(tls: TlsClient) -> None:
    words = b" ".join(b"M%d" % number for number in range(1500))
    texts = {
        Protocol.SMTP: b"220 mx\r\n250-mx\r\n" + b"250-AUTH " + words + b"\r\n250 AUTH " + words + b"\r\n",
        Protocol.IMAP: b"* OK\r\n* CAPABILITY " + words.replace(b"M", b"AUTH=M") + b"\r\na1 OK\r\n",
        Protocol.POP3: b"+OK <1@mx>\r\n+OK\r\nSASL " + words + b"\r\nSASL X " + words + b"\r\n.\r\n",
    }
    for protocol, text in texts.items():
        session = make(tls, protocol)
        session.begin()
        session.receive(text)

        assert session.found.auth_before_tls is not None
        assert 64 <= len(session.found.auth_before_tls) <= 65


def test_a_detail_is_as_bounded_as_every_text(tls: TlsClient) -> None:
    session = make(tls)
    session.begin()

    session.receive(b"x" * 5000 + b"\r\n")

    assert session.found.detail == "not a greeting: " + "x" * (512 - 16)
