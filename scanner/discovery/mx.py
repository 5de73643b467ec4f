"""The source MX: the servers that take mail for a domain (RFC 5321 section 5.1, RFC 7505)."""

from dataclasses import dataclass

from scanner.discovery.hosts import read_host
from scanner.discovery.offer import Notice, Offer, Place, Trouble
from scanner.model import Protocol, Reason, Service, Source, TlsMode
from scanner.network import Resolver
from scanner.network.answer import Answer, MxRecord, Status

MAX_HOSTS = 32
"""How many MX hosts of a domain are probed: those that senders try first."""


@dataclass(frozen=True, slots=True)
class MxFound:
    """What the MX look-up says about the domain as a whole, beside the servers."""

    offer: Offer
    exists: bool = True
    """Whether the domain is in the DNS at all, as far as that is known."""
    is_null: bool = False
    """The domain says that it takes no mail (RFC 7505)."""
    is_implicit: bool = False
    """There is no MX record: the domain's own addresses take its mail."""
    is_authentic: bool = False
    ttl: float = 0.0


async def find_mx(domain: str, resolver: Resolver) -> MxFound:
    """Look up the MX records of a domain and read them."""
    return read_mx(domain, await resolver.mx(domain))


def read_mx(domain: str, answer: Answer[MxRecord]) -> MxFound:
    """Tell what an answer means for mail to the domain."""
    trouble = None
    if not answer.is_definite:
        trouble = Trouble(Reason.DNS_FAILURE, answer.detail or f"the MX records of {domain} are not known")
    if answer.status is Status.NO_NAME:
        detail = answer.detail or f"{domain} does not exist in the DNS (NXDOMAIN)"
        gone = Offer(Source.MX, trouble=Trouble(Reason.NAME_NOT_FOUND, detail))
        return MxFound(gone, exists=False, ttl=answer.ttl)
    if answer.status is Status.NO_DATA:
        own = Offer(Source.MX, (_place(domain),))
        return MxFound(own, is_implicit=True, is_authentic=answer.is_authentic, ttl=answer.ttl)
    if not answer.records:
        return MxFound(Offer(Source.MX, trouble=trouble))
    records = sorted(answer.records, key=lambda record: (record.preference, record.host))
    named = [record for record in records if record.host]
    if not named:
        nothing = Offer(Source.MX, not_offered=frozenset({Service.MX}), trouble=trouble)
        return MxFound(nothing, is_null=True, is_authentic=answer.is_authentic, ttl=answer.ttl)
    places, notices = _read_hosts(domain, named)
    if len(named) < len(records):
        notices.append(
            Notice(
                "mx_bogus",
                f'{domain} has a null MX (".") beside other MX records.',
                "Remove the null MX, or all others: it stands alone where no mail is wanted (RFC 7505).",
            )
        )
    offer = Offer(Source.MX, tuple(places), notices=tuple(notices), trouble=trouble)
    return MxFound(offer, is_authentic=answer.is_authentic, ttl=answer.ttl)


def _read_hosts(domain: str, records: list[MxRecord]) -> tuple[list[Place], list[Notice]]:
    places: dict[str, Place] = {}
    notices: list[Notice] = []
    for record in records[:MAX_HOSTS]:
        host = read_host(record.host)
        if host is None:
            notices.append(
                Notice(
                    "mx_bogus",
                    f"The MX of {domain} names {record.host[:80]!r}, which is no host name.",
                    "Let the MX record name a host that has an address record (RFC 5321 section 5.1).",
                )
            )
        else:
            places.setdefault(host, _place(host))
    if len(records) > MAX_HOSTS:
        notices.append(
            Notice(
                "mx_bogus",
                f"{domain} has {len(records)} MX records; the first {MAX_HOSTS} are probed.",
                "Keep a handful: senders give up long before the last.",
            )
        )
    return list(places.values()), notices


def _place(host: str) -> Place:
    return Place(Service.MX, host, 25, Protocol.SMTP, TlsMode.STARTTLS)
