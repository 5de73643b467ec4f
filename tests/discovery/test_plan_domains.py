"""Plans of domains: what the sources say becomes endpoints, findings and facts, and is remembered."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from scanner.demo.zone import Records, Trouble
from scanner.discovery import Plan, Planner
from scanner.discovery.found import Found
from scanner.discovery.mx import MxFound, find_mx
from scanner.discovery.offer import Notice, Offer, Place
from scanner.discovery.plan import MIN_SECONDS
from scanner.model import (
    PORTS,
    Expectation,
    Proof,
    Protocol,
    Reason,
    Role,
    Service,
    Source,
    StsMode,
    StsPolicy,
    TlsMode,
)
from scanner.model.target import parse_target
from scanner.network import Resolver
from tests.network.name_servers import Clock, Questions, serving

RECORDS: Records = {
    "a.test": {"MX": ["10 mx.test."]},
    "b.test": {"MX": ["10 mx.test."]},
    "null.test": {"MX": ["0 ."]},
    "alias.test": {"MX": ["10 cname.test."]},
    "cname.test": {"CNAME": ["mx.test."]},
    "mx.test": {"A": ["192.0.2.1"]},
    "imap.test": {"A": ["192.0.2.2"]},
    "failing.test": Trouble.SERVFAIL,
}
IMAP = Place(Service.IMAP, "imap.test", 993, Protocol.IMAP, TlsMode.IMPLICIT)
POLICY = StsPolicy(StsMode.ENFORCE, ("mx.test",), 86400)


class Sources:
    """Sources of which the MX is real, and the others say what the test lets them."""

    def __init__(self, resolver: Resolver, **more: Any) -> None:
        self.resolver = resolver
        self.offers: Sequence[Offer] = more.pop("offers", ())
        self.more: Mapping[str, Any] = more
        self.asked: list[str] = []

    async def find(self, domain: str) -> Found:
        self.asked.append(domain)
        mx: MxFound = await find_mx(domain, self.resolver)
        return Found(domain, mx, (mx.offer, *self.offers), **self.more)

    def expect(self, place: Place, provider: str | None) -> Expectation | None:
        return None if provider is None else Expectation(provider=provider)


async def plan(*domains: str, ports: Sequence[int] = tuple(PORTS), **more: Any) -> Plan:
    async with serving(RECORDS) as (_, place):
        resolver = Resolver([place], timeout=1)
        planner = Planner(resolver, ports, Sources(resolver, **more), allow_private=True)
        return await planner.plan([parse_target(domain) for domain in domains])


def places(found: Plan) -> set[tuple[str, int, str]]:
    return {(endpoint.host, endpoint.port, endpoint.source) for endpoint in found.endpoints}


async def test_every_endpoint_carries_role_source_and_proof() -> None:
    guess = Offer(Source.GUESS, (replace(IMAP, proof=Proof.GREETING),))
    found = await plan("a.test", offers=[guess])
    assert places(found) == {("mx.test", 25, "mx"), ("imap.test", 993, "guess")}
    by_port = {endpoint.port: endpoint for endpoint in found.endpoints}
    assert (by_port[25].role, by_port[25].proof) == (Role.MX, Proof.NONE)
    assert (by_port[993].role, by_port[993].proof) == (Role.ACCESS, Proof.GREETING)


async def test_a_name_without_mx_records_is_a_host_that_the_operator_named() -> None:
    own = replace(IMAP, host="imap.test")
    other = replace(IMAP, host="mx.test", port=143, tls_mode=TlsMode.STARTTLS, proof=Proof.GREETING)
    found = await plan("imap.test", offers=[Offer(Source.GUESS, (own, other))])
    assert places(found) == {
        ("imap.test", 25, "mx"),
        ("imap.test", 993, "operator"),
        ("mx.test", 143, "guess"),
    }
    assert {(member.key[2], member.source) for member in found.domains[0].members} == {
        (25, "mx"),
        (993, "operator"),
        (143, "guess"),
    }


async def test_a_null_mx_is_a_finding_and_no_fault_of_discovery() -> None:
    found = await plan("null.test")
    (finding,) = found.findings
    assert finding.reason is Reason.NULL_MX
    assert found.endpoints == ()
    assert found.domains[0].is_found


async def test_a_service_that_is_not_offered_is_a_finding() -> None:
    found = await plan("a.test", offers=[Offer(Source.SRV, not_offered=frozenset({Service.POP3}))])
    (finding,) = found.findings
    assert (finding.reason, finding.source) == (Reason.SRV_NOT_OFFERED, "srv")
    assert "pop3" in str(finding.detail)


async def test_an_mx_that_is_an_alias_is_followed_and_told() -> None:
    found = await plan("alias.test")
    assert places(found) == {("cname.test", 25, "mx")}
    (finding,) = found.findings
    assert finding.reason is None
    assert [verdict.id for verdict in finding.verdicts] == ["mx_cname"]


async def test_an_endpoint_of_many_domains_is_one_and_knows_all_their_policies() -> None:
    found = await plan("a.test", "b.test", policy=POLICY)
    (endpoint,) = found.endpoints
    assert endpoint.domains == ("a.test", "b.test")
    assert endpoint.expectation is not None
    ((claim),) = endpoint.expectation.mta_sts
    assert (claim.policy, claim.domains) == (POLICY, ("a.test", "b.test"))
    assert [(facts.domain, facts.mta_sts, facts.dane) for facts in found.domains] == [
        ("a.test", StsMode.ENFORCE, False),
        ("b.test", StsMode.ENFORCE, False),
    ]


async def test_the_highest_source_and_the_least_proof_stand_for_all_domains() -> None:
    async with serving(RECORDS) as (_, place):
        resolver = Resolver([place], timeout=1)
        sources = Sources(resolver, offers=[Offer(Source.GUESS, (replace(IMAP, proof=Proof.GREETING),))])
        planner = Planner(resolver, tuple(PORTS), sources, allow_private=True)
        found = await planner.plan([parse_target("a.test"), parse_target("imap.test:993")])
    (endpoint,) = [endpoint for endpoint in found.endpoints if endpoint.port == 993]
    assert (endpoint.source, endpoint.proof) == ("operator", Proof.NONE)
    assert endpoint.domains == ("a.test", "imap.test")
    assert [facts.is_domain for facts in found.domains] == [True, False]


async def test_the_catalogue_is_heard_about_a_server() -> None:
    found = await plan("a.test", offers=[Offer(Source.CATALOGUE, (IMAP,), provider="somebody")])
    (endpoint,) = [endpoint for endpoint in found.endpoints if endpoint.port == 993]
    assert endpoint.expectation == Expectation(provider="somebody")


@pytest.mark.parametrize(
    ("ports", "expected"),
    [((25,), {25}), ((993, 25), {25, 993}), ((587,), set()), (tuple(PORTS), {25, 993, 2993})],
)
async def test_only_the_ports_asked_for_are_probed(ports: tuple[int, ...], expected: set[int]) -> None:
    found = await plan("a.test", ports=ports, offers=[Offer(Source.SRV, (IMAP, replace(IMAP, port=2993)))])
    assert {endpoint.port for endpoint in found.endpoints} == expected


async def test_a_guess_that_leads_nowhere_is_no_news() -> None:
    found = await plan("a.test", offers=[Offer(Source.GUESS, (replace(IMAP, host="none.test"),))])
    assert found.findings == ()
    named = await plan("a.test", offers=[Offer(Source.SRV, (replace(IMAP, host="none.test"),))])
    assert [finding.reason for finding in named.findings] == [Reason.NAME_NOT_FOUND]


async def test_notices_of_the_sources_are_told() -> None:
    notice = Notice("sources_disagree", "They do.", "Mend one.")
    found = await plan("a.test", offers=[Offer(Source.SRV, notices=(notice,))], policy_notice=notice)
    assert [finding.detail for finding in found.findings] == ["They do."]


class Memory:
    """A planner with a clock, whose name server can change its mind."""

    def __init__(self, zone: Questions, place: tuple[str, int]) -> None:
        self.zone = zone
        self.clock = Clock()
        resolver = Resolver([place], timeout=0.3)
        self.sources = Sources(resolver, offers=[Offer(Source.SRV, (IMAP,))])
        self.planner = Planner(resolver, tuple(PORTS), self.sources, allow_private=True, clock=self.clock)

    async def plan(self, *domains: str) -> Plan:
        return await self.planner.plan([parse_target(domain) for domain in domains])


async def test_the_sources_are_asked_again_when_the_time_of_their_answer_is_over() -> None:
    async with serving(RECORDS) as (zone, place):
        memory = Memory(zone, place)
        for _ in range(3):
            await memory.plan("a.test")
        assert memory.sources.asked == ["a.test"]
        memory.clock.now += MIN_SECONDS + 1
        await memory.plan("a.test")
        assert memory.sources.asked == ["a.test", "a.test"]


async def test_a_domain_that_is_no_target_any_more_is_forgotten() -> None:
    async with serving(RECORDS) as (zone, place):
        memory = Memory(zone, place)
        await memory.plan("a.test", "b.test")
        await memory.plan("b.test")
        assert memory.planner.memory.keys() == {"b.test"}


async def test_what_was_found_stands_while_the_name_servers_fail_and_says_so() -> None:
    async with serving(RECORDS) as (zone, place):
        memory = Memory(zone, place)
        before = await memory.plan("a.test")
        zone.change({**RECORDS, "a.test": Trouble.SERVFAIL})
        # Another resolver, as after a change of settings: it knows nothing.
        fresh = Memory(zone, place)
        fresh.planner.take_over(memory.planner, is_current=False)
        during = await fresh.plan("a.test")
        assert places(during) == places(before)
        assert [finding.reason for finding in during.findings] == [Reason.DNS_FAILURE]
        assert not during.domains[0].is_found
        zone.change(RECORDS)
        fresh.sources.resolver = Resolver([place], timeout=0.3)
        assert (await fresh.plan("a.test")).findings == ()


async def test_what_another_planner_found_is_taken_over() -> None:
    async with serving(RECORDS) as (zone, place):
        memory, next_one = Memory(zone, place), Memory(zone, place)
        next_one.clock = memory.clock
        await memory.plan("a.test")
        next_one.planner.take_over(memory.planner, is_current=True)
        await next_one.plan("a.test")
        assert next_one.sources.asked == []
