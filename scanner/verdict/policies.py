"""Rules about published policies: what MTA-STS (RFC 8461) and DANE (RFC 7672) promise of an MX."""

from scanner.model import DaneMatch, DaneStatus, Kind, Severity, StsMode, Verdict
from scanner.verdict.demands import dane_match, lack_of_tls, published_dane, sts_claims, sts_fault
from scanner.verdict.rules import Case, Rule, enumerate_shortly, quote

_LONGEST_RECORD = 80
_SEVERITY_OF_MODE = {StsMode.ENFORCE: Severity.CRITICAL, StsMode.TESTING: Severity.WARNING}
_SUMMARY_OF_STATUS = {
    DaneStatus.FAILED: "TLSA records could not be looked up or do not validate, so senders that honour DANE "
    "do not deliver here",
    DaneStatus.UNTRUSTED: "TLSA records are published, and whether DNSSEC protects them cannot be told: the "
    "resolver is not trusted to validate",
    DaneStatus.INSECURE: "TLSA without DNSSEC is of no use: it does not protect these records, or the MX or "
    "address records that lead here",
    DaneStatus.UNUSABLE: "None of the TLSA records can be used for SMTP, so they cannot vouch for the "
    "certificate",
}
_ADVICE_ON_STATUS = {
    DaneStatus.FAILED: "Check the DNSSEC signatures of the host's zone, and that its name servers answer "
    "queries for TLSA.",
    DaneStatus.UNTRUSTED: "Run a validating resolver on this host, or set resolver.trust_ad for one that is "
    "reached by a safe way.",
    DaneStatus.INSECURE: "Sign the zones of the domain and of the host with DNSSEC, or remove the TLSA "
    "records.",
    DaneStatus.UNUSABLE: "Publish a record like 3 1 1 with the SHA-256 of the server's public key; usages 0 "
    "and 1 do not count for SMTP.",
}


def mta_sts_violated(case: Case) -> Verdict | None:
    """D27, RFC 8461: not an allowed host, no TLS 1.2, or a certificate that does not verify.

    Where policies of several domains are violated, the strictest of them are told. The port is shut for
    these domains alone: see `is_shut_by_sts`.
    """
    for mode, severity in _SEVERITY_OF_MODE.items():
        domains_by_fault: dict[str, list[str]] = {}
        for claim in sts_claims(case.observation):
            if claim.policy.mode is mode and (fault := sts_fault(case.observation, claim.policy)):
                domains_by_fault.setdefault(fault, []).extend(claim.domains)
        if domains_by_fault:
            faults = "; ".join(
                f"the MTA-STS policy of {enumerate_shortly(tuple(domains))}, in mode {mode.value}, is "
                f"violated: {fault}"
                for fault, domains in domains_by_fault.items()
            )
            return Verdict(
                "mta_sts_violated",
                Kind.DOWNGRADE,
                severity,
                f"{faults[0].upper()}{faults[1:]}.",
                "Offer STARTTLS with TLS 1.2 or newer and a certificate of a public CA for its "
                "name, and list every MX host in the policy; senders that honour an enforced policy do not "
                "deliver here meanwhile.",
            )
    return None


def dane_violated(case: Case) -> Verdict | None:
    """D29, RFC 7672 section 2.2: TLSA records make TLS a must, and usable ones a match as well."""
    dane = published_dane(case.observation)
    if dane is None or dane.status not in {DaneStatus.SECURE, DaneStatus.UNUSABLE}:
        return None
    fault = lack_of_tls(case.observation)
    if fault is None and dane_match(case.observation) is DaneMatch.MISMATCH:
        records = tuple(str(record)[:_LONGEST_RECORD] for record in dane.records)
        fault = f"what it presents matches none of them: {enumerate_shortly(records)}"
    if fault is None:
        return None
    return Verdict(
        "dane_violated",
        Kind.DOWNGRADE,
        Severity.CRITICAL,
        f"The host publishes TLSA records under DNSSEC, and {fault}.",
        "Enable STARTTLS with the key that is published, and publish the record of a new key before the "
        "server takes it; if both are in order, somebody on the path is at work. Until then senders that "
        "honour DANE do not deliver here.",
    )


def dane_unverifiable(case: Case) -> Verdict | None:
    """D30: a look-up that fails is a warning; records that cannot be used are a notice."""
    dane = published_dane(case.observation)
    is_reached = case.observation.tls is not None or case.observation.starttls is not None
    if dane is None or dane.status not in _SUMMARY_OF_STATUS or not is_reached:
        return None
    is_failure = dane.status is DaneStatus.FAILED
    return Verdict(
        "dane_unverifiable",
        Kind.DOWNGRADE if is_failure else Kind.NOTICE,
        Severity.WARNING if is_failure else Severity.NOTICE,
        f"{_SUMMARY_OF_STATUS[dane.status]}{f': {quote(dane.detail)}' if dane.detail else ''}.",
        _ADVICE_ON_STATUS[dane.status],
    )


POLICY_RULES: tuple[Rule, ...] = (mta_sts_violated, dane_violated, dane_unverifiable)
