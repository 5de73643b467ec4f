"""Every chain of the zoo over a real handshake: its problems, where they are, and why it is not trusted."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from scanner.protocol import TlsClient
from scanner.protocol.tls import HandshakeError
from tests.protocol.certificate_zoo import (
    Signer,
    logged,
    long_chain,
    make_ca,
    make_leaf,
    server_flight,
    show,
    sign_with_sha1,
    signer_of,
    with_chain,
    words_of,
)
from tests.protocol.identities import HOST, Authority, Identity, PrivateKey, rsa_key

Words = tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Animal:
    """A chain, and everything that is to be found wrong with it."""

    name: str
    make: Callable[[Authority], Identity]
    problems: tuple[str, ...] = ()
    details: Words = ()
    fault: str | None = None
    missing: bool | None = False


def issued(ca: Authority, *extensions: x509.ExtensionType, key: PrivateKey | None = None) -> Identity:
    """Issue a good leaf below the intermediate, which is sent along."""
    upper = signer_of(ca.intermediate)
    return with_chain(make_leaf(ca, upper, *extensions, key=key), upper)


def signed_with_sha1(ca: Authority) -> Identity:
    upper = make_ca(ca, "RSA intermediate", signer_of(ca.root), rsa_key(2048))
    leaf = make_leaf(ca, upper)
    return with_chain(Identity(leaf.key, (sign_with_sha1(leaf.chain[0], upper.key),)), upper)


def below_an_intermediate_signed_with_sha1(ca: Authority) -> Identity:
    upper = make_ca(ca, "RSA intermediate", signer_of(ca.root), rsa_key(2048))
    lower = make_ca(ca, "SHA-1 intermediate", upper)
    weak = Signer(sign_with_sha1(lower.certificate, upper.key), lower.key)
    return with_chain(make_leaf(ca, weak), weak, upper)


def below_a_short_intermediate(ca: Authority) -> Identity:
    upper = make_ca(ca, "short intermediate", signer_of(ca.root), rsa_key(1024))
    return with_chain(make_leaf(ca, upper), upper)


def below_an_intermediate_of(days: tuple[int, int]) -> Callable[[Authority], Identity]:
    def make(ca: Authority) -> Identity:
        upper = make_ca(ca, "dated intermediate", signer_of(ca.root), days=days)
        return with_chain(make_leaf(ca, upper), upper)

    return make


def below_an_unknown_intermediate(*, sends_root: bool) -> Callable[[Authority], Identity]:
    def make(ca: Authority) -> Identity:
        root = signer_of(ca.unknown)
        upper = make_ca(ca, "intermediate of nobody", root)
        return with_chain(make_leaf(ca, upper), upper, *([root] if sends_root else []))

    return make


def below_two(*order: int) -> Callable[[Authority], Identity]:
    """Send the certificates above the leaf in this order."""

    def make(ca: Authority) -> Identity:
        upper = signer_of(ca.intermediate)
        lower = make_ca(ca, "lower intermediate", upper)
        return with_chain(make_leaf(ca, lower), *[(lower, upper)[number] for number in order])

    return make


def beside_a_stranger(ca: Authority) -> Identity:
    return with_chain(make_leaf(ca, signer_of(ca.intermediate)), ca.stale.certificate)


def forged(ca: Authority) -> Identity:
    """Sign with a key of one's own, in the intermediate's name."""
    impostor = Signer(ca.intermediate.certificate, ec.generate_private_key(ec.SECP256R1()))
    return with_chain(make_leaf(ca, impostor), impostor)


def below_a_leaf(ca: Authority) -> Identity:
    leaf = ca.issue("signer.example.org")
    return with_chain(make_leaf(ca, Signer(leaf.chain[0], leaf.key)), *leaf.chain)


def alone(ca: Authority, *extensions: x509.ExtensionType) -> Identity:
    return make_leaf(ca, signer_of(ca.intermediate), *extensions)


ZOO = (
    Animal("good", issued),
    Animal("rsa-2048", lambda ca: issued(ca, key=rsa_key(2048))),
    Animal("rsa-4096", lambda ca: issued(ca, key=rsa_key(4096))),
    Animal("p-256", lambda ca: issued(ca, key=ec.generate_private_key(ec.SECP256R1()))),
    Animal("p-384", lambda ca: issued(ca, key=ec.generate_private_key(ec.SECP384R1()))),
    Animal("ed25519", lambda ca: issued(ca, key=ed25519.Ed25519PrivateKey.generate())),
    Animal("rsa-1024", lambda ca: issued(ca, key=rsa_key(1024)), ("weak_key",), (("weak_key", 0),)),
    Animal("sha-1", signed_with_sha1, ("weak_signature",), (("weak_signature", 0),)),
    Animal(
        "sha-1-above",
        below_an_intermediate_signed_with_sha1,
        ("weak_signature",),
        (("weak_signature", 1),),
    ),
    Animal("rsa-1024-above", below_a_short_intermediate, ("weak_key",), (("weak_key", 1),)),
    Animal("expired", lambda ca: ca.issue(HOST, days=(-9, -1)), ("expired",), (("expired", 0),)),
    Animal("future", lambda ca: ca.issue(HOST, days=(1, 9)), ("not_yet_valid",), (("not_yet_valid", 0),)),
    Animal("expired-above", below_an_intermediate_of((-9, -1)), ("expired",), (("expired", 1),)),
    Animal("future-above", below_an_intermediate_of((1, 9)), ("not_yet_valid",), (("not_yet_valid", 1),)),
    Animal(
        "self-signed",
        lambda ca: ca.issue_self_signed(HOST),
        ("self_signed",),
        (("self_signed", 0),),
        "self_signed",
    ),
    Animal(
        "missing-intermediate",
        alone,
        ("untrusted",),
        (("untrusted", 0),),
        "incomplete_chain",
        None,
    ),
    Animal(
        "missing-intermediate-of-a-public-ca",
        lambda ca: alone(ca, logged()),
        ("untrusted",),
        (("untrusted", 0),),
        "incomplete_chain",
        missing=True,
    ),
    Animal(
        "a-stranger-in-the-intermediates-place",
        beside_a_stranger,
        ("untrusted",),
        (("untrusted", 0), ("superfluous", None)),
        "incomplete_chain",
        None,
    ),
    Animal(
        "unknown-ca",
        lambda ca: ca.issue(HOST, issuer=ca.unknown),
        ("untrusted",),
        (("untrusted", 1),),
        "unknown_ca",
    ),
    Animal(
        "unknown-ca-higher-up",
        below_an_unknown_intermediate(sends_root=True),
        ("untrusted",),
        (("untrusted", 2),),
        "unknown_ca",
    ),
    Animal(
        "unknown-or-missing",
        below_an_unknown_intermediate(sends_root=False),
        ("untrusted",),
        (("untrusted", 1),),
        "incomplete_or_unknown_ca",
        None,
    ),
    Animal("forged", forged, ("untrusted",), (("untrusted", 0),), "other"),
    Animal("below-a-leaf", below_a_leaf, ("untrusted",), (("untrusted", 1),), "other"),
    Animal("in-order", below_two(0, 1)),
    Animal("wrong-order", below_two(1, 0), details=(("wrong_order", None),)),
    Animal("duplicates", below_two(0, 0, 1, 1), details=(("duplicate", None),)),
    Animal("with-its-root", lambda ca: with_chain(issued(ca), ca.root.certificate)),
    Animal(
        "with-an-expired-stranger",
        lambda ca: with_chain(issued(ca), ca.stale.certificate),
        details=(("superfluous", None),),
    ),
)


@pytest.mark.parametrize("animal", ZOO, ids=lambda animal: animal.name)
def test_each_is_seen_for_what_it_is(animal: Animal, tls: TlsClient, certificates: Authority) -> None:
    identity = animal.make(certificates)

    found, again = show(tls, identity), show(tls, identity, version="TLSv1.2")

    assert found == again
    assert found.problems == animal.problems
    assert set(words_of(found)) == set(animal.details)
    assert (found.trust_fault, found.missing_intermediate) == (animal.fault, animal.missing)
    assert found.trusted is (animal.fault is None)
    assert (found.name_matches, found.matched_name) == (True, "host")


@pytest.mark.parametrize("animal", ZOO, ids=lambda animal: animal.name)
def test_each_certificate_sent_is_told_in_its_place(
    animal: Animal, tls: TlsClient, certificates: Authority
) -> None:
    identity = animal.make(certificates)

    found = show(tls, identity)

    told = [(member.subject, member.issuer, member.not_after) for member in found.chain]
    sent = [
        (each.subject.rfc4514_string(), each.issuer.rfc4514_string(), each.not_valid_after_utc)
        for each in identity.chain
    ]
    assert told == sent
    assert (found.chain[0].key, found.chain[0].fingerprint_sha256) == (found.key, found.fingerprint_sha256)


def test_the_words_say_who_is_meant(tls: TlsClient, certificates: Authority) -> None:
    def words(identity: Identity) -> list[str]:
        return [detail.text for detail in show(tls, identity).problem_details]

    last_day = certificates.stale.certificate.not_valid_after_utc
    assert words(certificates.issue(HOST, issuer=certificates.stale)) == [
        f'"CN=stale intermediate" expired on {last_day:%Y-%m-%d}'
    ]
    assert words(certificates.issue(HOST, issuer=certificates.unknown)) == [
        'the chain ends in the root "CN=unknown CA", which is not trusted'
    ]
    (missing,) = words(alone(certificates, logged()))
    assert missing.startswith(
        '"CN=test intermediate", the issuer of "CN=mx.example.org", is neither sent nor'
    )
    assert missing.endswith(": an intermediate is missing")
    assert words(alone(certificates))[0].endswith(": an intermediate is missing or the CA is not known")
    assert words(below_a_short_intermediate(certificates)) == [
        'the key of "CN=short intermediate" is weak: RSA 1024'
    ]
    assert words(below_an_intermediate_signed_with_sha1(certificates)) == [
        '"CN=SHA-1 intermediate" is signed with SHA1'
    ]
    assert words(forged(certificates)) == [
        'the signature of "CN=mx.example.org" was not made with its issuer\'s key'
    ]


def test_how_a_trusted_root_is_made_does_not_matter(certificates: Authority, tmp_path: Path) -> None:
    """Nobody looks at the signature of a trust anchor, and its key is the operator's choice."""
    root = make_ca(certificates, "old root", None, rsa_key(1024))
    weak = Signer(sign_with_sha1(root.certificate, root.key), root.key)
    ca_file = tmp_path / "old.pem"
    ca_file.write_bytes(weak.certificate.public_bytes(Encoding.PEM))

    found = show(TlsClient(ca_file), with_chain(make_leaf(certificates, weak), weak))

    assert (found.trusted, found.problems, found.problem_details) == (True, (), ())
    assert (found.chain[1].key, found.chain[1].signature) == ("RSA 1024", "SHA1")


def test_an_expired_root_is_told(certificates: Authority, tmp_path: Path) -> None:
    root = make_ca(certificates, "late root", None, days=(-90, -1))
    ca_file = tmp_path / "late.pem"
    ca_file.write_bytes(root.certificate.public_bytes(Encoding.PEM))

    found = show(TlsClient(ca_file), make_leaf(certificates, root))

    assert (found.problems, words_of(found), found.trust_fault) == (("expired",), [("expired", 1)], None)


@pytest.mark.parametrize("intermediates", [0, 1, 8, 9])
def test_a_chain_is_followed_for_nine_intermediates(
    intermediates: int, tls: TlsClient, certificates: Authority
) -> None:
    found = show(tls, long_chain(certificates, 1 + intermediates))

    assert (found.chain_length, found.problems, found.trust_fault) == (1 + intermediates, (), None)
    assert (found.trusted, found.problem_details) == (True, ())


@pytest.mark.parametrize("length", [11, 12, 71, 100])
def test_a_longer_chain_is_counted_and_not_followed(
    length: int, tls: TlsClient, certificates: Authority
) -> None:
    found = show(tls, long_chain(certificates, length))

    assert (found.chain_length, len(found.chain), found.problems) == (length, 10, ("untrusted",))
    assert (found.trusted, found.trust_fault, found.missing_intermediate) == (False, "chain_too_long", None)
    assert words_of(found) == [("untrusted", 10)]
    assert "followed for 9 intermediates, and goes on" in found.problem_details[0].text


def test_nobody_looks_at_what_stands_behind(tls: TlsClient, certificates: Authority) -> None:
    """Each certificate costs a signature to check: of a long chain only the first are, in any order."""
    leaf, *rest = long_chain(certificates, 60).chain
    broken = [breaking(each) if place >= 12 else each for place, each in enumerate(rest)]
    identity = with_chain(Identity(certificates.key, (leaf,)), *broken[11::-1], *broken[12:])

    found = show(tls, identity)

    assert (found.chain_length, found.trust_fault) == (60, "chain_too_long")
    assert words_of(found) == [("untrusted", 10), ("wrong_order", None)]


def breaking(certificate: x509.Certificate) -> x509.Certificate:
    """Return a certificate whose signature does not fit."""
    encoded = certificate.public_bytes(Encoding.DER)
    return x509.load_der_x509_certificate(encoded[:-1] + bytes((encoded[-1] ^ 1,)))


def test_a_hundred_certificates_sent_in_vain_are_no_flood(tls: TlsClient, certificates: Authority) -> None:
    strangers = [make_ca(certificates, f"stranger {number}", None, certificates.key) for number in range(99)]

    found = show(tls, with_chain(make_leaf(certificates, signer_of(certificates.root)), *strangers))

    assert (found.chain_length, len(found.chain)) == (100, 10)
    assert words_of(found) == [("superfluous", None)] * 9


@pytest.mark.parametrize(
    ("flight", "reason"),
    [
        pytest.param(server_flight([bytes(1_000_000)]), "excessive message size", id="a-megabyte"),
        pytest.param(
            server_flight([], claimed=16_000_000), "excessive message size", id="claims-16-megabytes"
        ),
        pytest.param(server_flight([b"\x30\x03\x02\x01\x05"]), "", id="no-certificate-in-der"),
        pytest.param(server_flight([b"\x00"]), "", id="a-zero"),
        pytest.param(server_flight([b""]), "", id="nothing-in-it"),
        pytest.param(server_flight([]), "", id="none"),
    ],
)
def test_what_is_no_certificate_ends_the_handshake_in_words(
    flight: bytes, reason: str, tls: TlsClient
) -> None:
    tunnel = tls.tunnel(HOST)
    tunnel.handshake()
    tunnel.take_outgoing()

    with pytest.raises(HandshakeError) as refused:
        tunnel.handshake(flight)

    assert reason in str(refused.value)
    assert str(refused.value).isprintable()
    assert str(refused.value)
