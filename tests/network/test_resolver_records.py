"""What the resolver makes of answers: each type of record, aliases, odd, surplus and foreign records."""

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from scanner.model.published import TlsaRecord
from scanner.network import Resolver
from scanner.network.answer import Answer, MxRecord, SrvRecord, Status
from scanner.network.dns_message import MAX_CHAIN, MAX_RECORDS
from tests.network.name_servers import Clock, Script, records_of, reply_to, scripted, serving

TYPES = ["mx", "srv", "txt", "tlsa", "address_records"]
RECORDS = {
    "a.test": {
        "MX": ["10 MX1.A.Test.", "20 mx2.a.test."],
        "SRV": ["0 5 993 IMAP.a.test."],
        "TXT": ['"v=STSv1; " "id=1"', '"other"'],
        "TLSA": ["3 1 1 " + "ab" * 32],
        "A": ["192.0.2.1"],
    },
    "none.test": {"MX": ["0 ."], "SRV": ["0 0 0 ."]},
    "empty.test": {},
}


async def ask(script: Script, kind: str = "mx", name: str = "a.test") -> Answer[object]:
    """Ask a scripted server one question."""
    async with scripted(script) as (_, place):
        found: Answer[object] = await getattr(Resolver([place], clock=Clock()), kind)(name)
        return found


async def test_each_type_has_its_records() -> None:
    async with serving(RECORDS) as (_, place):
        resolver = Resolver([place])
        mx = await resolver.mx("a.test")
        assert (mx.name, mx.status, mx.alias, mx.detail) == ("a.test", Status.FOUND, None, None)
        assert sorted(mx.records, key=str) == [MxRecord(10, "mx1.a.test"), MxRecord(20, "mx2.a.test")]
        assert (await resolver.srv("a.test")).records == (SrvRecord(0, 5, 993, "imap.a.test"),)
        assert set((await resolver.txt("a.test")).records) == {b"v=STSv1; id=1", b"other"}
        assert (await resolver.tlsa("a.test")).records == (TlsaRecord(3, 1, 1, b"\xab" * 32),)
        assert (await resolver.address_records("a.test")).records == ("192.0.2.1",)


async def test_the_root_as_a_host_is_no_host() -> None:
    async with serving(RECORDS) as (_, place):
        resolver = Resolver([place])
        assert (await resolver.mx("none.test")).records == (MxRecord(0, ""),)
        assert (await resolver.srv("none.test")).records == (SrvRecord(0, 0, 0, ""),)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(("name", "status"), [("empty.test", Status.NO_DATA), ("no.test", Status.NO_NAME)])
async def test_nothing_is_told_apart_from_no_name(kind: str, name: str, status: Status) -> None:
    async with serving(RECORDS) as (_, place):
        answer = await getattr(Resolver([place]), kind)(name)
        assert (answer.status, answer.records, answer.is_definite) == (status, (), True)
        assert answer.detail.startswith(name)


async def test_case_and_a_last_dot_make_no_difference() -> None:
    async with serving(RECORDS) as (zone, place):
        resolver = Resolver([place], clock=Clock())
        assert await resolver.mx("A.Test.") == await resolver.mx("a.test")
        assert zone.asked == [("a.test", "MX")]


async def test_an_alias_is_named_and_its_ttl_counts() -> None:
    answer = await ask(
        lambda query, _: reply_to(
            query, "a.test. 900 CNAME Hop.test.", "hop.test. 400 CNAME b.test.", "b.test. 800 MX 5 mx.test."
        )
    )
    assert answer == Answer(
        "a.test", Status.FOUND, (MxRecord(5, "mx.test"),), ttl=400.0, aliases=("hop.test", "b.test")
    )


async def test_an_alias_to_nothing_is_named_too() -> None:
    answer = await ask(lambda query, _: reply_to(query, "a.test. 900 CNAME b.test.", rcode=3))
    assert (answer.status, answer.alias) == (Status.NO_NAME, "b.test")


@pytest.mark.parametrize("length", [MAX_CHAIN, MAX_CHAIN + 1])
async def test_a_long_chain_has_its_limit(length: int) -> None:
    chain = [f"h{number}.test. 900 CNAME h{number + 1}.test." for number in range(length)]
    last = f"h{length}.test. 900 MX 5 mx.test."
    answer = await ask(lambda query, _: reply_to(query, *reversed(chain), last), name="h0.test")
    if length <= MAX_CHAIN:
        assert answer.records == (MxRecord(5, "mx.test"),)
    else:
        assert answer.status is Status.FAILED
        assert f"more than {MAX_CHAIN} aliases" in str(answer.detail)


@pytest.mark.parametrize("target", ["a.test.", "b.test."])
async def test_a_circle_of_aliases_is_a_failure(target: str) -> None:
    lines = [f"a.test. 900 CNAME {target}", "b.test. 900 CNAME a.test."]
    answer = await ask(lambda query, _: reply_to(query, *lines))
    assert answer.status is Status.FAILED
    assert "go in a circle" in str(answer.detail)


async def test_records_that_were_not_asked_for_are_dropped() -> None:
    answer = await ask(
        lambda query, _: reply_to(
            query,
            "victim.test. 900 MX 1 evil.test.",
            "a.test. 900 TXT evil",
            "a.test. 900 MX 5 mx.test.",
            "victim.test. 900 CNAME evil.test.",
        )
    )
    assert answer.records == (MxRecord(5, "mx.test"),)
    only_others = await ask(lambda query, _: reply_to(query, "victim.test. 900 MX 1 evil.test."))
    assert (only_others.status, only_others.records) == (Status.NO_DATA, ())


async def test_records_of_another_class_are_dropped() -> None:
    def script(query: dns.message.Message, _: bool) -> dns.message.Message:
        reply = reply_to(query)
        reply.answer.append(dns.rrset.from_text("a.test.", 900, "CH", "TXT", "chaos"))
        return reply

    assert (await ask(script, "txt")).status is Status.NO_DATA


def with_data(query: dns.message.Message, *data: bytes) -> bytes:
    """Reply with records of the type asked for that hold these bytes, readable or not."""
    wire = bytearray(dns.message.make_response(query).to_wire())
    end = 12 + len(query.question[0].name.to_digestable()) + 4
    body = b"".join(
        b"\xc0\x0c" + query.question[0].rdtype.to_bytes(2, "big") + b"\0\1\0\0\x03\x84"
        + len(one).to_bytes(2, "big") + one
        for one in data
    )  # fmt: skip
    wire[6:8] = len(data).to_bytes(2, "big")
    wire[10:12] = b"\0\0"
    return bytes(wire[:end]) + body


UNREADABLE = {
    "mx": [b"", b"\0", b"\0\x05\xff", b"\0\x05\x03ab", b"\0\x05\0more"],
    "srv": [b"", b"\0\1\0\1\0", b"\0\1\0\1\0\1\x09a"],
    "txt": [b"\x05abc", b"\xff"],
    "tlsa": [b"", b"\3\1"],
    "address_records": [b"", b"\1\2\3", b"\1\2\3\4\5", b"\0" * 15],
}
READABLE = {
    "mx": b"\0\x05\2mx\4test\0",
    "srv": b"\0\1\0\1\3\xe1\2mx\4test\0",
    "txt": b"\3yes",
    "tlsa": b"\3\1\1abc",
}


@pytest.mark.parametrize("kind", READABLE)
async def test_an_unreadable_record_does_not_spoil_the_others(kind: str) -> None:
    bad = UNREADABLE[kind]
    answer = await ask(lambda query, _: with_data(query, *bad, READABLE[kind]), kind)
    assert answer.status is Status.FOUND
    assert len(answer.records) == 1
    assert answer.detail == f"{len(bad)} {kind.upper()} records of a.test cannot be read"


@pytest.mark.parametrize("kind", TYPES)
async def test_only_unreadable_records_are_a_failure_and_not_nothing(kind: str) -> None:
    answer = await ask(lambda query, _: with_data(query, *UNREADABLE[kind]), kind)
    assert answer.status is Status.FAILED
    assert "of which none can be read" in str(answer.detail)


async def test_a_digest_of_the_wrong_length_is_kept_as_it_is() -> None:
    answer = await ask(lambda query, _: with_data(query, b"\3\1\1short"), "tlsa")
    assert answer.records == (TlsaRecord(3, 1, 1, b"short"),)


async def test_odd_bytes_in_a_host_are_escaped() -> None:
    answer = await ask(lambda query, _: with_data(query, b"\0\x05\x07a b\n\x00\xff.\4TEST\0"))
    assert answer.records == (MxRecord(5, "a\\032b\\010\\000\\255\\..test"),)
    again = await ask(
        lambda query, _: records_of(query, 900, "192.0.2.1"), "address_records", "a\\032b\\000.test"
    )
    assert again.name == "a\\032b\\000.test"


async def test_of_thousands_of_records_the_first_are_kept() -> None:
    hosts = [f"{number} h{number}.test." for number in range(3000)]

    def script(query: dns.message.Message, by_tcp: bool) -> dns.message.Message:
        return records_of(query, 900, *hosts) if by_tcp else reply_to(query, flags=dns.flags.TC)

    answer = await ask(script)
    assert answer.status is Status.FOUND
    assert len(answer.records) == MAX_RECORDS
    assert answer.detail == "a.test has more than 256 MX records; only the first are kept"


async def test_the_same_record_twice_is_one() -> None:
    answer = await ask(lambda query, _: with_data(query, READABLE["mx"], READABLE["mx"]))
    assert answer.records == (MxRecord(5, "mx.test"),)


@pytest.mark.parametrize(
    "name", ["", ".", "a..test", "b\u00fccher.test", "a" * 64 + ".test", "\ud800", "a\\999"]
)
async def test_a_name_that_cannot_be_asked_for_asks_nobody(name: str) -> None:
    async with scripted(lambda query, _: records_of(query, 900)) as (server, place):
        answer = await Resolver([place]).mx(name)
        assert answer.status is Status.FAILED
        assert str(answer.detail).endswith("is not a name that the DNS can hold")
        assert str(answer.detail).isprintable()
        assert server.queries == []


async def test_ttls_are_bounded_and_a_negative_one_means_zero() -> None:
    for ttl, kept in [(0, 300.0), (1000, 1000.0), (10_000_000, 86400.0), (0x7FFFFFFF, 86400.0)]:
        answer = await ask(lambda query, _, ttl=ttl: records_of(query, ttl, "5 mx.test."))  # type: ignore[misc]
        assert answer.ttl == kept


@pytest.mark.parametrize(
    ("own", "minimum", "kept"), [(1, 1, 60.0), (900, 700, 700.0), (500, 9000, 500.0), (9999, 9999, 3600.0)]
)
@pytest.mark.parametrize("rcode", [0, 3])
async def test_nothing_is_kept_as_long_as_the_soa_says(
    own: int, minimum: int, kept: float, rcode: int
) -> None:
    def script(query: dns.message.Message, _: bool) -> dns.message.Message:
        reply = reply_to(query, rcode=rcode)
        soa = f"ns.test. root.test. 1 3600 600 86400 {minimum}"
        reply.authority.append(dns.rrset.from_text("test.", own, "IN", "SOA", soa))
        return reply

    answer = await ask(script)
    assert (answer.is_definite, answer.ttl) == (True, kept)


async def test_nothing_without_an_soa_is_kept_for_a_minute() -> None:
    assert (await ask(lambda query, _: reply_to(query, rcode=3))).ttl == 60.0


async def test_of_too_many_records_those_are_kept_that_count_first() -> None:
    hosts = [f"{5000 - number} mx{number}.test." for number in range(MAX_RECORDS + 44)]
    async with serving({"crowd.test": {"MX": hosts}}) as (_, place):
        answer = await Resolver([place], timeout=5).mx("crowd.test")
    preferences = sorted(record.preference for record in answer.records)
    assert preferences == sorted(5000 - number for number in range(MAX_RECORDS + 44))[:MAX_RECORDS]
