"""Asks a name server one question by dnspython, apart from all code under test."""

import dns.flags
import dns.message
import dns.query
import dns.rdatatype

SECONDS = 10.0


def ask(
    server: tuple[str, int], name: str, kind: str, *, flags: int = dns.flags.AD, seconds: float = SECONDS
) -> dns.message.Message:
    """Return the answer, by TCP where UDP is too small; dns.exception.Timeout after the seconds."""
    query = dns.message.make_query(name, kind, use_edns=0, payload=1232)
    query.flags |= flags
    return dns.query.udp_with_fallback(query, server[0], seconds, server[1])[0]


def records(answer: dns.message.Message, kind: str) -> list[str]:
    """Return the data of the answer's records of a type, as text, sorted."""
    found = [rrset for rrset in answer.answer if rrset.rdtype == dns.rdatatype.from_text(kind)]
    return sorted(str(record) for rrset in found for record in rrset)


def is_secure(answer: dns.message.Message) -> bool:
    """Tell whether the answer has the AD bit."""
    return bool(answer.flags & dns.flags.AD)
