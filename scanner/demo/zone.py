"""What the farm's DNS server knows: records from a table, and names that fail on purpose."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset

_TTL = 60
_ALIAS_LIMIT = 8
# What passes every path without fragments; RFC 9715 section 3.2.
_LARGEST_UDP = 1_232
_SOA = f"ns.mail.test. hostmaster.mail.test. 1 3600 600 86400 {_TTL}"


class Trouble(StrEnum):
    """A name that gets no proper answer."""

    SERVFAIL = "servfail"
    REFUSED = "refused"
    SILENT = "silent"


Records = Mapping[str, Mapping[str, Sequence[str]] | Trouble]
"""Name to record type to record texts (`{"mail.test": {"MX": ["10 mx.mail.test."]}}`), or the name's trouble.

A name with an empty table exists and has no data.
"""


class Zone:
    """All that the server knows; it is authoritative for every name, and unknown names do not exist."""

    def __init__(self, records: Records) -> None:
        """Read the table; raises dnspython's errors where a record text is wrong."""
        self._troubles: dict[dns.name.Name, Trouble] = {}
        self._sets: dict[dns.name.Name, dict[dns.rdatatype.RdataType, dns.rrset.RRset]] = {}
        for text, table in records.items():
            name = dns.name.from_text(text)
            if isinstance(table, Trouble):
                self._troubles[name] = table
                continue
            sets = self._sets[name] = {}
            for kind, data in table.items():
                rrset = dns.rrset.from_text_list(name, _TTL, "IN", kind, list(data))
                sets[rrset.rdtype] = rrset

    def answer(self, wire: bytes, limit: int | None) -> bytes | None:
        """Answer one query; None means silence. With a `limit` (UDP) a long answer is truncated (TC)."""
        try:
            query = dns.message.from_wire(wire)
            response = dns.message.make_response(query)
        except dns.exception.DNSException:
            return None
        if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
            response.set_rcode(dns.rcode.NOTIMP)
        elif not self._fill(response, query.question[0]):
            return None
        if limit is not None and query.edns >= 0:
            limit = max(limit, min(query.payload, _LARGEST_UDP))
        try:
            return response.to_wire(max_size=limit or 65_535)
        except dns.exception.TooBig:
            return _truncate(query).to_wire()

    def _fill(self, response: dns.message.Message, question: dns.rrset.RRset) -> bool:
        """Put the answer into the response; False means silence."""
        name = question.name
        trouble = self._troubles.get(name)
        if trouble is Trouble.SILENT:
            return False
        if trouble is not None:
            response.set_rcode(dns.rcode.SERVFAIL if trouble is Trouble.SERVFAIL else dns.rcode.REFUSED)
            return True
        response.flags |= dns.flags.AA | dns.flags.RA
        for _ in range(_ALIAS_LIMIT):
            sets = self._sets.get(name, {})
            alias = sets.get(dns.rdatatype.CNAME)
            if alias is None or question.rdtype == dns.rdatatype.CNAME:
                break
            response.answer.append(alias)
            name = alias[0].target
        wanted = self._sets.get(name, {}).get(question.rdtype)
        if wanted is not None:
            response.answer.append(wanted)
            return True
        if not self._exists(name):
            response.set_rcode(dns.rcode.NXDOMAIN)
        response.authority.append(dns.rrset.from_text(dns.name.from_text("test."), _TTL, "IN", "SOA", _SOA))
        return True

    def _exists(self, name: dns.name.Name) -> bool:
        # A name above an existing one exists too, without data (RFC 8020).
        return any(known.is_subdomain(name) for known in (*self._sets, *self._troubles))


def _truncate(query: dns.message.Message) -> dns.message.Message:
    response = dns.message.make_response(query)
    response.flags |= dns.flags.TC
    return response
