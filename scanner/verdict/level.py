"""What a port is worth to who uses it: its level, and whether it works, is blocked or is downgraded."""

from scanner.model import DaneMatch, Kind, Observation, Role, Severity, State, StsPolicy
from scanner.verdict.demands import (
    breaks_sts,
    dane_match,
    fulfils_sts,
    is_dane_verified,
    is_shut_by_sts,
    is_verified,
    keeps_sts,
)
from scanner.verdict.tls_versions import is_older

__all__ = ["is_blocked", "is_downgraded", "is_verified", "level_for", "level_of", "works", "works_for"]


def level_of(observation: Observation) -> int:
    """Return the protection a client gets, 0 to 5.

    0 not reachable, 1 plain text only, 2 TLS 1.1 or older, or a certificate that does not verify,
    3 TLS 1.2 verified, 4 TLS 1.3 verified, 5 one of these two and bound to it by DANE or by an enforced
    MTA-STS policy, of every domain that has one. What DANE vouches for is verified, even if it signed itself.
    """
    return _measure(observation, has_dane=is_dane_verified(observation), is_kept=fulfils_sts(observation))


def level_for(observation: Observation, policy: StsPolicy | None, *, has_secure_mx: bool = True) -> int:
    """Return the protection that one domain gets of a port, 0 to 5 as in `level_of`.

    Only its own policy counts, and DANE only where its own MX record is secure (RFC 7672 section 2.2.1).
    """
    return _measure(
        observation,
        has_dane=has_secure_mx and is_dane_verified(observation),
        is_kept=policy is not None and _is_mx(observation) and keeps_sts(observation, policy),
    )


def _measure(observation: Observation, *, has_dane: bool, is_kept: bool) -> int:
    if observation.state is not State.OPEN:
        return 0
    if observation.tls is None:
        return 1
    is_proven = has_dane or is_verified(observation.certificate)
    if not is_proven or is_older(observation.tls.version, "TLSv1.2"):
        return 2
    # A policy never outweighs failing DANE (RFC 8461 section 2).
    if has_dane or (is_kept and dane_match(observation) is not DaneMatch.MISMATCH):
        return 5
    return 3 if is_older(observation.tls.version, "TLSv1.3") else 4


def works(observation: Observation) -> bool:
    """Tell whether a client could use the port as it is meant, TLS included.

    Clients need a certificate that verifies; servers that deliver to an MX do not (RFC 7435). A judged
    observation with a critical downgrade does not work. A violated MTA-STS policy shuts the port only for
    the domains that publish it: it works while one domain is left.
    """
    return _serves(observation) and not is_shut_by_sts(observation)


def works_for(observation: Observation, policy: StsPolicy | None) -> bool:
    """Tell whether a port works for a domain with this MTA-STS policy, whatever other domains publish."""
    is_shut = policy is not None and _is_mx(observation) and breaks_sts(observation, policy)
    return _serves(observation) and not is_shut


def _serves(observation: Observation) -> bool:
    """Whether the port works but for MTA-STS, which each domain has its own of."""
    if observation.state is not State.OPEN or observation.tls is None:
        return False
    if not _is_mx(observation) and not is_verified(observation.certificate):
        return False
    return not any(
        verdict.kind is Kind.DOWNGRADE
        and verdict.severity is Severity.CRITICAL
        and verdict.id != "mta_sts_violated"
        for verdict in observation.verdicts
    )


def _is_mx(observation: Observation) -> bool:
    """Whether published policies are about the port."""
    return observation.endpoint.role is Role.MX


def is_blocked(observation: Observation) -> bool:
    """Tell whether the target's side lets packets vanish or forbids them (not: our own network).

    A port that its provider says it does not offer is not blocked, however it turns us away. What several
    probes have confirmed counts, where they are remembered.
    """
    if observation.standing is not None:
        return any(
            verdict.id == "port_blocked" and verdict.kind is Kind.BLOCKED for verdict in observation.counting
        )
    expectation = observation.endpoint.expectation
    is_absent = expectation is not None and expectation.not_offered
    return observation.state is State.BLOCKED and not is_absent


def is_downgraded(observation: Observation) -> bool:
    """Tell whether a judged observation shows less protection than promised, or signs of stripping.

    What several probes have confirmed counts, where they are remembered.
    """
    return any(verdict.kind is Kind.DOWNGRADE for verdict in observation.counting)
