"""The resolver against a real name server on loopback: answers, failures, cache, sharing, cancellation."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import dns.message
import dns.rdatatype
import dns.resolver
import pytest

from scanner.demo.zone import Records, Trouble
from scanner.model import Reason
from scanner.model.target import parse_target
from scanner.network import ResolveFailure, Resolver
from scanner.network.dns_lookup import FAILURE_TTL
from scanner.network.resolver import NO_ANSWER
from tests.network.loops import Runner, on_both_loops
from tests.network.name_servers import Clock, ask_at_once, records_of, reply_to, scripted, serving
from tests.servers.process import free_port

RECORDS: Records = {
    "both.test": {"A": ["192.0.2.1", "192.0.2.2"], "AAAA": ["2001:db8::1"]},
    "v4.test": {"A": ["192.0.2.4"]},
    "v6.test": {"AAAA": ["2001:db8::6"]},
    "alias.test": {"CNAME": ["hop.test."]},
    "hop.test": {"CNAME": ["both.test."]},
    "dangling.test": {"CNAME": ["nowhere.test."]},
    "loop.test": {"CNAME": ["pool.test."]},
    "pool.test": {"CNAME": ["loop.test."]},
    "nodata.test": {"MX": ["10 both.test."]},
    "servfail.test": Trouble.SERVFAIL,
    "refused.test": Trouble.REFUSED,
    "silent.test": Trouble.SILENT,
    "xn--bcher-kva.test": {"A": ["192.0.2.8"]},
    "_odd_name.test": {"A": ["192.0.2.9"]},
    "crowd.test": {"A": [f"198.51.100.{number}" for number in range(250)]},
}
FAILURES = [
    ("nowhere.test", Reason.NAME_NOT_FOUND, "nowhere.test does not exist in the DNS (NXDOMAIN)"),
    ("dangling.test", Reason.NAME_NOT_FOUND, "dangling.test does not exist in the DNS (NXDOMAIN)"),
    ("nodata.test", Reason.NO_ADDRESS, "nodata.test has no address record (A or AAAA)"),
    ("servfail.test", Reason.DNS_FAILURE, "the name servers failed for servfail.test: SERVER: SERVFAIL"),
    ("refused.test", Reason.DNS_FAILURE, "the name servers failed for refused.test: SERVER: REFUSED"),
    ("silent.test", Reason.DNS_FAILURE, "the name servers failed for silent.test: SERVER: nothing in time"),
]


def make(place: tuple[str, int], *, families: Sequence[int] = (4, 6), clock: Clock | None = None) -> Resolver:
    return Resolver([place], timeout=0.3, families=families, clock=clock or Clock())


async def failure_of(resolver: Resolver, host: str) -> ResolveFailure:
    with pytest.raises(ResolveFailure) as caught:
        await resolver.addresses(host)
    return caught.value


@on_both_loops
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_both_families_are_asked_on_the_servers_own_port(run: Runner, address: str) -> None:
    async def main() -> None:
        async with serving(RECORDS, address) as (zone, place):
            resolver = make(place)
            assert await resolver.addresses("both.test") == ("192.0.2.1", "192.0.2.2", "2001:db8::1")
            assert Counter(zone.asked) == {("both.test", "A"): 1, ("both.test", "AAAA"): 1}
            assert await resolver.addresses("v4.test") == ("192.0.2.4",)
            assert await resolver.addresses("v6.test") == ("2001:db8::6",)

    run(main())


async def test_only_the_families_wanted_are_asked() -> None:
    async with serving(RECORDS) as (zone, place):
        assert await make(place, families=(4,)).addresses("both.test") == ("192.0.2.1", "192.0.2.2")
        assert await make(place, families=(6,)).addresses("both.test") == ("2001:db8::1",)
        assert zone.asked == [("both.test", "A"), ("both.test", "AAAA")]
        failure = await failure_of(make(place, families=(6,)), "v4.test")
        assert failure.reason is Reason.NO_ADDRESS
        assert failure.detail == "v4.test has no address record (AAAA)"


async def test_aliases_are_followed() -> None:
    async with serving(RECORDS) as (_, place):
        assert len(await make(place).addresses("alias.test")) == 3


@on_both_loops
@pytest.mark.parametrize(("host", "reason", "detail"), FAILURES)
def test_each_failure_has_its_reason(run: Runner, host: str, reason: Reason, detail: str) -> None:
    async def main() -> None:
        async with serving(RECORDS) as (_, place):
            failure = await failure_of(make(place), host)
            assert failure.reason is reason
            assert failure.detail == detail.replace("SERVER", f"{place[0]}:{place[1]}")

    run(main())


async def test_an_endless_alias_is_a_failure_that_ends() -> None:
    async with serving(RECORDS) as (_, place), asyncio.timeout(3):
        failure = await failure_of(make(place), "loop.test")
        assert failure.reason is Reason.DNS_FAILURE
        assert "aliases (CNAME) that go in a circle" in failure.detail


@on_both_loops
def test_a_server_that_is_not_there_is_no_answer(run: Runner) -> None:
    async def main() -> None:
        async with asyncio.timeout(5):
            failure = await failure_of(make(("127.0.0.1", free_port())), "both.test")
            assert failure.reason is Reason.DNS_FAILURE
            assert failure.detail.startswith(f"{NO_ANSWER} for both.test")

    run(main())


@on_both_loops
def test_an_answer_too_long_for_udp_is_fetched_by_tcp(run: Runner) -> None:
    async def main() -> None:
        async with serving(RECORDS) as (zone, place):
            assert len(await make(place).addresses("crowd.test")) == 250
            assert zone.by_tcp == [("crowd.test", "A")]

    run(main())


async def test_names_go_out_as_a_labels() -> None:
    async with serving(RECORDS) as (zone, place):
        resolver = make(place)
        assert await resolver.addresses(parse_target("Bücher.test").host) == ("192.0.2.8",)
        assert await resolver.addresses(parse_target("_odd_name.test").host) == ("192.0.2.9",)
        assert ("xn--bcher-kva.test", "A") in zone.asked


@pytest.mark.parametrize("host", ["a" * 64 + ".test", ".".join(["a" * 60] * 5), "..", "a..test", "\x00.test"])
async def test_names_that_dns_cannot_hold_are_failures_and_no_errors(host: str) -> None:
    async with serving(RECORDS) as (_, place):
        failure = await failure_of(make(place), host)
        assert failure.reason in (Reason.DNS_FAILURE, Reason.NAME_NOT_FOUND)


async def test_an_answer_is_kept_for_five_minutes_at_least() -> None:
    clock = Clock()
    async with serving(RECORDS) as (zone, place):  # the server's TTL is 60
        resolver = make(place, clock=clock)
        first = await resolver.addresses("both.test")
        clock.now += Resolver.MIN_TTL - 1
        assert await resolver.addresses("both.test") == first
        assert len(zone.asked) == 2
        clock.now += 2
        await resolver.addresses("both.test")
        assert len(zone.asked) == 4


async def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Resolver, "MAX_CACHED", 2)
    clock = Clock()
    async with serving(RECORDS) as (zone, place):
        resolver = make(place, clock=clock)
        for host in ("both.test", "v4.test", "v6.test", "alias.test", "crowd.test"):
            await resolver.addresses(host)
            assert len(resolver._cache) <= 2
        clock.now += 1
        await resolver.addresses("crowd.test")
        assert zone.asked.count(("crowd.test", "A")) == 1  # the newest is still there
        await resolver.addresses("both.test")
        assert zone.asked.count(("both.test", "A")) == 2  # the oldest went first
        assert resolver._in_flight == {}


@on_both_loops
def test_many_who_ask_at_once_share_one_question(run: Runner) -> None:
    async def main() -> None:
        async with serving(RECORDS) as (zone, place):
            resolver = make(place)
            answers = await ask_at_once(resolver, "both.test", 50)
            assert set(answers) == {("192.0.2.1", "192.0.2.2", "2001:db8::1")}
            assert Counter(zone.asked) == {("both.test", "A"): 1, ("both.test", "AAAA"): 1}
            assert resolver._in_flight == {}

    run(main())


@on_both_loops
def test_one_who_gives_up_does_not_take_the_answer_from_the_others(run: Runner) -> None:
    async def main() -> None:
        async with serving(RECORDS) as (zone, place):
            resolver = make(place)
            asking = [asyncio.create_task(resolver.addresses("both.test")) for _ in range(3)]
            await asyncio.sleep(0)
            asking[0].cancel()  # the one whose question it is
            with pytest.raises(asyncio.CancelledError):
                await asking[0]
            assert await asking[1] == await asking[2] == ("192.0.2.1", "192.0.2.2", "2001:db8::1")
            assert len(zone.asked) == 2

    run(main())


@on_both_loops
def test_a_failure_that_nobody_waits_for_any_more_is_no_noise(run: Runner) -> None:
    async def main() -> None:
        complaints: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        async with serving(RECORDS) as (_, place):
            resolver = make(place)
            asking = asyncio.create_task(resolver.addresses("servfail.test"))
            await asyncio.sleep(0)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            async with asyncio.timeout(3):
                while resolver._in_flight:
                    await asyncio.sleep(0.005)
        assert complaints == []

    run(main())


async def test_a_family_that_fails_for_once_keeps_its_last_addresses() -> None:
    clock = Clock()
    is_deaf = False

    def script(query: dns.message.Message, _: bool) -> dns.message.Message:
        if query.question[0].rdtype == dns.rdatatype.A:
            return records_of(query, 600, "192.0.2.1")
        return reply_to(query, rcode=2) if is_deaf else records_of(query, 600, "2001:db8::1")

    async with scripted(script) as (_, place):
        resolver = make(place, clock=clock)
        whole = await resolver.addresses("both.test")
        is_deaf = True
        clock.now += 601
        assert await resolver.addresses("both.test") == whole == ("192.0.2.1", "2001:db8::1")
        # It is asked for again as soon as may be, whatever the other family's TTL.
        answer = await resolver.address_records("both.test")
        assert (answer.is_stale, answer.ttl) == (True, FAILURE_TTL)
        # A name never seen whole has one family for now.
        assert await resolver.addresses("new.test") == ("192.0.2.1",)
        answer = await resolver.address_records("new.test")
        assert (answer.is_stale, answer.ttl) == (False, FAILURE_TTL)
        assert answer.detail is not None
        assert "SERVFAIL" in answer.detail


async def test_without_resolv_conf_the_local_name_server_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise dns.resolver.NoResolverConfiguration("cannot open /etc/resolv.conf")

    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", missing)
    assert [str(server) for server in Resolver()._servers.in_order()] == ["127.0.0.1:53"]
