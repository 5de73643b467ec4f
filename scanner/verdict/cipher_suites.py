"""Cipher suites by OpenSSL's names: taken apart once, and sorted into the classes that profiles go by."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

_REMEMBERED = 256


class KeyExchange(StrEnum):
    """How a suite agrees on keys."""

    ANY = "any"
    """TLS 1.3: always ephemeral, and chosen apart from the suite."""
    ECDHE = "ECDHE"
    DHE = "DHE"
    STATIC = "static"
    """With the key of the certificate or a shared one: no forward secrecy."""
    SRP = "SRP"


class Mode(StrEnum):
    """How a suite protects each record."""

    GCM = "GCM"
    CCM = "CCM"
    CCM8 = "CCM8"
    """CCM with a tag of 8 bytes instead of 16."""
    POLY1305 = "POLY1305"
    CBC = "CBC"
    NONE = "none"
    """A stream cipher, or nothing at all."""


class CipherClass(StrEnum):
    """What profiles tell apart. TLS 1.3 suites first, then those of TLS 1.2 and older, best first."""

    AES_256_GCM = "TLS 1.3 AES-256-GCM"
    CHACHA20 = "TLS 1.3 ChaCha20-Poly1305"
    AES_128_GCM = "TLS 1.3 AES-128-GCM"
    AES_128_CCM = "TLS 1.3 AES-128-CCM"
    ECDHE_GCM = "ECDHE AES-GCM"
    ECDHE_CHACHA20 = "ECDHE ChaCha20-Poly1305"
    ECDHE_CCM = "ECDHE AES-CCM"
    ECDHE_OTHER_GCM = "ECDHE ARIA or Camellia GCM"
    CCM_8 = "short CCM tag"
    DHE_AEAD = "DHE AEAD"
    ECDHE_CBC_SHA2 = "ECDHE CBC SHA-2"
    ECDHE_CBC_SHA1 = "ECDHE CBC SHA-1"
    DHE_CBC_SHA2 = "DHE CBC SHA-2"
    DHE_CBC_SHA1 = "DHE CBC SHA-1"
    STATIC = "no forward secrecy"
    OTHER = "PSK, SRP, DSA, SEED or IDEA"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite taken apart. Only `broken` holds for sure where `is_known` is false."""

    name: str
    is_known: bool = False
    key_exchange: KeyExchange = KeyExchange.STATIC
    authentication: str = ""
    """RSA, ECDSA, DSS, PSK, KRB5; empty in TLS 1.3 and where nobody proves who they are."""
    encryption: str = ""
    """The cipher and the bits of its key, such as AES128."""
    mode: Mode = Mode.NONE
    hash: str = ""
    """SHA1, SHA256, SHA384, MD5."""
    broken: str | None = None
    """What of it protects nothing any more: NULL, RC4, 3DES ..."""


_BROKEN = frozenset(
    {
        *("NULL", "EXP", "EXP1024", "EXPORT", "EXPORT40", "EXPORT56", "EXPORT1024"),
        *("RC4", "RC2", "DES", "3DES", "ADH", "AECDH", "ANON", "MD5"),
    }
)
_TLS_1_3: Mapping[str, tuple[str, Mode, str]] = {
    "TLS_AES_256_GCM_SHA384": ("AES256", Mode.GCM, "SHA384"),
    "TLS_CHACHA20_POLY1305_SHA256": ("CHACHA20", Mode.POLY1305, "SHA256"),
    "TLS_AES_128_GCM_SHA256": ("AES128", Mode.GCM, "SHA256"),
    "TLS_AES_128_CCM_SHA256": ("AES128", Mode.CCM, "SHA256"),
    "TLS_AES_128_CCM_8_SHA256": ("AES128", Mode.CCM8, "SHA256"),
    # RFC 9150: they prove who speaks and encrypt nothing.
    "TLS_SHA256_SHA256": ("NULL", Mode.NONE, "SHA256"),
    "TLS_SHA384_SHA384": ("NULL", Mode.NONE, "SHA384"),
}
# [EXP-] [key exchange [-authentication] -] cipher [-mode] [-hash]; without a key exchange it is RSA's.
_OLDER = re.compile(
    r"(?:EXP(?:ORT)?(?:40|56|1024)?-)?"
    r"(?:(?P<exchange>ECDHE|EDH|DHE|AECDH|ADH|ECDH|DH|RSA-PSK|PSK|SRP|KRB5)-"
    r"(?:(?P<authentication>RSA|ECDSA|DSS|PSK)-)?)?"
    r"(?P<encryption>(?:AES|CAMELLIA|ARIA)(?:128|256)|AES-(?:128|256)|CHACHA20|SEED|IDEA|DES-CBC3|DES|RC4|RC2|NULL)"
    r"(?:-(?P<mode>GCM|CCM8|CCM|CBC|POLY1305))?"
    r"(?:-(?P<hash>SHA|SHA256|SHA384|MD5))?",
    re.ASCII,
)
_EPHEMERAL: Mapping[str | None, KeyExchange] = {
    "ECDHE": KeyExchange.ECDHE,
    "AECDH": KeyExchange.ECDHE,
    "EDH": KeyExchange.DHE,
    "DHE": KeyExchange.DHE,
    "ADH": KeyExchange.DHE,
    "SRP": KeyExchange.SRP,
}
_OWN_AUTHENTICATION: Mapping[str | None, str] = {
    None: "RSA",
    "AECDH": "",
    "ADH": "",
    "RSA-PSK": "PSK",
    "PSK": "PSK",
    "SRP": "SRP",
    "KRB5": "KRB5",
}
_HASH_OF_GCM = {"128": "SHA256", "256": "SHA384"}
_UNUSUAL = frozenset({"DSS", "PSK", "SRP", "KRB5"})
_OUTDATED = frozenset({"SEED", "IDEA"})


@lru_cache(maxsize=_REMEMBERED)
def parse_suite(name: str) -> Suite:
    """Take a suite's name by OpenSSL apart; never raises: a name that is none has `is_known` false."""
    broken = _name_broken_part(name)
    modern = _TLS_1_3.get(name)
    if modern is not None:
        encryption, mode, digest = modern
        return Suite(name, True, KeyExchange.ANY, "", encryption, mode, digest, broken)
    match = _OLDER.fullmatch(name)
    if match is None:
        return Suite(name, broken=broken)
    exchange = match["exchange"]
    encryption = match["encryption"].replace("DES-CBC3", "3DES")
    if exchange == "SRP":  # only there OpenSSL puts a hyphen into it
        encryption = encryption.replace("AES-", "AES")
    is_block = encryption not in {"CHACHA20", "RC4", "NULL"}
    mode = Mode(match["mode"]) if match["mode"] else Mode.CBC if is_block else Mode.NONE
    suite = Suite(
        name,
        True,
        _EPHEMERAL.get(exchange, KeyExchange.STATIC),
        match["authentication"] or _authentication_of(exchange, encryption),
        encryption,
        mode,
        {None: "SHA256", "SHA": "SHA1"}.get(match["hash"], match["hash"]),
        broken,
    )
    return suite if _exists(suite, has_hash=match["hash"] is not None) else Suite(name, broken=broken)


def class_of(suite: Suite) -> CipherClass:
    """Return the class that a suite belongs to."""
    if suite.broken is not None:
        return CipherClass.BROKEN
    if not suite.is_known:
        return CipherClass.UNKNOWN
    if suite.mode is Mode.CCM8 and suite.key_exchange is not KeyExchange.STATIC:
        return CipherClass.CCM_8
    if suite.key_exchange is KeyExchange.ANY:
        return _MODERN_CLASS[suite.encryption, suite.mode]
    if suite.key_exchange is KeyExchange.STATIC:
        return CipherClass.STATIC
    if suite.authentication in _UNUSUAL or suite.encryption in _OUTDATED:
        return CipherClass.OTHER
    if suite.mode is not Mode.CBC:
        return _class_of_aead(suite)
    return _CBC_CLASS[suite.key_exchange, suite.hash == "SHA1"]


_MODERN_CLASS: Mapping[tuple[str, Mode], CipherClass] = {
    ("AES256", Mode.GCM): CipherClass.AES_256_GCM,
    ("CHACHA20", Mode.POLY1305): CipherClass.CHACHA20,
    ("AES128", Mode.GCM): CipherClass.AES_128_GCM,
    ("AES128", Mode.CCM): CipherClass.AES_128_CCM,
}
_CBC_CLASS: Mapping[tuple[KeyExchange, bool], CipherClass] = {
    (KeyExchange.ECDHE, False): CipherClass.ECDHE_CBC_SHA2,
    (KeyExchange.ECDHE, True): CipherClass.ECDHE_CBC_SHA1,
    (KeyExchange.DHE, False): CipherClass.DHE_CBC_SHA2,
    (KeyExchange.DHE, True): CipherClass.DHE_CBC_SHA1,
}


def _authentication_of(exchange: str | None, encryption: str) -> str:
    """Name what proves who the server is where the name of the suite leaves it out."""
    if exchange == "ECDHE" and encryption.startswith("ARIA"):
        return "RSA"
    return _OWN_AUTHENTICATION.get(exchange, "")


def _class_of_aead(suite: Suite) -> CipherClass:
    if suite.key_exchange is KeyExchange.DHE:
        return CipherClass.DHE_AEAD
    if suite.mode is Mode.POLY1305:
        return CipherClass.ECDHE_CHACHA20
    if suite.mode is Mode.CCM:
        return CipherClass.ECDHE_CCM
    return CipherClass.ECDHE_GCM if suite.encryption.startswith("AES") else CipherClass.ECDHE_OTHER_GCM


def _exists(suite: Suite, *, has_hash: bool) -> bool:
    """Tell whether the parts of a name go together; a name of our own making must not pass for a suite."""
    cipher, bits = suite.encryption[:-3], suite.encryption[-3:]
    if not _is_authenticated(suite) or cipher == "AES-":
        return False
    if suite.mode is Mode.GCM:
        return cipher in {"AES", "CAMELLIA", "ARIA"} and has_hash and suite.hash == _HASH_OF_GCM[bits]
    if suite.mode in {Mode.CCM, Mode.CCM8}:
        return cipher == "AES" and not has_hash
    if suite.mode is Mode.POLY1305:
        return suite.encryption == "CHACHA20" and not has_hash
    if suite.mode is Mode.CBC:
        return has_hash and suite.encryption not in {"CHACHA20", "RC4", "NULL"}
    return has_hash and suite.encryption in {"RC4", "NULL"}


def _is_authenticated(suite: Suite) -> bool:
    """Tell whether an ephemeral key exchange is signed in one of the ways that exist."""
    if suite.broken is not None:
        return True
    if suite.key_exchange is KeyExchange.ECDHE:
        return suite.authentication in {"RSA", "ECDSA", "PSK"}
    return suite.key_exchange is not KeyExchange.DHE or suite.authentication in {"RSA", "DSS", "PSK"}


def _name_broken_part(name: str) -> str | None:
    """Name what is broken in a suite, also in one that is not known; 3DES is written DES-CBC3 by OpenSSL."""
    if name in _TLS_1_3:
        return "NULL" if _TLS_1_3[name][0] == "NULL" else None
    parts = name.upper().replace("_", "-").split("-")
    if "CBC3" in parts:
        return "3DES"
    return next((part for part in parts if part in _BROKEN), None)
