"""TLSA records against chains that a small CA made: which of them vouch for a server, and which do not."""

import hashlib
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import DaneMatch, TlsaRecord
from scanner.protocol import TlsClient
from scanner.protocol.dane import MAX_BARE_KEYS, MAX_CERTIFICATES, MAX_RECORDS, match_dane, usable
from scanner.protocol.der import key_info
from tests.protocol.identities import HOST, Authority, Identity, Issuer, name_of, rsa_key
from tests.protocol.odd_certificates import make, patch, unchanging
from tests.protocol.tls_server import TlsServer, connect

EE, TA, MISMATCH = DaneMatch.EE, DaneMatch.TA, DaneMatch.MISMATCH
PARAMETERS = [(selector, matching) for selector in (0, 1) for matching in (0, 1, 2)]
EXPIRED = (-90, -1)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def chain_of(*certificates: x509.Certificate) -> list[bytes]:
    return [der(certificate) for certificate in certificates]


def record(usage: int, selector: int, matching: int, certificate: x509.Certificate) -> TlsaRecord:
    """Make the record of a certificate by the book, with cryptography's own reading of its key."""
    data = der(certificate)
    if selector == 1:
        data = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if matching == 1:
        data = hashlib.sha256(data).digest()
    if matching == 2:
        data = hashlib.sha512(data).digest()
    return TlsaRecord(usage, selector, matching, data)


def match(
    records: Sequence[TlsaRecord], chain: Sequence[x509.Certificate], host: str = HOST, domains: tuple = ()
) -> DaneMatch:
    return match_dane(records, chain_of(*chain), host, domains)


@pytest.fixture(scope="session")
def good(certificates: Authority) -> tuple[x509.Certificate, ...]:
    """A leaf, its intermediate and the root, as a server for DANE-TA presents them."""
    return (*certificates.issue(HOST).chain, certificates.root.certificate)


@pytest.fixture(scope="session")
def stranger(certificates: Authority) -> x509.Certificate:
    """A certificate with a key of its own that nobody presents."""
    return certificates.issue(HOST, key=ec.generate_private_key(ec.SECP256R1())).chain[0]


# ------------------------------------------------------------------------------------------- the usable ones


@pytest.mark.parametrize(
    ("usage", "selector", "matching", "size", "is_usable"),
    [
        (3, 1, 1, 32, True),
        (3, 0, 1, 32, True),
        (3, 1, 2, 64, True),
        (2, 0, 1, 32, True),
        (2, 1, 2, 64, True),
        (0, 0, 1, 32, False),
        (1, 1, 1, 32, False),
        (4, 1, 1, 32, False),
        (255, 1, 1, 32, False),
        (3, 2, 1, 32, False),
        (3, 255, 1, 32, False),
        (3, 1, 3, 32, False),
        (3, 1, 255, 32, False),
        (3, 1, 1, 31, False),
        (3, 1, 1, 33, False),
        (3, 1, 1, 64, False),
        (3, 1, 2, 32, False),
        (3, 1, 1, 0, False),
        (3, 0, 0, 0, False),
        (3, 0, 0, 32, False),
        (2, 1, 0, 32, False),
    ],
)
def test_usable_by_its_numbers(usage: int, selector: int, matching: int, size: int, is_usable: bool) -> None:
    """Usages 0 and 1, unknown numbers and digests of a wrong length do not count (RFC 7672 section 3.1.3)."""
    one = TlsaRecord(usage, selector, matching, bytes(size))

    assert usable([one]) == ((one,) if is_usable else ())


def test_whole_certificates_and_keys_must_be_well_formed(good: tuple[x509.Certificate, ...]) -> None:
    for selector in (0, 1):
        whole = record(3, selector, 0, good[0])
        assert usable([whole]) == (whole,)
        for data in (whole.data[:-1], whole.data + b"\0", whole.data[1:]):
            assert usable([TlsaRecord(3, selector, 0, data)]) == ()


def test_a_bare_key_that_cannot_sign_vouches_for_nobody(good: tuple[x509.Certificate, ...]) -> None:
    key = x25519.X25519PrivateKey.generate().public_key()
    data = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    assert match([TlsaRecord(2, 1, 0, data)], good) is MISMATCH


def test_the_usable_ones_keep_their_order(good: tuple[x509.Certificate, ...]) -> None:
    first, second = record(3, 1, 1, good[0]), record(2, 0, 1, good[1])

    assert usable([first, TlsaRecord(1, 0, 1, bytes(32)), second]) == (first, second)
    assert usable([]) == ()


# ------------------------------------------------------------------------------------------------- DANE-EE


@pytest.mark.parametrize(("selector", "matching"), PARAMETERS)
def test_dane_ee(
    selector: int, matching: int, good: tuple[x509.Certificate, ...], stranger: x509.Certificate
) -> None:
    """The leaf, and nothing but the leaf."""
    assert match([record(3, selector, matching, good[0])], good) is EE
    assert match([record(3, selector, matching, stranger)], good) is MISMATCH
    assert match([record(3, selector, matching, good[1])], good) is MISMATCH
    assert match([record(3, selector, matching, good[0])], (good[1], good[0])) is MISMATCH


@pytest.mark.parametrize(
    "make_identity",
    [
        lambda ca: ca.issue_self_signed(HOST),
        lambda ca: ca.issue(HOST, days=EXPIRED),
        lambda ca: ca.issue(HOST, days=(1, 90)),
        lambda ca: ca.issue("other.example.net"),
        lambda ca: ca.issue(),
        lambda ca: ca.issue(HOST, issuer=ca.unknown, sends_issuer=False),
        lambda ca: ca.issue(HOST, key=rsa_key(1024)),
    ],
    ids=["self-signed", "expired", "not-yet-valid", "other-name", "no-name", "unknown-ca", "weak"],
)
def test_dane_ee_ignores_names_dates_and_trust(
    make_identity: Callable[[Authority], Identity], certificates: Authority
) -> None:
    """RFC 7672 section 3.1.1."""
    chain = make_identity(certificates).chain

    assert match([record(3, 1, 1, chain[0])], chain) is EE


def test_the_key_stays_when_the_certificate_is_renewed(certificates: Authority) -> None:
    """The reason for `3 1 1`: a new certificate for the old key still matches, as `3 0 1` does not."""
    old, new = certificates.issue(HOST).chain, certificates.issue(HOST).chain

    assert match([record(3, 1, 1, old[0])], new) is EE
    assert match([record(3, 0, 1, old[0])], new) is MISMATCH


def test_a_rollover(good: tuple[x509.Certificate, ...], stranger: x509.Certificate) -> None:
    """The records of the old key and of the new one stand side by side; one match is enough."""
    old, new = record(3, 1, 1, stranger), record(3, 1, 1, good[0])

    assert match([old, new], good) is EE
    assert match([new, old], good) is EE
    assert match([old], good) is MISMATCH


def test_an_unusable_record_matches_nothing(good: tuple[x509.Certificate, ...]) -> None:
    """`1 1 1` with the right digest: a public CA does not count between mail servers."""
    assert match([record(1, 1, 1, good[0])], good) is MISMATCH
    assert match([record(0, 0, 1, good[1])], good) is MISMATCH


def test_nothing_to_compare(good: tuple[x509.Certificate, ...]) -> None:
    assert match([], good) is MISMATCH
    assert match([record(3, 1, 1, good[0])], ()) is MISMATCH


# ------------------------------------------------------------------------------------------------- DANE-TA


@pytest.mark.parametrize(("selector", "matching"), PARAMETERS)
@pytest.mark.parametrize("depth", [1, 2], ids=["intermediate", "root"])
def test_dane_ta(
    depth: int, selector: int, matching: int, good: tuple[x509.Certificate, ...], stranger: x509.Certificate
) -> None:
    """The anchor is a certificate of the presented chain; no other trust is needed."""
    assert match([record(2, selector, matching, good[depth])], good) is TA
    assert match([record(2, selector, matching, stranger)], good) is MISMATCH


def test_the_order_of_the_chain_does_not_matter(good: tuple[x509.Certificate, ...]) -> None:
    leaf, intermediate, root = good

    assert match([record(2, 0, 1, root)], (leaf, root, intermediate)) is TA
    assert match([record(2, 1, 2, root)], (leaf, root, root, intermediate, leaf)) is TA


def test_the_leaf_comes_first_all_the_same(good: tuple[x509.Certificate, ...]) -> None:
    leaf, intermediate, root = good

    assert match([record(2, 0, 1, root)], (intermediate, leaf, root)) is MISMATCH


@pytest.mark.parametrize("matching", [1, 2])
@pytest.mark.parametrize("selector", [0, 1])
def test_a_digest_needs_the_anchor_in_the_chain(
    selector: int, matching: int, good: tuple[x509.Certificate, ...]
) -> None:
    """RFC 7671 section 5.2: nobody can guess a certificate from its digest."""
    leaf, intermediate, root = good

    assert match([record(2, selector, matching, root)], (leaf, intermediate)) is MISMATCH


@pytest.mark.parametrize("selector", [0, 1])
def test_a_whole_anchor_need_not_be_in_the_chain(
    selector: int, good: tuple[x509.Certificate, ...], stranger: x509.Certificate
) -> None:
    leaf, intermediate, root = good

    assert match([record(2, selector, 0, root)], (leaf, intermediate)) is TA
    assert match([record(2, selector, 0, intermediate)], (leaf,)) is TA
    assert match([record(2, selector, 0, root)], (leaf,)) is MISMATCH
    assert match([record(2, selector, 0, stranger)], (leaf, intermediate)) is MISMATCH


def test_a_bare_key_of_any_kind(certificates: Authority) -> None:
    """`2 1 0` holds the issuer's key alone."""
    key = rsa_key(2048)
    name = name_of("RSA root")
    root = (
        certificates.start(name, name, key, (-1, 1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    leaf = (
        certificates.start(name_of(HOST), name, certificates.key, (-1, 1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA512())
    )

    assert match([record(2, 1, 0, root)], (leaf,)) is TA


def test_a_bare_key_does_not_mend_dates(certificates: Authority) -> None:
    leaf = certificates.issue(HOST, issuer=certificates.root, days=EXPIRED).chain[0]

    assert match([record(2, 1, 0, certificates.root.certificate)], (leaf,)) is MISMATCH


@pytest.mark.parametrize("usage_and_name", [(3, EE), (2, MISMATCH)], ids=["ee", "ta"])
@pytest.mark.parametrize(
    "make_identity",
    [
        lambda ca: ca.issue("other.example.net"),
        lambda ca: ca.issue(),
        lambda ca: ca.issue(HOST, days=EXPIRED),
        lambda ca: ca.issue(HOST, days=(1, 90)),
        lambda ca: ca.issue(HOST, issuer=ca.stale),
    ],
    ids=["other-name", "no-name", "expired", "not-yet-valid", "expired-intermediate"],
)
def test_dane_ta_looks_at_names_and_dates(
    make_identity: Callable[[Authority], Identity],
    usage_and_name: tuple[int, DaneMatch],
    certificates: Authority,
) -> None:
    """What DANE-EE forgives, DANE-TA does not."""
    usage, expected = usage_and_name
    chain = (*make_identity(certificates).chain, certificates.root.certificate)
    anchor = chain[0] if usage == 3 else chain[-1]

    assert match([record(usage, 1, 1, anchor)], chain) is expected


def test_an_anchor_that_has_expired(certificates: Authority) -> None:
    chain = certificates.issue(HOST, issuer=certificates.stale).chain

    assert match([record(2, 0, 1, chain[1])], chain) is MISMATCH


def test_the_domain_may_stand_in_for_the_host(certificates: Authority) -> None:
    """RFC 7672 section 3.2.2; a server of many domains must name all of them or its own name."""
    chain = certificates.issue("example.net", "example.com").chain
    records = [record(2, 0, 1, chain[1])]

    assert match(records, chain, HOST, ("example.net",)) is TA
    assert match(records, chain, HOST, ("example.net", "example.com")) is TA
    assert match(records, chain, HOST, ("example.net", "example.edu")) is MISMATCH
    assert match(records, chain, HOST) is MISMATCH
    assert match(records, certificates.issue(HOST).chain, HOST, ("example.edu",)) is TA


def test_a_wildcard_names_the_host(certificates: Authority) -> None:
    chain = certificates.issue("*.example.org").chain

    assert match([record(2, 0, 1, chain[1])], chain) is TA
    assert match([record(2, 0, 1, chain[1])], chain, "a.b.example.org") is MISMATCH


def test_the_leaf_is_no_anchor(certificates: Authority) -> None:
    """Else every self-signed certificate were its own CA."""
    alone = certificates.issue_self_signed(HOST).chain

    for selector, matching in PARAMETERS:
        assert match([record(2, selector, matching, alone[0])], alone) is MISMATCH
        assert match([record(2, selector, matching, alone[0])], alone + alone) is MISMATCH


def test_a_leaf_without_the_ca_flag_cannot_sign(certificates: Authority) -> None:
    signer = certificates.issue("signer.example.org")
    issuer = Issuer(signer.chain[0].subject, certificates.key, signer.chain[0])
    leaf = certificates.issue(HOST, issuer=issuer).chain[0]
    chain = (leaf, *signer.chain, certificates.root.certificate)

    assert match([record(2, 0, 1, certificates.root.certificate)], chain) is MISMATCH
    assert match([record(2, 0, 1, signer.chain[0])], chain) is MISMATCH


def test_a_signature_must_hold(certificates: Authority) -> None:
    """A namesake of the real intermediate with another key: the name alone is nothing."""
    impostor = certificates.make_ca("test intermediate", None)
    leaf = certificates.issue(HOST, issuer=impostor).chain[0]
    real = certificates.intermediate.certificate
    root = certificates.root.certificate

    assert match([record(2, 0, 1, root)], (leaf, real, root)) is MISMATCH
    assert match([record(2, 0, 1, real)], (leaf, real)) is MISMATCH
    assert match([record(2, 1, 0, real)], (leaf,)) is MISMATCH
    assert match([record(2, 0, 1, impostor.certificate)], (leaf, impostor.certificate)) is TA


def test_an_anchor_that_signed_nothing_here(certificates: Authority) -> None:
    """A published CA sent along with somebody else's chain."""
    chain = (*certificates.issue(HOST).chain, certificates.unknown.certificate)

    assert match([record(2, 0, 1, certificates.unknown.certificate)], chain) is MISMATCH


@pytest.mark.parametrize(
    ("usages", "expected"),
    [
        ([ExtendedKeyUsageOID.SERVER_AUTH], TA),
        ([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH], TA),
        ([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE], MISMATCH),
        ([ExtendedKeyUsageOID.CLIENT_AUTH], MISMATCH),
        ([ExtendedKeyUsageOID.CODE_SIGNING], MISMATCH),
    ],
)
def test_a_leaf_must_be_for_servers(
    usages: list[x509.ObjectIdentifier], expected: DaneMatch, certificates: Authority
) -> None:
    root = certificates.root
    leaf = (
        certificates.start(name_of(HOST), root.name, certificates.key, (-1, 1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .sign(root.key, hashes.SHA256())
    )

    assert match([record(2, 0, 1, root.certificate)], (leaf, root.certificate)) is expected


def test_several_records(good: tuple[x509.Certificate, ...], stranger: x509.Certificate) -> None:
    """EE before TA; a CA that rolls over has two anchors published."""
    leaf, intermediate, root = good

    assert match([record(2, 0, 1, root), record(3, 1, 1, leaf)], good) is EE
    assert match([record(3, 1, 1, stranger), record(2, 0, 1, root)], good) is TA
    assert match([record(2, 0, 1, stranger), record(2, 1, 1, intermediate)], good) is TA
    assert match([record(2, 0, 0, stranger), record(2, 1, 0, stranger), record(2, 1, 0, root)], good) is TA


# --------------------------------------------------------------------------------------- the key in its bytes


@pytest.mark.parametrize("bits", [0, 1024, 4096])
def test_the_key_is_cut_out_byte_for_byte(bits: int, certificates: Authority) -> None:
    key = rsa_key(bits) if bits else None
    certificate = certificates.issue(HOST, key=key).chain[0]
    expected = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    assert key_info(der(certificate)) == expected


def test_a_certificate_of_version_1_has_no_version(certificates: Authority) -> None:
    """The field is absent there, and the key one place earlier."""
    whole = der(make(certificates, key=rsa_key(4096)))
    assert (whole[:2], whole[4:6], whole[8:13]) == (b"\x30\x82", b"\x30\x82", b"\xa0\x03\x02\x01\x02")
    outer, inner = (int.from_bytes(whole[at : at + 2]) - 5 for at in (2, 6))
    short = b"\x30\x82" + outer.to_bytes(2) + b"\x30\x82" + inner.to_bytes(2) + whole[13:]

    assert key_info(short) == key_info(whole) is not None


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\x30",
        b"\x30\x00",
        b"\x30\x80\x00\x00",
        b"\x30\x85\x00\x00\x00\x00\x00",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x02\x30\x00",
        b"\x30\x02\x30\x7f",
        b"\x31\x00",
        b"\x30\x0c\x30\x0a" + b"\x02\x00" * 5,
        b"\x30\x0e\x30\x0a" + b"\x02\x00" * 5 + b"\x30\x00",
        b"\x30\x0e\x30\x0c" + b"\x02\x00" * 4 + b"\x02\x80" + b"\x30\x00",
    ],
)
def test_no_key_in_garbage(garbage: bytes) -> None:
    """An end beyond the data, no sequence, too few fields, a key outside the signed part."""
    assert key_info(garbage) is None


def test_the_smallest_key() -> None:
    """The same shape without those faults: an empty key behind five empty fields."""
    assert key_info(b"\x30\x0e\x30\x0c" + b"\x02\x00" * 5 + b"\x30\x00") == b"\x30\x00"


@pytest.mark.parametrize("cut", range(1, 200, 7))
def test_no_key_in_a_part(cut: int) -> None:
    whole = der(unchanging())

    assert key_info(whole[:-cut]) is None
    assert key_info(whole + bytes(cut)) is None


# ---------------------------------------------------------------------------------------------- hostile bytes


@cache
def samples() -> tuple[bytes, ...]:
    """One chain for the hypotheses, made once: a leaf, an intermediate and a root."""
    ca = Authority()
    return tuple(chain_of(*ca.issue(HOST).chain, ca.root.certificate))


def spoilt(data: st.DataObject) -> bytes:
    """Draw a certificate with some bytes overwritten, or anything at all."""
    encoded = bytearray(data.draw(st.sampled_from(samples())))
    for _ in range(data.draw(st.integers(0, 3))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    return data.draw(st.sampled_from([bytes(encoded), data.draw(st.binary(max_size=80))]))


@given(st.data())
def test_hostile_bytes_never_raise(data: st.DataObject) -> None:
    chain = [spoilt(data) for _ in range(data.draw(st.integers(0, 4)))]
    records = [
        TlsaRecord(
            data.draw(st.sampled_from([2, 3])),
            data.draw(st.integers(0, 1)),
            data.draw(st.integers(0, 2)),
            data.draw(
                st.sampled_from([spoilt(data), *map(bytes, chain), *filter(None, map(key_info, chain))])
            ),
        )
        for _ in range(data.draw(st.integers(1, 3)))
    ]

    found = match_dane(records, chain, HOST)

    if found is EE:
        assert any(one.usage == 3 for one in usable(records))
    if found is TA:
        assert any(one.usage == 2 for one in usable(records))


@given(st.data())
def test_a_spoilt_leaf_is_never_vouched_for(data: st.DataObject) -> None:
    """Change any byte of the leaf: the anchor's signature does not hold any more."""
    leaf, *others = samples()
    position = data.draw(st.integers(0, len(leaf) - 1))
    changed = (
        leaf[:position] + bytes((leaf[position] ^ data.draw(st.integers(1, 255)),)) + leaf[position + 1 :]
    )
    records = [TlsaRecord(2, 0, 1, hashlib.sha256(others[-1]).digest())]

    assert match_dane(records, [leaf, *others], HOST) is TA
    assert match_dane(records, [changed, *others], HOST) is MISMATCH


@given(st.binary(max_size=300))
def test_the_key_of_any_bytes(encoded: bytes) -> None:
    found = key_info(encoded)

    assert found is None or found in encoded


def test_odd_certificates_warn_nobody(certificates: Authority) -> None:
    """Serial number 0, which cryptography warns of; a warning is an error in these tests."""
    odd = patch(unchanging(), b"\x02\x01\x05", b"\x02\x01\x00")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert match_dane([record(2, 0, 1, certificates.root.certificate)], [der(odd)], HOST) is MISMATCH
        assert match_dane([record(3, 0, 1, odd)], [der(odd)], HOST) is EE


def test_what_is_looked_at_is_bounded(good: tuple[x509.Certificate, ...], stranger: x509.Certificate) -> None:
    """A hostile zone and its server cannot keep us busy."""
    leaf, intermediate, root = good
    other = record(3, 1, 1, stranger)
    foreign_key = record(2, 1, 0, stranger)

    assert match([other] * (MAX_RECORDS - 1) + [record(3, 1, 1, leaf)], good) is EE
    assert match([other] * MAX_RECORDS + [record(3, 1, 1, leaf)], good) is MISMATCH
    padding = (stranger,) * (MAX_CERTIFICATES - 3)
    assert match([record(2, 0, 1, root)], (leaf, intermediate, *padding, root)) is TA
    assert match([record(2, 0, 1, root)], (leaf, intermediate, *padding, stranger, root)) is MISMATCH
    assert match([foreign_key] * (MAX_BARE_KEYS - 1) + [record(2, 1, 0, root)], (leaf, intermediate)) is TA
    assert match([foreign_key] * MAX_BARE_KEYS + [record(2, 1, 0, root)], (leaf, intermediate)) is MISMATCH


def test_a_chain_as_a_server_presents_it(certificates: Authority, tmp_path: Path) -> None:
    """The chain that crossed a real handshake, with a client that trusts nothing of it."""
    identity = certificates.issue(HOST)
    stranger_ca = certificates.unknown.certificate.public_bytes(Encoding.PEM)
    (tmp_path / "ca.pem").write_bytes(stranger_ca)
    tunnel = TlsClient(tmp_path / "ca.pem").tunnel(HOST)
    connect(tunnel, TlsServer(identity).accept())
    presented = tunnel._connection.get_peer_cert_chain()
    assert presented is not None
    chain = [der(certificate.to_cryptography()) for certificate in presented]
    seen = tunnel.certificate()

    assert seen is not None
    assert not seen.trusted
    assert match_dane([record(2, 1, 1, identity.chain[1])], chain, HOST) is TA
    assert match_dane([record(3, 1, 1, identity.chain[0])], chain, HOST) is EE
