"""The share of a shard: what of the plan of all targets it probes, and what of it it tells."""

from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field, replace

from scanner.discovery import Plan
from scanner.model import Service
from scanner.model.domain import DomainFacts, Membership, Part
from scanner.model.observation import Key
from scanner.model.shard import Shard
from scanner.model.target import Target
from scanner.service.past import Past
from scanner.store.packing import PackedTexts

_Cut = tuple[tuple[Membership, ...], frozenset[Service]]
"""The members that are ours, and the services of the others."""


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
    _former: dict[str, tuple[DomainFacts, DomainFacts]] = field(default_factory=dict)
    """By domain: what was cut last, and what it became. What has not changed stays the same value."""

    def has(self, key: Key) -> bool:
        """Tell whether an endpoint is ours."""
        return self.shard is None or self.shard.has(key[0])

    def has_account(self, name: str) -> bool:
        """Tell whether an account of the operator is checked here: by one of several shards."""
        return self.shard is None or self.shard.has(name)

    def describe(self) -> dict[str, str]:
        """Return what the log says of it."""
        return {} if self.shard is None else {"shard": str(self.shard)}

    def scope(self, vantage: str) -> str:
        """Return the name under which this process writes to a store that others may write to as well."""
        return vantage if self.shard is None else f"{vantage} shard {self.shard}"

    def recall(self, past: Past) -> Past:
        """Return of what a store knows what is ours: a database that all shards use knows all."""
        if self.shard is None:
            return past
        return replace(
            past,
            memories=PackedTexts(past.memories).only(self.has),
            latest={key: seen for key, seen in past.latest.items() if self.has(key)},
        )

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
        yield
        domains: list[DomainFacts] = []
        kept: dict[str, tuple[DomainFacts, DomainFacts]] = {}
        cuts: dict[int, _Cut] = {}
        for facts in plan.domains:
            former = self._former.get(facts.domain)
            mine = former[1] if former is not None and former[0] is facts else self._cut(facts, cuts)
            kept[facts.domain] = facts, mine
            if mine.members or (mine.part is not None and mine.part.is_owner):
                domains.append(mine)
            yield
        self._former = kept
        self.crowded = {address: len(shards) for address, shards in crowds.items() if len(shards) > 1}
        return Plan(tuple(endpoints), findings, tuple(domains))

    def _cut(self, facts: DomainFacts, cuts: dict[int, _Cut]) -> DomainFacts:
        """Return what of a domain is told here; domains with the same servers share what is cut of them."""
        cut = cuts.get(id(facts.members))
        if cut is None:
            members = tuple(member for member in facts.members if self.has(member.key))
            others = frozenset(member.service for member in facts.members if not self.has(member.key))
            cut = cuts[id(facts.members)] = members, others
        is_owner = self.shard is None or self.shard.has(facts.domain)
        return replace(
            facts,
            members=cut[0],
            lost=facts.lost if is_owner else frozenset(),
            part=Part(is_owner=is_owner, elsewhere=cut[1]),
        )


LONE = Share()
"""The share of a process that has no shards beside it: everything."""
