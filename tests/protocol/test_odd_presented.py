"""Odd certificates as a server presents them: the tunnel stands, and nothing is raised, warned of or lost."""

import warnings

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import crypto

from scanner.model import Phase, Protocol, TlsMode
from scanner.protocol import Session, TlsClient
from tests.protocol.identities import HOST, Authority, Identity
from tests.protocol.replay import EHLO_NAME, fake_clock
from tests.protocol.tls_server import TlsServer

_VERSION_3 = bytes.fromhex("a003020102")


def greet(tls: TlsClient, certificates: Authority, old: bytes, new: bytes) -> Session:
    """Hold a conversation up to the greeting with a server whose certificate had bytes overwritten."""
    identity = certificates.issue_self_signed(HOST)
    encoded = identity.chain[0].public_bytes(Encoding.DER)
    assert encoded.count(old) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # this is the server's own reading
        presented = crypto.load_certificate(crypto.FILETYPE_ASN1, encoded.replace(old, new))
    server = TlsServer(Identity(identity.key, ()), presented=presented)
    session = Session(
        Protocol.POP3, TlsMode.IMPLICIT, HOST, ehlo_name=EHLO_NAME, tls=tls, clock=fake_clock()
    )
    session.begin()
    end = server.accept()
    for _ in range(2):
        end.feed(session.take_outgoing())
        end.handshake()
        session.receive(end.take())
    session.receive(end.encrypt(b"+OK hello\r\n"))
    return session


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(_VERSION_3, bytes.fromhex("a003020109"), id="version-10"),
        pytest.param(_VERSION_3, bytes.fromhex("a003020100"), id="version-1-said-in-full"),
        pytest.param(b"\x0c\x0emx.example.org", b"\x13\x0emx_example@org", id="printable-string-with-at"),
    ],
)
def test_a_certificate_that_only_openssl_can_read_is_left_out(
    old: bytes, new: bytes, tls: TlsClient, certificates: Authority
) -> None:
    session = greet(tls, certificates, old, new)

    assert session.found.tls is not None
    assert session.found.certificate is None
    assert session.phase is Phase.CAPABILITIES_TLS


def test_a_serial_number_of_zero_is_described_without_a_warning(
    tls: TlsClient, certificates: Authority
) -> None:
    leaf = certificates.issue_self_signed(HOST)
    assert leaf  # any certificate will do: the serial number is what is overwritten
    session = greet(tls, certificates, b"", b"")

    assert session.found.certificate is not None
