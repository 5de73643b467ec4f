"""Rules about the OCSP response stapled to a handshake: revoked, missing though demanded, or of no use."""

from scanner.model import Certificate, DaneMatch, Kind, Severity, Verdict
from scanner.model.observation import OcspStaple
from scanner.verdict.demands import dane_match, is_revoked
from scanner.verdict.profile_tables import Demand
from scanner.verdict.profiles import certificate_mark
from scanner.verdict.rules import Case, Rule, quote

_MEND = (
    "Switch OCSP stapling on in the server and let it renew the response in time; a server that cannot "
    "staple needs a certificate without the demand (RFC 7633)."
)


def certificate_revoked(case: Case) -> Verdict | None:
    """RFC 6960: the CA itself says, in a response that it signed, that the certificate is revoked.

    That is final, so it counts however old the response is. DANE needs no CA (RFC 7672 section 3.1.1).
    """
    certificate = _what_counts(case)
    if certificate is None or not is_revoked(certificate):
        return None
    role = case.observation.endpoint.role
    return Verdict(
        "certificate_revoked",
        Kind.MISCONFIGURATION,
        case.weigh(certificate_mark(case.profile, role, Demand.UNTRUSTED).grade),
        f"The CA has revoked the certificate of {quote(certificate.subject)}, by the stapled response.",
        "Have a new certificate made with a new key; find out why this one was revoked.",
    )


def ocsp_staple_missing(case: Case) -> Verdict | None:
    """RFC 7633 section 4.3.3: the certificate demands a staple and none came.

    Clients that know the demand end the connection (those with GnuTLS), others do not look; so it is a
    warning. Servers that deliver to an MX go on with any certificate (RFC 7435).
    """
    certificate = _what_counts(case)
    if certificate is None or not certificate.demands_staple or certificate.ocsp is not None:
        return None
    return Verdict(
        "ocsp_staple_missing",
        Kind.MISCONFIGURATION,
        case.grade(mx=Severity.NOTICE, client=Severity.WARNING),
        "The certificate demands a stapled OCSP response, and the server sends none: some clients refuse it.",
        _MEND,
    )


def ocsp_staple_invalid(case: Case) -> Verdict | None:
    """RFC 6960 section 3.2: a staple that a client cannot rely on; as good as none where one is demanded."""
    certificate = _what_counts(case)
    staple = certificate.ocsp if certificate is not None else None
    if certificate is None or staple is None or is_revoked(certificate):
        return None
    faults = _faults_of(staple)
    if not faults:
        return None
    demand = ", and the certificate demands one: some clients refuse it" if certificate.demands_staple else ""
    return Verdict(
        "ocsp_staple_invalid",
        Kind.MISCONFIGURATION,
        case.grade(mx=Severity.NOTICE, client=Severity.WARNING)
        if certificate.demands_staple
        else Severity.NOTICE,
        f"The stapled OCSP response {' and '.join(faults)}{demand}.",
        _MEND
        if certificate.demands_staple
        else "Let the server fetch the response anew before it ends, from the CA of this very certificate.",
    )


def _faults_of(staple: OcspStaple) -> list[str]:
    """Say why a client cannot rely on a staple; one whose signature cannot be checked here is not blamed."""
    if staple.status == "unreadable":
        return ["says nothing of this certificate"]
    faults = []
    if staple.is_verified is False:
        faults.append("is not signed by the issuer or for it")
    if staple.is_stale:
        faults.append("is out of its time")
    if staple.status != "good":
        faults.append(f"calls the certificate {staple.status}")
    return faults


def _what_counts(case: Case) -> Certificate | None:
    """Return the certificate, unless DANE-EE vouches for its key, whatever its CA says."""
    return None if dane_match(case.observation) is DaneMatch.EE else case.observation.certificate


STAPLE_RULES: tuple[Rule, ...] = (certificate_revoked, ocsp_staple_missing, ocsp_staple_invalid)
