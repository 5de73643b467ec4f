"""Who is on the exclude list is neither looked up nor connected to, whatever leads there."""

import asyncio
import socket
from collections.abc import Sequence

import pytest

from scanner.config.discovery_settings import DiscoverySettings
from scanner.demo.zone import Records, Trouble
from scanner.discovery import Catalogue, Discovery, MtaSts, Plan, Planner
from scanner.model import PORTS, Reason, Source, State
from scanner.model.exclusion import build_exclusion, read_exclusion
from scanner.model.target import parse_target
from scanner.network import ConnectFailure, ResolveFailure, Resolver, WebClient, open_connection
from scanner.network.web_answer import Fault, WebFailure
from tests.network.name_servers import Question, Questions, serving

RECORDS: Records = {
    "optout.test": {"MX": ["10 mx.optout.test."], "A": ["192.0.2.1"]},
    "mx.optout.test": {"A": ["192.0.2.1"]},
    "other.test": {"MX": ["10 mx.optout.test.", "20 MX.Other.test."]},
    "mx.other.test": {"A": ["192.0.2.2"]},
    "_imaps._tcp.other.test": {"SRV": ["0 0 993 imap.optout.test."]},
    "imap.optout.test": {"A": ["192.0.2.3"]},
    "alias.test": {"CNAME": ["mx.optout.test."]},
    "way.test": {"CNAME": ["alias.test."]},
    "address.test": {"A": ["198.51.100.7", "198.51.101.7"], "AAAA": ["::ffff:198.51.100.8"]},
    "xn--bcher-kva.test": {"A": ["192.0.2.8"]},
}


async def plan(
    *texts: str, exclude: Sequence[str], records: Records = RECORDS
) -> tuple[Plan, list[Question]]:
    """Plan targets with all sources of the DNS; return the questions that were asked, too."""
    async with serving(records) as (zone, place):
        excluded = build_exclusion(tuple(map(read_exclusion, exclude)))
        resolver = Resolver([place], timeout=1)
        resolver.exclude(excluded)
        web = WebClient(resolver, allow_private=True, exclusion=excluded)
        sources = Discovery(
            DiscoverySettings.model_validate({"autoconfig": False, "ispdb": False, "autodiscover": False}),
            resolver,
            web,
            Catalogue(()),
            MtaSts(resolver, web),
        )
        planner = Planner(resolver, tuple(PORTS), sources, allow_private=True, exclusion=excluded)
        try:
            return await planner.plan([parse_target(text) for text in texts]), asked_of(zone)
        finally:
            await sources.close()


def asked_of(zone: Questions) -> list[Question]:
    return [*zone.asked, *zone.by_tcp]


def told(found: Plan) -> list[tuple[str, Reason | None]]:
    return [(finding.host, finding.reason) for finding in found.findings]


@pytest.mark.parametrize("spelling", ["OptOut.Test.", "optout.test", "test"])
@pytest.mark.parametrize(
    "target", ["optout.test", "OPTOUT.test.", "mx.optout.test:25", "smtp://mx.optout.test"]
)
async def test_an_excluded_target_is_told_and_nobody_is_asked(target: str, spelling: str) -> None:
    found, asked = await plan(target, exclude=[spelling])
    assert found.endpoints == ()
    assert found.domains == ()  # no series tells of it as of a failure
    (finding,) = found.findings
    assert (finding.state, finding.reason, finding.source) == (
        State.UNKNOWN,
        Reason.EXCLUDED,
        Source.OPERATOR,
    )
    assert "is on the exclude list" in (finding.detail or "")
    assert asked == []


async def test_an_international_name_is_excluded_in_either_spelling() -> None:
    for exclude in ("BÜCHER.test.", "xn--bcher-kva.test"):
        for target in ("bücher.test:25", "xn--bcher-kva.test:25"):
            found, asked = await plan(target, exclude=[exclude])
            assert told(found) == [("xn--bcher-kva.test", Reason.EXCLUDED)]
            assert asked == []


async def test_a_server_that_another_domain_names_is_left_alone() -> None:
    found, asked = await plan("other.test", exclude=["optout.test"])
    assert {endpoint.host for endpoint in found.endpoints} == {"mx.other.test"}
    assert told(found) == [("mx.optout.test", Reason.EXCLUDED), ("imap.optout.test", Reason.EXCLUDED)]
    assert not [name for name, _ in asked if name.lower().endswith("optout.test")]
    (facts,) = found.domains
    assert facts.is_found
    assert facts.lost == frozenset()


async def test_a_domain_whose_only_server_is_excluded_was_found_all_the_same() -> None:
    records: Records = {"only.test": {"MX": ["10 mx.optout.test."]}, "optout.test": {}}
    found, asked = await plan("only.test", exclude=["optout.test"], records=records)
    assert found.endpoints == ()
    assert told(found) == [("mx.optout.test", Reason.EXCLUDED)]
    assert found.domains[0].is_found
    assert found.domains[0].lost == frozenset()
    assert ("mx.optout.test", "A") not in asked


@pytest.mark.parametrize("name", ["alias.test", "way.test"])
async def test_an_alias_of_an_excluded_host_leads_nowhere(name: str) -> None:
    found, _ = await plan(f"{name}:25", exclude=["optout.test"])
    assert found.endpoints == ()
    (finding,) = found.findings
    assert finding.reason is Reason.EXCLUDED
    assert finding.detail == (
        f"{name} is an alias (CNAME) of mx.optout.test; mx.optout.test is on the exclude list (optout.test)"
    )


@pytest.mark.parametrize("name", ["alias.test", "way.test"])
async def test_an_excluded_alias_on_the_way_leads_nowhere_either(name: str) -> None:
    records: Records = {
        "way.test": {"CNAME": ["alias.test."]},
        "alias.test": {"CNAME": ["MX.optout.test."]},
        "mx.optout.test": {"CNAME": ["balancer.provider.test."]},
        "balancer.provider.test": {"A": ["192.0.2.1"]},
    }
    found, _ = await plan(f"{name}:25", exclude=["optout.test"], records=records)
    assert found.endpoints == ()
    assert told(found) == [(name, Reason.EXCLUDED)]


async def test_of_a_host_only_the_addresses_that_are_not_excluded_are_probed() -> None:
    found, _ = await plan("address.test:25", exclude=["198.51.100.0/24"])
    assert [endpoint.address for endpoint in found.endpoints] == ["198.51.101.7"]
    assert told(found) == [("address.test", Reason.EXCLUDED)] * 2
    found, _ = await plan("[::ffff:198.51.100.8]:25", "198.51.100.9:25", exclude=["::ffff:198.51.100.0/120"])
    assert found.endpoints == ()


async def test_what_was_known_before_does_not_stand_while_name_servers_fail() -> None:
    async with serving({"mx.optout.test": Trouble.SERVFAIL}) as (_, place):
        resolver = Resolver([place], timeout=1)
        planner = Planner(
            resolver, (25,), allow_private=True, exclusion=build_exclusion(("optout.test", "192.0.2.0/24"))
        )
        known = {"mx.optout.test": ("198.51.100.1",), "other.test": ("192.0.2.9",)}
        found = await planner.plan(
            [parse_target("mx.optout.test:25"), parse_target("other.test:25")], known=known
        )
        assert found.endpoints == ()


async def test_the_resolver_forgets_what_it_knew_of_a_host_that_is_excluded_now() -> None:
    async with serving(RECORDS) as (zone, place):
        resolver = Resolver([place], timeout=1)
        assert await resolver.addresses("alias.test") == ("192.0.2.1",)
        assert await resolver.addresses("mx.optout.test") == ("192.0.2.1",)
        before = len(asked_of(zone))
        resolver.exclude(build_exclusion(("optout.test",)))
        for host in ("mx.optout.test", "MX.OPTOUT.test", "alias.test"):
            with pytest.raises(ResolveFailure) as caught:
                await resolver.addresses(host)
            assert caught.value.reason is Reason.EXCLUDED
        for answer in (await resolver.mx("optout.test"), await resolver.txt("_mta-sts.optout.test")):
            assert (answer.records, answer.reason, answer.is_definite) == ((), Reason.EXCLUDED, True)
        assert len(asked_of(zone)) == before


@pytest.mark.parametrize(
    "url",
    [
        "https://optout.test/",
        "https://OPTOUT.test./",
        "https://alias.test/",
        "https://198.51.100.9/",
        "https://[::ffff:198.51.100.9]/",
        "https://low.test/",
    ],
)
async def test_the_web_is_not_asked_either(url: str) -> None:
    async with serving({**RECORDS, "low.test": {"A": ["198.51.100.9"]}}) as (_, place):
        excluded = build_exclusion(("optout.test", "198.51.100.0/24"))
        resolver = Resolver([place], timeout=1)
        resolver.exclude(excluded)
        web = WebClient(resolver, allow_private=True, exclusion=excluded)
        failure = await web.fetch(url)
        await web.close()
    assert isinstance(failure, WebFailure)
    assert (failure.fault, failure.reason) == (Fault.REFUSED_ADDRESS, Reason.EXCLUDED)
    assert "is on the exclude list" in failure.detail


@pytest.mark.parametrize(("host", "exclude"), [("mx.optout.test", "optout.test"), ("mx.test", "127.0.0.0/8")])
async def test_no_connection_is_made_whoever_asks_for_it(host: str, exclude: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        with pytest.raises(ConnectFailure) as caught:
            await open_connection(
                *listener.getsockname(), host=host, exclusion=build_exclusion((exclude,)), timeout=5
            )
        assert caught.value.reason is Reason.EXCLUDED
        await asyncio.sleep(0)
        with pytest.raises(BlockingIOError):
            listener.accept()
