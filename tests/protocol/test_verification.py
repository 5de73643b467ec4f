"""Certificates as a tunnel judges them: every problem recorded, none of them the end of the handshake."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from scanner.model import Certificate
from scanner.protocol import TlsClient
from tests.protocol.identities import HOST, Authority, Identity, rsa_key
from tests.protocol.tls_server import TlsServer, connect

Make = Callable[[Authority], Identity]


@dataclass(frozen=True, slots=True)
class Case:
    """A certificate, the host it is presented for, and what is wrong with it."""

    name: str
    make: Make
    problems: tuple[str, ...] = ()
    host: str = HOST
    trusted: bool = True
    chain_length: int = 2


def add(identity: Identity, *certificates: x509.Certificate) -> Identity:
    return Identity(identity.key, identity.chain + certificates)


def issue_by_a_leaf(ca: Authority) -> Identity:
    """Sign with a certificate that is good, but no CA's."""
    signer = ca.issue("signer.example.org")
    builder = ca.start(x509.Name([]), signer.chain[0].subject, ca.key, (-1, 1)).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False
    )
    return Identity(ca.key, (builder.sign(ca.key, hashes.SHA256()), *signer.chain))


def without_names(ca: Authority) -> Identity:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    leaf = ca.start(subject, ca.intermediate.name, ca.key, (-1, 1)).sign(ca.intermediate.key, hashes.SHA256())
    return Identity(ca.key, (leaf, ca.intermediate.certificate))


CASES = (
    Case("good", lambda ca: ca.issue(HOST)),
    Case("with-its-root", lambda ca: add(ca.issue(HOST), ca.root.certificate), chain_length=3),
    Case("signed-by-the-root", lambda ca: ca.issue(HOST, issuer=ca.root, sends_issuer=False), chain_length=1),
    Case("one-name-of-many", lambda ca: ca.issue("a.example.org", "b.example.org", HOST)),
    Case("name-in-capitals", lambda ca: ca.issue("MX.Example.ORG")),
    Case("expired", lambda ca: ca.issue(HOST, days=(-90, -1)), ("expired",)),
    Case("not-yet-valid", lambda ca: ca.issue(HOST, days=(1, 90)), ("not_yet_valid",)),
    Case(
        "self-signed",
        lambda ca: ca.issue_self_signed(HOST),
        ("self_signed",),
        trusted=False,
        chain_length=1,
    ),
    Case("unknown-ca", lambda ca: ca.issue(HOST, issuer=ca.unknown), ("untrusted",), trusted=False),
    Case(
        "unknown-ca-kept-back",
        lambda ca: ca.issue(HOST, issuer=ca.unknown, sends_issuer=False),
        ("untrusted",),
        trusted=False,
        chain_length=1,
    ),
    Case(
        "intermediate-missing",
        lambda ca: ca.issue(HOST, sends_issuer=False),
        ("untrusted",),
        trusted=False,
        chain_length=1,
    ),
    Case("intermediate-expired", lambda ca: ca.issue(HOST, issuer=ca.stale), ("expired",)),
    Case(
        "signed-by-a-leaf",
        issue_by_a_leaf,
        ("untrusted",),
        trusted=False,
        chain_length=3,
    ),
    Case("wrong-name", lambda ca: ca.issue("other.example.org"), ("name_mismatch",)),
    Case("name-only-in-the-subject", without_names, ("name_mismatch",)),
    Case("wildcard", lambda ca: ca.issue("*.example.org")),
    Case("wildcard-too-deep", lambda ca: ca.issue("*.example.org"), ("name_mismatch",), "a.mx.example.org"),
    Case("wildcard-for-the-domain", lambda ca: ca.issue("*.example.org"), ("name_mismatch",), "example.org"),
    Case("wildcard-in-a-label", lambda ca: ca.issue("m*.example.org"), ("name_mismatch",)),
    Case("wildcard-for-a-top-level", lambda ca: ca.issue("*.org"), ("name_mismatch",), "example.org"),
    Case("wildcard-alone-beside-the-name", lambda ca: ca.issue("*", HOST)),
    Case("address-as-a-name-beside-the-name", lambda ca: ca.issue("192.0.2.1", HOST)),
    Case("ip", lambda ca: ca.issue("any.example.org", addresses=["192.0.2.1"]), host="192.0.2.1"),
    Case("ipv6", lambda ca: ca.issue("any.example.org", addresses=["2001:db8::1"]), host="2001:db8::1"),
    Case(
        "ip-as-a-name",
        lambda ca: ca.issue("192.0.2.1"),
        ("name_mismatch",),
        "192.0.2.1",
    ),
    Case(
        "another-ip",
        lambda ca: ca.issue("any.example.org", addresses=["192.0.2.2"]),
        ("name_mismatch",),
        "192.0.2.1",
    ),
    Case(
        "idn",
        lambda ca: ca.issue("xn--bcher-kva.example"),
        host="xn--bcher-kva.example",
    ),
    Case("weak-key", lambda ca: ca.issue(HOST, key=rsa_key(1024)), ("weak_key",)),
    Case("rsa", lambda ca: ca.issue(HOST, key=rsa_key(2048))),
    Case("ed25519", lambda ca: ca.issue(HOST, key=ed25519.Ed25519PrivateKey.generate())),
    Case(
        "everything-at-once",
        lambda ca: ca.issue("other.example.org", days=(-9, -1), issuer=ca.unknown, key=rsa_key(1024)),
        ("expired", "untrusted", "name_mismatch", "weak_key"),
        trusted=False,
    ),
    Case(
        "self-signed-for-tomorrow-and-another",
        lambda ca: ca.issue_self_signed("other.example.org", days=(1, 9)),
        ("not_yet_valid", "self_signed", "name_mismatch"),
        trusted=False,
        chain_length=1,
    ),
)


def present(tls: TlsClient, identity: Identity, host: str = HOST) -> Certificate:
    """Return what the client finds of this identity."""
    tunnel = tls.tunnel(host)
    connect(tunnel, TlsServer(identity).accept())
    found = tunnel.certificate()
    assert found is not None
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_problems_are_exactly_these(case: Case, tls: TlsClient, certificates: Authority) -> None:
    found = present(tls, case.make(certificates), case.host)

    assert found.problems == case.problems
    assert (found.trusted, found.chain_length) == (case.trusted, case.chain_length)
    assert found.name_matches is ("name_mismatch" not in case.problems)


def test_the_certificate_is_described_whatever_is_wrong(tls: TlsClient, certificates: Authority) -> None:
    identity = certificates.issue_self_signed("other.example.org", addresses=["192.0.2.9"], days=(-9, -1))
    leaf = identity.chain[0]

    found = present(tls, identity)

    assert (found.subject, found.issuer) == ("CN=other.example.org", "CN=other.example.org")
    assert found.names == ("other.example.org", "192.0.2.9")
    assert (found.not_before, found.not_after) == (leaf.not_valid_before_utc, leaf.not_valid_after_utc)
    assert found.fingerprint_sha256 == leaf.fingerprint(hashes.SHA256()).hex()
    assert found.key == "EC secp256r1"


def test_a_root_in_the_trust_store_may_be_presented_alone(certificates: Authority, tmp_path: Path) -> None:
    identity = certificates.issue_self_signed(HOST)
    ca_file = tmp_path / "own.pem"
    ca_file.write_bytes(identity.chain[0].public_bytes(Encoding.PEM))

    assert present(TlsClient(ca_file), identity).problems == ()


def test_the_same_certificate_is_judged_for_each_host_and_client(
    tls: TlsClient, certificates: Authority, tmp_path: Path
) -> None:
    identity = certificates.issue(HOST)
    stranger = TlsClient(Authority().write_ca(tmp_path / "other.pem"))

    seen = [present(client, identity, host) for client in (tls, stranger) for host in (HOST, "b.example.org")]

    assert [found.problems for found in seen] == [
        (),
        ("name_mismatch",),
        ("untrusted",),
        ("untrusted", "name_mismatch"),
    ]


def test_without_a_ca_file_the_system_s_authorities_are_trusted(certificates: Authority) -> None:
    found = present(TlsClient(), certificates.issue(HOST))

    assert (found.problems, found.trusted) == (("untrusted",), False)


def test_a_long_chain_is_counted(tls: TlsClient, certificates: Authority) -> None:
    identity = add(certificates.issue(HOST), *[certificates.unknown.certificate] * 58)

    found = present(tls, identity)

    assert (found.chain_length, found.problems) == (60, ())


def test_a_file_without_certificates_is_refused_by_name(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")

    with pytest.raises(ValueError, match=r"empty\.pem: no usable CA certificates"):
        TlsClient(empty)
