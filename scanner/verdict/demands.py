"""What published policies demand of a server, and how far an observation shows that it gives it."""

from scanner.model import (
    Certificate,
    Dane,
    DaneMatch,
    DaneStatus,
    Observation,
    Reason,
    Role,
    StsClaim,
    StsMode,
    StsPolicy,
)
from scanner.model.reason import OUT_OF_TIME
from scanner.verdict.rules import enumerate_shortly, quote
from scanner.verdict.tls_versions import is_older

_OUT_OF_DATE = frozenset({"expired", "not_yet_valid"})
_UNVERIFIED = frozenset({*_OUT_OF_DATE, "self_signed", "untrusted", "name_mismatch"})
_HANDSHAKE_BROKE = frozenset({Reason.TLS_HANDSHAKE_FAILED, Reason.TLS_CLOSED})
_TLS_IS_A_MUST = frozenset({DaneStatus.SECURE, DaneStatus.UNUSABLE})


def is_verified(certificate: Certificate | None) -> bool:
    """Tell whether a client may believe the certificate: trusted, for this host, in its time, not revoked."""
    return is_valid(certificate) and not is_revoked(certificate)


def is_revoked(certificate: Certificate | None) -> bool:
    """Tell whether a stapled response that the issuer vouches for says that the certificate is revoked."""
    staple = certificate.ocsp if certificate is not None else None
    return staple is not None and staple.status == "revoked" and staple.is_verified is True


def is_valid(certificate: Certificate | None) -> bool:
    """Tell whether a certificate is trusted, for this host, and in its time, whatever a staple says."""
    return (
        certificate is not None
        and certificate.trusted
        and (certificate.name_matches or certificate.matched_name is not None)
        and _OUT_OF_DATE.isdisjoint(certificate.problems)
    )


def published_dane(observation: Observation) -> Dane | None:
    """Return what is published about DANE for an MX; it says nothing about other ports."""
    expectation = observation.endpoint.expectation
    return expectation.dane if expectation is not None and observation.endpoint.role is Role.MX else None


def sts_claims(observation: Observation) -> tuple[StsClaim, ...]:
    """Return the MTA-STS policies for an MX; they say nothing about other ports."""
    expectation = observation.endpoint.expectation
    return expectation.mta_sts if expectation is not None and observation.endpoint.role is Role.MX else ()


def dane_match(observation: Observation) -> DaneMatch | None:
    """Tell how the server stands to secure TLSA records; None where there are none, or TLS was not seen.

    TLS without a certificate that could be compared is a mismatch.
    """
    dane = published_dane(observation)
    if dane is None or dane.status is not DaneStatus.SECURE or observation.tls is None:
        return None
    return observation.dane or DaneMatch.MISMATCH


def is_dane_verified(observation: Observation) -> bool:
    """Tell whether secure TLSA records vouch for the server."""
    return dane_match(observation) in {DaneMatch.EE, DaneMatch.TA}


def published_demand(observation: Observation) -> str | None:
    """Name what makes TLS a must on this MX; None where nothing does.

    TLSA records do so even where none is usable (RFC 7672 section 2.2).
    """
    dane = published_dane(observation)
    if dane is not None and dane.status in _TLS_IS_A_MUST:
        return "the TLSA records of the host"
    enforcing = [
        domain
        for claim in sts_claims(observation)
        if claim.policy.mode is StsMode.ENFORCE
        for domain in claim.domains
    ]
    return f"the MTA-STS policy of {enumerate_shortly(tuple(enforcing))}" if enforcing else None


def lack_of_tls(observation: Observation) -> str | None:
    """Say why a server that was reached on a STARTTLS port gave no TLS; None where it did.

    None as well where that cannot be told: silence, and a connection that broke before the server had
    answered STARTTLS, may be the network's fault.
    """
    starttls = observation.starttls
    if starttls is None or observation.tls is not None:
        return None
    if not starttls.offered:
        return "the server does not offer STARTTLS"
    if observation.detail is not None and observation.detail.startswith(OUT_OF_TIME):
        return None
    if observation.reason in _HANDSHAKE_BROKE:
        return f"the TLS handshake fails: {quote(observation.detail)}"
    if observation.reason is Reason.TLS_TIMEOUT:
        return None
    refusal = observation.detail if observation.reason is Reason.PROTOCOL_ERROR else None
    refusal = starttls.reply or refusal
    return f"the server offers STARTTLS and refuses it: {quote(refusal)}" if refusal is not None else None


def sts_fault(observation: Observation, policy: StsPolicy) -> str | None:
    """Say how an MX violates an MTA-STS policy (RFC 8461 section 4.1 and 4.2); None where it does not.

    None as well where the server was not reached. A match of DANE stands in for a certificate that
    verifies (RFC 8461 section 2).
    """
    if observation.tls is None and observation.starttls is None:
        return None
    host = observation.endpoint.host
    if not policy.allows(host):
        return f"{host} is none of the hosts that it allows"
    if observation.tls is None:
        return lack_of_tls(observation)
    if is_older(observation.tls.version, "TLSv1.2"):
        return f"the server agreed on {observation.tls.version}, where TLS 1.2 is the least"
    # Senders need not look for revocation (RFC 8461 section 4.2).
    if is_dane_verified(observation) or is_valid(observation.certificate):
        return None
    return _describe_unverified(observation.certificate)


def keeps_sts(observation: Observation, policy: StsPolicy) -> bool:
    """Tell whether an MX is seen to keep an MTA-STS policy that is enforced, in all its parts."""
    return (
        policy.mode is StsMode.ENFORCE
        and observation.tls is not None
        and sts_fault(observation, policy) is None
    )


def breaks_sts(observation: Observation, policy: StsPolicy) -> bool:
    """Tell whether an MX is seen to violate an MTA-STS policy that is enforced, so that mail stays away."""
    return policy.mode is StsMode.ENFORCE and sts_fault(observation, policy) is not None


def fulfils_sts(observation: Observation) -> bool:
    """Tell whether every enforced MTA-STS policy, and there is one, is seen to be kept."""
    enforced = [claim.policy for claim in sts_claims(observation) if claim.policy.mode is StsMode.ENFORCE]
    return bool(enforced) and all(keeps_sts(observation, policy) for policy in enforced)


def is_shut_by_sts(observation: Observation) -> bool:
    """Tell whether an MX violates an enforced MTA-STS policy of every domain that uses it."""
    shut = {
        domain
        for claim in sts_claims(observation)
        if breaks_sts(observation, claim.policy)
        for domain in claim.domains
    }
    return bool(shut) and shut.issuperset(observation.endpoint.domains)


def _describe_unverified(certificate: Certificate | None) -> str:
    if certificate is None:
        return "the server presents no certificate that can be read"
    problems = tuple(problem.replace("_", " ") for problem in certificate.problems if problem in _UNVERIFIED)
    return f"the server's certificate does not verify ({enumerate_shortly(problems or ('untrusted',))})"
