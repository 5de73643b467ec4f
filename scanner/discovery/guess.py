"""The source of last resort: the usual names of mail servers, each to be proven by its greeting."""

import asyncio
import secrets
from collections.abc import Iterable

from scanner.discovery.offer import Offer, Place, Trouble
from scanner.model import PORTS, Proof, Protocol, Reason, Service, Source
from scanner.network import Resolver

_PREFIXES = {
    Service.SUBMISSION: ("smtp.", "mail."),
    Service.IMAP: ("imap.", "mail."),
    Service.POP3: ("pop3.", "pop.", "mail."),
}
_PROTOCOLS = {
    Service.SUBMISSION: Protocol.SMTP,
    Service.IMAP: Protocol.IMAP,
    Service.POP3: Protocol.POP3,
}
_NONE: frozenset[str] = frozenset()


async def find_guesses(
    domain: str, wanted: Iterable[Service], resolver: Resolver, *, is_host: bool = False
) -> Offer:
    """Guess servers for the services wanted, by names that exist.

    Two names with the same addresses are one server: the first stands for both. A name whose addresses are
    those of names that nobody can have made exists by a DNS wildcard only, and has to show a certificate
    for it. The domain's own address is tried where no usual name exists, and needs no proof if it is a mail
    host by itself (`is_host`: no MX record, so that it takes the domain's mail).
    """
    services = tuple(service for service in _PREFIXES if service in set(wanted))
    names = {f"{prefix}{domain}" for service in services for prefix in _PREFIXES[service]} | {domain}
    random_names = [f"{secrets.token_hex(8)}.{domain}" for _ in range(2)]
    asked = sorted(names) + random_names
    answers = await asyncio.gather(*(resolver.address_records(name) for name in asked))
    addresses = {name: frozenset(answer.records) for name, answer in zip(asked, answers, strict=True)}
    wild = frozenset().union(*(addresses[name] for name in random_names))
    # Whether every name exists is not known then, so that each has to show more.
    is_unsure = not all(answer.is_definite for answer in answers[-len(random_names) :])
    places: list[Place] = []
    for service in services:
        found = _choose(domain, service, addresses)
        if is_host and addresses[domain]:
            others = [name for name in found if not addresses[name] <= addresses[domain]]
            found = [domain, *others]
        for name in found:
            proof = Proof.CERTIFICATE if is_unsure or addresses[name] <= wild else Proof.GREETING
            if name == domain:
                proof = Proof.NONE if is_host else Proof.GREETING
            places += _places(service, name, proof)
    failed = next((answer for answer in answers if not answer.is_definite), None)
    trouble = None
    if failed is not None:
        trouble = Trouble(Reason.DNS_FAILURE, failed.detail or f"{failed.name} is not known")
    return Offer(Source.GUESS, tuple(places), trouble=trouble)


def _choose(domain: str, service: Service, addresses: dict[str, frozenset[str]]) -> list[str]:
    """Return the names that exist and lead to servers of their own, in the usual order."""
    chosen: list[str] = []
    seen: set[str] = set()
    for prefix in _PREFIXES[service]:
        name = f"{prefix}{domain}"
        here = addresses.get(name, _NONE)
        if here - seen:
            chosen.append(name)
            seen |= here
    return chosen or ([domain] if addresses.get(domain) else [])


def _places(service: Service, host: str, proof: Proof) -> list[Place]:
    return [
        Place(service, host, port.number, port.protocol, port.tls_mode, proof)
        for port in PORTS.values()
        if port.protocol is _PROTOCOLS[service] and port.number != 25
    ]
