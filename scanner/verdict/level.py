"""What a port is worth to who uses it: its level, and whether it works, is blocked or is downgraded."""

from scanner.model import Certificate, Kind, Observation, Role, Severity, State
from scanner.verdict.tls_versions import is_older

_OUT_OF_DATE = frozenset({"expired", "not_yet_valid"})


def level_of(observation: Observation) -> int:
    """Return the protection a client gets, 0 to 4.

    0 not reachable, 1 plain text only, 2 TLS 1.1 or older, or a certificate that does not verify,
    3 TLS 1.2 verified, 4 TLS 1.3 verified. Level 5 needs a published policy and is not given here.
    """
    if observation.state is not State.OPEN:
        return 0
    if observation.tls is None:
        return 1
    if not is_verified(observation.certificate) or is_older(observation.tls.version, "TLSv1.2"):
        return 2
    return 3 if is_older(observation.tls.version, "TLSv1.3") else 4


def is_verified(certificate: Certificate | None) -> bool:
    """Tell whether a client may believe the certificate: trusted, for this host, and in its time."""
    return (
        certificate is not None
        and certificate.trusted
        and certificate.name_matches
        and _OUT_OF_DATE.isdisjoint(certificate.problems)
    )


def works(observation: Observation) -> bool:
    """Tell whether a client could use the port as it is meant, TLS included.

    Clients need a certificate that verifies; servers that deliver to an MX do not (RFC 7435). A judged
    observation with a critical downgrade does not work.
    """
    if observation.state is not State.OPEN or observation.tls is None:
        return False
    if observation.endpoint.role is not Role.MX and not is_verified(observation.certificate):
        return False
    return not any(
        verdict.kind is Kind.DOWNGRADE and verdict.severity is Severity.CRITICAL
        for verdict in observation.verdicts
    )


def is_blocked(observation: Observation) -> bool:
    """Tell whether the target's side lets packets vanish or forbids them (not: our own network)."""
    return observation.state is State.BLOCKED


def is_downgraded(observation: Observation) -> bool:
    """Tell whether a judged observation shows less protection than promised, or signs of stripping."""
    return any(verdict.kind is Kind.DOWNGRADE for verdict in observation.verdicts)
