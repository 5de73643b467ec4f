"""Packs one question for a name server and reads its reply, bounded whatever the reply holds (RFC 1035).

Names and record data are read by dnspython. Its whole `dns.message` is not used: it costs twice as much as
all the rest of a look-up, and one unreadable record makes it refuse the others.
"""

import struct
from dataclasses import dataclass
from typing import Generic, TypeVar

import dns.exception
import dns.name
import dns.rcode
import dns.wire

from scanner.network.dns_records import Kind, host_text
from scanner.protocol.display import display

MAX_RECORDS = 256
"""How many records of one answer are kept."""
MAX_READ = 2048
"""How many records of one reply are looked at."""
MAX_CHAIN = 16
"""How many aliases (CNAME) may follow each other."""
MAX_ERROR_TEXT = 120

_HEADER = struct.Struct("!HHHHHH")
_ENTRY = struct.Struct("!HHIH")
_QR, _TC, _RD, _AD, _CD = 0x8000, 0x0200, 0x0100, 0x0020, 0x0010
_OPCODE, _RCODE = 0x7800, 0x000F
_IN, _CNAME, _SOA, _OPT = 1, 5, 6, 41
_EDE = 15
_TO_QUESTION = b"\xc0\x0c"
_SOA_NUMBERS = 20
DNSSEC_ERRORS = range(5, 13)
"""The extended errors that say that an answer did not validate (RFC 8914 section 4)."""
# EDNS with DO; 1232 bytes pass every path without fragments (RFC 6891, RFC 9715 section 3.2).
_EDNS = b"\0" + _ENTRY.pack(_OPT, 1232, 0x8000, 0)
_MAY_LACK_QUESTION = {dns.rcode.FORMERR, dns.rcode.SERVFAIL, dns.rcode.NOTIMP, dns.rcode.REFUSED}

_Labels = tuple[bytes, ...]
Record = TypeVar("Record")


class NonsenseReply(Exception):
    """A reply that cannot be read or contradicts itself; its text says how."""


@dataclass(frozen=True, slots=True)
class Reply(Generic[Record]):
    """What one server said to one question."""

    rcode: int
    is_authentic: bool = False
    """The AD bit, whoever set it (RFC 6840 section 5.8)."""
    records: tuple[Record, ...] = ()
    seen: int = 0
    """How many records there were, of which at most 256 are kept."""
    unreadable: int = 0
    ttl: int | None = None
    """Seconds: the least of the chain and of the records, or of the SOA (RFC 2308 section 5)."""
    aliases: tuple[str, ...] = ()
    """Where the name asked for leads by CNAMEs, in their order; the records are at the last one."""
    error: tuple[int, str] | None = None
    """Code and text of an extended error (RFC 8914), one of DNSSEC before any other."""

    @property
    def rcode_text(self) -> str:
        """The response code by name."""
        return dns.rcode.to_text(dns.rcode.Rcode.make(self.rcode))


def pack_question(
    ident: int, name: dns.name.Name, code: int, *, with_edns: bool = True, checking_disabled: bool = False
) -> bytes:
    """Return a recursive query that asks for the AD bit (RFC 6840 section 5.7)."""
    flags = _RD | _AD | (_CD if checking_disabled else 0)
    header = _HEADER.pack(ident, flags, 1, 0, 0, int(with_edns))
    return header + name.to_digestable() + struct.pack("!HH", code, _IN) + (_EDNS if with_edns else b"")


def is_reply(wire: bytes, ident: int, name: dns.name.Name, code: int) -> bool:
    """Tell whether a message replies to this question, by its id and by the question it repeats."""
    if len(wire) < _HEADER.size:
        return False
    found, flags, questions, *_ = _HEADER.unpack_from(wire)
    if found != ident or not flags & _QR or flags & _OPCODE:
        return False
    if questions == 0:
        return flags & _RCODE in _MAY_LACK_QUESTION
    try:
        parser = dns.wire.Parser(wire, _HEADER.size)
        return bool(questions == 1 and parser.get_name() == name and parser.get_struct("!HH") == (code, _IN))
    except dns.exception.DNSException:
        return False


def is_truncated(wire: bytes) -> bool:
    """Tell whether the rest has to be fetched by TCP."""
    return bool(wire[2] << 8 & _TC)


def read_reply(wire: bytes, name: dns.name.Name, kind: Kind[Record]) -> Reply[Record]:
    """Read a message that `is_reply`.

    Raises:
        NonsenseReply: it breaks off, its aliases go in a circle or too far, or it contradicts itself.
    """
    try:
        return _Reader(wire, name, kind.code).read(kind)
    except (dns.exception.DNSException, struct.error) as error:
        raise NonsenseReply(f"an unreadable reply ({type(error).__name__})") from None


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where one record of the message is."""

    owner: _Labels
    code: int
    ttl: int
    start: int
    end: int


class _Reader:
    """Reads one message from front to back."""

    def __init__(self, wire: bytes, name: dns.name.Name, code: int) -> None:
        self._wire = wire
        self._parser = dns.wire.Parser(wire, _HEADER.size)
        self._asked = _fold(name)
        self._code = code
        self._pointers: dict[bytes, _Labels] = {}
        self._left = MAX_READ

    def read(self, kind: Kind[Record]) -> Reply[Record]:
        _, flags, questions, *counts = _HEADER.unpack_from(self._wire)
        if questions:
            # `is_reply` has found it to be the one asked; nearly every owner is a pointer to its name.
            self._parser.get_bytes(sum(len(label) + 1 for label in self._asked) + 4)
            self._pointers[_TO_QUESTION] = self._asked
        answers = self._section(counts[0])
        owner, ttls, aliases = self._follow(answers)
        wanted = [entry for entry in answers if entry.code == self._code and entry.owner == owner]
        rcode, is_authentic = flags & _RCODE, bool(flags & _AD)
        if wanted and rcode == dns.rcode.NOERROR:
            records, unreadable = self._records(wanted, kind)
            ttl = min(ttls + [_sane(entry.ttl) for entry in wanted])
            return Reply(rcode, is_authentic, records, len(wanted), unreadable, ttl, aliases)
        if wanted and rcode == dns.rcode.NXDOMAIN:
            raise NonsenseReply("an answer together with NXDOMAIN")
        ttls += self._negative_ttls(self._section(counts[1]))
        high, error = self._extension(self._section(counts[2]))
        return Reply(
            rcode | high << 4, is_authentic, ttl=min(ttls) if ttls else None, aliases=aliases, error=error
        )

    def _section(self, count: int) -> list[_Entry]:
        found = []
        for _ in range(count):
            self._left -= 1
            if self._left < 0:
                break  # what comes later is out of reach; there are records enough
            owner = self._owner()
            code, of_class, ttl, length = self._parser.get_struct("!HHIH")
            start = self._parser.current
            self._parser.get_bytes(length)
            if code == _OPT or of_class == _IN:
                found.append(_Entry(owner, code, ttl, start, start + length))
        return found

    def _owner(self) -> _Labels:
        # Nobody makes us follow the same pointer twice.
        pointer = self._wire[self._parser.current : self._parser.current + 2]
        known = self._pointers.get(pointer)
        if known is not None:
            self._parser.get_bytes(2)
            return known
        labels = _fold(self._parser.get_name(decompress=True))
        if pointer[0] >= 0xC0:
            self._pointers[pointer] = labels
        return labels

    def _follow(self, answers: list[_Entry]) -> tuple[_Labels, list[int], tuple[str, ...]]:
        """Return the name that the aliases lead to, their TTLs, and all that they lead to as text."""
        aliases = {entry.owner: entry for entry in reversed(answers) if entry.code == _CNAME}
        owner, found = self._asked, list[str]()
        ttls: list[int] = []
        passed = {owner}
        while (entry := aliases.get(owner)) is not None:
            target = self._data(entry).get_name(decompress=True)
            owner = _fold(target)
            found.append(host_text(target))
            ttls.append(_sane(entry.ttl))
            if owner in passed:
                raise NonsenseReply("aliases (CNAME) that go in a circle")
            if len(ttls) > MAX_CHAIN:
                raise NonsenseReply(f"a chain of more than {MAX_CHAIN} aliases (CNAME)")
            passed.add(owner)
        return owner, ttls, tuple(found)

    def _data(self, entry: _Entry) -> dns.wire.Parser:
        parser = dns.wire.Parser(self._wire, entry.start)
        parser.restrict_end(entry.end)
        return parser

    def _records(self, wanted: list[_Entry], kind: Kind[Record]) -> tuple[tuple[Record, ...], int]:
        """Return the records, each once, and how many of them cannot be read.

        Servers rotate them, so where there are too many it is not the first that count.
        """
        found: dict[Record, None] = {}
        unreadable = 0
        for entry in wanted:
            parser = self._data(entry)
            try:
                record = kind.read(parser)
            except dns.exception.DNSException:
                unreadable += 1
                continue
            if parser.remaining():
                unreadable += 1
            else:
                found[record] = None
        kept = list(found) if kind.rank is None else sorted(found, key=kind.rank)
        return tuple(kept[:MAX_RECORDS]), unreadable

    def _negative_ttls(self, authority: list[_Entry]) -> list[int]:
        """Return how long "there is nothing" holds: the SOA's own TTL and its last field, the minimum."""
        for entry in authority:
            if entry.code == _SOA and entry.end - entry.start >= _SOA_NUMBERS:
                minimum = int.from_bytes(self._wire[entry.end - 4 : entry.end], "big")
                return [_sane(entry.ttl), _sane(minimum)]
        return []

    def _extension(self, additional: list[_Entry]) -> tuple[int, tuple[int, str] | None]:
        """Return the upper bits of the response code (RFC 6891 section 6.1.3) and the extended error."""
        for entry in additional:
            if entry.code == _OPT:
                return entry.ttl >> 24, _read_error(self._data(entry))
        return 0, None


def _read_error(options: dns.wire.Parser) -> tuple[int, str] | None:
    found: list[tuple[int, str]] = []
    while options.remaining():
        code, length = options.get_struct("!HH")
        data = options.get_bytes(length)
        if code == _EDE and length >= 2:
            found.append((int.from_bytes(data[:2], "big"), display(data[2:].rstrip(b"\0"))[:MAX_ERROR_TEXT]))
    return min(found, key=lambda error: error[0] not in DNSSEC_ERRORS, default=None)


def _fold(name: dns.name.Name) -> _Labels:
    """Return what names are compared by: dnspython's own comparison and hash cost many times as much."""
    return tuple(label.lower() for label in name.labels)


def _sane(ttl: int) -> int:
    """Return a TTL, or 0 where its highest bit is set (RFC 2181 section 8)."""
    return ttl if ttl < 1 << 31 else 0
