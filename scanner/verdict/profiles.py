"""Holds a session and a certificate against a policy profile: what is wrong, each fault with its clause."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from scanner.model import Certificate, Role, Tls
from scanner.verdict.cipher_suites import CipherClass, class_of, parse_suite
from scanner.verdict.key_classes import (
    KeyClass,
    SignatureClass,
    class_of_group,
    class_of_key,
    class_of_signature,
)
from scanner.verdict.profile_tables import Demand, Grade, Mark, Profile
from scanner.verdict.tls_versions import full_name

_REMEMBERED = 256
_EPHEMERAL = frozenset(
    {
        *(CipherClass.ECDHE_GCM, CipherClass.ECDHE_CHACHA20, CipherClass.ECDHE_CCM),
        *(CipherClass.ECDHE_OTHER_GCM, CipherClass.DHE_AEAD),
        *(CipherClass.ECDHE_CBC_SHA2, CipherClass.ECDHE_CBC_SHA1),
        *(CipherClass.DHE_CBC_SHA2, CipherClass.DHE_CBC_SHA1),
    }
)
_WHY = {
    CipherClass.CCM_8: "its records carry a check of 8 bytes only",
    CipherClass.DHE_AEAD: "key exchange in finite fields (DHE) is fragile, and no longer to be chosen",
    CipherClass.ECDHE_CBC_SHA2: "CBC suites have been attacked again and again",
    CipherClass.ECDHE_CBC_SHA1: "CBC suites have been attacked again and again",
    CipherClass.DHE_CBC_SHA2: "CBC suites have been attacked again and again",
    CipherClass.DHE_CBC_SHA1: "CBC suites have been attacked again and again",
    CipherClass.STATIC: "without forward secrecy a stolen key opens recorded mail",
    CipherClass.OTHER: "it is not meant for mail servers and hardly looked after",
    CipherClass.UNKNOWN: "it is no suite that is known here",
}
_WEAK = frozenset({"weak_key", "weak_signature"})


class Aspect(StrEnum):
    """What a profile has a word on."""

    CIPHER = "cipher"
    GROUP = "group"
    KEY = "key"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a profile says of one thing that was seen."""

    aspect: Aspect
    grade: Grade
    clause: str
    text: str
    """The evidence in words: a sentence without its first capital and its full stop."""

    @property
    def mark(self) -> Mark:
        """The cell of the table that it comes from."""
        return Mark(self.grade, self.clause)


def session_faults(tls: Tls | None, profile: Profile) -> tuple[Assessment, ...]:
    """Return what a profile has against the cipher and the group of a session, the worst first.

    A cipher with forward secrecy under a version that fails by itself is left out: an old version has no
    better ones, and the version is the finding.
    """
    return () if tls is None else _session_faults(tls, profile)


def key_faults(certificate: Certificate | None, profile: Profile) -> tuple[Assessment, ...]:
    """Return what a profile has against the key and the signature of a certificate, the worst first."""
    return () if certificate is None else _key_faults(*_facts_of(certificate), profile)


def certificate_mark(profile: Profile, role: Role, demand: Demand) -> Mark:
    """Return what a profile says of a fault of a certificate on a port of a role."""
    return (profile.mx_certificates if role is Role.MX else profile.certificates)[demand]


# Most probes see what the one before saw.
@lru_cache(maxsize=_REMEMBERED)
def _session_faults(tls: Tls, profile: Profile) -> tuple[Assessment, ...]:
    return _worst_first(_assess_session(tls, profile))


@lru_cache(maxsize=_REMEMBERED)
def _key_faults(
    key: str, digest: str | None, problems: frozenset[str], profile: Profile
) -> tuple[Assessment, ...]:
    return _worst_first(_assess_key(key, digest, problems, profile))


def _worst_first(assessments: Iterable[Assessment]) -> tuple[Assessment, ...]:
    return tuple(sorted((each for each in assessments if each.grade), key=lambda each: -each.grade))


def _facts_of(certificate: Certificate) -> tuple[str, str | None, frozenset[str]]:
    """Return the key, the digest of the signature where it was seen, and what is weak in the chain."""
    digest = certificate.chain[0].signature if certificate.chain else None
    return certificate.key, digest, _WEAK.intersection(certificate.problems)


def _assess_session(tls: Tls, profile: Profile) -> Iterator[Assessment]:
    version = profile.versions.get(full_name(tls.version))
    suite = parse_suite(tls.cipher)
    kind = class_of(suite)
    is_of_an_old_version = version is not None and version.grade is Grade.FAIL and kind in _EPHEMERAL
    if not is_of_an_old_version:
        why = f"{suite.broken} protects nothing any more" if suite.broken else _WHY.get(kind)
        text = f"the server chose the cipher {tls.cipher or 'without a name'}{f': {why}' if why else ''}"
        yield _say(Aspect.CIPHER, profile.ciphers[kind], text)
    if tls.group is not None:
        mark = profile.groups[class_of_group(tls.group)]
        yield _say(Aspect.GROUP, mark, f"the keys were exchanged in the group {tls.group}")


def _assess_key(
    key: str, digest: str | None, problems: frozenset[str], profile: Profile
) -> Iterator[Assessment]:
    """Grade the key and, where it was seen, the signature; or the weakest of each in the chain."""
    kind = class_of_key(key)
    text = f"the certificate's key is {'too weak: ' if kind is KeyClass.SHORT else ''}{key}"
    if "weak_key" in problems and kind is not KeyClass.SHORT:
        kind, text = KeyClass.SHORT, "a key in the certificate's chain is too weak"
    yield _say(Aspect.KEY, profile.keys[kind], text)
    signature = class_of_signature(digest) if digest is not None else None
    if "weak_signature" in problems:
        what = "the certificate" if signature in {None, SignatureClass.WEAK} else "a certificate of the chain"
        mark = profile.signatures[SignatureClass.WEAK]
        yield _say(Aspect.SIGNATURE, mark, f"{what} is signed with SHA-1 or MD5")
    elif signature is not None:
        mark = profile.signatures[signature]
        yield _say(Aspect.SIGNATURE, mark, f"the certificate is signed with {digest}")


def _say(aspect: Aspect, mark: Mark, text: str) -> Assessment:
    return Assessment(aspect, mark.grade, mark.clause, text)
