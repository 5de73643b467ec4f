"""Rules about the certificate: trust, name, dates, strength; on an MX without a policy mostly notices."""

from datetime import timedelta

from scanner.model import Certificate, DaneMatch, Kind, Severity, Verdict
from scanner.verdict.demands import dane_match, is_dane_verified
from scanner.verdict.profile_tables import DEFAULT, Demand
from scanner.verdict.profiles import certificate_mark, key_faults
from scanner.verdict.rules import Case, Rule, enumerate_shortly, quote

_NOT_TRUSTED = frozenset({"self_signed", "untrusted"})
_INSTALL_PUBLIC = "Install a certificate of a public CA with its full chain, intermediates included."
_DATES = frozenset({"expired", "not_yet_valid"})


def certificate_untrusted(case: Case) -> Verdict | None:
    """D16, F31: self-signed, from an unknown CA, or an intermediate is missing; DANE needs no CA."""
    if is_dane_verified(case.observation):
        return None
    certificate = case.observation.certificate
    advice = _INSTALL_PUBLIC
    if certificate is None:
        if case.observation.tls is None:
            return None
        fault = "The server presented no certificate that can be read"
    elif not _is_untrusted(certificate):
        return None
    elif "self_signed" in certificate.problems:
        fault = f"The certificate of {quote(certificate.subject)} is signed by itself"
    else:
        why, advice = _explain_distrust(certificate)
        fault = (
            f"The certificate of {quote(certificate.subject)} leads to no trusted CA: the server sent "
            f"{certificate.chain_length} of its chain, issued by {quote(certificate.issuer)}{why}"
        )
    return Verdict(
        "certificate_untrusted",
        Kind.MISCONFIGURATION,
        _severity(case, Demand.UNTRUSTED),
        f"{fault}.{_cite(case, Demand.UNTRUSTED)}",
        advice,
    )


def _explain_distrust(certificate: Certificate) -> tuple[str, str]:
    """Say what a chain without a trusted end lacks, as far as its bytes tell, and how to mend it."""
    if certificate.missing_intermediate:
        return "; an intermediate is missing", "Let the server send its full chain, intermediates included."
    if certificate.trust_fault == "chain_too_long":
        return (
            "; it goes on beyond where clients follow it",
            "Have a certificate made whose chain is short: a leaf and one or two intermediates.",
        )
    if certificate.trust_fault == "unknown_ca":
        return "; its root is not trusted", _INSTALL_PUBLIC
    if certificate.trust_fault in {"incomplete_chain", "incomplete_or_unknown_ca"}:
        return (
            "; the rest is missing, or of a CA that is not known here",
            "Let the server send its full chain; if it does, its CA is none that clients trust.",
        )
    return "", _INSTALL_PUBLIC


def certificate_name_mismatch(case: Case) -> Verdict | None:
    """D17, F32: the certificate does not name the host (RFC 9525)."""
    certificate = _what_counts(case)
    if certificate is None or certificate.matched_name is not None or certificate.name_matches:
        return None
    host = case.observation.endpoint.host
    return Verdict(
        "certificate_name_mismatch",
        Kind.MISCONFIGURATION,
        _severity(case, Demand.NAME_MISMATCH),
        f"The certificate does not name {host}; it names {enumerate_shortly(certificate.names)}."
        f"{_cite(case, Demand.NAME_MISMATCH)}",
        f"Use one of the names in the certificate as the server, or have it reissued with {host} in it.",
    )


def certificate_expired(case: Case) -> Verdict | None:
    """D18, F33: its time is over, or that of another certificate in its chain."""
    certificate = _what_counts(case)
    if certificate is None:
        return None
    if certificate.not_after < case.now:
        fault = f"The certificate expired on {certificate.not_after.date()}"
    elif "expired" in certificate.problems:
        fault = f"A certificate in the chain of {quote(certificate.subject)} has expired"
    else:
        return None
    return Verdict(
        "certificate_expired",
        Kind.MISCONFIGURATION,
        _severity(case, Demand.EXPIRED),
        f"{fault}.{_cite(case, Demand.EXPIRED)}",
        "Renew it, and reload the mail service: a renewed file that was never loaded is the usual cause.",
    )


def certificate_not_yet_valid(case: Case) -> Verdict | None:
    """D18, F33: its time has not begun."""
    certificate = _what_counts(case)
    if certificate is None:
        return None
    if certificate.not_before > case.now:
        fault = f"The certificate is valid only from {certificate.not_before.date()}"
    elif "not_yet_valid" in certificate.problems:
        fault = f"A certificate in the chain of {quote(certificate.subject)} is not valid yet"
    else:
        return None
    return Verdict(
        "certificate_not_yet_valid",
        Kind.MISCONFIGURATION,
        _severity(case, Demand.NOT_YET_VALID),
        f"{fault}.{_cite(case, Demand.NOT_YET_VALID)}",
        "Check the clocks of the server, of the CA and of this host.",
    )


def certificate_expiring(case: Case) -> Verdict | None:
    """D18: it ends within `certificate_warning_days`."""
    certificate = _what_counts(case)
    if certificate is None or "expired" in certificate.problems:
        return None
    left = certificate.not_after - case.now
    if not timedelta(0) <= left <= timedelta(days=case.policy.certificate_warning_days):
        return None
    return Verdict(
        "certificate_expiring",
        Kind.MISCONFIGURATION,
        case.grade(mx=Severity.NOTICE, client=Severity.WARNING),
        f"The certificate ends on {certificate.not_after.date()}.",
        "Renew it, check that renewal runs by itself, and reload the mail service.",
    )


def key_weak(case: Case) -> Verdict | None:
    """D20: a key that is too short for the profile, or a signature with SHA-1 or MD5."""
    faults = key_faults(case.observation.certificate, case.profile)
    if not faults:
        return None
    key = (
        "an ECDSA P-256 key, or RSA of at least 2048 bits"
        if case.profile is DEFAULT
        else "an ECDSA P-256 key"
    )
    return Verdict(
        "key_weak",
        Kind.WEAKNESS,
        case.weigh(faults[0].grade),
        " ".join(case.tell(fault.text, fault.mark) for fault in faults),
        f"Have a new certificate made: {key}, signed with SHA-256.",
    )


def _severity(case: Case, demand: Demand) -> Severity:
    """Weigh a fault by the profile: on an MX it matters little, unless the profile says otherwise."""
    return case.weigh(certificate_mark(case.profile, case.observation.endpoint.role, demand).grade)


def _cite(case: Case, demand: Demand) -> str:
    """Name the profile where it has a word of its own on a fault; most leave it to the RFCs."""
    role = case.observation.endpoint.role
    mark = certificate_mark(case.profile, role, demand)
    return "" if mark == certificate_mark(DEFAULT, role, demand) else case.cite(mark)


def _what_counts(case: Case) -> Certificate | None:
    """Return the certificate, unless DANE-EE says that its names and dates do not matter (RFC 7672 3.1.1)."""
    return None if dane_match(case.observation) is DaneMatch.EE else case.observation.certificate


def _is_untrusted(certificate: Certificate) -> bool:
    """Wrong dates alone, which some verifiers also report as a lack of trust, have verdicts of their own."""
    problems = set(certificate.problems)
    return bool(problems & _NOT_TRUSTED) or (not certificate.trusted and not problems & _DATES)


CERTIFICATE_RULES: tuple[Rule, ...] = (
    certificate_untrusted,
    certificate_name_mismatch,
    certificate_expired,
    certificate_not_yet_valid,
    certificate_expiring,
    key_weak,
)
