"""The OCSP response stapled to a handshake: what it says of the leaf, and who signed that (RFC 6960)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from scanner.model.observation import CertificateProblem, OcspStaple
from scanner.protocol.dates import first_moment, last_moment
from scanner.protocol.extensions import readable_extension
from scanner.protocol.unreadable import UNREADABLE_DER

MAX_RESPONSES = 16
"""Certificates that one response is searched for; real ones tell of one."""
MAX_SIGNERS = 2
"""Signers' certificates in a response that are tried."""
SKEW = timedelta(minutes=5)
"""What clocks may differ by."""

_UNREADABLE = OcspStaple("unreadable")


def read_staple(
    encoded: bytes, leaf: x509.Certificate, issuer: x509.Certificate | None, now: datetime
) -> OcspStaple | None:
    """Return what a stapled response says of the leaf, or None where nothing was stapled.

    Nothing in it raises: one that is no response, or tells of other certificates alone, is `unreadable`.
    """
    if not encoded:
        return None
    try:
        response = ocsp.load_der_ocsp_response(encoded)
        for single in islice(response.responses, MAX_RESPONSES):
            if single.serial_number == leaf.serial_number:
                return OcspStaple(
                    status=single.certificate_status.name.lower(),
                    this_update=single.this_update_utc,
                    next_update=single.next_update_utc,
                    is_stale=_is_stale(single.this_update_utc, single.next_update_utc, now),
                    is_verified=_is_verified(response, issuer, now),
                )
    except UNREADABLE_DER:
        return _UNREADABLE
    return _UNREADABLE


def is_as_fresh(staple: OcspStaple | None, now: float) -> bool:
    """Whether a staple described before is as fresh or as stale now (seconds since 1970) as it was then."""
    if staple is None or staple.this_update is None:
        return True
    moment = datetime.fromtimestamp(now, UTC)
    return staple.is_stale is _is_stale(staple.this_update, staple.next_update, moment)


def staple_problems(staple: OcspStaple | None, *, is_demanded: bool) -> Iterator[CertificateProblem]:
    """Yield what is wrong with the staple, or with there being none where the certificate demands one."""
    if staple is None:
        if is_demanded:
            yield _problem("missing", "the certificate demands a stapled OCSP response, and none was sent")
        return
    if staple.status == "unreadable":
        yield _problem("unreadable", "the stapled OCSP response says nothing of this certificate")
        return
    if staple.is_verified is False:
        yield _problem("unverified", "the stapled OCSP response is not signed by the issuer or for it")
    if staple.is_stale:
        yield _problem("stale", f"the stapled OCSP response is out of its time, which was {_time_of(staple)}")
    if staple.status in {"revoked", "unknown"}:
        yield _problem(staple.status, f"the stapled OCSP response calls the certificate {staple.status}")


def _is_stale(this_update: datetime, next_update: datetime | None, now: datetime) -> bool:
    """Whether it is out of its time; one without an end lasts (RFC 6960 section 4.2.2.1)."""
    return now + SKEW < this_update or (next_update is not None and next_update < now - SKEW)


def _is_verified(response: ocsp.OCSPResponse, issuer: x509.Certificate | None, now: datetime) -> bool | None:
    """Whether the issuer signed it, or a signer that the issuer empowered (RFC 6960 section 4.2.2.2)."""
    if issuer is None:
        return None
    beside = islice(response.certificates, MAX_SIGNERS)
    signers = [issuer, *(each for each in beside if _is_empowered(each, issuer, now))]
    answers = {_has_signed(signer, response) for signer in signers}
    if True in answers:
        return True
    return None if None in answers else False


def _is_empowered(certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
        holds = first_moment(certificate) <= now <= last_moment(certificate)
    except UNREADABLE_DER:
        return False
    usages = readable_extension(certificate, x509.ExtendedKeyUsage)
    return holds and usages is not None and ExtendedKeyUsageOID.OCSP_SIGNING in usages


def _has_signed(signer: x509.Certificate, response: ocsp.OCSPResponse) -> bool | None:
    """Whether the key of that certificate made the signature; None for a kind that cannot be checked."""
    try:
        key = signer.public_key()
        signature, signed = response.signature, response.tbs_response_bytes
        digest = response.signature_hash_algorithm
        if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, signed)
        elif digest is None:
            return False
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(digest))
        else:
            return None
    except InvalidSignature:
        return None if response.signature_algorithm_oid == x509.SignatureAlgorithmOID.RSASSA_PSS else False
    except UNREADABLE_DER:
        return None
    return True


def _problem(word: str, text: str) -> CertificateProblem:
    return CertificateProblem(f"staple_{word}", 0, text)


def _time_of(staple: OcspStaple) -> str:
    begin = f"from {_minute(staple.this_update)}" if staple.this_update else ""
    return f"{begin} to {_minute(staple.next_update)}" if staple.next_update else begin


def _minute(moment: datetime) -> str:
    # strftime pads no year below 1000.
    return moment.replace(tzinfo=None).isoformat(" ", "minutes")
