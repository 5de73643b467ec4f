"""The condition of an endpoint: what counts of it by now, over several probes."""

from dataclasses import dataclass, field
from datetime import datetime

from scanner.model import Observation, Reason, StandingVerdict, State
from scanner.model.memory import Memory
from scanner.model.observation import Key

LONGEST_EVIDENCE = 160
"""Characters of a server's own words that are kept of an endpoint, and told."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What counts of one endpoint by now."""

    key: Key
    provider: str
    """Whose host it is: by the catalogue, or the domain that it is registered under."""
    domains: tuple[str, ...]
    state: State
    """As it is confirmed; unknown while it is not."""
    since: datetime
    reason: Reason | None
    """By the last probe."""
    has_answered: bool
    """Whether its baseline says that it answers."""
    certificate: str | None
    """The fingerprint of the one seen last."""
    standing: tuple[StandingVerdict, ...]
    is_recovering: bool
    """Whether it was open by the last probe, though not confirmed to be."""
    seen_at: datetime = field(compare=False)
    """When the last probe was made."""
    evidence: str | None = field(default=None, compare=False)
    """What a service that is broken said instead, unescaped: of the probe that brought this condition about.

    It may differ from probe to probe, and is no change by itself.
    """

    @property
    def host(self) -> str:
        """The host's name."""
        return self.key[0]

    @property
    def address(self) -> str:
        """The address."""
        return self.key[1]

    @property
    def port(self) -> int:
        """The port."""
        return self.key[2]


def condition_of(observation: Observation, memory: Memory, provider: str) -> Condition:
    """Return the condition of an endpoint by its last probe and its memory."""
    certificate = observation.certificate
    return Condition(
        key=observation.endpoint.key,
        provider=provider,
        domains=observation.endpoint.domains,
        state=memory.state or State.UNKNOWN,
        since=memory.state_since or observation.started_at,
        reason=observation.reason,
        has_answered="open" in memory.traits and memory.traits["open"].value is not None,
        certificate=certificate.fingerprint_sha256 if certificate is not None else None,
        standing=observation.standing or (),
        is_recovering=memory.rival_state is State.OPEN and observation.state is State.OPEN,
        seen_at=observation.started_at,
        evidence=_evidence_of(observation),
    )


def _evidence_of(observation: Observation) -> str | None:
    """Return what is kept of the detail: only of the few that are broken, so that all others cost nothing."""
    if observation.state is not State.BROKEN or observation.detail is None:
        return None
    return observation.detail[:LONGEST_EVIDENCE]
