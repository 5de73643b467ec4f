"""What the resolver believes about DNSSEC: the AD bit of trusted servers, and what does not validate."""

from collections.abc import Sequence

import dns.edns
import dns.flags
import dns.message
import pytest

from scanner.model.published import TlsaRecord
from scanner.network import Resolver
from scanner.network.answer import Status
from scanner.network.dns_servers import Place, Servers
from tests.network.name_servers import Clock, records_of, reply_to, scripted

AD, CD, RD = dns.flags.AD, dns.flags.CD, dns.flags.RD
SERVFAIL = 2


def signed(query: dns.message.Message, _: bool) -> dns.message.Message:
    reply = records_of(query, 900, "2001:db8::1" if query.question[0].rdtype == 28 else "192.0.2.1")
    reply.flags |= AD
    return reply


def failure(query: dns.message.Message, *codes: int, text: str | None = None) -> dns.message.Message:
    reply = reply_to(query, rcode=SERVFAIL)
    options: list[dns.edns.Option] = [dns.edns.EDEOption(dns.edns.EDECode(code), text) for code in codes]
    reply.use_edns(0, options=options)
    return reply


async def test_queries_ask_for_the_ad_bit() -> None:
    async with scripted(signed) as (server, place):
        await Resolver([place], families=(4,)).address_records("a.test")
    (query,) = server.queries
    assert query.flags & (AD | CD | RD) == AD | RD
    assert query.ednsflags & dns.flags.DO
    assert query.payload == 1232


@pytest.mark.parametrize(("trust", "believed"), [(None, True), (True, True), (False, False)])
async def test_the_ad_bit_counts_where_it_is_trusted(trust: bool | None, believed: bool) -> None:
    async with scripted(signed) as (_, place):
        resolver = Resolver([place], trust_ad=trust)
        assert (await resolver.address_records("a.test")).is_authentic is believed
        assert (await resolver.address_records("a.test")).is_authentic is believed  # from the cache
        assert resolver.trusts_ad is believed


async def test_without_the_ad_bit_trust_makes_nothing_authentic() -> None:
    async with scripted(lambda query, _: records_of(query, 900, "192.0.2.1")) as (_, place):
        assert not (
            await Resolver([place], trust_ad=True, families=(4,)).address_records("a.test")
        ).is_authentic


@pytest.mark.parametrize(
    ("places", "local"),
    [
        ([("127.0.0.1", 53)], True),
        ([("127.0.0.53", 53), ("::1", 5353)], True),
        ([("127.0.0.1", 53), ("192.0.2.1", 53)], False),
        ([("192.0.2.1", 53)], False),
        ([("fe80::1%nowhere", 53)], False),
        ([("not-an-address", 53)], False),
    ],
)
def test_only_servers_of_this_machine_are_trusted_unasked(places: Sequence[Place], local: bool) -> None:
    assert Servers(places, rate=0, clock=Clock()).are_local is local
    assert Resolver(places).trusts_ad is local


async def test_an_address_is_authentic_only_in_every_family() -> None:
    def script(query: dns.message.Message, _: bool) -> dns.message.Message:
        reply = signed(query, _)
        if query.question[0].rdtype == 28:
            reply.flags &= ~AD
        return reply

    async with scripted(script) as (_, place):
        assert not (await Resolver([place]).address_records("a.test")).is_authentic
        assert (await Resolver([place], families=(4,)).address_records("a.test")).is_authentic
        assert not (await Resolver([place], families=(6,)).address_records("a.test")).is_authentic


@pytest.mark.parametrize("rcode", [0, 3])
async def test_that_there_is_nothing_can_be_authentic_too(rcode: int) -> None:
    async with scripted(lambda query, _: reply_to(query, rcode=rcode, flags=AD)) as (_, place):
        assert (await Resolver([place]).tlsa("_25._tcp.a.test")).is_authentic
        assert (await Resolver([place]).address_records("a.test")).is_authentic


@pytest.mark.parametrize("trust", [True, False])
@pytest.mark.parametrize("code", range(5, 13))
async def test_an_extended_error_of_dnssec_is_bogus(code: int, trust: bool) -> None:
    async with scripted(lambda query, _: failure(query, 22, code, text="no\x1b luck")) as (server, place):
        answer = await Resolver([place], trust_ad=trust).tlsa("_25._tcp.a.test")
        assert (answer.status, answer.records) == (Status.BOGUS, ())
        assert f"SERVFAIL, extended error {code} (no\\x1b luck)" in str(answer.detail)
        assert len(server.queries) == 1


@pytest.mark.parametrize("codes", [(), (4,), (13,), (22, 23)])
async def test_another_failure_is_not_bogus(codes: tuple[int, ...]) -> None:
    async with scripted(lambda query, _: failure(query, *codes)) as (_, place):
        for trust in (True, False):
            answer = await Resolver([place], trust_ad=trust).mx("a.test")
            assert answer.status is Status.FAILED
            assert "SERVFAIL" in str(answer.detail)
            assert ("extended error" in str(answer.detail)) is bool(codes)


def unless_unchecked(query: dns.message.Message, _: bool) -> dns.message.Message:
    if query.flags & CD:
        return records_of(query, 900, "3 1 1 " + "ab" * 32)
    return reply_to(query, rcode=SERVFAIL)


async def test_an_answer_only_without_checking_is_bogus() -> None:
    async with scripted(unless_unchecked) as (server, place):
        answer = await Resolver([place], trust_ad=True).tlsa("_25._tcp.a.test")
        assert (answer.status, answer.records, answer.is_authentic) == (Status.BOGUS, (), False)
        assert "an answer with checking disabled" in str(answer.detail)
        assert [bool(query.flags & CD) for query in server.queries] == [False, True, False]


async def test_a_server_that_is_not_trusted_is_not_asked_without_checking() -> None:
    async with scripted(unless_unchecked) as (server, place):
        assert (await Resolver([place], trust_ad=False).tlsa("_25._tcp.a.test")).status is Status.FAILED
        assert not any(query.flags & CD for query in server.queries)


async def test_a_failure_that_passes_is_not_taken_for_bogus() -> None:
    def script(query: dns.message.Message, _: bool) -> dns.message.Message:
        if len(server.queries) == 1:
            return reply_to(query, rcode=SERVFAIL)
        return records_of(query, 900, "3 1 1 " + "ab" * 32)

    async with scripted(script) as (server, place):
        answer = await Resolver([place], trust_ad=True).tlsa("_25._tcp.a.test")
        assert answer.records == (TlsaRecord(3, 1, 1, b"\xab" * 32),)


async def test_silence_without_checking_is_a_failure() -> None:
    def script(query: dns.message.Message, _: bool) -> dns.message.Message | None:
        return None if query.flags & CD else reply_to(query, rcode=SERVFAIL)

    async with scripted(script) as (_, place):
        assert (await Resolver([place], trust_ad=True, timeout=0.3).mx("a.test")).status is Status.FAILED


async def test_bogus_is_final_and_no_old_answer_stands_in_for_it() -> None:
    clock = Clock()
    is_bogus = False

    def script(query: dns.message.Message, _: bool) -> dns.message.Message:
        return failure(query, 6) if is_bogus else records_of(query, 900, "5 mx.test.")

    async with scripted(script) as (_, place), scripted(signed) as (other, elsewhere):
        resolver = Resolver([place, elsewhere], clock=clock)
        assert (await resolver.mx("a.test")).status is Status.FOUND
        is_bogus = True
        clock.now += 1000
        answer = await resolver.mx("a.test")
        assert (answer.status, answer.is_stale, answer.is_definite) == (Status.BOGUS, False, False)
        assert other.queries == []  # a server that does not validate must not win


@pytest.mark.parametrize(
    "option", [b"\0\x0f\0\1\6", b"\0\x0f\0\0", b"\0\x0f\0\4\0\6\xff\xfe", b"\0\x0f\xff\xff\0\6"]
)
async def test_broken_extended_errors_break_nothing(option: bytes) -> None:
    def script(query: dns.message.Message, _: bool) -> bytes:
        wire = bytearray(reply_to(query, rcode=SERVFAIL).to_wire())
        wire[-2:] = len(option).to_bytes(2, "big")  # the OPT record comes last
        return bytes(wire) + option

    async with scripted(script) as (_, place):
        answer = await Resolver([place], trust_ad=False).mx("a.test")
        assert answer.status is (Status.BOGUS if option[3] == 4 else Status.FAILED)
        assert str(answer.detail).isprintable()
