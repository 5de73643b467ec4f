"""The share of a shard: what of the plan of all targets it probes, and what of it it tells."""

from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field, replace

from scanner.discovery import Plan
from scanner.model import Observation, Service
from scanner.model.domain import DomainFacts, Membership, Part
from scanner.model.observation import Key
from scanner.model.shard import Shard
from scanner.model.target import Target
from scanner.service.past import Past
from scanner.store.packing import PackedTexts

_Cut = tuple[tuple[Membership, ...], frozenset[Service], tuple[int, ...]]
"""The members that are ours, the services of the others, and their shards."""


@dataclass(slots=True)
class Share:
    """Cuts plans. Hosts go to shards by their names, since their addresses change from answer to answer.

    Every shard plans all targets, and so all agree on who probes what without asking each other.

    Args:
        shard: which one this is; None = there is only one, and nothing is cut.
    """

    shard: Shard | None = None
    crowded: Mapping[str, int] = field(default_factory=dict)
    """Addresses that hosts of several shards have, and of how many shards; filled by `cut`."""
    absent: frozenset[str] = frozenset()
    """Targets that other shards have all of that there is to show; filled by `cut`."""
    _former: dict[str, tuple[DomainFacts, DomainFacts, tuple[int, ...]]] = field(default_factory=dict)
    """By domain: what was cut last, what it became, and the other shards that have servers of it. What has
    not changed stays the same value."""

    def has(self, key: Key) -> bool:
        """Tell whether an endpoint is ours."""
        return self.shard is None or self.shard.has(key[0])

    def has_account(self, name: str) -> bool:
        """Tell whether an account of the operator is checked here: by one of several shards."""
        return self.shard is None or self.shard.has(name)

    def others_of(self, name: str) -> tuple[int, ...]:
        """Return which other shards have what there is of a target; none where all of it is here."""
        if self.shard is None:
            return ()
        known = self._former.get(name)
        if known is not None and (known[0].members or known[2]):
            return known[2]
        return () if self.shard.has(name) else (self.shard.number_of(name),)

    def describe(self) -> dict[str, str]:
        """Return what the log says of it."""
        return {} if self.shard is None else {"shard": str(self.shard)}

    def scope(self, vantage: str) -> str:
        """Return the name under which this process writes to a store that others may write to as well."""
        return vantage if self.shard is None else f"{vantage} shard {self.shard}"

    def outbox(self, vantage: str) -> str:
        """Return the name under which a process finds again what it has to deliver, however many shards."""
        return vantage if self.shard is None else f"{vantage} shard {self.shard.index}"

    def recall(self, past: Past) -> Generator[None, None, Past]:
        """Return of what a store knows what is ours: a database that all shards use knows all.

        It yields wherever that may be put off.
        """
        if self.shard is None:
            return past
        known, memories = PackedTexts(past.memories), PackedTexts()
        for key, packed in known.packed.items():
            if self.has(key):
                memories.packed[key] = packed
            yield
        latest: dict[Key, Observation] = {}
        for key, seen in past.latest.items():
            if self.has(key):
                latest[key] = seen
            yield
        return replace(past, memories=memories, latest=latest)

    def count(self, targets: Iterable[Target]) -> int:
        """Return how many domains are ours of those that are watched."""
        names = {target.host for target in targets}
        return len(names) if self.shard is None else sum(map(self.shard.has, names))

    def cut(self, plan: Plan) -> Generator[None, None, Plan]:
        """Return our part of a plan; yields wherever that may be put off."""
        if self.shard is None:
            return plan
        numbers: dict[str, int] = {}
        crowds: defaultdict[str, set[int]] = defaultdict(set)
        endpoints = []
        for endpoint in plan.endpoints:
            number = numbers.get(endpoint.host)
            if number is None:
                number = numbers[endpoint.host] = self.shard.number_of(endpoint.host)
            crowds[endpoint.address].add(number)
            if number == self.shard.index:
                endpoints.append(endpoint)
            yield
        findings = tuple(finding for finding in plan.findings if self.shard.has(finding.domain))
        absent = {finding.domain for finding in plan.findings}
        yield
        domains: list[DomainFacts] = []
        kept: dict[str, tuple[DomainFacts, DomainFacts, tuple[int, ...]]] = {}
        cuts: dict[int, _Cut] = {}
        for facts in plan.domains:
            former = self._former.get(facts.domain)
            if former is not None and former[0] is facts:
                _, mine, others = former
            else:
                mine, others = self._cut(facts, cuts)
            kept[facts.domain] = facts, mine, others
            is_owner = mine.part is not None and mine.part.is_owner
            if mine.members or is_owner:
                domains.append(mine)
            if mine.members or (is_owner and not others):
                absent.discard(facts.domain)
            else:
                absent.add(facts.domain)
            yield
        self._former = kept
        self.absent = frozenset(absent.difference(finding.domain for finding in findings))
        self.crowded = {address: len(shards) for address, shards in crowds.items() if len(shards) > 1}
        return Plan(tuple(endpoints), findings, tuple(domains))

    def _cut(self, facts: DomainFacts, cuts: dict[int, _Cut]) -> tuple[DomainFacts, tuple[int, ...]]:
        """Return what of a domain is told here, and the other shards that have servers of it.

        Domains with the same servers share what is cut of them.
        """
        shard = self.shard or Shard()
        cut = cuts.get(id(facts.members))
        if cut is None:
            members = tuple(member for member in facts.members if self.has(member.key))
            others = [member for member in facts.members if not self.has(member.key)]
            services = frozenset(member.service for member in others)
            numbers = tuple(sorted({shard.number_of(member.key[0]) for member in others}))
            cut = cuts[id(facts.members)] = members, services, numbers
        is_owner = shard.has(facts.domain)
        mine = replace(
            facts,
            members=cut[0],
            lost=facts.lost if is_owner else frozenset(),
            part=Part(is_owner=is_owner, elsewhere=cut[1]),
        )
        return mine, cut[2]


LONE = Share()
"""The share of a process that has no shards beside it: everything."""
