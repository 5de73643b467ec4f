"""The tunnel over memory buffers: versions, server names, alerts, the end; a context that never changes."""

import pytest
from OpenSSL import SSL

from scanner.protocol import TlsClient
from scanner.protocol.tls import HandshakeError, TlsTunnel, TunnelClosedError
from tests.protocol.identities import HOST, Authority, rsa_key
from tests.protocol.tls_server import VERSIONS, ServerTunnel, TlsServer, connect


@pytest.fixture(scope="module")
def server(certificates: Authority) -> TlsServer:
    return TlsServer(certificates.issue(HOST))


def open_tunnel(tls: TlsClient, server: TlsServer, host: str = HOST) -> tuple[TlsTunnel, ServerTunnel]:
    tunnel, end = tls.tunnel(host), server.accept()
    connect(tunnel, end)
    return tunnel, end


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_down_to_1_0_is_measured(version: str, tls: TlsClient, certificates: Authority) -> None:
    tunnel, end = open_tunnel(tls, TlsServer(certificates.issue(HOST), version, version))

    found = tunnel.describe()

    assert (found.version, found.cipher) == (version, end.connection.get_cipher_name())
    assert found.group is not None


def test_the_highest_common_version_and_a_post_quantum_group_are_taken(
    tls: TlsClient, server: TlsServer
) -> None:
    tunnel, _ = open_tunnel(tls, server)

    assert (tunnel.describe().version, tunnel.describe().group) == ("TLSv1.3", "X25519MLKEM768")


def test_a_key_exchange_without_a_group_has_none(tls: TlsClient, certificates: Authority) -> None:
    identity = certificates.issue(HOST, key=rsa_key(2048))
    server = TlsServer(identity, "TLSv1.2", "TLSv1.2", b"AES128-SHA:@SECLEVEL=0")

    tunnel, _ = open_tunnel(tls, server)

    assert (tunnel.describe().cipher, tunnel.describe().group) == ("AES128-SHA", None)


@pytest.mark.parametrize(
    ("host", "asked_for"),
    [
        (HOST, b"mx.example.org"),
        ("xn--bcher-kva.example", b"xn--bcher-kva.example"),
        ("under_score.example.org", b"under_score.example.org"),
        ("192.0.2.1", None),
        ("2001:db8::1", None),
    ],
)
def test_the_server_name_is_sent_and_never_an_address(
    host: str, asked_for: bytes | None, tls: TlsClient, certificates: Authority
) -> None:
    server = TlsServer(certificates.issue(HOST))

    open_tunnel(tls, server, host)

    assert set(server.asked_for) == {asked_for}  # said again where the server asks for another key share


@pytest.mark.parametrize(
    ("alert", "words"),
    [
        (10, "unexpected message"),
        (40, "handshake failure"),
        (47, "illegal parameter"),
        (50, "decode error"),
        (70, "protocol version"),
        (71, "insufficient security"),
        (80, "internal error"),
        (109, "missing extension"),
        (112, "unrecognized name"),
        (116, "certificate required"),
        (120, "no application protocol"),
    ],
)
def test_an_alert_is_named(alert: int, words: str, tls: TlsClient) -> None:
    tunnel = tls.tunnel(HOST)
    tunnel.handshake()

    with pytest.raises(HandshakeError, match=words):
        tunnel.handshake(bytes((21, 3, 3, 0, 2, 2, alert)))


def test_an_unknown_alert_is_still_a_failure_with_words(tls: TlsClient) -> None:
    tunnel = tls.tunnel(HOST)
    tunnel.handshake()

    with pytest.raises(HandshakeError, match="unknown TLS error"):
        tunnel.handshake(bytes((21, 3, 3, 0, 2, 2, 200)))


def test_a_warning_about_the_name_does_not_end_the_handshake(tls: TlsClient, server: TlsServer) -> None:
    tunnel, end = tls.tunnel(HOST), server.accept()
    tunnel.handshake()

    assert tunnel.handshake(bytes((21, 3, 3, 0, 2, 1, 112))) is False
    connect(tunnel, end)

    assert tunnel.is_established


def test_a_server_without_a_common_cipher_answers_with_an_alert(
    tls: TlsClient, certificates: Authority
) -> None:
    identity = certificates.issue(HOST)  # an EC key, and ciphers that need an RSA key
    end = TlsServer(identity, "TLSv1.2", "TLSv1.2", b"AES128-SHA:@SECLEVEL=0").accept()
    tunnel = tls.tunnel(HOST)
    tunnel.handshake()
    end.feed(tunnel.take_outgoing())
    with pytest.raises(SSL.Error):
        end.handshake()

    with pytest.raises(HandshakeError, match="handshake failure"):
        tunnel.handshake(end.take())


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x03\x00\x05hello",
        b"\x16\x03\x03\xff\xff" + bytes(70000),
        b"\x17\x03\x03\x00\x05hello",
        b"\x15\x03\x03\x00\x01\x02",
    ],
    ids=["no-server-hello", "record-too-long", "data-too-early", "half-an-alert"],
)
def test_rubbish_is_a_failed_handshake_and_is_answered_by_an_alert(data: bytes, tls: TlsClient) -> None:
    tunnel = tls.tunnel(HOST)
    tunnel.handshake()
    tunnel.take_outgoing()

    with pytest.raises(HandshakeError, match=r"\w+ \w+"):
        tunnel.handshake(data)

    assert tunnel.take_outgoing()[:1] == b"\x15"


def test_what_is_no_record_is_a_failed_handshake(tls: TlsClient) -> None:
    tunnel = tls.tunnel(HOST)
    tunnel.handshake()

    with pytest.raises(HandshakeError, match="wrong version number"):
        tunnel.handshake(b"\x16no record")


def test_text_passes_both_ways_and_close_notify_is_told(tls: TlsClient, server: TlsServer) -> None:
    tunnel, end = open_tunnel(tls, server)
    tunnel.encrypt(b"EHLO there\r\n")

    assert end.hear(tunnel.take_outgoing()) == b"EHLO there\r\n"
    assert tunnel.decrypt(end.encrypt(b"250 here\r\n")) == b"250 here\r\n"
    assert tunnel.decrypt() == b""

    tunnel.close()
    end.hear(tunnel.take_outgoing())

    assert end.heard_close


def test_the_last_words_come_before_the_end(tls: TlsClient, server: TlsServer) -> None:
    tunnel, end = open_tunnel(tls, server)

    assert tunnel.decrypt(end.encrypt(b"221 Bye\r\n") + end.close()) == b"221 Bye\r\n"
    with pytest.raises(TunnelClosedError, match="the peer closed the connection") as ended:
        tunnel.decrypt()

    assert ended.value.is_orderly
    tunnel.encrypt(b"QUIT\r\n")  # our half may still speak (RFC 8446 section 6.1)
    assert end.hear(tunnel.take_outgoing()) == b"QUIT\r\n"


def test_a_broken_record_tells_its_reason_after_the_text_before_it(tls: TlsClient, server: TlsServer) -> None:
    tunnel, end = open_tunnel(tls, server)
    good, bad = end.encrypt(b"250 here\r\n"), bytearray(end.encrypt(b"250 there\r\n"))
    bad[-1] ^= 1

    assert tunnel.decrypt(good + bad) == b"250 here\r\n"
    for _ in range(2):
        with pytest.raises(TunnelClosedError, match="bad record mac") as ended:
            tunnel.decrypt()
        assert not ended.value.is_orderly
    with pytest.raises(TunnelClosedError, match="bad record mac"):
        tunnel.encrypt(b"QUIT\r\n")
    tunnel.close()

    assert tunnel.take_outgoing()  # the alert


def test_a_long_text_comes_whole(tls: TlsClient, server: TlsServer) -> None:
    tunnel, end = open_tunnel(tls, server)
    text = b"0123456789abcdef" * 12_000

    assert tunnel.decrypt(end.encrypt(text)) == text


def test_tunnels_of_one_client_do_not_influence_one_another(tls: TlsClient, certificates: Authority) -> None:
    good = TlsServer(certificates.issue(HOST))
    bad = TlsServer(certificates.issue_self_signed("other.example.org", days=(-9, -1)), "TLSv1.0", "TLSv1.0")
    pairs = [(tls.tunnel(HOST), server.accept()) for server in (good, bad, good, bad)]

    for tunnel, end in pairs:  # a step of each in turn
        tunnel.handshake()
        end.feed(tunnel.take_outgoing())
        end.handshake()
    failing = tls.tunnel(HOST)
    failing.handshake()
    with pytest.raises(HandshakeError):
        failing.handshake(bytes((21, 3, 3, 0, 2, 2, 40)))
    for tunnel, end in reversed(pairs):
        tunnel.handshake(end.take())
        end.feed(tunnel.take_outgoing())
        end.handshake()
        connect(tunnel, end)

    seen = [
        (found.problems, tunnel.describe().version) for tunnel, _ in pairs if (found := tunnel.certificate())
    ]
    spoilt = (("expired", "self_signed", "name_mismatch"), "TLSv1.0")
    assert seen == [((), "TLSv1.3"), spoilt, ((), "TLSv1.3"), spoilt]


def test_all_that_has_to_go_is_handed_out_at_once(tls: TlsClient, server: TlsServer) -> None:
    tunnel, end = open_tunnel(tls, server)
    text = bytes(range(256)) * 400  # more than any one record, or one read, holds

    tunnel.encrypt(text)

    assert end.hear(tunnel.take_outgoing()) == text
    assert tunnel.take_outgoing() == b""
