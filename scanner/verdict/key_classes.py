"""Key exchange groups, keys and signatures by name, sorted into the classes that profiles go by."""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache

_REMEMBERED = 256


class GroupClass(StrEnum):
    """Key exchange groups, as far as profiles tell them apart."""

    X25519_ML_KEM = "X25519MLKEM768"
    OTHER_HYBRID = "another hybrid of ML-KEM and a curve"
    ML_KEM = "ML-KEM alone"
    X25519 = "x25519"
    P_256 = "P-256"
    P_384 = "P-384"
    P_521 = "P-521"
    X448 = "x448"
    BRAINPOOL = "Brainpool of 256 bits or more"
    FFDHE_3072 = "finite field of 3072 bits or more"
    FFDHE_2048 = "finite field of 2048 bits"
    P_224 = "P-224"
    SHORT = "too short"
    UNKNOWN = "unknown"


class KeyClass(StrEnum):
    """Keys of certificates, as far as profiles tell them apart."""

    RSA_3072 = "RSA of 3072 bits or more"
    RSA_2048 = "RSA of 2048 to 3071 bits"
    P_256 = "P-256"
    P_384 = "P-384"
    P_521 = "P-521"
    BRAINPOOL = "Brainpool of 256 bits or more"
    P_224 = "P-224"
    OTHER_CURVE = "another curve of 224 bits or more"
    ED25519 = "Ed25519"
    ED448 = "Ed448"
    SHORT = "too short, or DSA"
    UNKNOWN = "unknown"


class SignatureClass(StrEnum):
    """What certificates are signed with."""

    GOOD = "SHA-256 or better"
    SHA_224 = "SHA-224"
    WEAK = "SHA-1 or MD5"


_CURVES: Mapping[str, GroupClass] = {
    "x25519mlkem768": GroupClass.X25519_ML_KEM,
    "secp256r1mlkem768": GroupClass.OTHER_HYBRID,
    "secp384r1mlkem1024": GroupClass.OTHER_HYBRID,
    "mlkem512": GroupClass.ML_KEM,
    "mlkem768": GroupClass.ML_KEM,
    "mlkem1024": GroupClass.ML_KEM,
    "x25519": GroupClass.X25519,
    "x448": GroupClass.X448,
    # OpenSSL, NIST and ANSI each have their own name for the same curve.
    **dict.fromkeys(("secp256r1", "prime256v1", "p-256"), GroupClass.P_256),
    **dict.fromkeys(("secp384r1", "p-384"), GroupClass.P_384),
    **dict.fromkeys(("secp521r1", "p-521"), GroupClass.P_521),
    **dict.fromkeys(("secp224r1", "p-224"), GroupClass.P_224),
    **dict.fromkeys(("secp192r1", "prime192v1", "p-192"), GroupClass.SHORT),
}
_BRAINPOOL = re.compile(r"brainpoolp(?:256|320|384|512)r1(?:tls13)?", re.ASCII)
_FINITE_FIELD = re.compile(r"ffdhe([0-9]{3,5})", re.ASCII)
_CURVE_BITS = re.compile(r"(?:secp|sect|brainpoolp|prime)([0-9]{3})[a-z][0-9](?:tls13)?", re.ASCII)
_RSA = re.compile(r"RSA ([0-9]{1,6})", re.ASCII)
_LEAST_CURVE_BITS = 224
_LEAST_RSA_BITS = 2048
_GOOD_BITS = 3072


@lru_cache(maxsize=_REMEMBERED)
def class_of_group(name: str) -> GroupClass:
    """Return the class of a key exchange group, by any of its usual names."""
    lowered = name.lower()
    if lowered in _CURVES:
        return _CURVES[lowered]
    if _BRAINPOOL.fullmatch(lowered):
        return GroupClass.BRAINPOOL
    field = _FINITE_FIELD.fullmatch(lowered)
    if field is not None:
        bits = int(field[1])
        if bits < _LEAST_RSA_BITS:
            return GroupClass.SHORT
        return GroupClass.FFDHE_3072 if bits >= _GOOD_BITS else GroupClass.FFDHE_2048
    curve = _CURVE_BITS.fullmatch(lowered)
    return GroupClass.SHORT if curve and int(curve[1]) < _LEAST_CURVE_BITS else GroupClass.UNKNOWN


@lru_cache(maxsize=_REMEMBERED)
def class_of_key(key: str) -> KeyClass:
    """Return the class of a key as `Certificate.key` describes it: `RSA 2048`, `EC secp256r1`, `Ed25519`."""
    kind, _, detail = key.partition(" ")
    rsa = _RSA.fullmatch(key)
    if rsa is not None:
        bits = int(rsa[1])
        if bits < _LEAST_RSA_BITS:
            return KeyClass.SHORT
        return KeyClass.RSA_3072 if bits >= _GOOD_BITS else KeyClass.RSA_2048
    if kind == "EC":
        return _class_of_curve(detail)
    if kind == "DSA":
        return KeyClass.SHORT
    return {"Ed25519": KeyClass.ED25519, "Ed448": KeyClass.ED448}.get(key, KeyClass.UNKNOWN)


_KEY_OF_GROUP: Mapping[GroupClass, KeyClass] = {
    GroupClass.P_256: KeyClass.P_256,
    GroupClass.P_384: KeyClass.P_384,
    GroupClass.P_521: KeyClass.P_521,
    GroupClass.P_224: KeyClass.P_224,
    GroupClass.BRAINPOOL: KeyClass.BRAINPOOL,
    GroupClass.SHORT: KeyClass.SHORT,
}


def _class_of_curve(name: str) -> KeyClass:
    found = _KEY_OF_GROUP.get(class_of_group(name))
    if found is not None:
        return found
    return KeyClass.OTHER_CURVE if _CURVE_BITS.fullmatch(name.lower()) else KeyClass.UNKNOWN


def class_of_signature(digest: str) -> SignatureClass | None:
    """Return the class of a digest such as `SHA256` (or `Ed25519`); None = not known."""
    return _SIGNATURES.get(digest.upper().replace("-", ""))


_SIGNATURES: Mapping[str, SignatureClass] = {
    **dict.fromkeys(("SHA256", "SHA384", "SHA512", "ED25519", "ED448"), SignatureClass.GOOD),
    "SHA224": SignatureClass.SHA_224,
    **dict.fromkeys(("SHA1", "MD5"), SignatureClass.WEAK),
}
