"""Losses that only the past can show: rules that need a memory and find what no probe alone does."""

from collections.abc import Callable
from datetime import timedelta
from typing import cast

from scanner.model import Kind, Severity, Verdict
from scanner.verdict.demands import is_dane_verified
from scanner.verdict.past import ACCEPT, ADVICE, Past, last_seen
from scanner.verdict.rules import enumerate_shortly, quote
from scanner.verdict.tls_versions import TLS_VERSIONS, is_older
from scanner.verdict.traits import BROKEN_CIPHER, CURVE, HYBRID, split_issuer

_RENEWAL = timedelta(days=30)
"""A certificate that had longer to live was not renewed in the ordinary way (D19)."""


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
        f"The server agreed on {tls.version}; until {last_seen(trait)} it was {before}.",
        f"Look what changed in the server's TLS settings or in a proxy before it. {ADVICE}",
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
        f"The server agreed on {tls.cipher}, which is of a weaker class than until {last_seen(trait)}.",
        f"Look what changed in the server's list of ciphers or in a proxy before it. {ADVICE}",
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
        f"Keys were exchanged by {tls.group}; until {last_seen(trait)} it was {what}.",
        f"Look what changed in the server's list of groups or in a proxy before it. {ADVICE}",
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
        Kind.NOTICE if past.case.is_mx else Kind.DOWNGRADE,
        past.case.grade(mx=Severity.NOTICE, client=Severity.WARNING),
        f"The certificate is by {quote(seen.issuer)}; until {last_seen(trait)} it was by "
        f"{enumerate_shortly(issuers)}, and would have been good until {end.date()}.",
        f"Someone who intercepts TLS shows a certificate of his own. {ADVICE}",
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
        f"Before TLS the server no longer says LOGINDISABLED, as it did until {last_seen(trait)}, so "
        "clients may send passwords in clear.",
        f"Forbid signing in without TLS (Dovecot: disable_plaintext_auth, ssl = required). {ADVICE}",
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
        f"After TLS the server offers {enumerate_shortly(now)} to sign in; until {last_seen(trait)} "
        f"it was {enumerate_shortly(before)}.",
        f"Look what changed in the server's authentication. {ADVICE}",
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
        f"The server no longer says that it speaks IMAP4rev1, as it did until {last_seen(trait)}; it "
        f"lists {enumerate_shortly(past.case.observation.capabilities or ())}.",
        f"An older protocol has no TLS to begin. {ADVICE}",
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
        f"The TLSA records that DNSSEC protected until {last_seen(trait)} are gone, or protected no "
        "longer: senders take any certificate.",
        f"Check the DNSSEC of the host's zone and its TLSA records; {ACCEPT}.",
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
        f"The greeting is {quote(past.case.observation.banner)}; until {last_seen(trait)} it was "
        f"{enumerate_shortly(tuple(map(quote, cast('tuple[str, ...]', trait.value))))}.",
        "Nothing to do if the server was changed or updated.",
    )


LossRule = Callable[[Past], Verdict | None]
LOSS_RULES: tuple[LossRule, ...] = (
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
