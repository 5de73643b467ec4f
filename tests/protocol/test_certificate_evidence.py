"""Evidence that makes no sense: chains, paths and errors that do not fit together are still described."""

import hashlib
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from scanner.protocol.certificate import MAX_DETAILS, describe_presented
from scanner.protocol.evidence import Evidence, Expected, VerifyError
from tests.protocol.budget import tries
from tests.protocol.identities import HOST, Authority
from tests.protocol.odd_certificates import make, unchanging

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=3),
    st.lists(st.tuples(st.integers(0, 80), st.integers(0, 12)), max_size=5),
)
@tries(300)
def test_no_chain_raises_whatever_is_in_it(
    changes: list[tuple[int, int]], errors: list[tuple[int, int]]
) -> None:
    """Also one whose path is shorter than OpenSSL's errors say, and members that only OpenSSL can read."""
    whole = unchanging().public_bytes(Encoding.DER)
    encoded = bytearray(whole)
    for place, value in changes:
        encoded[place % len(encoded)] = value
    chain = (whole, bytes(encoded), b"", bytes(encoded))
    noted = tuple(VerifyError(number, depth) for number, depth in errors)

    for path in ((), chain[:1], chain[:2]):
        found = describe_presented(
            Evidence(chain, path, noted, bytes(encoded)), Expected(HOST, ("a.org",)), NOON
        )
        assert found is not None
        assert [len(found.chain), found.chain_length] == [4, 4]
        assert {error.number for error in noted} <= {9, 10} or found.trust_fault
        words = {detail.problem for detail in found.problem_details}
        assert words >= set(found.problems)
        assert all(detail.text.isprintable() for detail in found.problem_details)


def test_a_member_that_only_openssl_can_read_hides_no_other() -> None:
    leaf = unchanging().public_bytes(Encoding.DER)

    found = describe_presented(Evidence((leaf, b"\x30\x00")), Expected(HOST), NOON)

    assert found is not None
    assert (found.chain[0].subject, found.chain[0].signature) == (found.subject, "Ed25519")
    unread = found.chain[1]
    assert (unread.subject, unread.not_after, unread.key) == ("(unreadable name)", None, "unknown")
    assert unread.fingerprint_sha256 == hashlib.sha256(b"\x30\x00").hexdigest()


def test_no_chain_and_no_readable_leaf_are_no_certificate() -> None:
    for presented in ((), (b"",), (b"\x30\x00", unchanging().public_bytes(Encoding.DER))):
        assert describe_presented(Evidence(presented), Expected(HOST), NOON) is None


def test_details_are_few_and_short(certificates: Authority) -> None:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "o" * 64) for _ in range(200)]
    leaf = make(certificates, subject=x509.Name(attributes)).public_bytes(Encoding.DER)
    errors = tuple(VerifyError(number, depth) for number in range(30, 60) for depth in range(5))

    found = describe_presented(Evidence((leaf,), (leaf,), errors), Expected("h" * 600), NOON)

    assert found is not None
    assert len(found.problem_details) == MAX_DETAILS
    assert all(len(detail.text) <= 640 for detail in found.problem_details)
