"""Chains of every kind, right and wrong, and OCSP responses to staple to them, by the tests' own CA."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from scanner.model import Certificate
from scanner.protocol import TlsClient
from tests.protocol.identities import HOST, Authority, Identity, Issuer, PrivateKey, digest_for, name_of
from tests.protocol.odd_certificates import names
from tests.protocol.tls_server import TlsServer, connect

DAYS = (-30, 60)
_SHA256_WITH_RSA = bytes.fromhex("06092a864886f70d01010b")
_SHA1_WITH_RSA = bytes.fromhex("06092a864886f70d010105")
_RECORD = 16384

Sct = x509.PrecertificateSignedCertificateTimestamps


@dataclass(frozen=True, slots=True)
class Signer:
    """A CA with a key of any kind."""

    certificate: x509.Certificate
    key: PrivateKey


def signer_of(issuer: Issuer) -> Signer:
    return Signer(issuer.certificate, issuer.key)


def make_ca(
    ca: Authority,
    name: str,
    upper: Signer | None,
    key: PrivateKey | None = None,
    days: tuple[int, int] = DAYS,
) -> Signer:
    """Make a CA below another, or a root."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = name_of(name)
    builder = ca.start(subject, upper.certificate.subject if upper else subject, key, days)
    signing = upper.key if upper else key
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return Signer(builder.sign(signing, digest_for(signing)), key)


def make_leaf(
    ca: Authority,
    upper: Signer,
    *extensions: x509.ExtensionType,
    key: PrivateKey | None = None,
    days: tuple[int, int] = DAYS,
) -> Identity:
    """Make a leaf for the host, or for the names among the extensions; its chain is the leaf alone."""
    key = key or ca.key
    builder = ca.start(name_of(HOST), upper.certificate.subject, key, days)
    given = {type(extension) for extension in extensions}
    every = extensions if x509.SubjectAlternativeName in given else (names(HOST), *extensions)
    for extension in every:
        builder = builder.add_extension(extension, critical=False)
    return Identity(key, (builder.sign(upper.key, digest_for(upper.key)),))


def with_chain(identity: Identity, *others: Signer | x509.Certificate) -> Identity:
    """Send these certificates behind the leaf."""
    chain = [each.certificate if isinstance(each, Signer) else each for each in others]
    return Identity(identity.key, (*identity.chain, *chain))


def sign_with_sha1(certificate: x509.Certificate, key: PrivateKey) -> x509.Certificate:
    """Sign it anew with SHA-1, which its builder refuses to do; the key is an RSA key."""
    assert isinstance(key, rsa.RSAPrivateKey)
    encoded = certificate.public_bytes(Encoding.DER)
    assert encoded.count(_SHA256_WITH_RSA) == 2
    changed = encoded.replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA)
    signed = x509.load_der_x509_certificate(changed).tbs_certificate_bytes
    signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - that is the point
    return x509.load_der_x509_certificate(changed[: -len(signature)] + signature)


def long_chain(ca: Authority, length: int) -> Identity:
    """Make a chain of so many certificates, each signed by the next, the last by the root."""
    signers = [signer_of(ca.root)]
    for number in range(length - 1):
        signers.append(make_ca(ca, f"link {number}", signers[-1], ca.key))
    leaf = make_leaf(ca, signers[-1])
    return with_chain(leaf, *reversed(signers[1:]))


def logged() -> x509.UnrecognizedExtension:
    """Make an extension as CAs embed the proofs of public logs; nobody checks the proofs themselves."""
    proof = b"\x00" + bytes(32) + bytes(8) + b"\x00\x00" + b"\x04\x03" + b"\x00\x08" + bytes(8)
    entry = len(proof).to_bytes(2) + proof
    content = len(entry).to_bytes(2) + entry
    return x509.UnrecognizedExtension(Sct.oid, b"\x04" + bytes((len(content),)) + content)


def must_staple() -> x509.TLSFeature:
    return x509.TLSFeature([x509.TLSFeatureType.status_request])


@dataclass(frozen=True, slots=True)
class Response:
    """An OCSP response about a leaf, made when it is asked for."""

    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD
    hours: tuple[int, int | None] = (-1, 24)
    """When it was made and when it ends, from now."""

    def encode(
        self, now: datetime, leaf: x509.Certificate, issuer: Signer, signer: Signer | None = None
    ) -> bytes:
        """Sign it with the issuer's key, or with that of a signer who is sent along."""
        is_revoked = self.status is ocsp.OCSPCertStatus.REVOKED
        signing = signer or issuer
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=leaf,
                issuer=issuer.certificate,
                algorithm=hashes.SHA256(),
                cert_status=self.status,
                this_update=now + timedelta(hours=self.hours[0]),
                next_update=None if self.hours[1] is None else now + timedelta(hours=self.hours[1]),
                revocation_time=now - timedelta(days=1) if is_revoked else None,
                revocation_reason=None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.NAME, signing.certificate)
        )
        if signer is not None:
            builder = builder.certificates([signer.certificate])
        key = signing.key
        assert not isinstance(key, rsa.RSAPrivateKey) or key.key_size >= 2048
        return builder.sign(key, digest_for(key)).public_bytes(Encoding.DER)


def make_responder(ca: Authority, upper: Signer, *, is_empowered: bool = True) -> Signer:
    """Make a certificate that may sign OCSP responses in its issuer's place, or one that may not."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = ExtendedKeyUsageOID.OCSP_SIGNING if is_empowered else ExtendedKeyUsageOID.SERVER_AUTH
    builder = ca.start(name_of("responder"), upper.certificate.subject, key, DAYS)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return Signer(builder.sign(upper.key, digest_for(upper.key)), key)


def show(
    tls: TlsClient,
    identity: Identity,
    *,
    host: str = HOST,
    domains: tuple[str, ...] = (),
    staple: bytes = b"",
    version: str = "TLSv1.3",
) -> Certificate:
    """Shake hands with a server of this identity; return what the client finds."""
    server = TlsServer(identity, version, version)
    if staple:
        server.context.set_ocsp_server_callback(lambda *_: staple)
    tunnel = tls.tunnel(host, domains=domains)
    connect(tunnel, server.accept())
    found = tunnel.certificate()
    assert found is not None
    return found


def words_of(found: Certificate) -> list[tuple[str, int | None]]:
    """Return the problems in detail, without their texts."""
    return [(detail.problem, detail.depth) for detail in found.problem_details]


def server_flight(
    certificates: Sequence[bytes], claimed: int | None = None, staple: bytes | None = None
) -> bytes:
    """Make a TLS 1.2 server's first flight as no library would send it; its key exchange is plain RSA.

    `claimed` is what the Certificate message says of its own length, where that is to be a lie.
    """
    extensions = b"" if staple is None else b"\x00\x04\x00\x05\x00\x00"
    hello = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x9c" + b"\x00" + extensions
    entries = b"".join(len(each).to_bytes(3) + each for each in certificates)
    body = len(entries).to_bytes(3) + entries
    length = len(body) if claimed is None else claimed
    text = _message(2, hello) + b"\x0b" + length.to_bytes(3) + body
    if staple is not None:
        text += _message(22, b"\x01" + len(staple).to_bytes(3) + staple) + _message(14, b"")
    parts = [text[at : at + _RECORD] for at in range(0, len(text), _RECORD)]
    return b"".join(b"\x16\x03\x03" + len(part).to_bytes(2) + part for part in parts)


def _message(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3) + body
