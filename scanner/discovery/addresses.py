"""The hosts of one pass over all targets: each is looked up once, whoever wants it."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from scanner.discovery.dane import find_dane
from scanner.discovery.offer import Trouble
from scanner.model import Dane, Reason
from scanner.model.exclusion import NOTHING_EXCLUDED, Exclusion
from scanner.model.target import is_address, refuse_address
from scanner.network import Resolver

_Answer = TypeVar("_Answer")

MAX_ADDRESSES = 64
"""How many addresses of one host are probed; one answer of a name server could hold thousands."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host with the addresses that may be probed, and the trouble with the others."""

    name: str
    addresses: tuple[str, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    alias: str | None = None
    """The canonical name behind a CNAME."""
    dns_seconds: float | None = None


class AddressBook:
    """Looks hosts up, and what is published for DANE about them.

    Args:
        families: 4 and 6, or one of them.
        allow_private: let private, loopback and link-local addresses pass too.
        exclusion: hosts that are not looked up, and addresses that do not pass.
        known: the addresses that hosts had before; they stand while the name servers fail (DNS_FAILURE), and
            a definite answer, "no such name" too, replaces them.
    """

    def __init__(
        self,
        resolver: Resolver,
        *,
        families: Sequence[int],
        allow_private: bool,
        exclusion: Exclusion = NOTHING_EXCLUDED,
        known: Mapping[str, Sequence[str]],
    ) -> None:
        self._resolver = resolver
        self._families = families
        self._allow_private = allow_private
        self._exclusion = exclusion
        self._known = known
        # Answers take the place of their tasks: a hundred thousand of those take long to let go at once.
        self._hosts: dict[str, asyncio.Task[Host] | Host] = {}
        self._dane: dict[tuple[str, bool], asyncio.Task[Dane] | Dane] = {}

    async def hosts(self, names: Iterable[str]) -> dict[str, Host]:
        """Return hosts by their names; they are looked up side by side."""
        wanted = tuple(dict.fromkeys(names))
        for name in wanted:
            if name not in self._hosts:
                self._hosts[name] = asyncio.ensure_future(self._look_up(name))
        found: dict[str, Host] = {}
        for name in wanted:
            host = await _result_of(self._hosts[name])
            found[name] = self._hosts[name] = host
        return found

    async def dane(self, name: str, *, is_authentic: bool) -> Dane:
        """Return what is published for DANE; `is_authentic` is said of the record that names the host."""
        key = (name, is_authentic)
        known = self._dane.get(key)
        if known is None:
            looked_up = find_dane(name, self._resolver, is_mx_authentic=is_authentic)
            known = self._dane[key] = asyncio.ensure_future(looked_up)
        found = await _result_of(known)
        self._dane[key] = found
        return found

    async def _look_up(self, name: str) -> Host:
        if (why := self._exclusion.refuse_host(name)) is not None:
            return Host(name, troubles=(Trouble(Reason.EXCLUDED, why),))
        if is_address(name):
            return self._admit(Host(name), [name])
        answer = await self._resolver.address_records(name)
        addresses: Sequence[str] = answer.records
        host = Host(name, alias=answer.alias)
        if answer.is_definite and addresses:
            host = replace(host, dns_seconds=answer.seconds)
        else:
            trouble = Trouble(answer.reason, answer.detail or f"{name} has no address record")
            host = replace(host, troubles=(trouble,))
            if answer.reason is Reason.DNS_FAILURE and not addresses:
                addresses = self._known.get(name, ())
        return self._admit(host, addresses)

    def _admit(self, host: Host, addresses: Sequence[str]) -> Host:
        """Add the addresses that may be probed to a host, and the trouble with the others."""
        admitted: list[str] = []
        troubles = list(host.troubles)
        if len(addresses) > MAX_ADDRESSES:
            detail = f"{host.name} has {len(addresses)} addresses; the first {MAX_ADDRESSES} are probed"
            troubles.append(Trouble(Reason.SKIPPED, detail))
        for address in addresses[:MAX_ADDRESSES]:
            refusal = self._refuse(address)
            if refusal is None:
                admitted.append(address)
            else:
                troubles.append(refusal)
        return replace(host, addresses=tuple(admitted), troubles=tuple(troubles))

    def _refuse(self, address: str) -> Trouble | None:
        if (excluded := self._exclusion.refuse_address(address)) is not None:
            return Trouble(Reason.EXCLUDED, excluded)
        version = 6 if ":" in address else 4
        if version not in self._families:
            detail = f"{address} is IPv{version}, and only IPv{self._families[0]} is asked for"
            return Trouble(Reason.NO_ADDRESS, detail)
        why = None if self._allow_private else refuse_address(address)
        if why is not None:
            detail = f"{address} is {why}; it is probed only with --allow-private (probe.allow_private)"
            return Trouble(Reason.ADDRESS_NOT_ALLOWED, detail)
        return None


async def _result_of(known: asyncio.Task[_Answer] | _Answer) -> _Answer:
    """Return an answer that is there, or wait for it."""
    if not isinstance(known, asyncio.Task):
        return known
    return known.result() if known.done() else await known
