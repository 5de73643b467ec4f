"""The roster: the latest result of every endpoint, and which endpoints serve a domain together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from scanner.model import Observation
from scanner.model.domain import DomainFacts, Membership
from scanner.model.observation import Key

MOST_DOMAINS = 8
"""Among the servers of so many of its domains others of an endpoint are looked for."""


class Roster:
    """What is known of the endpoints now."""

    def __init__(self) -> None:
        self.latest: dict[Key, Observation] = {}
        self._members: Mapping[str, Sequence[Membership]] = {}

    def plan(self, domains: Iterable[DomainFacts]) -> None:
        """Take over which endpoints serve which domain."""
        self._members = {facts.domain: facts.members for facts in domains}

    def others_of(self, seen: Observation) -> Iterator[Observation]:
        """Yield the last results of the servers of the first domains that an endpoint serves."""
        for domain in seen.endpoint.domains[:MOST_DOMAINS]:
            for member in self._members.get(domain, ()):
                if (other := self.latest.get(member.key)) is not None:
                    yield other
