"""Key shares: all groups are offered always; the costly share is left out for servers that do not take it."""

from pathlib import Path

import pytest
from cryptography.hazmat.bindings.openssl.binding import Binding

from scanner.protocol import TlsClient
from scanner.protocol.key_shares import ASKED_ANEW
from tests.protocol.identities import HOST, Authority, rsa_key
from tests.protocol.tls_server import TlsServer, connect

HYBRID, X25519 = 0x11EC, 0x001D
SUPPORTED_GROUPS, KEY_SHARE = 10, 51


@pytest.fixture
def client(certificates: Authority, tmp_path: Path) -> TlsClient:
    """A client that has met nobody yet."""
    return TlsClient(certificates.write_ca(tmp_path / "ca.pem"))


@pytest.fixture
def modern(certificates: Authority) -> TlsServer:
    """A server that takes the hybrid group, and asks for it where no share came."""
    return TlsServer(certificates.issue(HOST))


@pytest.fixture
def old(certificates: Authority) -> TlsServer:
    """A server that knows no hybrid group: they need TLS 1.3."""
    return TlsServer(certificates.issue(HOST), highest="TLSv1.2")


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def extensions_of(hello: bytes) -> dict[int, bytes]:
    """Return the extensions of a ClientHello in one record (RFC 8446 section 4.1.2)."""
    rest = hello[5 + 4 + 2 + 32 :]
    rest = rest[1 + rest[0] :]
    rest = rest[2 + number(rest[:2]) :]
    rest = rest[1 + rest[0] :][2:]
    found = {}
    while rest:
        size = number(rest[2:4])
        found[number(rest[:2])], rest = rest[4 : 4 + size], rest[4 + size :]
    return found


def shares_of(hello: bytes) -> list[int]:
    """Return the groups that a ClientHello brings a share of."""
    rest = extensions_of(hello)[KEY_SHARE][2:]
    groups = []
    while rest:
        groups.append(number(rest[:2]))
        rest = rest[4 + number(rest[2:4]) :]
    return groups


def hello_of(client: TlsClient, host: str = HOST) -> bytes:
    tunnel = client.tunnel(host)
    tunnel.handshake()
    return tunnel.take_outgoing()


def meet(client: TlsClient, server: TlsServer, host: str = HOST) -> str | None:
    """Shake hands once and return the group agreed on."""
    tunnel = client.tunnel(host)
    connect(tunnel, server.accept())
    return tunnel.describe().group


def test_an_unknown_host_is_sent_both_shares(client: TlsClient) -> None:
    assert shares_of(hello_of(client)) == [HYBRID, X25519]


def test_a_host_that_took_no_hybrid_is_sent_one_share_and_offered_the_same(
    client: TlsClient, old: TlsServer
) -> None:
    before = extensions_of(hello_of(client))
    assert meet(client, old) == "x25519"

    hello = hello_of(client)

    after = extensions_of(hello)
    assert shares_of(hello) == [X25519]
    assert after[SUPPORTED_GROUPS] == before[SUPPORTED_GROUPS]
    assert list(after) == list(before)
    assert shares_of(hello_of(client, "another.example.org")) == [HYBRID, X25519]


def test_a_host_that_takes_the_hybrid_is_sent_its_share_each_time(
    client: TlsClient, modern: TlsServer
) -> None:
    for _ in range(3):
        assert shares_of(hello_of(client)) == [HYBRID, X25519]
        assert meet(client, modern) == "X25519MLKEM768"


def test_a_host_that_wants_the_hybrid_by_now_gets_it_and_is_remembered(
    client: TlsClient, old: TlsServer, modern: TlsServer
) -> None:
    meet(client, old)

    assert meet(client, modern) == "X25519MLKEM768"
    assert len(modern.asked_for) == 2  # a HelloRetryRequest, answered by a second hello
    assert shares_of(hello_of(client)) == [HYBRID, X25519]


def test_servers_that_share_a_host_are_told_apart(
    client: TlsClient, old: TlsServer, modern: TlsServer
) -> None:
    """Else the group of one would seem to come and go with the other's."""
    shares = []
    for peer, server in [("192.0.2.1 25", old), ("192.0.2.2 25", modern)] * 2:
        tunnel, end = client.tunnel(HOST, peer), server.accept()
        tunnel.handshake()
        hello = tunnel.take_outgoing()
        shares.append(shares_of(hello))
        end.feed(hello)
        connect(tunnel, end)

    assert shares == [[HYBRID, X25519], [HYBRID, X25519], [X25519], [HYBRID, X25519]]


def test_the_hybrid_share_is_sent_again_from_time_to_time(client: TlsClient, old: TlsServer) -> None:
    counts = []
    for _ in range(2 * ASKED_ANEW + 1):
        tunnel, end = client.tunnel(HOST), old.accept()
        tunnel.handshake()
        hello = tunnel.take_outgoing()
        counts.append(len(shares_of(hello)))
        end.feed(hello)
        connect(tunnel, end)

    seldom = [2] + [1] * (ASKED_ANEW - 1)
    assert counts == [*seldom, *seldom, 2]


def test_a_key_exchange_without_a_group_is_no_hybrid(client: TlsClient, certificates: Authority) -> None:
    identity = certificates.issue(HOST, key=rsa_key(2048))
    server = TlsServer(identity, "TLSv1.2", "TLSv1.2", b"AES128-SHA:@SECLEVEL=0")

    assert meet(client, server) is None
    assert shares_of(hello_of(client)) == [X25519]


@pytest.mark.parametrize("words", [b"no such group", b"*"])
def test_where_openssl_does_not_know_the_words_everything_stays_as_it_is(
    words: bytes, client: TlsClient, old: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanner.protocol.key_shares._ONE_SHARE", words)
    meet(client, old)

    client.tunnel(HOST)
    assert Binding.lib.ERR_peek_error() == 0  # none is left behind for the next call
    meet(client, old)
    assert shares_of(hello_of(client)) == [HYBRID, X25519]


def test_where_the_binding_has_no_call_for_it_everything_stays_as_it_is(
    client: TlsClient, old: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanner.protocol.key_shares.Binding", type("Bare", (), {"lib": object()}))
    meet(client, old)

    assert shares_of(hello_of(client)) == [HYBRID, X25519]


@pytest.mark.parametrize(("group", "number"), [("secp256r1", 0x0017), ("secp384r1", 0x0018)])
def test_a_host_that_asked_for_another_group_is_sent_its_share(
    group: str, number: int, client: TlsClient, certificates: Authority
) -> None:
    server = TlsServer(certificates.issue(HOST))
    assert Binding.lib.SSL_CTX_set1_curves_list(server.context._context, group.encode()) == 1
    before = extensions_of(hello_of(client))

    assert meet(client, server) == group
    assert len(server.asked_for) == 2  # a HelloRetryRequest, answered by a second hello

    hello = hello_of(client)
    assert shares_of(hello) == [number]
    assert extensions_of(hello)[SUPPORTED_GROUPS] == before[SUPPORTED_GROUPS]
    assert meet(client, server) == group
    assert len(server.asked_for) == 3  # none this time


def test_before_tls_1_3_the_cheapest_share_goes_along(client: TlsClient, certificates: Authority) -> None:
    server = TlsServer(certificates.issue(HOST), highest="TLSv1.2")
    assert Binding.lib.SSL_CTX_set1_curves_list(server.context._context, b"secp384r1") == 1

    assert meet(client, server) == "secp384r1"
    assert shares_of(hello_of(client)) == [X25519]


def test_of_many_connections_at_once_one_alone_is_sent_both_shares(client: TlsClient, old: TlsServer) -> None:
    meet(client, old)

    counts = [len(shares_of(hello_of(client))) for _ in range(ASKED_ANEW + 4)]

    assert sorted(counts) == [1] * (ASKED_ANEW + 3) + [2]
