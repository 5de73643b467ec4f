"""Questions are packed as dnspython packs them; replies of any bytes are read or refused, within bounds."""

import struct
import time
from collections.abc import Callable

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.network import dns_records
from scanner.network.dns_message import (
    MAX_RECORDS,
    NonsenseReply,
    is_reply,
    is_truncated,
    pack_question,
    read_reply,
)
from scanner.network.dns_records import Kind
from tests.network.name_servers import records_of, reply_to

NAME = dns.name.from_text("www.a.test")
KINDS: list[Kind] = [
    dns_records.MX,
    dns_records.SRV,
    dns_records.TXT,
    dns_records.TLSA,
    dns_records.A,
    dns_records.AAAA,
]
QUESTION = NAME.to_digestable() + b"\0\x0f\0\1"


def query(kind: str = "MX") -> dns.message.Message:
    made = dns.message.make_query(NAME, kind, id=7, want_dnssec=True, payload=1232)
    made.flags |= dns.flags.AD
    return made


def header(*counts: int, flags: int = 0x8180) -> bytes:
    return struct.pack("!HHHHHH", 7, flags, 1, *counts)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.text)
def test_a_question_is_packed_as_dnspython_would(kind: Kind) -> None:
    assert pack_question(7, NAME, kind.code) == query(kind.text).to_wire()
    plain = query(kind.text)
    plain.use_edns(False)
    plain.flags |= dns.flags.CD
    assert pack_question(7, NAME, kind.code, with_edns=False, checking_disabled=True) == plain.to_wire()


@pytest.mark.parametrize(
    ("wire", "fits"),
    [
        (header(0, 0, 0) + QUESTION, True),
        (header(0, 0, 0) + b"\3WWW\1A\4Test\0\0\x0f\0\1", True),
        (b"\0\x08" + (header(0, 0, 0) + QUESTION)[2:], False),  # another id
        (header(0, 0, 0, flags=0x0100) + QUESTION, False),  # a query
        (header(0, 0, 0, flags=0xA980) + QUESTION, False),  # another opcode
        (header(0, 0, 0) + b"\3www\1b\4test\0\0\x0f\0\1", False),
        (header(0, 0, 0) + NAME.to_digestable() + b"\0\1\0\1", False),  # another type
        (header(0, 0, 0) + NAME.to_digestable() + b"\0\x0f\0\3", False),  # another class
        (header(0, 0, 0) + QUESTION[:-1], False),
        (header(0, 0, 0) + b"\xc0\x0c\0\x0f\0\1", False),  # a name that points to itself
        (struct.pack("!HHHHHH", 7, 0x8180, 2, 0, 0, 0) + QUESTION * 2, False),
        (struct.pack("!HHHHHH", 7, 0x8180, 0, 0, 0, 0), False),
        (struct.pack("!HHHHHH", 7, 0x8182, 0, 0, 0, 0), True),  # SERVFAIL may lack the question
        (struct.pack("!HHHHHH", 7, 0x8183, 0, 0, 0, 0), False),
        (b"", False),
        (b"\0\7\x81\x80", False),
    ],
)
def test_a_reply_is_known_by_id_and_question(wire: bytes, fits: bool) -> None:
    assert is_reply(wire, 7, NAME, 15) is fits


def test_truncation_is_seen() -> None:
    assert is_truncated(header(0, 0, 0, flags=0x8380))
    assert not is_truncated(header(0, 0, 0))


START = 12 + len(QUESTION)
LOOPS: dict[str, Callable[[int], bytes]] = {
    "to itself": lambda at: bytes([0xC0, at]),
    "forward": lambda at: bytes([0xC0, at + 20]),
    "label then itself": lambda at: b"\1a" + bytes([0xC0, at]),
    "label then within itself": lambda at: b"\1a" + bytes([0xC0, at + 1]),
    "reserved label type": lambda _: b"\x80\x01",
    "breaks off": lambda _: b"\x3f",
}


@pytest.mark.parametrize("owner", LOOPS.values(), ids=LOOPS)
def test_names_that_loop_are_refused(owner: Callable[[int], bytes]) -> None:
    wire = header(1, 0, 0) + QUESTION + owner(START) + b"\0\x0f\0\1\0\0\0\x3c\0\5\0\5\1a\0"
    with pytest.raises(NonsenseReply, match="an unreadable reply"):
        read_reply(wire, NAME, dns_records.MX)


@pytest.mark.parametrize("target", LOOPS.values(), ids=LOOPS)
def test_an_alias_that_loops_is_refused(target: Callable[[int], bytes]) -> None:
    data = target(START + 12)
    wire = header(1, 0, 0) + QUESTION + b"\xc0\x0c\0\5\0\1\0\0\0\x3c" + len(data).to_bytes(2, "big") + data
    with pytest.raises(NonsenseReply):
        read_reply(wire, NAME, dns_records.MX)


def test_a_reply_that_says_more_than_it_holds_is_refused() -> None:
    for counts in [(1, 0, 0), (65535, 0, 0), (0, 1, 0), (0, 0, 65535)]:
        with pytest.raises(NonsenseReply):
            read_reply(header(*counts) + QUESTION, NAME, dns_records.MX)


def test_every_cut_of_a_reply_is_read_or_refused() -> None:
    reply = reply_to(query(), "www.a.test. 900 CNAME b.test.", "b.test. 900 MX 5 mx.b.test.")
    wire = reply.to_wire()
    for length in range(12 + len(QUESTION), len(wire)):
        try:
            read = read_reply(wire[:length], NAME, dns_records.MX)
        except NonsenseReply:
            continue
        assert read.records
        assert length >= len(wire) - 11  # only the OPT record, which an answer does not need, may be missing


def test_a_reply_made_to_cost_much_does_not() -> None:
    # 64 KiB of records, each owner a pointer of its own into a name of 100 labels.
    long_name = b"\1a" * 100 + b"\0"
    body = QUESTION + long_name + b"\0\x10\0\1\0\0\0\0\0\0"
    start = 12 + len(QUESTION)
    entry = b"\0\x10\0\1\0\0\0\0\0\0"
    count = (65535 - 12 - len(body)) // 12
    for number in range(count):
        body += (0xC000 + start + 2 * (number % 100)).to_bytes(2, "big") + entry
    begun = time.process_time()
    read_reply(header(count + 1, 0, 0) + body, NAME, dns_records.TXT)
    assert time.process_time() - begun < 0.5


def test_records_behind_too_many_others_are_not_looked_for() -> None:
    noise = b"\xc0\x0c\0\x10\0\1\0\0\0\0\0\0"
    wanted = b"\xc0\x0c\0\x0f\0\1\0\0\0\x3c\0\5\0\5\1a\0"
    assert read_reply(header(1001, 0, 0) + QUESTION + noise * 1000 + wanted, NAME, dns_records.MX).records
    lost = read_reply(header(3001, 0, 0) + QUESTION + noise * 3000 + wanted, NAME, dns_records.MX)
    assert lost.records == ()


KIND = st.sampled_from(KINDS)


def check(wire: bytes, kind: Kind) -> None:
    """Read what may be a reply; only `NonsenseReply` may come out of it, and never too much."""
    if not is_reply(wire, 7, NAME, kind.code):
        return
    is_truncated(wire)
    try:
        reply = read_reply(wire, NAME, kind)
    except NonsenseReply:
        return
    assert len(reply.records) <= MAX_RECORDS
    assert reply.rcode_text
    assert reply.ttl is None or 0 <= reply.ttl < 1 << 31


@given(st.binary(max_size=600))
def test_any_bytes_are_hardly_a_reply(wire: bytes) -> None:
    assert not is_reply(wire, 7, NAME, 15) or wire[:2] == b"\0\7"


@given(st.sampled_from([0, 1]), st.sampled_from([1, 2, 4, 5]), st.binary(max_size=200), KIND)
def test_any_bytes_of_a_refusal_are_read_or_refused(count: int, rcode: int, rest: bytes, kind: Kind) -> None:
    check(struct.pack("!HHHHHH", 7, 0x8180 | rcode, 0, 0, count, count) + rest, kind)


@given(
    st.lists(st.integers(0, 3), min_size=3, max_size=3), st.integers(0, 0x07FF), st.binary(max_size=300), KIND
)
def test_any_bytes_after_a_good_question_are_read_or_refused(
    counts: list[int], flags: int, rest: bytes, kind: Kind
) -> None:
    check(
        header(*counts, flags=0x8000 | flags)
        + NAME.to_digestable()
        + kind.code.to_bytes(2, "big")
        + b"\0\1"
        + rest,
        kind,
    )


@given(
    st.binary(max_size=80), KIND, st.sampled_from([1, 5, 6, 15, 16, 28, 33, 41, 46, 52]), st.integers(0, 2)
)
def test_any_data_of_a_record_is_read_or_refused(data: bytes, kind: Kind, code: int, section: int) -> None:
    counts = [int(number == section) for number in range(3)]
    entry = b"\xc0\x0c" + code.to_bytes(2, "big") + b"\0\1\0\0\0\x3c" + len(data).to_bytes(2, "big") + data
    check(header(*counts) + NAME.to_digestable() + kind.code.to_bytes(2, "big") + b"\0\1" + entry, kind)


@given(st.integers(0, 10_000), st.integers(0, 255), KIND)
def test_a_good_reply_with_a_changed_byte_is_read_or_refused(place: int, value: int, kind: Kind) -> None:
    data = {
        "MX": "5 mx.a.test.",
        "SRV": "0 0 25 mx.a.test.",
        "TXT": "x",
        "TLSA": "3 1 1 " + "ab" * 32,
        "A": "192.0.2.1",
    }
    reply = records_of(query(kind.text), 900, data.get(kind.text, "2001:db8::1"))
    reply.authority.append(
        dns.rrset.from_text("a.test.", 60, "IN", "SOA", "ns.a.test. root.a.test. 1 2 3 4 5")
    )
    wire = bytearray(reply.to_wire())
    wire[place % len(wire)] = value
    check(bytes(wire), kind)
