"""Judges observations; where an endpoint shows the same as before, what was said of it is said again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from operator import attrgetter

from scanner.model import Observation
from scanner.protocol.memory import Memory
from scanner.verdict import Policy

REMEMBERED = 4096
"""Observations kept where nobody says how many; in a scan hardly any endpoint is met again."""

_VARYING = frozenset({"started_at", "duration", "phases", "bytes_read"})
"""What differs from probe to probe and no rule looks at; the moment is weighed by itself."""
_RESULT = frozenset({"level", "verdicts"})
_NAMES = tuple(field.name for field in fields(Observation) if field.name not in _VARYING | _RESULT)
_evidence_of = attrgetter(*_NAMES)


@dataclass(frozen=True, slots=True)
class Known:
    """An observation that was judged, and between which moments the same evidence is judged the same."""

    observation: Observation
    begin: datetime | None
    end: datetime | None

    def holds_for(self, observation: Observation) -> bool:
        """Whether that observation has the same evidence, at a moment of which the same holds."""
        now = observation.started_at
        if (self.begin is not None and now <= self.begin) or (self.end is not None and now >= self.end):
            return False
        same: bool = _evidence_of(self.observation) == _evidence_of(observation)
        return same


class Judgements:
    """Judges by one policy. Most probes find what the one before found: then its values are handed on too.

    So many observations are `remembered`, of which an endpoint has two: before and after its sweep. Their
    values are those of the endpoint's latest observation, which a watch holds anyway.
    """

    def __init__(
        self,
        policy: Policy,
        judge: Callable[[Observation, Policy], Observation],
        remembered: int = REMEMBERED,
    ) -> None:
        self._policy = policy
        self._judge = judge
        self._known: Memory[tuple[object, ...], Known] = Memory(remembered)

    def judged(self, observation: Observation) -> Observation:
        """Return the observation with its level and verdicts."""
        key = (*observation.endpoint.key, observation.versions is None)
        known = self._known.recall(key)
        if known is not None and known.holds_for(observation):
            return replace(
                known.observation,
                started_at=observation.started_at,
                duration=observation.duration,
                phases=observation.phases,
                bytes_read=observation.bytes_read,
            )
        found = self._judge(observation, self._policy)
        moments = sorted(_turning_points(observation, self._policy.of(observation.endpoint)))
        now = observation.started_at
        earlier = [moment for moment in moments if moment <= now]
        later = [moment for moment in moments if moment > now]
        if now not in moments:  # on the very moment itself nothing is said of those beside it
            self._known.keep(key, Known(found, earlier[-1] if earlier else None, later[0] if later else None))
        return found


def _turning_points(observation: Observation, policy: Policy) -> Iterator[datetime]:
    """Yield the moments at which a verdict on the same evidence changes: the dates of the certificate."""
    certificate = observation.certificate
    if certificate is None:
        return
    yield certificate.not_before
    yield certificate.not_after
    try:
        yield certificate.not_after - timedelta(days=policy.certificate_warning_days)
    except OverflowError:
        return  # it ended in the first year that there is
