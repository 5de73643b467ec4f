"""What a shard probes and tells of the plan of all targets."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.discovery import Plan
from scanner.metrics import Exposition
from scanner.model import Endpoint, Observation, Protocol, Reason, Service, Source, TargetFinding, TlsMode
from scanner.model.domain import DomainFacts, Membership
from scanner.model.shard import Shard
from scanner.model.target import parse_target
from scanner.service.past import Past
from scanner.service.share import Share
from tests.metrics.reading import read
from tests.metrics.samples import GOOD, SUBMISSION

T = TypeVar("T")
SERVICES = {25: Service.MX, 465: Service.SUBMISSION, 993: Service.IMAP}


def drained(steps: Generator[None, None, T]) -> T:
    """Do all steps of something that is done in pieces."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: T = end.value
            return found


def cut(share: Share, plan: Plan) -> Plan:
    """Do all steps of cutting a plan."""
    return drained(share.cut(plan))


def at(host: str, port: int, address: str, *domains: str) -> Endpoint:
    protocol = Protocol.IMAP if port == 993 else Protocol.SMTP
    mode = TlsMode.STARTTLS if port == 25 else TlsMode.IMPLICIT
    return replace(
        SUBMISSION, host=host, port=port, address=address, protocol=protocol, tls_mode=mode, domains=domains
    )


def plan_of(hosts: int) -> Plan:
    """Domains that share hosts, and hosts that share addresses."""
    endpoints, domains, findings = [], [], []
    for number in range(hosts):
        name = f"d{number}.test"
        mine = [
            at(f"mx{number % 7}.test", 25, f"192.0.2.{number % 7}", name),
            at(f"smtp.{name}", 465, f"192.0.2.{number % 11}", name),
            at(f"imap.{name}", 993, "198.51.100.1", name),
        ]
        endpoints += mine
        members = tuple(Membership(SERVICES[each.port], each.key, Source.SRV) for each in mine)
        domains.append(
            DomainFacts(
                name, members, dane=True, lost=frozenset({Service.POP3}) if number % 5 == 0 else frozenset()
            )
        )
        findings.append(TargetFinding(name, name, GOOD.started_at, 0.1, Reason.NAME_NOT_FOUND))
    unique = {endpoint.key: endpoint for endpoint in endpoints}
    return Plan(tuple(unique.values()), tuple(findings), tuple(domains))


def shares(count: int) -> list[Share]:
    return [Share(Shard(index, count)) for index in range(1, count + 1)]


@given(st.integers(0, 60), st.integers(1, 9))
def test_all_shards_together_have_everything_once(hosts: int, count: int) -> None:
    whole = plan_of(hosts)
    parts = [cut(share, whole) for share in shares(count)]
    endpoints = [endpoint.key for part in parts for endpoint in part.endpoints]
    assert sorted(endpoints) == sorted(endpoint.key for endpoint in whole.endpoints)
    assert sorted(one.domain for part in parts for one in part.findings) == sorted(
        one.domain for one in whole.findings
    )
    members = [(one.domain, member) for part in parts for one in part.domains for member in one.members]
    assert sorted(members, key=str) == sorted(
        ((one.domain, member) for one in whole.domains for member in one.members), key=str
    )
    owned = [
        one.domain for part in parts for one in part.domains if one.part is not None and one.part.is_owner
    ]
    assert sorted(owned) == sorted(one.domain for one in whole.domains)


def test_a_host_is_with_one_shard_whatever_its_addresses() -> None:
    plan = Plan(
        tuple(at("mx.test", port, f"192.0.2.{last}") for port in (25, 465, 993) for last in range(9)), (), ()
    )
    assert sorted(len(cut(share, plan).endpoints) for share in shares(5)) == [0, 0, 0, 0, 27]


def test_addresses_of_several_shards_are_known_with_their_number() -> None:
    plan = plan_of(40)
    numbers: dict[str, set[int]] = {}
    for endpoint in plan.endpoints:
        numbers.setdefault(endpoint.address, set()).add(Shard(1, 4).number_of(endpoint.host))
    expected = {address: len(found) for address, found in numbers.items() if len(found) > 1}
    assert expected["198.51.100.1"] == 4
    for share in shares(4):
        cut(share, plan)
        assert share.crowded == expected


def test_what_has_not_changed_stays_the_same_value() -> None:
    share, plan = Share(Shard(1, 2)), plan_of(30)
    before = {one.domain: one for one in cut(share, plan).domains}
    changed = replace(plan.domains[0], dane=False)
    after = {
        one.domain: one for one in cut(share, replace(plan, domains=(changed, *plan.domains[1:]))).domains
    }
    assert [name for name, one in after.items() if one is not before[name]] in ([changed.domain], [])


def test_without_shards_nothing_is_cut() -> None:
    share, plan = Share(), plan_of(3)
    assert cut(share, plan) is plan
    assert (share.scope("here"), share.outbox("here")) == ("here", "here")
    assert share.count([parse_target("a.test"), parse_target("a.test:25"), parse_target("b.test")]) == 2
    assert share.crowded == {}


def test_every_domain_is_counted_by_one_shard() -> None:
    targets = [parse_target(f"d{number}.test") for number in range(50)]
    assert sum(share.count(targets) for share in shares(3)) == 50


def test_every_account_is_checked_by_one_shard() -> None:
    names = [f"account {number}" for number in range(30)]
    shares = [Share(Shard(index, 3)) for index in (1, 2, 3)]
    assert all(sum(share.has_account(name) for share in shares) == 1 for name in names)
    assert all(any(share.has_account(name) for name in names) for share in shares)
    assert all(Share().has_account(name) for name in names)


def test_a_shard_recalls_its_own_of_a_database_that_all_use() -> None:
    keys = [endpoint.key for endpoint in plan_of(20).endpoints]
    past = Past(memories=dict.fromkeys(keys, "{}"), latest=dict.fromkeys(keys, GOOD))
    found = [drained(share.recall(past)) for share in shares(3)]
    assert sorted(key for each in found for key in each.memories) == sorted(keys)
    assert all(each.memories.keys() == each.latest.keys() for each in found)
    assert {share.scope("here") for share in shares(2)} == {"here shard 1/2", "here shard 2/2"}
    outboxes = [share.outbox("here") for share in shares(2)]
    assert outboxes == [share.outbox("here") for share in shares(3)[:2]], "found again where there are more"
    assert len(set(outboxes)) == 2


def show(part: Plan, seen: Sequence[Observation]) -> Exposition:
    exposition = Exposition()
    for _ in exposition.domains.replace(part.domains):
        pass
    for observation in seen:
        exposition.accept(observation)
    return exposition


Labels = frozenset[tuple[str, str]]


def told(exposition: Exposition) -> dict[str, dict[Labels, float]]:
    return {
        name: {frozenset(sample.labels.items()): sample.value for sample in family.samples}
        for name, family in read(exposition).items()
    }


@pytest.mark.parametrize("count", [2, 3, 5])
def test_prometheus_can_join_what_shards_tell_to_what_one_would(count: int) -> None:
    whole = plan_of(25)
    # Every third server is down.
    seen = [
        replace(GOOD, endpoint=endpoint)
        if number % 3
        else replace(
            GOOD, endpoint=endpoint, reason=Reason.CONNECT_TIMEOUT, tls=None, certificate=None, level=0
        )
        for number, endpoint in enumerate(whole.endpoints)
    ]
    lone = told(show(whole, seen))
    joined: dict[str, dict[Labels, list[float]]] = {}
    for share in shares(count):
        part = cut(share, whole)
        mine = [one for one in seen if share.has(one.endpoint.key)]
        for name, samples in told(show(part, mine)).items():
            for labels, value in samples.items():
                joined.setdefault(name, {}).setdefault(labels, []).append(value)
    once = ("endpoint_info", "discovery_success", "dane")
    for name in (f"mailport_domain_{each}" for each in once):
        assert {labels: [value] for labels, value in lone[name].items()} == joined[name]
    for name in ("mailport_domain_service_up", "mailport_domain_level"):
        assert {labels: max(values) for labels, values in joined[name].items()} == lone[name]
    ready = joined["mailport_domain_client_ready"]
    recommended: dict[str, float] = {}
    for labels, values in ready.items():
        domain = dict(labels)["domain"]
        recommended[domain] = min(recommended.get(domain, 1.0), max(values))
    assert recommended == {
        dict(labels)["domain"]: value for labels, value in lone["mailport_domain_recommended"].items()
    }
    assert "mailport_domain_recommended" not in joined


@given(hosts=st.integers(1, 30), count=st.integers(2, 5))
def test_each_shard_knows_who_has_what_it_does_not_show(hosts: int, count: int) -> None:
    plan = plan_of(hosts)
    shards = [Shard(number, count) for number in range(1, count + 1)]
    shares = {shard.index: Share(shard) for shard in shards}
    parts = {number: cut(share, plan) for number, share in shares.items()}
    for again in (False, True):
        for facts in plan.domains:
            having = {shards[0].number_of(member.key[0]) for member in facts.members}
            owner = shards[0].number_of(facts.domain)
            for number, share in shares.items():
                assert set(share.others_of(facts.domain)) == having - {number}
                # A finding about the domain itself is told by its owner.
                assert (facts.domain in share.absent) is (number not in having | {owner})
                if facts.domain in share.absent:
                    assert facts.domain not in {each.domain for each in parts[number].domains}
        if not again:  # what has not changed is known as well
            parts = {number: cut(share, plan) for number, share in shares.items()}


def test_a_target_that_nothing_is_known_of_belongs_to_one_shard() -> None:
    finding = TargetFinding("gone.test", "gone.test", GOOD.started_at, 0.1, Reason.EXCLUDED)
    shares = [Share(Shard(number, 3)) for number in (1, 2, 3)]
    for share in shares:
        cut(share, Plan((), (finding,), ()))
    owner = Shard(1, 3).number_of("gone.test")
    assert [share.others_of("gone.test") for share in shares] == [
        () if number == owner else (owner,) for number in (1, 2, 3)
    ]
    assert sum("gone.test" in share.absent for share in shares) == 2
    assert (Share().others_of("gone.test"), Share().absent) == ((), frozenset())
