"""The brief of an endpoint: what the lists of the pages sort, count and filter by."""

from collections.abc import Iterable
from dataclasses import dataclass

from scanner.model import Observation, State
from scanner.model.registrable import registrable_domain
from scanner.verdict import is_downgraded, works
from scanner.web.standing import WORST_FIRST, Concern, concern_of


@dataclass(frozen=True, slots=True)
class Brief:
    """An endpoint's last observation, and what it comes to."""

    seen: Observation
    state: State
    concern: Concern
    is_downgraded: bool
    is_working: bool
    provider: str
    """Whose host it is: by the catalogue, else the domain that it is registered under."""
    verdicts: frozenset[str]
    """The ids of the verdicts that weigh: of the last probe, and those that stand."""
    rank: tuple[int, bool, int, int]
    """The smaller, the sooner a person should look."""

    @property
    def port(self) -> int:
        """The port."""
        return self.seen.endpoint.port


def brief_of(seen: Observation) -> Brief:
    """Return the brief of an observation."""
    concern, is_working = concern_of(seen), works(seen)
    endpoint = seen.endpoint
    declared = None if endpoint.expectation is None else endpoint.expectation.provider
    return Brief(
        seen=seen,
        state=seen.state,
        concern=concern,
        is_downgraded=is_downgraded(seen),
        is_working=is_working,
        provider=declared or registrable_domain(endpoint.host) or endpoint.host,
        verdicts=frozenset(verdict.id for verdict in (*seen.verdicts, *seen.counting)),
        rank=(-concern, is_working, WORST_FIRST.index(seen.state), seen.level),
    )


class Briefs:
    """Keeps the briefs of all endpoints, and works out anew only what has been probed since."""

    def __init__(self) -> None:
        self._known: dict[int, Brief] = {}
        """By the identity of the observation, which stays its own as long as the brief holds it."""

    def update(self, observations: Iterable[Observation]) -> tuple[Brief, ...]:
        """Return the briefs of these observations, in their order; safe to call from several threads."""
        known = self._known
        fresh = {id(seen): known.get(id(seen)) or brief_of(seen) for seen in observations}
        self._known = fresh  # in one step: another thread reads the one or the other
        return tuple(fresh.values())
