"""Compares a presented chain with TLSA records as mail servers do (RFC 6698, RFC 7671, RFC 7672)."""

import hashlib
import warnings
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import crypto

from scanner.model import DaneMatch, TlsaRecord
from scanner.protocol.certificate import describe
from scanner.protocol.der import key_info
from scanner.protocol.extensions import UnreadableExtensionError, find_extension
from scanner.protocol.unreadable import UNREADABLE_DER

# RFC 6698 section 2.1: usages, selectors and matching types.
_TRUST_ANCHOR, _END_ENTITY = 2, 3
_CERTIFICATE, _KEY = 0, 1
_FULL, _SHA256, _SHA512 = 0, 1, 2
_DIGEST_SIZES = {_SHA256: 32, _SHA512: 64}

# More than anybody needs, and few enough that a hostile zone and its server cannot keep us busy.
MAX_RECORDS = 64
MAX_CERTIFICATES = 10
MAX_BARE_KEYS = 2

_Signer = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey


def usable(records: Sequence[TlsaRecord]) -> tuple[TlsaRecord, ...]:
    """Return the records that count for SMTP, in their order.

    The usages that lean on public CAs (0 and 1), unknown numbers and malformed data do not
    (RFC 7672 section 3.1.3, RFC 7671 section 4).
    """
    return tuple(record for record in records if _is_usable(record))


def match_dane(
    records: Sequence[TlsaRecord], chain: Sequence[bytes], host: str, domains: Collection[str] = ()
) -> DaneMatch:
    """Tell how a presented chain (DER, the leaf first) stands to the usable ones of some TLSA records.

    One match is enough. DANE-EE(3) looks at the leaf alone: names, dates and trust do not matter
    (RFC 7672 section 3.1.1). For DANE-TA(2) the chain must lead to the anchor, by OpenSSL with no other
    trust, and the leaf must name the host or all the next-hop `domains` (RFC 7672 section 3.2.2).
    Only the first 64 records and 10 certificates are looked at. Nothing in them raises.
    """
    counted = usable(records[:MAX_RECORDS])
    presented = chain[:MAX_CERTIFICATES]
    if not presented:
        return DaneMatch.MISMATCH
    if any(record.usage == _END_ENTITY and _fits(record, presented[0]) for record in counted):
        return DaneMatch.EE
    anchoring = [record for record in counted if record.usage == _TRUST_ANCHOR]
    if anchoring and _names(presented[0], host, domains) and _leads_to_anchor(anchoring, presented):
        return DaneMatch.TA
    return DaneMatch.MISMATCH


def _is_usable(record: TlsaRecord) -> bool:
    if record.usage not in {_TRUST_ANCHOR, _END_ENTITY} or record.selector not in {_CERTIFICATE, _KEY}:
        return False
    if record.matching_type != _FULL:
        return len(record.data) == _DIGEST_SIZES.get(record.matching_type)
    if record.selector == _KEY:
        return _load_key(record.data) is not None
    return key_info(record.data) is not None and _load(record.data) is not None


def _fits(record: TlsaRecord, certificate: bytes) -> bool:
    selected = certificate if record.selector == _CERTIFICATE else key_info(certificate)
    if selected is None:
        return False
    if record.matching_type == _FULL:
        return selected == record.data
    digest = hashlib.sha256 if record.matching_type == _SHA256 else hashlib.sha512
    return digest(selected).digest() == record.data


def _names(leaf: bytes, host: str, domains: Collection[str]) -> bool:
    """Whether the leaf may serve the host; senders accept the next-hop domain in its place."""
    certificate = _load_strictly(leaf)
    if certificate is None or not _is_for_servers(certificate):
        return False
    if describe(certificate, host, (), 1).name_matches:
        return True
    return bool(domains) and all(describe(certificate, domain, (), 1).name_matches for domain in domains)


def _is_for_servers(certificate: x509.Certificate) -> bool:
    """Whether its extended key usage, if it has one, names servers: "any" is too little for OpenSSL."""
    try:
        usages = find_extension(certificate, x509.ExtendedKeyUsage)
    except UnreadableExtensionError:
        return False  # senders cannot read it either
    return usages is None or ExtendedKeyUsageOID.SERVER_AUTH in usages


def _leads_to_anchor(records: Sequence[TlsaRecord], chain: Sequence[bytes]) -> bool:
    """Whether signatures, CA flags and dates hold from the leaf to an anchor that a record names."""
    store = crypto.X509Store()
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    leaf = _load(chain[0])
    anchors = [anchor for anchor in _anchors(records, chain) if anchor is not None]
    if leaf is None or not anchors:
        return False
    others = [other for other in map(_load, chain[1:]) if other is not None]
    try:
        for anchor in anchors:
            store.add_cert(anchor)
        crypto.X509StoreContext(store, leaf, others).verify_certificate()
    except (crypto.X509StoreContextError, crypto.Error):
        return False
    return True


def _anchors(records: Sequence[TlsaRecord], chain: Sequence[bytes]) -> Iterator[crypto.X509 | None]:
    """Yield what the records make a trust anchor; never the leaf, which cannot vouch for itself."""
    leaf, *others = chain
    for other in others:
        if other != leaf and any(_fits(record, other) for record in records):
            yield _load(other)
    full = [record for record in records if record.matching_type == _FULL]
    for record in full:
        if record.selector == _CERTIFICATE and record.data != leaf:
            yield _load(record.data)
    for record in [record for record in full if record.selector == _KEY][:MAX_BARE_KEYS]:
        key = _load_key(record.data)
        if isinstance(key, _Signer):
            yield from (_issuer_of(each, key) for each in map(_load_strictly, chain) if each is not None)


def _issuer_of(certificate: x509.Certificate, key: _Signer) -> crypto.X509 | None:
    """Return a stand-in for the issuer whose bare key is published, if that key did sign this.

    A `2 1 0` record brings the key without a certificate, and OpenSSL wants one. Nobody looks at
    the signature of an anchor, so a key made for the moment signs it.
    """
    now = datetime.now(UTC)
    try:
        issuer = (
            x509.CertificateBuilder()
            .subject_name(certificate.issuer)
            .issuer_name(certificate.issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(ed25519.Ed25519PrivateKey.generate(), None)
        )
        certificate.verify_directly_issued_by(issuer)
    except UNREADABLE_DER:
        return None
    return crypto.X509.from_cryptography(issuer)


def _load(encoded: bytes) -> crypto.X509 | None:
    try:
        return crypto.load_certificate(crypto.FILETYPE_ASN1, encoded)
    except crypto.Error:
        return None


def _load_strictly(encoded: bytes) -> x509.Certificate | None:
    with warnings.catch_warnings():
        # cryptography warns of oddities, such as the serial number 0, that are no business of ours.
        warnings.simplefilter("ignore")
        try:
            return x509.load_der_x509_certificate(encoded)
        except UNREADABLE_DER:
            return None


def _load_key(encoded: bytes) -> PublicKeyTypes | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above: an old kind of key is somebody else's
        try:
            return load_der_public_key(encoded)
        except UNREADABLE_DER:
            return None
