"""The policy profiles as tables: what each says of versions, suites, groups, keys and certificates.

`pass` is what a profile asks for or allows, `warn` what it lets run out, or does not name though it is no
weaker, `fail` what it forbids; each cell names its clause. Sources: RFC 9325 (BCP 195) with RFC 8996 and
RFC 10015; the TLS guidelines of NCSC-NL of 2025-05 (good and sufficient = pass, phase out = warn,
insufficient = fail); Mozilla's Server Side TLS 6.0; PCI DSS 4.0.1.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import TypeVar

from scanner.verdict.cipher_suites import CipherClass as Cipher
from scanner.verdict.key_classes import GroupClass as Group
from scanner.verdict.key_classes import KeyClass as Key
from scanner.verdict.key_classes import SignatureClass as Signature
from scanner.verdict.tls_versions import TLS_VERSIONS

_Class = TypeVar("_Class")


class Grade(IntEnum):
    """What a profile says of something; ordered, so that the worst can be found."""

    PASS = 0
    WARN = 1
    FAIL = 2


class Demand(StrEnum):
    """What keeps a certificate from being verified, by the words of `Certificate.problems`."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    SELF_SIGNED = "self_signed"
    UNTRUSTED = "untrusted"
    NAME_MISMATCH = "name_mismatch"


@dataclass(frozen=True, slots=True)
class Mark:
    """One cell of a table: the grade, and the clause that it rests on."""

    grade: Grade
    clause: str


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """One profile; every table has a cell for every class, so nothing is left to guess."""

    name: str
    """As the configuration writes it."""
    title: str
    versions: Mapping[str, Mark]
    ciphers: Mapping[Cipher, Mark]
    groups: Mapping[Group, Mark]
    keys: Mapping[Key, Mark]
    signatures: Mapping[Signature, Mark]
    certificates: Mapping[Demand, Mark]
    """On ports for clients."""
    mx_certificates: Mapping[Demand, Mark]
    """On ports for servers, which take any certificate unless a policy says more (RFC 7435)."""

    @property
    def min_tls(self) -> str:
        """The oldest version that passes."""
        return next(name for name in TLS_VERSIONS if self.versions[name].grade is Grade.PASS)


PASS, WARN, FAIL = Grade.PASS, Grade.WARN, Grade.FAIL
_Row = tuple[Mark, tuple[_Class, ...]]


def _table(everything: Iterable[_Class], rest: Mark, *rows: _Row[_Class]) -> Mapping[_Class, Mark]:
    """Make a table: each row's mark for the classes that it names, and `rest` for all others."""
    table = dict.fromkeys(everything, rest)
    for mark, classes in rows:
        table |= dict.fromkeys(classes, mark)
    return MappingProxyType(table)


_MODERN = (Cipher.AES_256_GCM, Cipher.CHACHA20, Cipher.AES_128_GCM)
_ECDHE = (Cipher.ECDHE_GCM, Cipher.ECDHE_CHACHA20)
_CBC_SHA2 = (Cipher.ECDHE_CBC_SHA2, Cipher.DHE_CBC_SHA2)
_CBC_SHA1 = (Cipher.ECDHE_CBC_SHA1, Cipher.DHE_CBC_SHA1)

# The RFCs that forbid the old versions hold for every profile.
_OLD_VERSIONS: tuple[_Row[str], ...] = (
    (Mark(FAIL, "RFC 6176"), ("SSLv2",)),
    (Mark(FAIL, "RFC 7568"), ("SSLv3",)),
    (Mark(FAIL, "RFC 8996 section 4"), ("TLSv1.0",)),
    (Mark(FAIL, "RFC 8996 section 5"), ("TLSv1.1",)),
)
_CLIENTS: Mapping[Demand, Mark] = _table(Demand, Mark(FAIL, "RFC 8314 section 4.4"))
_SERVERS: Mapping[Demand, Mark] = _table(Demand, Mark(WARN, "RFC 7435"))

_RFC = "RFC 9325 section 4"
DEFAULT = Profile(
    "default",
    "the RFCs in force (BCP 195, RFC 8314)",
    versions=_table(TLS_VERSIONS, Mark(PASS, "RFC 9325 section 3.1.1"), *_OLD_VERSIONS),
    # What is not known is not called weak here.
    ciphers=_table(
        Cipher,
        Mark(PASS, f"{_RFC}.2"),
        (Mark(PASS, f"{_RFC}.3"), (*_MODERN, Cipher.AES_128_CCM)),
        (Mark(WARN, f"{_RFC}.2"), (*_CBC_SHA2, *_CBC_SHA1, Cipher.OTHER)),
        (Mark(WARN, "RFC 10015 section 3"), (Cipher.DHE_AEAD, Cipher.DHE_CBC_SHA2, Cipher.DHE_CBC_SHA1)),
        (Mark(WARN, f"{_RFC}.1"), (Cipher.STATIC,)),
        (Mark(FAIL, f"{_RFC}.1"), (Cipher.BROKEN,)),
    ),
    groups=_table(Group, Mark(PASS, f"{_RFC}.5"), (Mark(FAIL, f"{_RFC}.5"), (Group.SHORT,))),
    keys=_table(Key, Mark(PASS, f"{_RFC}.5"), (Mark(FAIL, f"{_RFC}.5"), (Key.SHORT,))),
    signatures=_table(Signature, Mark(PASS, f"{_RFC}.5"), (Mark(WARN, f"{_RFC}.5"), (Signature.WEAK,))),
    certificates=_CLIENTS,
    mx_certificates=_SERVERS,
)

_NCSC = "NCSC-NL 2025-05"
NCSC = Profile(
    "ncsc",
    "TLS guidelines of NCSC-NL, 2025-05",
    versions=_table(
        TLS_VERSIONS,
        Mark(FAIL, f"{_NCSC} section 3.3.1"),
        (Mark(PASS, f"{_NCSC} section 3.3.1"), ("TLSv1.2", "TLSv1.3")),
    ),
    ciphers=_table(
        Cipher,
        Mark(FAIL, f"{_NCSC} appendix B"),
        (
            Mark(PASS, f"{_NCSC} appendix B"),
            (*_MODERN, Cipher.AES_128_CCM, *_ECDHE, Cipher.ECDHE_CCM),
        ),
        (Mark(WARN, f"{_NCSC} appendix B"), (Cipher.ECDHE_OTHER_GCM, Cipher.DHE_AEAD, *_CBC_SHA2)),
    ),
    groups=_table(
        Group,
        Mark(FAIL, f"{_NCSC} section 3.3.2.1"),
        (
            Mark(PASS, f"{_NCSC} section 3.3.2.1"),
            (
                *(Group.X25519_ML_KEM, Group.OTHER_HYBRID, Group.X25519, Group.X448),
                *(Group.P_256, Group.P_384, Group.P_521, Group.BRAINPOOL),
            ),
        ),
        (Mark(WARN, f"{_NCSC} section 3.3.2.1"), (Group.P_224,)),
        (Mark(WARN, f"{_NCSC} section 3.3.3.1"), (Group.FFDHE_3072,)),
        (Mark(FAIL, f"{_NCSC} section 3.3.3.1"), (Group.FFDHE_2048,)),
    ),
    keys=_table(
        Key,
        Mark(FAIL, f"{_NCSC} section 3.3.2.1"),
        (
            Mark(PASS, f"{_NCSC} section 3.3.2.1"),
            (Key.RSA_3072, Key.P_256, Key.P_384, Key.P_521, Key.BRAINPOOL, Key.ED25519, Key.ED448),
        ),
        (Mark(WARN, f"{_NCSC} section 3.3.2.1"), (Key.RSA_2048, Key.P_224)),
    ),
    signatures=_table(
        Signature,
        Mark(PASS, f"{_NCSC} section 3.3.5"),
        (Mark(WARN, f"{_NCSC} section 3.3.5"), (Signature.SHA_224,)),
        (Mark(FAIL, f"{_NCSC} section 3.3.5"), (Signature.WEAK,)),
    ),
    certificates=_CLIENTS,
    mx_certificates=_SERVERS,
)

_MOZILLA = "Mozilla Server Side TLS 6.0"
_LISTED_GROUPS = (Group.X25519_ML_KEM, Group.X25519, Group.P_256, Group.P_384)
_NO_WEAKER_GROUPS = (
    *(Group.OTHER_HYBRID, Group.ML_KEM, Group.P_521, Group.X448, Group.BRAINPOOL, Group.FFDHE_3072),
)
_NO_WEAKER_KEYS = (Key.P_521, Key.BRAINPOOL, Key.ED25519, Key.ED448)


def _mozilla(
    level: str, *, versions: tuple[str, ...], suites: tuple[Cipher, ...], keys: tuple[Key, ...]
) -> Profile:
    """Make one of Mozilla's levels: what it lists passes, what is no weaker warns, all else fails."""
    clause = f"{_MOZILLA}, {level}"
    forbidden, unnamed, listed = Mark(FAIL, clause), Mark(WARN, clause), Mark(PASS, clause)
    older = (Cipher.ECDHE_CCM, Cipher.ECDHE_OTHER_GCM) if "TLSv1.2" in versions else ()
    return Profile(
        f"mozilla-{level}",
        clause,
        versions=_table(TLS_VERSIONS, forbidden, (listed, versions)),
        ciphers=_table(Cipher, forbidden, (unnamed, (Cipher.AES_128_CCM, *older)), (listed, suites)),
        groups=_table(Group, forbidden, (unnamed, _NO_WEAKER_GROUPS), (listed, _LISTED_GROUPS)),
        keys=_table(Key, forbidden, (unnamed, _NO_WEAKER_KEYS), (listed, keys)),
        signatures=_table(Signature, forbidden, (listed, (Signature.GOOD,))),
        certificates=_CLIENTS,
        mx_certificates=_SERVERS,
    )


MOZILLA_INTERMEDIATE = _mozilla(
    "intermediate",
    versions=("TLSv1.2", "TLSv1.3"),
    suites=(*_MODERN, *_ECDHE),
    keys=(Key.RSA_3072, Key.RSA_2048, Key.P_256, Key.P_384),
)
MOZILLA_MODERN = _mozilla("modern", versions=("TLSv1.3",), suites=_MODERN, keys=(Key.P_256, Key.P_384))

_PCI = "PCI DSS 4.0.1 requirement 4.2.1"
_PCI_CERTIFICATES: Mapping[Demand, Mark] = _table(Demand, Mark(FAIL, _PCI))
PCI = Profile(
    "pci",
    "PCI DSS 4.0.1, strong cryptography",
    versions=_table(TLS_VERSIONS, Mark(FAIL, _PCI), (Mark(PASS, _PCI), ("TLSv1.2", "TLSv1.3"))),
    ciphers=_table(
        Cipher,
        Mark(FAIL, _PCI),
        (
            Mark(PASS, _PCI),
            (
                *(*_MODERN, Cipher.AES_128_CCM, *_ECDHE),
                *(Cipher.ECDHE_CCM, Cipher.ECDHE_OTHER_GCM, Cipher.CCM_8),
            ),
        ),
        (Mark(WARN, _PCI), (Cipher.DHE_AEAD, *_CBC_SHA2, *_CBC_SHA1, Cipher.STATIC)),
    ),
    # 112 bits of strength are the least: RSA and finite fields of 2048 bits, curves of 224.
    groups=_table(Group, Mark(PASS, _PCI), (Mark(FAIL, _PCI), (Group.SHORT, Group.UNKNOWN))),
    keys=_table(
        Key,
        Mark(PASS, _PCI),
        (Mark(WARN, _PCI), (Key.OTHER_CURVE,)),
        (Mark(FAIL, _PCI), (Key.SHORT, Key.UNKNOWN)),
    ),
    signatures=_table(Signature, Mark(PASS, _PCI), (Mark(FAIL, _PCI), (Signature.WEAK,))),
    certificates=_PCI_CERTIFICATES,
    mx_certificates=_PCI_CERTIFICATES,
)

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {profile.name: profile for profile in (DEFAULT, NCSC, MOZILLA_INTERMEDIATE, MOZILLA_MODERN, PCI)}
)
"""All profiles by their names."""
