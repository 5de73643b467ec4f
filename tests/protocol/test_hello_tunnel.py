"""A session that asks one hello: what it sends, how it ends, and what is made of every end."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from OpenSSL import SSL

from scanner.model import Protocol, Reason, TlsMode
from scanner.protocol import End, Findings, Session
from scanner.protocol.client_hello import VERSIONS, make_hello
from scanner.protocol.hello_tunnel import HelloClient, HelloTunnel
from scanner.protocol.server_hello import Alert, Answer, NoHello, ServerHello, Silence, Ssl2Hello
from scanner.protocol.tls import HandshakeError, TunnelClosedError
from tests.protocol.hello_answers import alert, hello_body, message, record, retry, server_hello, ssl2_hello
from tests.protocol.hello_servers import TLS_VERSIONS, WEAK, system_context, write_identity
from tests.protocol.identities import HOST, Authority, Identity
from tests.protocol.replay import EHLO_NAME, fake_clock
from tests.protocol.tls_server import TlsServer

RANDOM = bytes(range(32))
HELLO = make_hello("TLSv1.3", HOST, random=RANDOM)
GO_AHEAD = {
    Protocol.SMTP: [b"220 mx ESMTP\r\n", b"250-mx\r\n250 STARTTLS\r\n", b"220 go ahead\r\n"],
    Protocol.IMAP: [
        b"* OK ready\r\n",
        b"* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK done\r\n",
        b"a2 OK go ahead\r\n",
    ],
    Protocol.POP3: [b"+OK ready\r\n", b"+OK\r\nSTLS\r\n.\r\n", b"+OK go ahead\r\n"],
}


@pytest.fixture
def identity(certificates: Authority) -> Identity:
    return certificates.issue(HOST)


def begin(
    client: HelloClient, mode: TlsMode = TlsMode.IMPLICIT, protocol: Protocol = Protocol.SMTP
) -> Session:
    session = Session(protocol, mode, HOST, ehlo_name=EHLO_NAME, tls=client, clock=fake_clock())
    session.begin()
    return session


def begin_starttls(client: HelloClient, protocol: Protocol) -> tuple[Session, bytes]:
    """Go on to the hello; return what was sent for the last word of the server."""
    session, sent = begin(client, TlsMode.STARTTLS, protocol), b""
    for line in GO_AHEAD[protocol]:
        session.take_outgoing()
        session.receive(line)
        sent = session.take_outgoing()
    return session, sent


def ask(data: bytes = b"", end: End | None = None, detail: str | None = None) -> tuple[Session, HelloClient]:
    """Ask over implicit TLS; the server sends this, and then it may end."""
    client = HelloClient(HELLO)
    session = begin(client)
    assert session.take_outgoing() == HELLO
    session.receive(data)
    if end is not None:
        session.interrupt(end, detail)
    assert session.is_done
    return session, client


@pytest.mark.parametrize("protocol", list(Protocol))
def test_a_session_sends_the_hello_behind_the_go_ahead_and_ends_with_the_answer(protocol: Protocol) -> None:
    client = HelloClient(HELLO)
    session, sent = begin_starttls(client, protocol)
    assert sent == HELLO

    session.receive(retry(0x001D))

    assert session.is_done
    assert client.conclude(session.found) == ServerHello("TLSv1.3", 0x1301, 0x001D, is_retry=True)
    assert session.take_outgoing() == record(21, b"\1\0")
    assert session.take_outgoing() == b""
    assert session.found.tls is None
    assert session.found.certificate is None


def test_an_answer_byte_by_byte_ends_the_session_with_its_last() -> None:
    client = HelloClient(HELLO)
    session = begin(client)
    session.take_outgoing()
    data = server_hello()
    for byte in data[:-1]:
        session.receive(bytes((byte,)))
        assert not session.is_done
        assert session.take_outgoing() == b""

    session.receive(data[-1:])

    assert session.is_done
    assert client.conclude(session.found) == ServerHello("TLSv1.2", 0xC02F)


@pytest.mark.parametrize(
    ("version", "answer"),
    [
        (0x0303, server_hello()),
        (0x0302, server_hello(hello_body(0x0302))),
        (0x0301, server_hello(hello_body(0x0301))),
        (0x0300, record(22, message(2, hello_body(0x0300)), 0x0300)),
    ],
)
def test_leave_is_taken_in_the_version_of_the_answer(version: int, answer: bytes) -> None:
    session, _ = ask(answer)

    assert session.take_outgoing() == record(21, b"\1\0", version)


@pytest.mark.parametrize("answer", [alert(70), record(23, b"x"), record(22, b"")])
def test_nothing_more_is_said_to_who_refused_or_spoke_no_tls(answer: bytes) -> None:
    session, _ = ask(answer)

    assert session.take_outgoing() == b""


@pytest.mark.parametrize("version", TLS_VERSIONS)
def test_a_real_server_ends_in_good_order(version: str, identity: Identity, tmp_path: Path) -> None:
    for take_turns in (turns_of_bundled(identity), turns_of_system(write_identity(identity, tmp_path))):
        client = HelloClient(make_hello(version, HOST, random=RANDOM))
        session = begin(client)

        flight = take_turns(session.take_outgoing())
        session.receive(flight)

        answer = client.conclude(session.found)
        assert isinstance(answer, ServerHello)
        assert answer.version == version
        with pytest.raises((SSL.ZeroReturnError, ssl.SSLZeroReturnError)):
            take_turns(session.take_outgoing())


def turns_of_bundled(identity: Identity) -> Callable[[bytes], bytes]:
    end = TlsServer(identity, "TLSv1.0").accept()

    def take_turn(data: bytes) -> bytes:
        end.feed(data)
        end.handshake()
        return end.take()

    return take_turn


def turns_of_system(identity: Path) -> Callable[[bytes], bytes]:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    end = system_context(identity, TLS_VERSIONS, WEAK).wrap_bio(incoming, outgoing, server_side=True)

    def take_turn(data: bytes) -> bytes:
        incoming.write(data)
        with pytest.raises(ssl.SSLWantReadError):
            end.do_handshake()
        return outgoing.read()

    return take_turn


@pytest.mark.parametrize(
    ("data", "end", "detail", "answer"),
    [
        (alert(70), None, None, Alert(2, 70)),
        (b"", End.CLOSED, None, NoHello(Silence.CLOSED)),
        (b"", End.RESET, "Connection reset by peer", NoHello(Silence.RESET)),
        (b"", End.TIMEOUT, None, NoHello(Silence.TIMEOUT)),
        (b"", End.TIMEOUT, "the whole probe took longer than 60 s", NoHello(Silence.TIMEOUT)),
        (b"\x16\3", End.CLOSED, None, NoHello(Silence.CLOSED, "after 2 bytes of an answer")),
        (alert(112, level=1), End.CLOSED, None, Alert(1, 112)),
        (
            record(22, b""),
            None,
            None,
            NoHello(Silence.MALFORMED, "a record of 0 bytes"),
        ),
    ],
)
def test_every_end_is_an_answer(data: bytes, end: End | None, detail: str | None, answer: Answer) -> None:
    session, client = ask(data, end, detail)

    assert client.conclude(session.found) == answer


@pytest.mark.parametrize("protocol", [None, *Protocol])
def test_facts_4_4_smtp_text_instead_of_a_record_is_no_tls(protocol: Protocol | None) -> None:
    client = HelloClient(HELLO)
    if protocol is None:
        session = begin(client)
    else:
        session, _ = begin_starttls(client, protocol)

    session.receive(b"454 4.7.0 TLS not available\r\n")

    answer = client.conclude(session.found)
    assert session.is_done
    assert isinstance(answer, NoHello)
    assert answer.how is Silence.NOT_TLS
    assert "454 4.7.0" in (answer.detail or "")


def test_a_session_that_never_got_to_tls_has_no_answer() -> None:
    client = HelloClient(HELLO)
    session = begin(client, TlsMode.STARTTLS)
    session.receive(b"421 too many connections\r\n")
    session.interrupt(End.CLOSED)

    assert session.found.reason is Reason.GREETING_TEMPFAIL
    assert client.conclude(session.found) is None
    assert HELLO not in session.take_outgoing()


def test_a_fault_of_our_own_is_no_answer() -> None:
    client = HelloClient(HELLO)
    client.tunnel(HOST)

    assert client.conclude(Findings(reason=Reason.INTERNAL)) is None
    assert client.conclude(Findings()) is None


def test_a_port_that_greets_nobody_and_ignores_the_hello_has_no_answer() -> None:
    """The hello is then the last question of a session that was silent for all its time."""
    client = HelloClient(HELLO)
    session = begin(client, TlsMode.STARTTLS)
    session.interrupt(End.TIMEOUT)
    assert session.take_outgoing() == HELLO
    session.interrupt(End.TIMEOUT)

    assert session.found.reason is Reason.NO_GREETING
    assert client.conclude(session.found) is None


def test_the_tunnel_takes_an_answer_of_ssl2() -> None:
    tunnel = HelloClient(make_hello("SSLv2", HOST, random=RANDOM)).tunnel(HOST, "192.0.2.1 25")
    assert not tunnel.handshake()
    assert tunnel.take_outgoing() == make_hello("SSLv2", HOST, random=RANDOM)
    data = ssl2_hello(2)
    assert tunnel.takes(data[0])
    assert not tunnel.handshake(data[:5])

    with pytest.raises(HandshakeError):
        tunnel.handshake(data[5:])

    assert tunnel.answer == Ssl2Hello(2)
    assert tunnel.take_outgoing() == b""


def test_a_session_reads_an_answer_of_ssl2() -> None:
    client = HelloClient(make_hello("SSLv2", HOST, random=RANDOM))
    session = begin(client)
    session.take_outgoing()

    session.receive(ssl2_hello(3))

    assert session.is_done
    assert client.conclude(session.found) == Ssl2Hello(3)


def test_an_answered_tunnel_takes_leave_once() -> None:
    tunnel = HelloTunnel(HELLO)
    tunnel.take_outgoing()
    for _ in range(3):
        with pytest.raises(HandshakeError):
            tunnel.handshake(server_hello())

    assert tunnel.take_outgoing() == record(21, b"\1\0")
    assert tunnel.end(End.RESET) == ServerHello("TLSv1.2", 0xC02F)


def test_a_tunnel_of_one_hello_carries_nothing() -> None:
    tunnel = HelloTunnel(HELLO)

    assert not tunnel.is_established
    assert tunnel.has_ended
    for refused in (lambda: tunnel.encrypt(b"QUIT\r\n"), tunnel.decrypt, tunnel.describe):
        with pytest.raises(TunnelClosedError, match="opens no tunnel"):
            refused()
    tunnel.close()
    assert (tunnel.presented(), tunnel.certificate()) == ((), None)
    assert tunnel.take_outgoing() == HELLO


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_sends_what_it_was_given(version: str) -> None:
    hello = make_hello(version, HOST, random=RANDOM)

    assert HelloClient(hello).tunnel("another.example.org").take_outgoing() == hello
