"""Odd certificates as a server presents them: the tunnel stands, and nothing is raised, warned of or lost."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from scanner.model import Phase, Protocol, TlsMode
from scanner.protocol import Session, TlsClient
from tests.protocol.identities import HOST, Authority
from tests.protocol.replay import EHLO_NAME, fake_clock
from tests.protocol.tls_server import TlsServer

_VERSION_3 = bytes.fromhex("a003020102")

Change = Callable[[bytes], bytes]


def greet(tls: TlsClient, certificates: Authority, change: Change) -> Session:
    """Hold a conversation up to the greeting with a server whose certificate's encoding was changed."""
    identity = certificates.issue_self_signed(HOST)
    encoded = identity.chain[0].public_bytes(Encoding.DER)
    assert change(encoded) != encoded
    end = TlsServer(identity, presented=change(encoded)).accept()
    session = Session(Protocol.POP3, TlsMode.IMPLICIT, HOST, ehlo_name=EHLO_NAME, tls=tls, clock=fake_clock())
    session.begin()
    for _ in range(2):
        end.feed(session.take_outgoing())
        end.handshake()
        session.receive(end.take())
    session.receive(end.encrypt(b"+OK hello\r\n"))
    return session


def negate_the_serial_number(encoded: bytes) -> bytes:
    first = encoded.index(_VERSION_3) + len(_VERSION_3) + 2
    # Never 0xff, which before a high bit is a padding that no encoder may write.
    return encoded[:first] + bytes((encoded[first] & 0x3F | 0x80,)) + encoded[first + 1 :]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda der: der.replace(_VERSION_3, b"\xa0\x03\x02\x01\x09"), id="version-10"),
        pytest.param(lambda der: der.replace(_VERSION_3, b"\xa0\x03\x02\x01\x00"), id="version-1-in-full"),
        pytest.param(
            lambda der: der.replace(b"\x0c\x0emx.example.org", b"\x13\x0emx_example@org"),
            id="at-in-a-printable-string",
        ),
    ],
)
def test_a_certificate_that_only_openssl_can_read_is_left_out(
    change: Change, tls: TlsClient, certificates: Authority
) -> None:
    session = greet(tls, certificates, change)

    assert session.found.tls is not None
    assert session.found.certificate is None
    assert session.phase is Phase.CAPABILITIES_TLS


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        pytest.param(negate_the_serial_number, "CN=mx.example.org", id="negative-serial-number"),
        pytest.param(
            lambda der: der.replace(b"\x0c\x0emx.example.org", b"\x14\x0emx.\xe9xample.org"),
            "(unreadable name)",
            id="latin-1",
        ),
    ],
)
def test_what_can_be_read_is_described_and_nothing_is_warned_of(
    change: Change, subject: str, tls: TlsClient, certificates: Authority
) -> None:
    session = greet(tls, certificates, change)  # pytest makes an error of every warning

    found = session.found.certificate
    assert found is not None
    assert (found.subject, found.names, found.name_matches) == (subject, (HOST,), True)
    assert not found.trusted
