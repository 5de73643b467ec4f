"""What is published for DANE stands while our own name servers fail, and only then."""

import dns.edns
import dns.flags
import dns.message
import dns.rdatatype
import pytest

from scanner.discovery.addresses import AddressBook
from scanner.discovery.dane import read_tlsa
from scanner.model import Dane, DaneStatus, TlsaRecord
from scanner.network import Resolver
from scanner.network.answer import Answer, Status
from scanner.network.dns_cache import MAX_STALE
from tests.network.name_servers import Clock, Reply, records_of, reply_to, scripted

HOST = "mx.a.test"
TLSA = "3 1 1 " + "ab" * 32
RECORD = TlsaRecord(3, 1, 1, b"\xab" * 32)
SERVFAIL = 2


class Zone:
    """A zone with one MX host: records by type, signed or not, and what goes wrong instead."""

    def __init__(self, *tlsa: str, is_signed: bool = True) -> None:
        self.records = {"A": ["192.0.2.1"], "TLSA": list(tlsa)}
        self.is_signed = is_signed
        self.trouble: str | None = None

    def __call__(self, query: dns.message.Message, _: bool) -> Reply:
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        if self.trouble in {"silent", f"silent {kind}"}:
            return None
        if self.trouble in {"servfail", f"servfail {kind}"}:
            return reply_to(query, rcode=SERVFAIL)
        if self.trouble == f"bogus {kind}":
            reply = reply_to(query, rcode=SERVFAIL)
            reply.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, None)])
            return reply
        reply = records_of(query, 900, *self.records.get(kind, []))
        if self.is_signed:
            reply.flags |= dns.flags.AD
        return reply


async def look_up(resolver: Resolver) -> Dane:
    """Look up as one pass over the targets does."""
    book = AddressBook(resolver, families=(4, 6), allow_private=True, known={})
    return await book.dane(HOST, is_authentic=True)


@pytest.mark.parametrize("trouble", ["silent", "servfail", "silent TLSA", "servfail A", "servfail AAAA"])
@pytest.mark.parametrize(
    ("zone", "status"),
    [
        (Zone(TLSA), DaneStatus.SECURE),
        (Zone("3 1 9 ab"), DaneStatus.UNUSABLE),
        (Zone(TLSA, is_signed=False), DaneStatus.INSECURE),
        (Zone(), DaneStatus.NONE),
    ],
    ids=["secure", "unusable", "insecure", "none"],
)
async def test_dane_stands_while_the_name_servers_fail(zone: Zone, status: DaneStatus, trouble: str) -> None:
    clock = Clock()
    zone.trouble = None
    async with scripted(zone) as (_, place):
        resolver = Resolver([place], timeout=0.2, clock=clock, trust_ad=True)
        fresh = await look_up(resolver)
        assert fresh.status is status
        zone.trouble = trouble
        for _ in range(2):
            clock.now += 2 * 3600
            assert await look_up(resolver) == fresh


async def test_it_stands_no_longer_than_old_answers_do() -> None:
    clock, zone = Clock(), Zone(TLSA)
    async with scripted(zone) as (_, place):
        resolver = Resolver([place], clock=clock, trust_ad=True)
        await look_up(resolver)
        zone.trouble = "servfail TLSA"
        clock.now += MAX_STALE + 1
        assert (await look_up(resolver)).status is DaneStatus.FAILED


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        ("bogus TLSA", DaneStatus.FAILED),
        ("bogus A", DaneStatus.INSECURE),
        ("bogus AAAA", DaneStatus.INSECURE),
    ],
)
async def test_what_does_not_validate_is_never_secure(trouble: str, status: DaneStatus) -> None:
    clock, zone = Clock(), Zone(TLSA)
    async with scripted(zone) as (_, place):
        resolver = Resolver([place], clock=clock, trust_ad=True)
        assert (await look_up(resolver)).status is DaneStatus.SECURE
        zone.trouble = trouble
        clock.now += 3600
        assert (await look_up(resolver)).status is status


async def test_a_change_that_is_seen_counts_at_once() -> None:
    clock, zone = Clock(), Zone(TLSA)
    async with scripted(zone) as (_, place):
        resolver = Resolver([place], clock=clock, trust_ad=True)
        await look_up(resolver)
        zone.records["TLSA"] = []
        clock.now += 3600
        assert (await look_up(resolver)).status is DaneStatus.NONE
        zone.trouble = "servfail"
        clock.now += 7200
        assert (await look_up(resolver)).status is DaneStatus.NONE


@pytest.mark.parametrize("is_stale", [False, True])
def test_old_records_mean_what_fresh_ones_do(is_stale: bool) -> None:
    answer = Answer(HOST, Status.FOUND, (RECORD,), is_authentic=True, is_stale=is_stale)
    assert read_tlsa(answer, is_way_secure=True, is_trusted=True) == Dane(DaneStatus.SECURE, (RECORD,))
    assert read_tlsa(answer, is_way_secure=False, is_trusted=True).status is DaneStatus.INSECURE
    assert read_tlsa(answer, is_way_secure=True, is_trusted=False).status is DaneStatus.UNTRUSTED
