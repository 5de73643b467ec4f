"""OCSP responses stapled to real handshakes: what they say, whether they may be believed, and rubbish."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Certificate
from scanner.model.observation import OcspStaple
from scanner.protocol import TlsClient
from scanner.protocol.staple import read_staple
from scanner.protocol.tls import HandshakeError
from tests.protocol.budget import tries
from tests.protocol.certificate_zoo import (
    Response,
    Signer,
    make_ca,
    make_leaf,
    make_responder,
    must_staple,
    server_flight,
    show,
    signer_of,
    with_chain,
    words_of,
)
from tests.protocol.identities import HOST, Authority, Identity, rsa_key

BASIC = bytes.fromhex("06092b0601050507300101")
REVOKED, UNKNOWN = ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN


def successful(kind: bytes, content: bytes) -> bytes:
    """Make an OCSP response that says it was successful and holds anything (RFC 6960 section 4.2.1)."""
    octets = b"\x04\x82" + len(content).to_bytes(2) + content
    body = b"\x30\x82" + len(kind + octets).to_bytes(2) + kind + octets
    tagged = b"\x0a\x01\x00\xa0\x82" + len(body).to_bytes(2) + body
    return b"\x30\x82" + len(tagged).to_bytes(2) + tagged


@dataclass(slots=True)
class Clock:
    """A clock that is set by hand (seconds since 1970)."""

    now: float

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def upper(certificates: Authority) -> Signer:
    return signer_of(certificates.intermediate)


@pytest.fixture
def identity(certificates: Authority, upper: Signer) -> Identity:
    return with_chain(make_leaf(certificates, upper), upper)


def staple_of(tls: TlsClient, identity: Identity, staple: bytes, version: str = "TLSv1.3") -> OcspStaple:
    found = show(tls, identity, staple=staple, version=version)
    assert found.ocsp is not None
    return found.ocsp


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize(
    ("response", "told", "words"),
    [
        (Response(), ("good", False), []),
        (Response(hours=(-1, None)), ("good", False), []),
        (Response(hours=(-999, None)), ("good", False), []),
        (Response(REVOKED), ("revoked", False), ["staple_revoked"]),
        (Response(UNKNOWN), ("unknown", False), ["staple_unknown"]),
        (Response(hours=(-48, -1)), ("good", True), ["staple_stale"]),
        (Response(hours=(1, 24)), ("good", True), ["staple_stale"]),
        (Response(REVOKED, hours=(-48, -1)), ("revoked", True), ["staple_stale", "staple_revoked"]),
    ],
)
def test_what_it_says_is_told(
    response: Response,
    told: tuple[str, bool],
    words: list[str],
    version: str,
    tls: TlsClient,
    upper: Signer,
    identity: Identity,
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    begin, end = response.hours
    staple = response.encode(now, identity.chain[0], upper)

    found = show(tls, identity, staple=staple, version=version)

    assert found.ocsp == OcspStaple(
        status=told[0],
        this_update=now + timedelta(hours=begin),
        next_update=None if end is None else now + timedelta(hours=end),
        is_stale=told[1],
        is_verified=True,
    )
    assert words_of(found) == [(word, 0) for word in words]
    assert (found.problems, found.trusted) == ((), True)


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_none_is_no_problem_unless_the_certificate_demands_one(
    version: str, tls: TlsClient, certificates: Authority, upper: Signer, identity: Identity
) -> None:
    demanding = with_chain(make_leaf(certificates, upper, must_staple()), upper)
    good = Response().encode(certificates.now, demanding.chain[0], upper)

    bare, missing = show(tls, identity, version=version), show(tls, demanding, version=version)
    served = show(tls, demanding, staple=good, version=version)

    assert (bare.ocsp, words_of(bare)) == (None, [])
    assert (missing.ocsp, words_of(missing)) == (None, [("staple_missing", 0)])
    assert words_of(served) == []
    assert [found.demands_staple for found in (bare, missing, served)] == [False, True, True]


def hear(tls: TlsClient, identity: Identity, staple: bytes) -> Certificate | None:
    """Take a server's first flight with this staple, and return what is found by then.

    An OpenSSL server sends no staple that it cannot read, or that is another certificate's.
    """
    tunnel = tls.tunnel(HOST)
    tunnel.handshake()
    tunnel.handshake(
        server_flight([each.public_bytes(Encoding.DER) for each in identity.chain], staple=staple)
    )
    return tunnel.certificate()


@pytest.fixture
def rsa_identity(certificates: Authority, upper: Signer) -> Identity:
    """An identity for a key exchange by RSA."""
    return with_chain(make_leaf(certificates, upper, key=rsa_key(2048)), upper)


@pytest.mark.parametrize(
    "staple",
    [
        pytest.param(bytes.fromhex("30030a0100"), id="successful-without-a-response"),
        pytest.param(bytes.fromhex("30030a0103"), id="try-later"),
        pytest.param(bytes.fromhex("30030a0163"), id="no-such-status"),
        pytest.param(successful(BASIC, b"garbage"), id="garbage-in-the-middle"),
        pytest.param(successful(BASIC, b""), id="nothing-in-the-middle"),
        pytest.param(successful(BASIC, bytes(16_000)), id="zeros-in-the-middle"),
        pytest.param(successful(b"\x06\x01\x2a", b"\x30\x00"), id="a-kind-nobody-knows"),
    ],
)
def test_rubbish_is_unreadable_and_the_rest_is_told_all_the_same(
    staple: bytes, tls: TlsClient, rsa_identity: Identity
) -> None:
    found = hear(tls, rsa_identity, staple)

    assert found is not None
    assert found.ocsp == OcspStaple("unreadable")
    assert (found.trusted, found.problems, words_of(found)) == (True, (), [("staple_unreadable", 0)])


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_an_unsuccessful_response_is_no_end_to_the_handshake(
    version: str, tls: TlsClient, identity: Identity
) -> None:
    assert staple_of(tls, identity, bytes.fromhex("30030a0103"), version) == OcspStaple("unreadable")


@pytest.mark.parametrize(
    "staple", [b"garbage", b"\x00", b"", b"\x30\x84\xff\xff\xff\xff", bytes(16_000), bytes(60_000)]
)
def test_what_openssl_cannot_read_ends_the_handshake_in_words(
    staple: bytes, tls: TlsClient, rsa_identity: Identity
) -> None:
    with pytest.raises(HandshakeError, match=r"bad certificate status response|bad packet|excessive message"):
        hear(tls, rsa_identity, staple)


def test_a_response_about_another_certificate_says_nothing_of_this(
    tls: TlsClient, certificates: Authority, upper: Signer, rsa_identity: Identity
) -> None:
    other = make_leaf(certificates, upper).chain[0]
    about = [Response().encode(certificates.now, leaf, upper) for leaf in (other, rsa_identity.chain[0])]

    found = [hear(tls, rsa_identity, staple) for staple in about]

    assert [each.ocsp.status for each in found if each and each.ocsp] == ["unreadable", "good"]


def test_who_signed_it_is_checked(
    tls: TlsClient, certificates: Authority, upper: Signer, identity: Identity
) -> None:
    def is_verified(signer: Signer) -> bool | None:
        staple = Response().encode(certificates.now, identity.chain[0], upper, signer)
        return staple_of(tls, identity, staple).is_verified

    assert is_verified(make_responder(certificates, upper))
    assert is_verified(make_responder(certificates, upper, is_empowered=False)) is False
    assert is_verified(make_responder(certificates, signer_of(certificates.unknown))) is False
    assert is_verified(Signer(identity.chain[0], certificates.key)) is False


def test_a_forged_one_is_a_problem(
    tls: TlsClient, certificates: Authority, upper: Signer, identity: Identity
) -> None:
    namesake = make_ca(certificates, "test intermediate", None)
    staple = Response().encode(certificates.now, identity.chain[0], upper, namesake)

    found = show(tls, identity, staple=staple)

    assert found.ocsp is not None
    assert (found.ocsp.status, found.ocsp.is_verified) == ("good", False)
    assert words_of(found) == [("staple_unverified", 0)]


def test_an_issuer_with_an_rsa_key_is_checked_as_well(tls: TlsClient, certificates: Authority) -> None:
    upper = make_ca(certificates, "RSA issuer", signer_of(certificates.root), rsa_key(2048))
    identity = with_chain(make_leaf(certificates, upper), upper)
    leaf = identity.chain[0]
    genuine = Response().encode(certificates.now, leaf, upper)
    broken = genuine[:-1] + bytes((genuine[-1] ^ 1,))

    assert staple_of(tls, identity, genuine).is_verified is True
    assert staple_of(tls, identity, broken).is_verified is False


def test_without_the_issuer_nobody_can_say_who_signed(
    tls: TlsClient, certificates: Authority, upper: Signer
) -> None:
    alone = make_leaf(certificates, upper)
    staple = Response().encode(certificates.now, alone.chain[0], upper)

    found = show(tls, alone, staple=staple)

    assert found.ocsp is not None
    assert (found.ocsp.status, found.ocsp.is_verified) == ("good", None)
    assert words_of(found) == [("untrusted", 0)]


def test_a_staple_remembered_grows_stale(
    certificates: Authority, upper: Signer, identity: Identity, tmp_path: Path
) -> None:
    clock = Clock(certificates.now.timestamp())
    tls = TlsClient(certificates.write_ca(tmp_path / "ca.pem"), clock)
    staple = Response(hours=(-1, 24)).encode(certificates.now, identity.chain[0], upper)
    seen = []

    for hours in (0, 23, 25, 26):
        clock.now = certificates.now.timestamp() + 3600 * hours
        seen.append(staple_of(tls, identity, staple).is_stale)

    assert seen == [False, False, True, True]


def test_another_staple_for_the_same_chain_is_looked_at(
    tls: TlsClient, certificates: Authority, upper: Signer, identity: Identity
) -> None:
    leaf = identity.chain[0]
    responses = [Response(), Response(REVOKED), Response()]
    staples = [response.encode(certificates.now, leaf, upper) for response in responses]

    seen = [staple_of(tls, identity, staple).status for staple in staples]

    assert seen == ["good", "revoked", "good"]
    assert show(tls, identity).ocsp is None


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=3),
    st.none() | st.integers(1, 10_000),
)
@tries(300)
def test_no_bytes_raise(certificates: Authority, changes: list[tuple[int, int]], end: int | None) -> None:
    upper = signer_of(certificates.intermediate)
    leaf = make_leaf(certificates, upper).chain[0]
    responder = make_responder(certificates, upper)
    encoded = bytearray(Response().encode(certificates.now, leaf, upper, responder))
    for place, value in changes:
        encoded[place % len(encoded)] = value
    cut = bytes(encoded[: end and 1 + end % len(encoded)])

    found = read_staple(cut, leaf, upper.certificate, certificates.now)

    assert found is not None
    assert found.status in {"good", "revoked", "unknown", "unreadable"}
