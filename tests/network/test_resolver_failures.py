"""What the resolver does while servers fail: the next one, old records, a short memory, no vain waiting."""

import time
from contextlib import AsyncExitStack

import dns.flags
import dns.message
import pytest

from scanner.demo.zone import Trouble
from scanner.network import ResolveFailure, Resolver
from scanner.network.answer import Answer, MxRecord, Status
from scanner.network.dns_cache import MAX_STALE
from scanner.network.dns_lookup import FAILURE_TTL
from scanner.network.dns_servers import LAST_FOR
from scanner.network.resolver import NO_ANSWER
from tests.network.loops import Runner, on_both_loops
from tests.network.name_servers import Clock, Reply, Script, records_of, reply_to, scripted, serving
from tests.servers.process import free_port

MX = {"a.test": {"MX": ["10 mx.a.test."], "A": ["192.0.2.1"]}, "b.test": {"MX": ["10 mx.b.test."]}}
FOUND = (MxRecord(10, "mx.a.test"),)
BROKEN = {"a.test": Trouble.SERVFAIL, "b.test": Trouble.SERVFAIL}


def good(query: dns.message.Message, _: bool) -> dns.message.Message:
    return records_of(query, 900, "10 mx.a.test.")


@pytest.mark.parametrize(
    ("rcode", "words"),
    [(1, "FORMERR"), (2, "SERVFAIL"), (4, "NOTIMP"), (5, "REFUSED"), (9, "NOTAUTH"), (15, "15")],
)
async def test_a_useless_reply_is_a_failure_that_names_it(rcode: int, words: str) -> None:
    async with scripted(lambda query, _: reply_to(query, rcode=rcode)) as (_, place):
        answer = await Resolver([place], trust_ad=False).mx("a.test")
        assert (answer.status, answer.ttl, answer.is_definite) == (Status.FAILED, FAILURE_TTL, False)
        assert str(answer.detail).startswith("the name servers failed for a.test: 127.0.0.1:")
        assert words in str(answer.detail)


async def test_a_server_without_edns_is_asked_without() -> None:
    def script(query: dns.message.Message, _: bool) -> dns.message.Message:
        return reply_to(query, rcode=1) if query.edns >= 0 else good(query, _)

    async with scripted(script) as (server, place):
        resolver = Resolver([place])
        assert (await resolver.mx("a.test")).records == FOUND
        assert (await resolver.mx("b.test")).status is Status.FOUND
        assert [query.edns for query in server.queries] == [0, -1, -1]


async def test_a_version_of_edns_that_is_too_new_is_no_empty_answer() -> None:
    def script(query: dns.message.Message, _: bool) -> dns.message.Message:
        return reply_to(query, rcode=16) if query.edns >= 0 else good(query, _)

    async with scripted(script) as (_, place):
        assert (await Resolver([place]).mx("a.test")).records == FOUND


SILENT: Script = lambda query, _: None  # noqa: E731 - one of a table
SCRIPTS: dict[str, Script] = {
    "silent": SILENT,
    "servfail": lambda query, _: reply_to(query, rcode=2),
    "refused": lambda query, _: reply_to(query, rcode=5),
    "nonsense": lambda query, _: reply_to(query).to_wire()[:-20],
    "tcp breaks": lambda query, by_tcp: b"" if by_tcp else reply_to(query, flags=dns.flags.TC),
    "tcp silent": lambda query, by_tcp: None if by_tcp else reply_to(query, flags=dns.flags.TC),
    "tcp truncated": lambda query, _: reply_to(query, flags=dns.flags.TC),
    "question changed": lambda query, _: reply_to(dns.message.make_query("b.test", "MX", id=query.id)),
    "contradiction": lambda query, _: reply_to(query, "a.test. 900 MX 1 b.test.", rcode=3),
}


@on_both_loops
@pytest.mark.parametrize("trouble", SCRIPTS)
def test_the_next_server_is_asked_where_one_fails(run: Runner, trouble: str) -> None:
    async def main() -> None:
        async with scripted(SCRIPTS[trouble]) as (bad, place), scripted(good) as (_, elsewhere):
            clock = Clock()
            resolver = Resolver([place, elsewhere], timeout=0.8, clock=clock, trust_ad=False)
            assert (await resolver.mx("a.test")).records == FOUND
            before = len(bad.queries)
            assert before
            await resolver.mx("c.test")
            # One that just failed is asked last for a while; SERVFAIL is about the name.
            assert (len(bad.queries) == before) is (trouble != "servfail")
            clock.now += LAST_FOR
            await resolver.mx("d.test")
            assert len(bad.queries) > before

    run(main())


@pytest.mark.parametrize("trouble", SCRIPTS)
async def test_a_failure_keeps_to_its_time_over_all_servers(trouble: str) -> None:
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(scripted(SCRIPTS[trouble])) for _ in range(3)]
        answers: list[Answer] = []
        # A machine that stands still makes one of them longer, and none shorter.
        while not answers or (answers[-1].seconds >= 0.6 and len(answers) < 5):
            begun = time.monotonic()
            resolver = Resolver([place for _, place in servers], timeout=0.5, trust_ad=False)
            answers.append(await resolver.mx("a.test"))
            assert time.monotonic() - begun < 1.5
        answer = answers[-1]
        assert answer.status is (Status.TIMEOUT if trouble == "silent" else Status.FAILED)
        assert answer.seconds < 0.6
        for server, (address, port) in servers:
            assert server.queries
            assert f"{address}:{port}: " in str(answer.detail)


async def test_a_lost_packet_is_sent_again() -> None:
    def script(query: dns.message.Message, _: bool) -> Reply:
        return None if len(server.queries) == 1 else good(query, _)

    async with scripted(script) as (server, place):
        assert (await Resolver([place], timeout=0.6).mx("a.test")).records == FOUND
        assert len({query.id for query in server.queries}) == 2


async def test_a_closed_port_is_no_answer_and_at_once() -> None:
    begun = time.monotonic()
    answer = await Resolver([("127.0.0.1", free_port())], timeout=5).mx("a.test")
    assert time.monotonic() - begun < 1
    assert answer.status is Status.TIMEOUT
    assert str(answer.detail).startswith(f"{NO_ANSWER} for a.test: 127.0.0.1:")
    assert "connection refused" in str(answer.detail)


@pytest.mark.parametrize("address", ["not-an-address", "fe80::1%nowhere", "203.0.113.300"])
async def test_a_server_that_cannot_be_one_is_a_failure_and_no_error(address: str) -> None:
    answer = await Resolver([(address, 53)], timeout=0.5).mx("a.test")
    assert answer.status is Status.TIMEOUT


async def test_a_failure_is_remembered_for_a_short_time() -> None:
    clock = Clock()
    async with serving(BROKEN) as (zone, place):
        resolver = Resolver([place], clock=clock, trust_ad=False)
        await resolver.mx("a.test")
        clock.now += FAILURE_TTL - 1
        assert (await resolver.mx("a.test")).status is Status.FAILED
        assert zone.asked == [("a.test", "MX")]
        zone.change(MX)
        clock.now += 1
        assert (await resolver.mx("a.test")).records == FOUND


async def test_no_such_name_holds_for_every_type_and_not_for_ever() -> None:
    clock = Clock()
    async with serving({}) as (zone, place):
        resolver = Resolver([place], clock=clock)
        assert (await resolver.mx("a.test")).status is Status.NO_NAME
        zone.change(MX)
        assert (await resolver.address_records("a.test")).status is Status.NO_NAME
        assert (await resolver.txt("a.test")).status is Status.NO_NAME
        assert zone.asked == [("a.test", "MX")]
        clock.now += 61
        assert (await resolver.mx("a.test")).records == FOUND
        assert (await resolver.addresses("a.test")) == ("192.0.2.1",)


@pytest.mark.parametrize("trouble", [Trouble.SERVFAIL, Trouble.REFUSED, Trouble.SILENT])
async def test_old_records_stand_in_while_the_servers_fail(trouble: Trouble) -> None:
    clock = Clock()
    async with serving(MX) as (zone, place):
        resolver = Resolver([place], timeout=0.2, clock=clock, trust_ad=False)
        fresh = await resolver.mx("a.test")
        zone.change({"a.test": trouble})
        clock.now += 3600
        old = await resolver.mx("a.test")
        assert (old.records, old.status, old.is_stale) == (fresh.records, Status.FOUND, True)
        assert (old.is_definite, old.ttl) == (False, FAILURE_TTL)
        assert str(old.detail).endswith("these records are 60 minutes old")
        count = len(zone.asked)
        assert await resolver.mx("a.test") == old
        assert len(zone.asked) == count  # the failure is remembered, and with it what stands in
        zone.change(MX)
        clock.now += FAILURE_TTL
        assert await resolver.mx("a.test") == fresh


async def test_old_records_are_not_too_old() -> None:
    clock = Clock()
    async with serving(MX) as (zone, place):
        resolver = Resolver([place], clock=clock, trust_ad=False)
        await resolver.mx("a.test")
        zone.change(BROKEN)
        clock.now += MAX_STALE
        assert (await resolver.mx("a.test")).is_stale
        clock.now += FAILURE_TTL
        assert (await resolver.mx("a.test")).status is Status.FAILED


@pytest.mark.parametrize("since", [{}, {"a.test": {}}])
async def test_what_is_gone_does_not_come_back_when_the_servers_fail(
    since: dict[str, dict[str, list[str]]],
) -> None:
    clock = Clock()
    async with serving(MX) as (zone, place):
        resolver = Resolver([place], clock=clock, trust_ad=False)
        await resolver.mx("a.test")
        await resolver.txt("a.test")
        zone.change(since)
        clock.now += 3600
        # NXDOMAIN was said of another type only; it holds for this one too.
        await (resolver.mx("a.test") if since else resolver.txt("a.test"))
        zone.change(BROKEN)
        clock.now += 3600
        assert (await resolver.mx("a.test")).status is Status.FAILED


async def test_addresses_that_are_all_old_are_told_as_a_failure() -> None:
    clock = Clock()
    async with serving(MX) as (zone, place):
        resolver = Resolver([place], clock=clock, trust_ad=False)
        assert await resolver.addresses("a.test") == ("192.0.2.1",)
        zone.change(BROKEN)
        clock.now += 3600
        assert (await resolver.address_records("a.test")).records == ("192.0.2.1",)
        with pytest.raises(ResolveFailure) as caught:
            await resolver.addresses("a.test")
        assert "SERVFAIL" in caught.value.detail
