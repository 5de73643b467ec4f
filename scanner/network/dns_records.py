"""The record types that are asked for, and how each is read from the wire into a value of our own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.TXT
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA
import dns.rdtypes.IN.SRV
import dns.wire

from scanner.model.published import TlsaRecord
from scanner.network.answer import MxRecord, SrvRecord

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Kind(Generic[Record]):
    """One record type."""

    text: str
    code: int
    read: Callable[[dns.wire.Parser], Record]
    """Reads the data of one record; raises a DNSException where it is unreadable."""
    rank: Callable[[Record], tuple[int, int, str]] | None = None
    """By what the records are ordered that count first, where there are more than are kept."""


def host_text(name: dns.name.Name) -> str:
    """Return a name in lower case without its last dot; the root is "", odd bytes are escaped."""
    return "" if len(name.labels) < 2 else name.to_text(omit_final_dot=True).lower()


def _data(parser: dns.wire.Parser, code: dns.rdatatype.RdataType) -> dns.rdata.Rdata:
    return dns.rdata.from_wire_parser(dns.rdataclass.IN, code, parser)


def _read_mx(parser: dns.wire.Parser) -> MxRecord:
    data = cast("dns.rdtypes.ANY.MX.MX", _data(parser, dns.rdatatype.MX))
    return MxRecord(data.preference, host_text(data.exchange))


def _read_srv(parser: dns.wire.Parser) -> SrvRecord:
    data = cast("dns.rdtypes.IN.SRV.SRV", _data(parser, dns.rdatatype.SRV))
    return SrvRecord(data.priority, data.weight, data.port, host_text(data.target))


def _read_txt(parser: dns.wire.Parser) -> bytes:
    return b"".join(cast("dns.rdtypes.ANY.TXT.TXT", _data(parser, dns.rdatatype.TXT)).strings)


def _read_tlsa(parser: dns.wire.Parser) -> TlsaRecord:
    # Not by dnspython's class, which refuses a digest of the wrong length: the record is there, if unusable.
    return TlsaRecord(parser.get_uint8(), parser.get_uint8(), parser.get_uint8(), parser.get_remaining())


def _read_a(parser: dns.wire.Parser) -> str:
    return str(cast("dns.rdtypes.IN.A.A", _data(parser, dns.rdatatype.A)).address)


def _read_aaaa(parser: dns.wire.Parser) -> str:
    return str(cast("dns.rdtypes.IN.AAAA.AAAA", _data(parser, dns.rdatatype.AAAA)).address)


MX = Kind("MX", 15, _read_mx, lambda record: (record.preference, 0, record.host))
SRV = Kind("SRV", 33, _read_srv, lambda record: (record.priority, -record.weight, record.host))
TXT = Kind("TXT", 16, _read_txt)
TLSA = Kind("TLSA", 52, _read_tlsa)
A = Kind("A", 1, _read_a)
AAAA = Kind("AAAA", 28, _read_aaaa)
