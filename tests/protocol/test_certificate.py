"""Certificates as no CA should make them: each is described, as far as it can be read."""

import ipaddress
import warnings
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, x25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from scanner.protocol.certificate import describe
from scanner.protocol.evidence import VerifyError
from scanner.protocol.names import MAX_NAMES
from tests.protocol.budget import tries
from tests.protocol.identities import HOST, Authority, PrivateKey, name_of, rsa_key
from tests.protocol.odd_certificates import look_at, make, names, patch, raw_names, unchanging

SHA256_WITH_RSA = bytes.fromhex("06092a864886f70d01010b")


@pytest.mark.parametrize(
    ("make_key", "shown", "problems"),
    [
        (lambda: ec.generate_private_key(ec.SECP384R1()), "EC secp384r1", ()),
        (lambda: ec.generate_private_key(ec.SECP192R1()), "EC secp192r1", ("weak_key",)),
        (lambda: rsa_key(2048), "RSA 2048", ()),
        (lambda: rsa_key(1024), "RSA 1024", ("weak_key",)),
        (lambda: dsa.generate_private_key(2048), "DSA 2048", ("weak_key",)),
        (ed25519.Ed25519PrivateKey.generate, "Ed25519", ()),
        (ed448.Ed448PrivateKey.generate, "Ed448", ()),
    ],
)
def test_keys_are_named_and_weighed(
    make_key: Callable[[], PrivateKey], shown: str, problems: tuple[str, ...], certificates: Authority
) -> None:
    found = look_at(make(certificates, names(HOST), key=make_key()))

    assert (found.key, found.problems) == (shown, problems)


@pytest.mark.parametrize(
    ("algorithm", "problems"), [(5, ("weak_signature",)), (4, ("weak_signature",)), (12, ())]
)
def test_signatures_with_sha1_and_md5_are_weak(
    algorithm: int, problems: tuple[str, ...], certificates: Authority
) -> None:
    certificate = make(certificates, names(HOST), key=rsa_key(2048))

    found = look_at(patch(certificate, SHA256_WITH_RSA, SHA256_WITH_RSA[:-1] + bytes((algorithm,))))

    assert found.problems == problems


def test_an_unknown_signature_algorithm_is_no_problem_of_its_own(certificates: Authority) -> None:
    certificate = make(certificates, names(HOST), key=rsa_key(2048))

    found = look_at(patch(certificate, SHA256_WITH_RSA, SHA256_WITH_RSA[:-1] + b"\x63"))

    assert found.problems == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ec.SECP256R1, bytes.fromhex("06082a8648ce3d030163")),
        (None, b""),
    ],
    ids=["unknown-curve", "point-not-on-the-curve"],
)
def test_a_key_that_cannot_be_read_is_unknown(old: type | None, new: bytes, certificates: Authority) -> None:
    key = certificates.key.public_key().public_numbers()
    y = key.y.to_bytes(32, "big")
    pair = (bytes.fromhex("06082a8648ce3d030107"), new) if old else (y, y[:-1] + bytes((y[-1] ^ 1,)))

    found = look_at(patch(make(certificates, names(HOST)), *pair))

    assert (found.key, found.name_matches) == ("unknown", True)


def test_a_key_that_cannot_sign_is_unknown(certificates: Authority) -> None:
    key = x25519.X25519PrivateKey.generate().public_key()
    issuer = certificates.root
    builder = x509.CertificateBuilder(issuer.name, name_of(HOST), key, 5, certificates.now, certificates.now)

    found = look_at(builder.sign(issuer.key, hashes.SHA256()))

    assert (found.key, found.problems) == ("unknown", ("name_mismatch",))


@pytest.mark.parametrize(
    "beside",
    ["*", "", "192.0.2.1", "a.*.example.org", "*.*.example.org", "4711", "a b", "-", ".", "x" * 300],
)
def test_an_odd_name_does_not_spoil_the_right_one(beside: str, certificates: Authority) -> None:
    assert look_at(make(certificates, names(beside, HOST))).name_matches
    assert not look_at(make(certificates, names(beside))).name_matches


@pytest.mark.parametrize(
    "other",
    [
        x509.UniformResourceIdentifier("urn:a:b:c"),
        x509.RFC822Name("post@example.org"),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3.4")),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.7"), b"\x16\x00"),
        x509.OtherName(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"),
        x509.DirectoryName(x509.Name([])),
        x509.IPAddress(ipaddress.ip_network("192.0.2.0/24")),
    ],
    ids=lambda name: type(name).__name__,
)
def test_names_of_other_kinds_do_not_spoil_the_right_one(
    other: x509.GeneralName, certificates: Authority
) -> None:
    found = look_at(make(certificates, x509.SubjectAlternativeName([other, x509.DNSName(HOST)])))

    assert found.name_matches


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(b"\x01\x02\x03", id="rubbish"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x30\x00", id="no-names"),
        pytest.param(b"\x30\x05\x87\x03\x0a\x0b\x0c", id="three-octet-address"),
        pytest.param(b"\x30\x04\xa3\x02\x30\x00", id="x400"),
        pytest.param(b"\x30\x04\xa5\x02\x30\x00", id="edi"),
        pytest.param(b"\x30\x03\x82\x01\xff", id="latin-1"),
        pytest.param(b"\x30\x84\xff\xff\xff\xff", id="huge-length"),
    ],
)
@pytest.mark.parametrize("host", [HOST, "192.0.2.1"])
def test_names_that_cannot_be_read_are_no_names(encoded: bytes, host: str, certificates: Authority) -> None:
    found = look_at(make(certificates, raw_names(encoded)), host)

    assert (found.names, found.name_matches, found.problems) == ((), False, ("name_mismatch",))


def test_an_extension_that_comes_twice_is_none(certificates: Authority) -> None:
    twin = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.99"), b"\x30\x00")

    found = look_at(patch(make(certificates, names(HOST), twin), b"\x06\x03U\x1d\x63", b"\x06\x03U\x1d\x11"))

    assert (found.names, found.name_matches) == ((), False)


def test_no_subject_at_all_is_empty_text(certificates: Authority) -> None:
    found = look_at(make(certificates, names(HOST), subject=x509.Name([])))

    assert (found.subject, found.issuer, found.problems) == ("", "", ())


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"\x0c\x06\xff\xfe\xfd\xfc\xfb\xfa", id="bad-utf-8"),
        pytest.param(b"\x14\x06caf\xe9  ", id="latin-1-teletex"),
        pytest.param(b"\x03\x06\x00QQQQQ", id="bit-string"),
        pytest.param(b"\x02\x06QQQQQQ", id="integer"),
        pytest.param(b"\x30\x06\x02\x04QQQQ", id="sequence"),
    ],
)
def test_a_name_that_cannot_be_read_says_so(value: bytes, certificates: Authority) -> None:
    certificate = make(certificates, names(HOST), subject=name_of("QQQQQQ"))

    found = look_at(patch(certificate, b"\x0c\x06QQQQQQ", value))

    assert (found.subject, found.issuer) == ("(unreadable name)", "(unreadable name)")
    assert (found.names, found.name_matches) == ((HOST,), True)


def test_control_characters_in_names_are_escaped(certificates: Authority) -> None:
    subject = name_of("a\x1b[31m\r\n\u202e")

    found = look_at(make(certificates, subject=subject))

    assert found.subject == r"CN=a\x1b[31m\r\n\u202e"


def test_huge_names_are_cut(certificates: Authority) -> None:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "o" * 64) for _ in range(200)]
    many = [f"host-{number}.example.org" for number in range(3000)]

    found = look_at(make(certificates, names(*many, HOST), subject=x509.Name(attributes)))

    assert len(found.subject) == len(found.issuer) == 512
    assert len(found.names) == MAX_NAMES
    assert found.name_matches  # the last of all counts as well


@pytest.mark.parametrize("serial", [b"\x00", b"\x80", b"\xff"], ids=["zero", "most-negative", "minus-one"])
def test_serial_numbers_that_are_not_positive_do_no_harm(serial: bytes) -> None:
    version = b"\xa0\x03\x02\x01\x02\x02\x01"

    assert look_at(patch(unchanging(), version + b"\x05", version + serial)).name_matches


@pytest.mark.parametrize(
    ("host", "matches"),
    [
        ("MX.example.org", True),
        ("*.example.org", False),
        ("mx.example.org ", True),
        ("mx example org", False),
        ("", False),
        ("mx.example.org:25", False),
        ("\u0000", False),
    ],
)
def test_any_text_may_be_asked_for(host: str, matches: bool, certificates: Authority) -> None:
    assert look_at(make(certificates, names(HOST)), host).name_matches is matches


def test_errors_are_ordered_and_named_once(certificates: Authority) -> None:
    errors = [VerifyError(number, depth) for number in (21, 20, 19, 10, 9, 7, 66) for depth in (1, 0)]

    found = describe(make(certificates, names("b.example.org")), HOST, errors, 2)

    assert found.problems == ("expired", "not_yet_valid", "untrusted", "name_mismatch")
    assert not found.trusted


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=3))
@tries(300)
def test_no_certificate_that_can_be_loaded_raises(changes: list[tuple[int, int]]) -> None:
    encoded = bytearray(unchanging().public_bytes(Encoding.DER))
    for place, value in changes:
        encoded[place % len(encoded)] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            certificate = x509.load_der_x509_certificate(bytes(encoded))
        except (ValueError, x509.InvalidVersion):
            return
        found = look_at(certificate)

    texts = (found.subject, found.issuer, *found.names)
    assert all(text.isprintable() and len(text) <= 512 for text in texts)
    assert found.fingerprint_sha256 == certificate.fingerprint(hashes.SHA256()).hex()
