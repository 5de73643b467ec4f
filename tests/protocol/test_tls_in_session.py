"""What TLS can do in the middle of a conversation: the session ends in good order and names the reason."""

import pytest
from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL

from scanner.model import Phase, Protocol, Reason, TlsMode
from scanner.protocol import MAX_BYTES, End, Session, TlsClient
from tests.protocol.identities import HOST, Authority, Identity
from tests.protocol.key_update import update_keys
from tests.protocol.replay import EHLO_NAME, fake_clock
from tests.protocol.tls_server import ServerTunnel, TlsServer

GREETING = b"220 mx.example.org ESMTP\r\n"


def begin(tls: TlsClient) -> Session:
    session = Session(Protocol.SMTP, TlsMode.IMPLICIT, HOST, ehlo_name=EHLO_NAME, tls=tls, clock=fake_clock())
    session.begin()
    return session


def shake_hands(session: Session, end: ServerTunnel) -> None:
    """Shake hands; what the server has to send at the end of it is left for the test to send."""
    for _ in range(3):
        end.feed(session.take_outgoing())
        if end.handshake():
            return
        session.receive(end.take())
    raise AssertionError("the handshake came to no end")


@pytest.fixture
def identity(certificates: Authority) -> Identity:
    return certificates.issue(HOST)


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_greeting_may_come_with_the_last_of_the_handshake(
    version: str, tls: TlsClient, identity: Identity
) -> None:
    session, end = begin(tls), TlsServer(identity, version, version).accept()
    shake_hands(session, end)

    session.receive(end.take() + end.encrypt(GREETING))

    assert end.hear(session.take_outgoing()) == b"EHLO probe.example.net\r\n"
    assert session.found.banner == "220 mx.example.org ESMTP"


def test_a_greeting_may_come_before_our_side_of_the_handshake(tls: TlsClient, identity: Identity) -> None:
    """TLS 1.3 lets a server write right behind its Finished (RFC 8446 section 4.4.4)."""
    server = TlsServer(identity, "TLSv1.3")
    session, end = begin(tls), server.accept()
    end.feed(session.take_outgoing())
    connection = end.connection._ssl
    openssl = Binding()
    nothing, count = openssl.ffi.new("char[16]"), openssl.ffi.new("size_t *")
    assert openssl.lib.SSL_read_early_data(connection, nothing, 16, count) == 2  # none came: finished
    assert openssl.lib.SSL_write_early_data(connection, GREETING, len(GREETING), count) == 1

    session.receive(end.take())

    end.feed(session.take_outgoing())
    assert end.handshake()
    assert end.hear() == b"EHLO probe.example.net\r\n"
    assert session.found.banner == "220 mx.example.org ESMTP"


@pytest.mark.parametrize(
    ("version", "words"), [("TLSv1.2", "handshake failure"), ("TLSv1.3", "certificate required")]
)
def test_a_server_that_demands_a_certificate_of_ours_fails_the_handshake(
    version: str, words: str, tls: TlsClient, identity: Identity
) -> None:
    session = begin(tls)
    end = TlsServer(identity, version, version, demands_certificate=True).accept()
    with pytest.raises(SSL.Error):
        shake_hands(session, end)

    session.receive(end.take())

    assert session.is_done
    assert session.found.reason is Reason.TLS_HANDSHAKE_FAILED
    assert words in (session.found.detail or "")


def test_a_broken_record_behind_a_reply_is_a_lost_connection(tls: TlsClient, identity: Identity) -> None:
    session, end = begin(tls), TlsServer(identity).accept()
    shake_hands(session, end)
    greeting, broken = end.encrypt(GREETING), bytearray(end.encrypt(b"250 mx\r\n"))
    broken[-1] ^= 0xFF

    session.receive(greeting + broken)

    assert session.is_done
    assert session.found.reason is Reason.CONNECTION_LOST
    assert "bad record mac" in (session.found.detail or "")
    assert session.found.banner == "220 mx.example.org ESMTP"
    assert session.found.certificate is not None


def test_a_goodbye_behind_a_reply_is_heard_at_once(tls: TlsClient, identity: Identity) -> None:
    session, end = begin(tls), TlsServer(identity).accept()
    shake_hands(session, end)

    session.receive(end.encrypt(GREETING) + end.close())

    assert session.is_done
    assert session.found.reason is Reason.CONNECTION_LOST
    assert session.found.banner == "220 mx.example.org ESMTP"


def test_plain_text_inside_tls_is_a_broken_tunnel(tls: TlsClient, identity: Identity) -> None:
    session, end = begin(tls), TlsServer(identity).accept()
    shake_hands(session, end)
    session.receive(end.encrypt(GREETING))

    session.receive(b"250 in clear\r\n")

    assert session.is_done
    assert session.found.reason is Reason.CONNECTION_LOST


def test_a_demand_for_renegotiation_is_declined(tls: TlsClient, identity: Identity) -> None:
    session, end = begin(tls), TlsServer(identity, "TLSv1.2", "TLSv1.2").accept()
    shake_hands(session, end)
    greeting = end.encrypt(GREETING)
    end.connection.renegotiate()
    end.handshake()

    session.receive(greeting + end.take())  # our EHLO falls into the demand
    with pytest.raises(SSL.Error, match="no renegotiation"):
        end.hear(session.take_outgoing())

    assert not session.is_done
    assert session.phase is Phase.CAPABILITIES_TLS
    session.interrupt(End.CLOSED)
    assert session.is_done


@pytest.mark.parametrize("is_requested", [False, True])
def test_new_keys_are_taken_up(is_requested: bool, tls: TlsClient, identity: Identity) -> None:
    """RFC 8446 section 4.6.3: a KeyUpdate may come at any time, and may ask for ours."""
    server = TlsServer(identity, "TLSv1.3")
    keys = server.note_keys()
    session, end = begin(tls), server.accept()
    shake_hands(session, end)
    before = end.take() + end.encrypt(GREETING)
    update, seal = update_keys(keys, before, is_requested=is_requested)
    session.receive(before)
    session.take_outgoing()

    session.receive(update + seal(b"250-mx\r\n250 AUTH PLAIN\r\n"))

    assert session.found.auth_after_tls == ("PLAIN",)
    assert session.phase is Phase.QUIT
    assert len(session.take_outgoing()) > (40 if is_requested else 20)


def test_a_flood_of_key_updates_is_bounded(tls: TlsClient, identity: Identity) -> None:
    server = TlsServer(identity, "TLSv1.3")
    keys = server.note_keys()
    session, end = begin(tls), server.accept()
    shake_hands(session, end)
    sent = end.take()
    session.receive(sent)
    sent_records = sent
    for _ in range(MAX_BYTES // 20):
        update, _ = update_keys(keys, sent_records, is_requested=True)
        session.receive(update)
        if session.is_done:
            break
        sent_records = b""

    assert session.is_done
    assert session.found.reason is Reason.PROTOCOL_ERROR


def test_a_chain_of_more_than_100_kilobytes_is_a_failed_handshake(
    tls: TlsClient, certificates: Authority
) -> None:
    chain = certificates.issue(HOST).chain + (certificates.unknown.certificate,) * 400
    session, end = begin(tls), TlsServer(Identity(certificates.key, chain)).accept()
    end.feed(session.take_outgoing())
    end.handshake()

    session.receive(end.take())

    assert session.is_done
    assert session.found.reason is Reason.TLS_HANDSHAKE_FAILED
    assert "excessive message size" in (session.found.detail or "")


def test_a_handshake_without_end_is_bounded(tls: TlsClient) -> None:
    session = begin(tls)
    record = b"\x16\x03\x03\x00\x05\x02\xff\xff\xff\xff"  # a ServerHello of 16 MB, piece by piece

    for _ in range(2 * MAX_BYTES // len(record)):
        session.receive(record)
        if session.is_done:
            break

    assert session.is_done
    assert session.found.reason in {Reason.TLS_HANDSHAKE_FAILED, Reason.PROTOCOL_ERROR}


def test_close_notify_while_we_wait_for_the_answer_to_quit_is_no_failure(
    tls: TlsClient, identity: Identity
) -> None:
    session, end = begin(tls), TlsServer(identity).accept()
    shake_hands(session, end)
    session.receive(end.encrypt(GREETING))
    session.receive(end.encrypt(b"250 mx\r\n"))
    assert end.hear(session.take_outgoing()).endswith(b"QUIT\r\n")

    session.receive(end.close())

    assert session.is_done
    assert session.found.reason is None
    end.hear(session.take_outgoing())
    assert end.heard_close
