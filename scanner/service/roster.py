"""The roster: the latest result of every endpoint, and which endpoints serve a domain together."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace

from scanner.model import Endpoint, Observation
from scanner.model.control import Gate, GateStanding, gate_of
from scanner.model.domain import DomainFacts
from scanner.model.observation import Key
from scanner.model.thrift import Thrift
from scanner.service.whereabouts import Whereabouts
from scanner.verdict.egress import EGRESS_REASONS, blame

MOST_DOMAINS = 8
"""Among the servers of so many of its domains others of an endpoint are looked for."""


class Roster:
    """What is known of the endpoints now."""

    def __init__(self) -> None:
        self.latest: dict[Key, Observation] = {}
        self.turns = 0
        """Higher whenever an endpoint has come or gone, or has been planned anew."""
        self.ruled_out: set[Key] = set()
        """Guesses that have shown nothing: nobody is told of them."""
        self.facts: tuple[DomainFacts, ...] = ()
        """What discovery knows of every target, in the order of the targets."""
        self._facts: Mapping[str, DomainFacts] = {}
        self._recalled: set[Key] = set()
        """Whose latest result is from before the process began."""
        self._restored: dict[Key, Observation] = {}
        self._is_late = False
        """Whether results from before have come since the last plan began to be taken over."""
        self._thrift = Thrift()
        self.whereabouts = Whereabouts()
        """Of the endpoints that have a latest result."""

    @property
    def probed(self) -> int:
        """How many endpoints this process has a result of its own of."""
        return len(self.latest) - len(self._recalled)

    def keep(self, observation: Observation) -> None:
        """Keep a result."""
        key = observation.endpoint.key
        if key not in self.latest:
            self.turns += 1
            self.whereabouts.add(key)
        self.latest[key] = observation
        self._recalled.discard(key)
        self._restored.pop(key, None)
        self.ruled_out.discard(key)

    def spare(self, observation: Observation) -> Observation:
        """Return a new result that shares what it can with the others kept here."""
        return self._thrift.share(observation, self.latest.get(observation.endpoint.key))

    def restore(self, latest: Mapping[Key, Observation]) -> Generator[None, None, None]:
        """Take over results from before the process began, piece by piece.

        They count once their endpoint is in the plan.
        """
        for key, seen in latest.items():
            if key not in self.latest:
                self._restored[key] = seen
            self._is_late = True
            yield

    def let_go(self) -> None:
        """Let results from before go that no plan has an endpoint for; the last one may not have seen all."""
        if not self._is_late:
            self._restored = {}

    def forget(self, key: Key) -> None:
        """Forget an endpoint that is watched no more."""
        if self.latest.pop(key, None) is not None:
            self.turns += 1
            self.whereabouts.remove(key)
        self._recalled.discard(key)
        self._restored.pop(key, None)
        self.ruled_out.discard(key)

    def plan(self, domains: Sequence[DomainFacts]) -> Generator[None, None, None]:
        """Take over which endpoints serve which domain, piece by piece; till then the former ones hold."""
        self._is_late = False
        by_name: dict[str, DomainFacts] = {}
        for facts in domains:
            by_name[facts.domain] = facts
            yield
        self.turns += 1
        self.facts, self._facts = tuple(domains), by_name

    def facts_in_force(self) -> Sequence[DomainFacts]:
        """Return what is known of every target, without guesses that have shown nothing."""
        return [self._in_force(facts) for facts in self.facts] if self.ruled_out else self.facts

    def facts_of(self, name: str) -> DomainFacts | None:
        """Return the same of one target; None where nothing is known of it."""
        facts = self._facts.get(name)
        return None if facts is None else self._in_force(facts)

    def _in_force(self, facts: DomainFacts) -> DomainFacts:
        ruled_out = self.ruled_out
        if ruled_out.isdisjoint(member.key for member in facts.members):
            return facts
        members = tuple(member for member in facts.members if member.key not in ruled_out)
        return replace(facts, members=members)

    def others_of(self, seen: Observation) -> Iterator[Observation]:
        """Yield the last results of the servers of the first domains that an endpoint serves."""
        for domain in seen.endpoint.domains[:MOST_DOMAINS]:
            facts = self._facts.get(domain)
            for member in () if facts is None else facts.members:
                if (other := self.latest.get(member.key)) is not None:
                    yield other

    def renewed(self, endpoint: Endpoint) -> Observation | None:
        """Return the last result with what is published of its endpoint now; None where it is the same.

        None as well where the TLSA records did: the next probe compares the chain with the new ones.
        """
        restored = self._restored.pop(endpoint.key, None)
        if restored is not None:
            if endpoint.key not in self.latest:
                self.turns += 1
                self.whereabouts.add(endpoint.key)
            self.latest[endpoint.key] = found = self._thrift.share(replace(restored, endpoint=endpoint), None)
            self._recalled.add(endpoint.key)
            return found
        seen = self.latest.get(endpoint.key)
        if seen is None:
            return None
        known = replace(endpoint, dns_seconds=seen.endpoint.dns_seconds)
        is_same = known == seen.endpoint or known.dane != seen.endpoint.dane
        return None if is_same else replace(seen, endpoint=known)

    def judged_otherwise(self, gate: Gate, standing: GateStanding) -> Iterator[Key]:
        """Yield the endpoints at a gate that could not be judged and can be now, or were blamed in vain."""
        for key, seen in self.latest.items():
            if gate_of(seen.endpoint) == gate and _is_judged_otherwise(seen, standing):
                yield key


def _is_judged_otherwise(seen: Observation, standing: GateStanding) -> bool:
    if standing.is_bad:
        return blame(seen, standing) is not seen
    return seen.reason in EGRESS_REASONS
