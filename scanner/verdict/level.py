"""What a port is worth to who uses it: its level, and whether it works, is blocked or is downgraded."""

from scanner.model import DaneMatch, Kind, Observation, Role, Severity, State
from scanner.verdict.demands import dane_match, fulfils_sts, is_dane_verified, is_verified
from scanner.verdict.tls_versions import is_older

__all__ = ["is_blocked", "is_downgraded", "is_verified", "level_of", "works"]


def level_of(observation: Observation) -> int:
    """Return the protection a client gets, 0 to 5.

    0 not reachable, 1 plain text only, 2 TLS 1.1 or older, or a certificate that does not verify,
    3 TLS 1.2 verified, 4 TLS 1.3 verified, 5 one of these two and bound to it by DANE or by an enforced
    MTA-STS policy. What DANE vouches for is verified, even if it signed itself.
    """
    if observation.state is not State.OPEN:
        return 0
    if observation.tls is None:
        return 1
    is_proven = is_dane_verified(observation) or is_verified(observation.certificate)
    if not is_proven or is_older(observation.tls.version, "TLSv1.2"):
        return 2
    if _is_bound(observation):
        return 5
    return 3 if is_older(observation.tls.version, "TLSv1.3") else 4


def _is_bound(observation: Observation) -> bool:
    """Whether senders must insist on TLS; a policy never outweighs failing DANE (RFC 8461 section 2)."""
    match = dane_match(observation)
    return fulfils_sts(observation) if match is None else match is not DaneMatch.MISMATCH


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
