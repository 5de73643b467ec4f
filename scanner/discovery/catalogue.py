"""The catalogue of providers: what a mail company says of its own servers, built in and by the operator."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from scanner.config import parse_settings
from scanner.config.catalogue import Confidence, Provider, Server
from scanner.config.catalogue_values import CLIENT_SERVICES
from scanner.discovery.offer import Offer, Place
from scanner.model import Expectation, Proof, Protocol, Service, Source

_PROTOCOLS = {
    Service.SUBMISSION: Protocol.SMTP,
    Service.IMAP: Protocol.IMAP,
    Service.POP3: Protocol.POP3,
}


@dataclass(frozen=True, slots=True)
class Absent:
    """What a provider says that it does not have; the ports include those of the services."""

    services: frozenset[Service] = frozenset()
    ports: frozenset[int] = frozenset()


class Catalogue:
    """All providers that are known, found by domain, MX host, server or id; it never changes.

    Args:
        own: the operator's entries. One with a built-in id replaces what it gives of that one; where
            a domain, a suffix or a server stands in several entries, the operator's word counts.
    """

    __slots__ = ("_by_domain", "_by_host", "_by_id", "_by_suffix", "_providers", "_version")

    def __init__(self, own: Iterable[Provider] = ()) -> None:
        built_in = {provider.id: provider for provider in read_built_in()}
        given = {entry.id: entry for entry in own}
        merged = [_merge(built_in[key], entry) if key in built_in else entry for key, entry in given.items()]
        self._providers = (*merged, *(known for key, known in built_in.items() if key not in given))
        self._version = max(fact.checked for known in built_in.values() for fact in known.evidence or ())
        self._by_id = _index((provider.id, provider) for provider in self._providers)
        words = [(entry, self._by_id[entry.id]) for entry in (*given.values(), *self._providers)]
        self._by_domain = _index((name, one) for word, one in words for name in word.domains or ())
        self._by_suffix = _index((name, one) for word, one in words for name in word.mx_suffixes or ())
        self._by_host = _index((server.host, one) for word, one in words for server in _servers(word))

    @property
    def providers(self) -> tuple[Provider, ...]:
        """Every provider, the operator's first."""
        return self._providers

    @property
    def version(self) -> str:
        """The day of the newest built-in fact, as "2026-03-12"."""
        return self._version.isoformat()

    def get(self, provider_id: str) -> Provider | None:
        """Return the provider with an id."""
        return self._by_id.get(provider_id)

    def find(self, domain: str) -> Offer | None:
        """Return the servers of exactly this domain (lower-case A-labels); None = not a provider's own."""
        provider = self._by_domain.get(domain)
        return None if provider is None else self.offer(provider)

    def by_mx(self, host: str) -> Provider | None:
        """Return the provider that an MX host belongs to: the longest suffix of whole labels counts."""
        suffix = host
        while suffix:
            if suffix in self._by_suffix:
                return self._by_suffix[suffix]
            suffix = suffix.partition(".")[2]
        return None

    def by_host(self, host: str) -> Provider | None:
        """Return the provider of a server for mail programs; where several share it, the first of them."""
        return self._by_host.get(host)

    def offer(self, provider: Provider) -> Offer:
        """Return what a provider offers its users; a server that is not verified must greet to count."""
        return Offer(
            source=Source.CATALOGUE,
            places=tuple(
                _place(service, server) for service in CLIENT_SERVICES for server in provider.servers(service)
            ),
            not_offered=provider.absent_services,
            provider=provider.id,
        )

    def expectation(
        self, host: str, port: int, service: Service, provider: str | None = None
    ) -> Expectation | None:
        """Return what is declared about an endpoint, however it was found; None = nobody's in the catalogue.

        `provider` is the id that the endpoint was found by, if any: some servers belong to several.
        """
        owner = self._owner(host, service, provider)
        if owner is None:
            return None
        tolerated = () if owner.tolerated is None else getattr(owner.tolerated, service.value)
        is_mx = service is Service.MX
        same = [server for server in owner.servers(service) if (server.host, server.port) == (host, port)]
        is_doubtful = any(server.confidence is Confidence.UNVERIFIED for server in same)
        return Expectation(
            provider=owner.id,
            min_tls=None if is_mx else owner.min_tls,
            starttls=any(server.declares_starttls for server in same),
            not_offered=not is_mx and port in self.not_offered(owner.id).ports,
            tolerated=frozenset(tolerated),
            login=() if is_mx or is_doubtful else owner.ways_to_sign_in,
        )

    def not_offered(self, provider_id: str) -> Absent:
        """Return what a provider does not have, so that its absence is no fault."""
        provider = self.get(provider_id)
        if provider is None:
            return Absent()
        return Absent(provider.absent_services, provider.absent_ports)

    def _owner(self, host: str, service: Service, provider_id: str | None) -> Provider | None:
        """Return whose an endpoint is."""
        named = self.get(provider_id) if provider_id is not None else None
        if named is not None and any(server.host == host for server in _servers(named)):
            return named
        owner = self.by_host(host)
        return self.by_mx(host) if owner is None and service is Service.MX else owner


@lru_cache(maxsize=1)
def read_built_in() -> tuple[Provider, ...]:
    """Read the providers that come with mailport; once, since they never change while it runs."""
    name = "providers.yml"
    text = files("scanner.discovery").joinpath(name).read_text("utf-8")
    return parse_settings(text, source=name, base=Path(), environ={}, require_targets=False).catalogue


def _merge(known: Provider, given: Provider) -> Provider:
    """Return a built-in provider with what an entry gives; its word on a port or service counts."""
    changes = {key: value for key in Provider.model_fields if (value := getattr(given, key)) is not None}
    served: set[int | Service] = {server.port for server in _servers(given)}
    served |= {service for service in CLIENT_SERVICES if given.servers(service)}
    absent = known.not_offered if given.not_offered is None else given.not_offered
    changes["not_offered"] = tuple(item for item in absent or () if item not in served)
    for service in CLIENT_SERVICES:
        if service.value not in changes and given.not_offered:
            kept = () if service in given.absent_services else known.servers(service)
            changes[service.value] = tuple(server for server in kept if server.port not in given.not_offered)
    return known.model_copy(update=changes)


def _index(pairs: Iterable[tuple[str, Provider]]) -> Mapping[str, Provider]:
    """Return the first provider of every name."""
    found: dict[str, Provider] = {}
    for name, provider in pairs:
        found.setdefault(name, provider)
    return MappingProxyType(found)


def _servers(provider: Provider) -> tuple[Server, ...]:
    """Return the servers of all services."""
    return tuple(server for service in CLIENT_SERVICES for server in provider.servers(service))


def _place(service: Service, server: Server) -> Place:
    """Return a server as discovery knows it."""
    is_sure = server.confidence is Confidence.CONFIRMED
    return Place(
        service=service,
        host=server.host,
        port=server.port,
        protocol=_PROTOCOLS[service],
        tls_mode=server.mode,
        proof=Proof.NONE if is_sure else Proof.GREETING,
    )
