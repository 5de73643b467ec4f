"""Looks up what is published for DANE about an MX host (RFC 7672 section 2)."""

from scanner.model import Dane, DaneStatus, TlsaRecord
from scanner.network import Resolver
from scanner.network.answer import Answer, Status
from scanner.protocol.dane import usable


async def find_dane(host: str, resolver: Resolver, *, is_mx_authentic: bool = True) -> Dane:
    """Return what the DNS says about DANE for port 25 of a host.

    Each link of the chain has to be DNSSEC-secure: the MX record that names the host, the host's address,
    and the TLSA record (sections 2.2.1, 2.2.2). Of a host with a secure alias, the name at its end is
    asked about first.
    """
    addresses = await resolver.address_records(host)
    names = [host]
    if addresses.alias is not None and addresses.is_authentic:
        names.insert(0, addresses.alias)
    for name in names:
        answer = await resolver.tlsa(f"_25._tcp.{name}")
        if answer.status not in {Status.NO_DATA, Status.NO_NAME}:
            is_way_secure = is_mx_authentic and addresses.is_authentic
            return read_tlsa(answer, is_way_secure=is_way_secure, is_trusted=resolver.trusts_ad)
    return Dane(DaneStatus.NONE)


def read_tlsa(answer: Answer[TlsaRecord], *, is_way_secure: bool, is_trusted: bool) -> Dane:
    """Tell what an answer means, given that the way to the host is DNSSEC-secure or not.

    Old records, while the name servers fail, mean what they meant when they were fresh.
    """
    if answer.status is not Status.FOUND:
        # In a zone without DNSSEC a failing look-up means no more than that there is no DANE.
        status = DaneStatus.FAILED if is_way_secure or answer.status is Status.BOGUS else DaneStatus.NONE
        return Dane(status, detail=answer.detail)
    if not is_trusted:
        return Dane(DaneStatus.UNTRUSTED, answer.records)
    if not (is_way_secure and answer.is_authentic):
        return Dane(DaneStatus.INSECURE, answer.records)
    good = usable(answer.records)
    return Dane(DaneStatus.SECURE, good) if good else Dane(DaneStatus.UNUSABLE, answer.records)
