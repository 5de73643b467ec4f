"""How strong a certificate is: its key and the digest of its signature, named and weighed."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from scanner.protocol.unreadable import UNREADABLE_DER

MIN_RSA_BITS = 2048
MIN_EC_BITS = 224
UNKNOWN = "unknown"


def describe_key(certificate: x509.Certificate) -> tuple[str, bool]:
    """Return the kind and size of the key, and whether it is weak."""
    try:
        key = certificate.public_key()
    except UNREADABLE_DER:
        return UNKNOWN, False
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}", key.key_size < MIN_RSA_BITS
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}", key.key_size < MIN_EC_BITS
    if isinstance(key, dsa.DSAPublicKey):
        return f"DSA {key.key_size}", True
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return type(key).__name__.removesuffix("PublicKey"), False
    return UNKNOWN, False


def describe_signature(certificate: x509.Certificate) -> tuple[str, bool]:
    """Return the digest that is signed, and whether it is weak; EdDSA, with no choice, is named itself."""
    try:
        digest = certificate.signature_hash_algorithm
    except UNREADABLE_DER:
        return UNKNOWN, False
    if digest is None:
        name = _EDWARDS.get(certificate.signature_algorithm_oid)
        return name or UNKNOWN, False
    return digest.name.upper(), isinstance(digest, hashes.SHA1 | hashes.MD5)


_EDWARDS = {
    x509.SignatureAlgorithmOID.ED25519: "Ed25519",
    x509.SignatureAlgorithmOID.ED448: "Ed448",
}
