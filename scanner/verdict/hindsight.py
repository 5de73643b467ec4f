"""Hindsight: what the past adds to the verdicts about a probe; a scan without memory sees none of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from scanner.model import Kind, Severity, Verdict
from scanner.model.memory import Memory, Trait, TraitValue
from scanner.verdict.baseline import lost
from scanner.verdict.demands import is_dane_verified, published_demand
from scanner.verdict.rules import Case, enumerate_shortly, quote
from scanner.verdict.tls_versions import TLS_VERSIONS, is_older
from scanner.verdict.traits import BROKEN_CIPHER, CURVE, HYBRID, read_traits, split_issuer

_RENEWAL = timedelta(days=30)
"""A certificate that had longer to live was not renewed in the ordinary way (D19)."""
_ASK = "Ask who runs the server; if nobody changed it, compare from another network"
_ACCEPT = "if the change is meant, accept it as the new baseline (mailport baseline accept)"
_ADVICE = f"{_ASK}; {_ACCEPT}."


@dataclass(frozen=True, slots=True)
class Past:
    """One probe before the judge, beside what is remembered of its endpoint."""

    case: Case
    memory: Memory
    readings: Mapping[str, TraitValue]
    verdicts: tuple[Verdict, ...]
    """What the probe itself shows."""

    def lost(self, name: str) -> Trait | None:
        """Return the trait that has fallen behind its baseline; None where it has not."""
        return lost(self.memory, self.readings, name)

    def has(self, *ids: str) -> bool:
        """Tell whether the probe itself shows one of these verdicts."""
        return any(verdict.id in ids for verdict in self.verdicts)


def add_hindsight(case: Case, memory: Memory) -> tuple[Verdict, ...]:
    """Return the verdicts of an observation with what the baseline says of them, and those it adds."""
    observation = case.observation
    past = Past(case, memory, read_traits(observation), observation.verdicts)
    weighed = [_weigh(past, verdict) for verdict in observation.verdicts]
    added = (rule(past) for rule in HINDSIGHT_RULES)
    return _join(case, (*weighed, *(verdict for verdict in added if verdict is not None)))


def _join(case: Case, verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """A changed certificate beside any other downgrade is a hint at an interception (D19)."""
    is_downgraded = any(each.kind is Kind.DOWNGRADE and each.id != "certificate_changed" for each in verdicts)
    if not is_downgraded:
        return verdicts
    critical = case.grade(mx=Severity.WARNING, client=Severity.CRITICAL)
    return tuple(
        replace(each, severity=critical) if each.id == "certificate_changed" else each for each in verdicts
    )


def _weigh(past: Past, verdict: Verdict) -> Verdict:
    weigher = _WEIGHERS.get(verdict.id)
    return verdict if weigher is None else weigher(past, verdict)


def _weigh_by(name: str, text: str, *, least: Severity | None = None) -> Callable[[Past, Verdict], Verdict]:
    """Make a weigher: where the trait was lost, the verdict is a downgrade, and says since when."""

    def weigh(past: Past, verdict: Verdict) -> Verdict:
        trait = past.lost(name)
        if trait is None:
            return verdict
        return replace(
            verdict,
            kind=Kind.DOWNGRADE,
            severity=max(verdict.severity, least or verdict.severity),
            summary=f"{verdict.summary} {text} until {_moment(trait.seen_at)}.",
        )

    return weigh


def _weigh_starttls(past: Past, verdict: Verdict) -> Verdict:
    """D01: critical where clients send or read; on 25 where a policy makes it a must."""
    trait = past.lost("starttls")
    if trait is None:
        return verdict
    demand = published_demand(past.case.observation)
    on_mx = Severity.CRITICAL if demand else Severity.WARNING
    return replace(
        verdict,
        kind=Kind.DOWNGRADE,
        severity=past.case.grade(mx=on_mx, client=Severity.CRITICAL),
        summary=f"{verdict.summary} It was offered until {_moment(trait.seen_at)}.",
    )


def _weigh_reach(past: Past, verdict: Verdict) -> Verdict:
    """F06, F08, F16: a port that did answer matters more than one that never has."""
    if verdict.kind is Kind.NOTICE and past.case.expectation.not_offered:
        return verdict
    trait = past.lost("open")
    if trait is not None:
        return replace(
            verdict,
            kind=Kind.MISCONFIGURATION if verdict.kind is Kind.NOTICE else verdict.kind,
            severity=max(verdict.severity, Severity.WARNING),
            summary=f"{verdict.summary} It answered until {_moment(trait.seen_at)}.",
            advice=_LOST_ADVICE.get(verdict.id, verdict.advice),
        )
    since = past.memory.first_seen
    is_told = since is not None and "open" not in past.memory.traits and since < past.case.now
    if not is_told or since is None:
        return verdict
    return replace(
        verdict, summary=f"{verdict.summary} It has not answered since it is watched ({_moment(since)})."
    )


_LOST_ADVICE = {
    "port_closed": "Find out why the service on this port stopped; if it was switched off on purpose, accept "
    "that (mailport baseline accept), and remove the records that name it.",
}
_WEIGHERS: Mapping[str, Callable[[Past, Verdict], Verdict]] = {
    "port_blocked": _weigh_reach,
    "port_closed": _weigh_reach,
    "greeting_rejected": _weigh_reach,
    "starttls_missing": _weigh_starttls,
    "ehlo_rejected": _weigh_by("esmtp", "EHLO was taken", least=Severity.WARNING),
    "legacy_tls_accepted": _weigh_by(
        "legacy", "By an earlier list it accepted fewer of them, which held", least=Severity.WARNING
    ),
    "cipher_weak": _weigh_by("cipher", "A better class of cipher was in use", least=Severity.WARNING),
    "certificate_untrusted": _weigh_by("verified", "The certificate verified"),
    "certificate_name_mismatch": _weigh_by("verified", "The certificate verified"),
    "certificate_expired": _weigh_by("verified", "The certificate verified"),
    "certificate_not_yet_valid": _weigh_by("verified", "The certificate verified"),
    "auth_before_tls": _weigh_by("auth_clear", "Fewer or none were offered"),
    "dane_unverifiable": _weigh_by("dane", "DNSSEC protected them", least=Severity.WARNING),
}


def tls_version_dropped(past: Past) -> Verdict | None:
    """D11: the version agreed on is below the baseline; below TLS 1.2 it is critical."""
    trait = past.lost("tls_version")
    tls = past.case.observation.tls
    if trait is None or tls is None or past.has("tls_version_dropped"):
        return None
    before = TLS_VERSIONS[cast("int", trait.value)]
    return Verdict(
        "tls_version_dropped",
        Kind.DOWNGRADE,
        Severity.CRITICAL if is_older(tls.version, "TLSv1.2") else Severity.WARNING,
        f"The server agreed on {tls.version}; until {_moment(trait.seen_at)} it was {before}.",
        f"Look what changed in the server's TLS settings or in a proxy before it. {_ADVICE}",
    )


def cipher_weakened(past: Past) -> Verdict | None:
    """D14 against the past: a class of cipher below the baseline, which the profile itself lets pass."""
    trait = past.lost("cipher")
    tls = past.case.observation.tls
    if trait is None or tls is None or past.has("cipher_weak"):
        return None
    return Verdict(
        "cipher_weak",
        Kind.DOWNGRADE,
        Severity.CRITICAL if past.readings.get("cipher") == BROKEN_CIPHER else Severity.WARNING,
        f"The server agreed on {tls.cipher}, which is of a weaker class than until {_moment(trait.seen_at)}.",
        f"Look what changed in the server's list of ciphers or in a proxy before it. {_ADVICE}",
    )


def group_weakened(past: Past) -> Verdict | None:
    """D15: a key exchange group below the baseline; losing a post-quantum one is a notice."""
    trait = past.lost("group")
    tls = past.case.observation.tls
    if trait is None or tls is None:
        return None
    is_hybrid_lost = trait.value == HYBRID and past.readings.get("group") == CURVE
    what = "a post-quantum group" if trait.value == HYBRID else "a stronger group"
    return Verdict(
        "group_weakened",
        Kind.DOWNGRADE if not is_hybrid_lost else Kind.NOTICE,
        Severity.NOTICE if is_hybrid_lost else Severity.WARNING,
        f"Keys were exchanged by {tls.group}; until {_moment(trait.seen_at)} it was {what}.",
        f"Look what changed in the server's list of groups or in a proxy before it. {_ADVICE}",
    )


def certificate_changed(past: Past) -> Verdict | None:
    """D19: another certificate by another issuer, while the old one had over 30 days to live."""
    trait = past.lost("issuer")
    seen = past.case.observation.certificate
    if trait is None or seen is None or is_dane_verified(past.case.observation):
        return None
    known = [split_issuer(each) for each in cast("tuple[str, ...]", trait.value)]
    issuers = tuple(dict.fromkeys(name for name, _ in known))
    end = max(end for _, end in known)
    if end - past.case.now <= _RENEWAL:
        return None
    return Verdict(
        "certificate_changed",
        Kind.NOTICE,
        past.case.grade(mx=Severity.NOTICE, client=Severity.WARNING),
        f"The certificate is by {quote(seen.issuer)}; until {_moment(trait.seen_at)} it was by "
        f"{enumerate_shortly(issuers)}, and would have been good until {end:%Y-%m-%d}.",
        f"Someone who intercepts TLS shows a certificate of his own. {_ADVICE}",
    )


def logindisabled_vanished(past: Past) -> Verdict | None:
    """D21, RFC 9051 section 6.2.3: what strips STARTTLS removes both."""
    trait = past.lost("logindisabled")
    if trait is None:
        return None
    return Verdict(
        "logindisabled_vanished",
        Kind.DOWNGRADE,
        Severity.CRITICAL if past.has("starttls_missing", "starttls_masked") else Severity.WARNING,
        f"Before TLS the server no longer says LOGINDISABLED, as it did until {_moment(trait.seen_at)}, so "
        "clients may send passwords in clear.",
        f"Forbid signing in without TLS (Dovecot: disable_plaintext_auth, ssl = required). {_ADVICE}",
    )


def auth_weakened(past: Past) -> Verdict | None:
    """D23: no way to sign in is left after TLS, or none that keeps the password to itself."""
    trait = past.lost("auth")
    if trait is None:
        return None
    before, now = cast("tuple[str, ...]", trait.value), cast("tuple[str, ...]", past.readings["auth"])
    return Verdict(
        "auth_weakened",
        Kind.DOWNGRADE if not now else Kind.NOTICE,
        Severity.NOTICE if now else Severity.WARNING,
        f"After TLS the server offers {enumerate_shortly(now)} to sign in; until {_moment(trait.seen_at)} "
        f"it was {enumerate_shortly(before)}.",
        f"Look what changed in the server's authentication. {_ADVICE}",
    )


def protocol_lowered(past: Past) -> Verdict | None:
    """D08: the server says no longer that it speaks IMAP4rev1 (RFC 9051 section 6.1.1)."""
    trait = past.lost("imap4")
    if trait is None:
        return None
    return Verdict(
        "protocol_lowered",
        Kind.DOWNGRADE,
        Severity.CRITICAL,
        f"The server no longer says that it speaks IMAP4rev1, as it did until {_moment(trait.seen_at)}; it "
        f"lists {enumerate_shortly(past.case.observation.capabilities or ())}.",
        f"An older protocol has no TLS to begin. {_ADVICE}",
    )


def dane_lost(past: Past) -> Verdict | None:
    """D30: secure TLSA records are gone, or no longer secure, and nothing else says so."""
    trait = past.lost("dane")
    if trait is None or past.has("dane_unverifiable", "dane_violated"):
        return None
    return Verdict(
        "dane_unverifiable",
        Kind.DOWNGRADE,
        Severity.WARNING,
        f"The TLSA records that DNSSEC protected until {_moment(trait.seen_at)} are gone, or protected no "
        "longer: senders take any certificate.",
        f"Check the DNSSEC of the host's zone and its TLSA records; {_ACCEPT}.",
    )


def banner_changed(past: Past) -> Verdict | None:
    """The greeting, apart from its ids and dates, is another: new software, or another machine."""
    trait = past.lost("banner")
    if trait is None or past.has("banner_masked"):
        return None
    return Verdict(
        "banner_changed",
        Kind.NOTICE,
        Severity.NOTICE,
        f"The greeting is {quote(past.case.observation.banner)}; until {_moment(trait.seen_at)} it was "
        f"{enumerate_shortly(tuple(map(quote, cast('tuple[str, ...]', trait.value))))}.",
        "Nothing to do if the server was changed or updated.",
    )


HindsightRule = Callable[[Past], Verdict | None]
HINDSIGHT_RULES: tuple[HindsightRule, ...] = (
    tls_version_dropped,
    cipher_weakened,
    group_weakened,
    certificate_changed,
    logindisabled_vanished,
    auth_weakened,
    protocol_lowered,
    dane_lost,
    banner_changed,
)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
