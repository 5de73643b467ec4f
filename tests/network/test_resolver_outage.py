"""What stays true of DNSSEC and of "there is none" while the name servers fail."""

import dns.edns
import dns.flags
import dns.message
import dns.rdatatype
import pytest

from scanner.network import Resolver
from scanner.network.answer import Answer, Status
from scanner.network.dns_cache import MAX_STALE, AnswerCache
from scanner.network.dns_servers import Place
from tests.network.name_servers import Clock, Reply, records_of, reply_to, scripted

HOUR = 3600.0
SERVFAIL, NXDOMAIN = 2, 3
BOGUS = "bogus"


class Signed:
    """A signed zone: what it says by record type, an rcode or addresses; None is silence."""

    def __init__(self, **types: list[str] | int | str | None) -> None:
        self.types = types

    def __call__(self, query: dns.message.Message, _: bool) -> Reply:
        said = self.types.get(dns.rdatatype.to_text(query.question[0].rdtype), [])
        if said is None:
            return None
        if said == BOGUS:
            reply = reply_to(query, rcode=SERVFAIL)
            reply.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, None)])
            return reply
        reply = records_of(query, 900, *said) if isinstance(said, list) else reply_to(query, rcode=int(said))
        reply.flags |= dns.flags.AD
        return reply


def make(place: Place, clock: Clock) -> Resolver:
    return Resolver([place], timeout=0.2, clock=clock, trust_ad=True)


def make_cache() -> tuple[AnswerCache, Clock]:
    clock = Clock()
    return AnswerCache(100, clock), clock


async def addresses_of(resolver: Resolver) -> Answer[str]:
    return await resolver.address_records("a.test")


@pytest.mark.parametrize("trouble", [None, SERVFAIL])
@pytest.mark.parametrize("aaaa", [["2001:db8::1"], []])
async def test_addresses_stay_authentic_while_the_servers_fail(aaaa: list[str], trouble: int | None) -> None:
    clock, zone = Clock(), Signed(A=["192.0.2.1"], AAAA=aaaa)
    async with scripted(zone) as (_, place):
        resolver = make(place, clock)
        fresh = await addresses_of(resolver)
        assert fresh.is_authentic
        zone.types = {"A": trouble, "AAAA": trouble}
        for _ in range(2):
            clock.now += HOUR
            old = await addresses_of(resolver)
            assert (old.records, old.is_authentic, old.is_stale) == (fresh.records, True, True)


async def test_what_was_last_said_of_one_family_counts_while_it_fails() -> None:
    clock, zone = Clock(), Signed(A=["192.0.2.1"])
    async with scripted(zone) as (_, place):
        resolver = make(place, clock)
        await addresses_of(resolver)
        zone.types["AAAA"] = SERVFAIL
        for _ in range(2):
            clock.now += HOUR
            answer = await addresses_of(resolver)
            assert (answer.is_authentic, answer.is_stale) == (True, False)
            assert "SERVFAIL" in str(answer.detail)
        clock.now += MAX_STALE
        assert not (await addresses_of(resolver)).is_authentic


async def test_a_family_of_which_nothing_was_said_is_not_taken_for_authentic() -> None:
    async with scripted(Signed(A=["192.0.2.1"], AAAA=SERVFAIL)) as (_, place):
        assert not (await addresses_of(make(place, Clock()))).is_authentic


@pytest.mark.parametrize("kind", ["A", "AAAA"])
async def test_bogus_is_never_papered_over(kind: str) -> None:
    clock, zone = Clock(), Signed(A=["192.0.2.1"], AAAA=[])
    async with scripted(zone) as (_, place):
        resolver = make(place, clock)
        await addresses_of(resolver)
        await resolver.tlsa("a.test")
        zone.types |= {kind: BOGUS, "TLSA": BOGUS}
        clock.now += HOUR
        assert not (await addresses_of(resolver)).is_authentic
        assert (await resolver.tlsa("a.test")).status is Status.BOGUS


async def test_that_there_was_no_tlsa_record_stands_for_a_while() -> None:
    clock, zone = Clock(), Signed()
    async with scripted(zone) as (_, place):
        resolver = make(place, clock)
        assert (await resolver.tlsa("a.test")).is_definite
        await resolver.mx("a.test")
        zone.types = {"TLSA": SERVFAIL, "MX": SERVFAIL}
        clock.now += HOUR
        for _ in range(2):  # once from the servers, once from what is kept
            old = await resolver.tlsa("a.test")
            assert (old.status, old.is_stale, old.is_authentic) == (Status.NO_DATA, True, True)
            assert (old.is_definite, "SERVFAIL" in str(old.detail)) == (False, True)
        # Of other types a failure stays one: "no MX record" would be a statement about mail.
        assert (await resolver.mx("a.test")).status is Status.FAILED
        zone.types["TLSA"] = ["3 1 1 " + "ab" * 32]
        clock.now += HOUR
        assert (await resolver.tlsa("a.test")).is_definite
        zone.types["TLSA"] = SERVFAIL
        clock.now += HOUR
        assert (await resolver.tlsa("a.test")).status is Status.FOUND
        clock.now += MAX_STALE
        assert (await resolver.tlsa("a.test")).status is Status.FAILED


@pytest.mark.parametrize("order", ["A AAAA", "AAAA A"])
def test_a_name_denied_for_the_type_it_lacks_is_not_gone(order: str) -> None:
    cache, clock = make_cache()
    for kind in order.split():
        if kind == "A":
            cache.put(("a.test", "A"), Answer("a.test", Status.FOUND, ("192.0.2.1",), ttl=300))
        else:
            cache.put(("a.test", "AAAA"), Answer("a.test", Status.NO_NAME, ttl=900))
    clock.now += 300
    assert cache.get(("a.test", "A")) is None  # to be asked for again
    known = cache.get(("a.test", "AAAA"))
    assert known is not None
    assert known.status is Status.NO_NAME
    old = cache.put(("a.test", "A"), Answer("a.test", Status.FAILED, ttl=30))
    assert old.records == ("192.0.2.1",)


def test_a_name_that_is_gone_is_so_for_all_types_until_one_comes_back() -> None:
    cache, clock = make_cache()
    cache.put(("a.test", "A"), Answer("a.test", Status.FOUND, ("192.0.2.1",), ttl=300))
    clock.now += 300
    cache.put(("a.test", "TXT"), Answer("a.test", Status.NO_NAME, ttl=900))
    for kind in ("A", "MX", "TXT"):
        known = cache.get(("a.test", kind))
        assert known is not None
        assert known.status is Status.NO_NAME
    cache.put(("a.test", "MX"), Answer("a.test", Status.NO_DATA, ttl=900))
    assert cache.get(("a.test", "A")) is None
    cache.put(("a.test", "TXT"), Answer("a.test", Status.FOUND, (b"x",), ttl=900))
    assert cache.denial(("a.test", "TXT")) is None


async def test_a_host_whose_servers_deny_its_aaaa_stays_authentic() -> None:
    clock, zone = Clock(), Signed(A=["192.0.2.1"], AAAA=NXDOMAIN)
    async with scripted(zone) as (_, place):
        resolver = make(place, clock)
        assert (await addresses_of(resolver)).is_authentic
        zone.types = {"A": SERVFAIL, "AAAA": SERVFAIL}
        clock.now += HOUR
        old = await addresses_of(resolver)
        assert (old.records, old.is_authentic) == (("192.0.2.1",), True)
