"""The traits: what a probe shows that may get worse, how it is read, and when a change counts as a loss."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from scanner.model import DaneStatus, Observation, Protocol, State, TlsMode
from scanner.model.memory import TraitValue
from scanner.verdict.banner import normalise_banner
from scanner.verdict.cipher_suites import KeyExchange, Mode, Suite, parse_suite
from scanner.verdict.demands import is_verified, published_dane
from scanner.verdict.key_classes import GroupClass, class_of_group
from scanner.verdict.sign_in import IN_CLEAR
from scanner.verdict.tls_versions import full_name, is_older, rank_of

MOST_KNOWN = 8
"""How many certificates and greetings of one endpoint are known: servers behind one address differ."""
_MODE_OF_A_FORTNIGHT = timedelta(days=7)
"""What has stood for more than half of a fortnight is the mode of its successes."""
_A_DAY = timedelta(days=1)
_HYBRIDS = frozenset({GroupClass.X25519_ML_KEM, GroupClass.OTHER_HYBRID, GroupClass.ML_KEM})
_FINITE_FIELDS = frozenset({GroupClass.FFDHE_3072, GroupClass.FFDHE_2048})
_WEAK_GROUPS = frozenset({GroupClass.P_224, GroupClass.SHORT})
_AEAD = frozenset({Mode.GCM, Mode.CCM, Mode.CCM8, Mode.POLY1305})
_FORWARD_SECRECY = frozenset({KeyExchange.ANY, KeyExchange.ECDHE, KeyExchange.DHE})
_UNTIL = " until "
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
_IMAP4 = frozenset({"IMAP4REV1", "IMAP4REV2"})
_WEAK_SASL = frozenset({"PLAIN", "LOGIN", "USER"})

BROKEN_CIPHER, NO_FORWARD_SECRECY, CBC, AEAD = range(4)
WEAK_GROUP, FINITE_FIELD, CURVE, HYBRID = range(4)


@dataclass(frozen=True, slots=True)
class TraitRule:
    """How one trait is read and compared."""

    name: str
    title: str
    """For people, as in "STARTTLS"."""
    read: Callable[[Observation], TraitValue | None]
    """Returns None where the observation cannot tell."""
    is_worse: Callable[[TraitValue, TraitValue], bool]
    """Tells by the baseline and a reading whether something was lost."""
    ages: timedelta | None = None
    """How long a worse reading has to stand until it is the baseline; None = only an operator accepts it."""
    is_collected: bool = False
    """Whether the baseline is the set of all readings that were learnt, as of certificates in turns."""

    def is_same(self, baseline: TraitValue, reading: TraitValue) -> bool:
        """Tell whether a reading agrees with the baseline."""
        if self.is_collected:
            return cast("str", reading) in cast("tuple[str, ...]", baseline)
        return baseline == reading

    def merge(self, baseline: TraitValue | None, reading: TraitValue) -> TraitValue:
        """Return the baseline once a reading is learnt."""
        if not self.is_collected:
            return reading
        known = cast("tuple[str, ...]", baseline or ())
        return (*(each for each in known if each != reading), cast("str", reading))[-MOST_KNOWN:]


def _is_lower(baseline: TraitValue, reading: TraitValue) -> bool:
    return cast("int", reading) < cast("int", baseline)


def _is_new(baseline: TraitValue, reading: TraitValue) -> bool:
    return cast("str", reading) not in cast("tuple[str, ...]", baseline)


def _has_more(baseline: TraitValue, reading: TraitValue) -> bool:
    return not set(cast("tuple[str, ...]", reading)) <= set(cast("tuple[str, ...]", baseline))


def is_auth_weaker(baseline: TraitValue, reading: TraitValue) -> bool:
    """Tell whether every way to sign in is gone, or every one that does not send the password."""
    before, now = set(cast("tuple[str, ...]", baseline)), set(cast("tuple[str, ...]", reading))
    return bool(before and not now) or bool(before - _WEAK_SASL and not now - _WEAK_SASL)


def _open(seen: Observation) -> bool | None:
    return None if seen.state in {State.UNKNOWN, State.NOT_OFFERED} else seen.state is State.OPEN


def _starttls(seen: Observation) -> bool | None:
    if seen.endpoint.tls_mode is not TlsMode.STARTTLS or seen.starttls is None or seen.ehlo_reply is not None:
        return None
    return seen.starttls.offered or seen.starttls.masked


def _esmtp(seen: Observation) -> bool | None:
    has_asked = seen.capabilities is not None or seen.capabilities_tls is not None
    if seen.endpoint.protocol is not Protocol.SMTP or not (has_asked or seen.ehlo_reply):
        return None
    return seen.ehlo_reply is None


def _imap4(seen: Observation) -> bool | None:
    words = seen.capabilities_tls or seen.capabilities
    if seen.endpoint.protocol is not Protocol.IMAP or not words:
        return None
    return any(word.upper() in _IMAP4 for word in words)


def _tls_version(seen: Observation) -> int | None:
    return rank_of(seen.tls.version) if seen.tls is not None else None


def _cipher(seen: Observation) -> int | None:
    return rank_of_suite(parse_suite(seen.tls.cipher)) if seen.tls is not None else None


def rank_of_suite(suite: Suite) -> int | None:
    """Return AEAD, CBC, NO_FORWARD_SECRECY or BROKEN_CIPHER; None for a suite that is not known (D14)."""
    if suite.broken:
        return BROKEN_CIPHER
    if not suite.is_known:
        return None
    if suite.key_exchange not in _FORWARD_SECRECY:
        return NO_FORWARD_SECRECY
    return AEAD if suite.mode in _AEAD else CBC


def _group(seen: Observation) -> int | None:
    if seen.tls is None or seen.tls.group is None:
        return None
    found = class_of_group(seen.tls.group)
    if found is GroupClass.UNKNOWN:
        return None
    if found in _HYBRIDS:
        return HYBRID
    if found in _FINITE_FIELDS:
        return FINITE_FIELD
    return WEAK_GROUP if found in _WEAK_GROUPS else CURVE


def _legacy(seen: Observation) -> tuple[str, ...] | None:
    if seen.versions is None:
        return None
    return tuple(
        name
        for name, is_accepted in seen.versions.items()
        if is_accepted and is_older(full_name(name), "TLSv1.2")
    )


def _verified(seen: Observation) -> bool | None:
    return is_verified(seen.certificate) if seen.certificate is not None else None


def organisation_of(issuer: str) -> str:
    """Return the organisation in an issuer's name (RFC 4514), or the whole name where there is none."""
    for part in issuer.split(","):
        kind, _, value = part.strip().partition("=")
        if kind.upper() == "O" and value:
            return value.strip()
    return issuer


def _issuer(seen: Observation) -> str | None:
    certificate = seen.certificate
    if certificate is None:
        return None
    # Not by %Y, which writes the year 999 with three digits.
    return f"{organisation_of(certificate.issuer)}{_UNTIL}{certificate.not_after.date().isoformat()}"


def split_issuer(reading: str) -> tuple[str, datetime]:
    """Return the organisation and the end of a certificate, to the day, from a reading of `issuer`."""
    organisation, _, end = reading.rpartition(_UNTIL)
    try:
        return organisation, datetime.fromisoformat(end).replace(tzinfo=UTC)
    except ValueError:  # a memory may hold anything
        return reading, _LONG_AGO


def _is_new_issuer(baseline: TraitValue, reading: TraitValue) -> bool:
    known = {split_issuer(each)[0] for each in cast("tuple[str, ...]", baseline)}
    return split_issuer(cast("str", reading))[0] not in known


def _auth_clear(seen: Observation) -> tuple[str, ...] | None:
    if seen.auth_before_tls is None or seen.endpoint.tls_mode is not TlsMode.STARTTLS:
        return None
    return tuple(sorted({each.upper() for each in seen.auth_before_tls} & IN_CLEAR))


def _logindisabled(seen: Observation) -> bool | None:
    is_told = seen.endpoint.protocol is Protocol.IMAP and seen.endpoint.tls_mode is TlsMode.STARTTLS
    if not is_told or seen.capabilities is None:
        return None
    return any(word.upper() == "LOGINDISABLED" for word in seen.capabilities)


def _auth(seen: Observation) -> tuple[str, ...] | None:
    if seen.auth_after_tls is None or seen.tls is None:
        return None
    return tuple(sorted({each.upper() for each in seen.auth_after_tls}))


def _banner(seen: Observation) -> str | None:
    return normalise_banner(seen.banner) if seen.banner is not None else None


def _dane(seen: Observation) -> bool | None:
    dane = published_dane(seen)
    if dane is None or dane.status in {DaneStatus.UNTRUSTED, DaneStatus.FAILED}:
        return None  # our own resolver, or a failure that may pass and has a verdict of its own
    return dane.status in {DaneStatus.SECURE, DaneStatus.UNUSABLE}


_RULES = (
    TraitRule("open", "the port answers", _open, _is_lower),
    TraitRule("starttls", "STARTTLS", _starttls, _is_lower),
    TraitRule("esmtp", "EHLO", _esmtp, _is_lower),
    TraitRule("imap4", "IMAP4rev1", _imap4, _is_lower),
    TraitRule("tls_version", "the TLS version", _tls_version, _is_lower, _MODE_OF_A_FORTNIGHT),
    TraitRule("cipher", "the class of the cipher", _cipher, _is_lower, _MODE_OF_A_FORTNIGHT),
    TraitRule("group", "the class of the key exchange group", _group, _is_lower, _MODE_OF_A_FORTNIGHT),
    TraitRule("legacy", "old TLS versions", _legacy, _has_more, _MODE_OF_A_FORTNIGHT),
    TraitRule("verified", "a certificate that verifies", _verified, _is_lower),
    TraitRule(
        "issuer",
        "who issued the certificate",
        _issuer,
        _is_new_issuer,
        _MODE_OF_A_FORTNIGHT,
        is_collected=True,
    ),
    TraitRule("auth_clear", "passwords before TLS", _auth_clear, _has_more, _MODE_OF_A_FORTNIGHT),
    TraitRule("logindisabled", "LOGINDISABLED", _logindisabled, _is_lower, _MODE_OF_A_FORTNIGHT),
    TraitRule("auth", "ways to sign in", _auth, is_auth_weaker, _MODE_OF_A_FORTNIGHT),
    TraitRule("banner", "the greeting", _banner, _is_new, _A_DAY, is_collected=True),
    TraitRule("dane", "DANE under DNSSEC", _dane, _is_lower, _MODE_OF_A_FORTNIGHT),
)
TRAITS: Mapping[str, TraitRule] = {rule.name: rule for rule in _RULES}


def read_traits(observation: Observation) -> dict[str, TraitValue]:
    """Return all that an observation can tell."""
    readings = ((rule.name, rule.read(observation)) for rule in _RULES)
    return {name: value for name, value in readings if value is not None}
