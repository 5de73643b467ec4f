"""The source SRV: where a domain's clients send and read (RFC 6186, RFC 8314 section 5.1)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from scanner.discovery.hosts import read_host
from scanner.discovery.offer import Notice, Offer, Place, Trouble
from scanner.model import Protocol, Reason, Service, Source, TlsMode
from scanner.network import Resolver
from scanner.network.answer import Answer, SrvRecord

MAX_PLACES = 8
"""How many servers of one service name are probed."""


@dataclass(frozen=True, slots=True)
class _Name:
    label: str
    service: Service
    protocol: Protocol
    tls_mode: TlsMode


# Implicit TLS first, as RFC 8314 prefers it.
NAMES = (
    _Name("_submissions", Service.SUBMISSION, Protocol.SMTP, TlsMode.IMPLICIT),
    _Name("_submission", Service.SUBMISSION, Protocol.SMTP, TlsMode.STARTTLS),
    _Name("_imaps", Service.IMAP, Protocol.IMAP, TlsMode.IMPLICIT),
    _Name("_imap", Service.IMAP, Protocol.IMAP, TlsMode.STARTTLS),
    _Name("_pop3s", Service.POP3, Protocol.POP3, TlsMode.IMPLICIT),
    _Name("_pop3", Service.POP3, Protocol.POP3, TlsMode.STARTTLS),
)


async def find_srv(domain: str, resolver: Resolver) -> Offer:
    """Look up all six service names of a domain and read them."""
    answers = await asyncio.gather(*(resolver.srv(f"{name.label}._tcp.{domain}") for name in NAMES))
    return read_srv(domain, answers)


def read_srv(domain: str, answers: Sequence[Answer[SrvRecord]]) -> Offer:
    """Tell what the six answers, in the order of `NAMES`, mean.

    A target of "." says that the service is not available (RFC 2782): one that is offered under neither
    of its names, and denied under one, is not offered.
    """
    places: list[Place] = []
    denied: set[Service] = set()
    notices: list[Notice] = []
    trouble = None
    for name, answer in zip(NAMES, answers, strict=True):
        if not answer.is_definite and trouble is None:
            detail = answer.detail or f"the SRV records of {domain} are not known"
            trouble = Trouble(Reason.DNS_FAILURE, detail)
        for record in _order(answer.records):
            if not record.host:
                denied.add(name.service)
                continue
            host = read_host(record.host)
            if host is None or not record.port:
                notices.append(
                    Notice(
                        "srv_bogus",
                        f"{name.label}._tcp.{domain} names {record.host[:80]!r} port {record.port}, "
                        "which is no place to connect to.",
                        "Let the SRV record name a host with an address record and a port (RFC 2782).",
                    )
                )
            else:
                places.append(Place(name.service, host, record.port, name.protocol, name.tls_mode))
    offered = {place.service for place in places}
    return Offer(
        Source.SRV,
        tuple(dict.fromkeys(places)),
        not_offered=frozenset(denied - offered),
        notices=tuple(notices),
        trouble=trouble,
    )


def _order(records: Sequence[SrvRecord]) -> list[SrvRecord]:
    """Order by priority; among equals the heavier first, so that plans do not change by chance."""
    ordered = sorted(records, key=lambda record: (record.priority, -record.weight, record.host, record.port))
    return ordered[:MAX_PLACES]
