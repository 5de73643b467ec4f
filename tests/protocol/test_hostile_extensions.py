"""Certificates with odd extensions or dates: the other facts are kept, and judged."""

import random
import warnings
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.model import Certificate
from scanner.protocol.certificate import describe_presented
from scanner.protocol.dane import match_dane
from scanner.protocol.der import with_one_extension
from scanner.protocol.evidence import Evidence, Expected, VerifyError
from scanner.protocol.extensions import UnreadableExtensionError, find_extension
from tests.protocol.identities import HOST, Authority, name_of
from tests.protocol.odd_certificates import make, names, raw_names, unchanging

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SELF_SIGNED = (VerifyError(18, 0), VerifyError(10, 0))


def raw(kind: x509.ObjectIdentifier, encoded: str) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(kind, bytes.fromhex(encoded))


FEATURE_24 = raw(ExtensionOID.TLS_FEATURE, "3003020118")
ODD = {
    "unknown TLS feature": FEATURE_24,
    "TLS feature that is no number": raw(ExtensionOID.TLS_FEATURE, "30020400"),
    "policies cut short": raw(ExtensionOID.CERTIFICATE_POLICIES, "3004300206"),
    "name constraints of the wrong size": raw(ExtensionOID.NAME_CONSTRAINTS, "3009a00730058703010203"),
    "no bits": raw(ExtensionOID.KEY_USAGE, ""),
    "an unknown kind": raw(x509.ObjectIdentifier("1.2.840.99999.1"), "ff"),
}


def judge(*encoded: bytes, staple: bytes = b"", host: str = HOST) -> Certificate | None:
    evidence = Evidence(presented=encoded, path=encoded[:1], errors=SELF_SIGNED, staple=staple)
    return describe_presented(evidence, Expected(host), NOW)


def der_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_one_odd_extension_hides_neither_the_names_nor_the_faults(
    odd: x509.UnrecognizedExtension, certificates: Authority
) -> None:
    encoded = der_of(make(certificates, odd, names(HOST, "other.example")))

    found = judge(encoded)
    elsewhere = judge(encoded, host="elsewhere.example")

    assert found is not None
    assert found.names == (HOST, "other.example")
    assert found.problems == ("expired", "self_signed")
    assert elsewhere is not None
    assert elsewhere.problems == ("expired", "self_signed", "name_mismatch")


def test_a_demand_for_a_staple_beside_odd_extensions_is_heard(certificates: Authority) -> None:
    feature = x509.TLSFeature([x509.TLSFeatureType.status_request])
    found = judge(der_of(make(certificates, ODD["no bits"], feature)))

    assert found is not None
    assert found.demands_staple


@pytest.mark.parametrize(
    ("encoded", "is_demanded"),
    [
        ("3006020105020118", True),  # a status request, and a feature of an unknown number
        ("3006020118020105", True),
        ("3007020200ff020105", True),
        ("3003020118", False),
        ("3006020105040118", False),  # a list that holds something else than numbers
        ("020105", False),  # a number in place of a list
        ("3006020105", False),  # cut short
        ("", False),
    ],
)
def test_a_demand_for_a_staple_beside_a_feature_of_an_unknown_number_is_heard(
    encoded: str, is_demanded: bool, certificates: Authority
) -> None:
    found = judge(der_of(make(certificates, raw(ExtensionOID.TLS_FEATURE, encoded))))

    assert found is not None
    assert found.demands_staple is is_demanded


def test_an_extension_that_itself_cannot_be_read_is_told_from_one_that_is_not_there(
    certificates: Authority,
) -> None:
    odd = make(certificates, FEATURE_24, names(HOST))
    assert find_extension(odd, x509.ExtendedKeyUsage) is None
    with pytest.raises(UnreadableExtensionError):
        find_extension(odd, x509.TLSFeature)
    with pytest.raises(UnreadableExtensionError):
        find_extension(make(certificates, raw_names(b"\xff")), x509.SubjectAlternativeName)


def test_a_certificate_cut_down_to_one_extension_has_that_one_and_all_else() -> None:
    whole = unchanging()
    lone = with_one_extension(der_of(whole), "2.5.29.17")
    assert lone is not None
    cut = x509.load_der_x509_certificate(lone)
    assert [each.oid for each in cut.extensions] == [ExtensionOID.SUBJECT_ALTERNATIVE_NAME]
    assert (cut.subject, cut.serial_number, cut.signature) == (
        whole.subject,
        whole.serial_number,
        whole.signature,
    )
    without = with_one_extension(der_of(whole), "1.3.6.1.5.5.7.1.24")
    assert without is not None
    assert not list(x509.load_der_x509_certificate(without).extensions)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"09990101000000Z", "0999-01-01"),
        (b"00010101000000Z", "0001-01-01"),
        (b"00000101000000Z", "0001-01-01"),  # the earliest that Python knows
        (b"99991231235959Z", "9999-12-31"),
    ],
)
def test_the_end_of_a_certificate_in_any_year_is_kept_and_shown(written: bytes, shown: str) -> None:
    encoded = der_of(unchanging())
    old = b"20510101000000Z"
    assert old in encoded

    found = judge(encoded.replace(old, written))

    assert found is not None
    assert found.not_after.date().isoformat() == shown
    assert found.problems == ("expired", "self_signed")
    assert any(detail.text.endswith(f"expired on {shown}") for detail in found.problem_details)


@settings(max_examples=300)
@given(
    seed=st.integers(min_value=0, max_value=2**32),
    changes=st.integers(min_value=1, max_value=6),
    odd=st.sampled_from(sorted(ODD)),
    number=st.integers(min_value=0, max_value=127),
)
def test_whatever_bytes_are_changed_nothing_raises(seed: int, changes: int, odd: str, number: int) -> None:
    choice = random.Random(seed)
    encoded = bytearray(_with(odd, number))
    for _ in range(changes):
        encoded[choice.randrange(len(encoded))] = choice.choice([0, 1, 0x80, 0xFF, choice.randrange(256)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = judge(bytes(encoded), bytes(encoded), staple=bytes(encoded[: choice.randrange(60)]))
        match_dane((), [bytes(encoded)], HOST)
    assert found is None or {"expired", "self_signed"} <= set(found.problems)


def _with(odd: str, number: int) -> bytes:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    feature = raw(ExtensionOID.TLS_FEATURE, bytes((0x30, 3, 2, 1, number)).hex())
    extensions = [ODD[odd]] if ODD[odd].oid == feature.oid else [ODD[odd], feature]
    builder = x509.CertificateBuilder(
        name_of(HOST), name_of(HOST), key.public_key(), 5, datetime(2020, 1, 1, tzinfo=UTC), NOW
    )
    for extension in [names(HOST), *extensions]:
        builder = builder.add_extension(extension, critical=False)
    return der_of(builder.sign(key, None))
