"""The one rule of what is recommended to mail programs, and the choice among what was measured."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from scanner.model import PORTS, Observation, Protocol, Role, Service, Source, Standing, State, TlsMode
from scanner.model.domain import DomainFacts, Membership
from scanner.model.observation import Key
from scanner.model.ports import Preference
from scanner.verdict.level import is_downgraded, level_of, works

SECURE_LEVEL = 3
"""TLS 1.2 with a certificate that verifies: what is called secure."""
CLIENT_SERVICES = (Service.SUBMISSION, Service.IMAP, Service.POP3)
_SERVICE_OF = {Protocol.SMTP: Service.SUBMISSION, Protocol.IMAP: Service.IMAP, Protocol.POP3: Service.POP3}
_ORDER = (Standing.RECOMMENDED, Standing.SECURE, Standing.SERVERS, Standing.LEGACY)
_FOR_CLIENTS = frozenset({Standing.RECOMMENDED, Standing.SECURE})

CLIENT_PORTS: Mapping[Service, tuple[int, ...]] = {
    service: tuple(
        row.number
        for row in sorted(PORTS.values(), key=lambda row: _ORDER.index(row.standing))
        if row.standing in _FOR_CLIENTS and _SERVICE_OF[row.protocol] is service
    )
    for service in CLIENT_SERVICES
}
"""The only ports that are ever recommended, by the port table, the recommended one before the others."""


def rank_port(port: int) -> int:
    """Return how good a port is by its number alone, the best 0; one outside the port table comes last."""
    row = PORTS.get(port)
    return len(_ORDER) if row is None else _ORDER.index(row.standing)


def is_legacy(port: int) -> bool:
    """Tell whether a port is kept for old clients only."""
    row = PORTS.get(port)
    return row is not None and row.standing is Standing.LEGACY


def fits_clients(observation: Observation) -> bool:
    """Tell whether a port does all that a mail program should ask for: it works, is secure, and lets sign in.

    Where nobody is offered to sign in, nobody can send. It says nothing of the port's number.
    """
    can_sign_in = not any(verdict.id == "auth_not_offered" for verdict in observation.counting)
    return works(observation) and level_of(observation) >= SECURE_LEVEL and can_sign_in


def is_client_port(service: Service, port: int, tls_mode: str) -> bool:
    """Tell whether a port is one that may be recommended for a service, in the port's own TLS mode."""
    return port in CLIENT_PORTS.get(service, ()) and PORTS[port].tls_mode == tls_mode


def is_recommended(services: Collection[Service], fitting: Collection[Service]) -> bool:
    """Tell whether a domain has what is recommended: sending and IMAP, and POP3 where it has that at all.

    Args:
        services: what the domain has servers for, or had.
        fitting: services of which an endpoint fits clients, on a port for them.
    """
    return list_wanted(services) <= set(fitting)


def list_wanted(services: Collection[Service]) -> set[Service]:
    """Return the services that clients have to find: sending and IMAP, and POP3 where there is any."""
    return {Service.SUBMISSION, Service.IMAP} | ({Service.POP3} & set(services))


def find_recommended(facts: DomainFacts, latest: Callable[[Key], Observation | None]) -> bool | None:
    """Tell whether a domain has what is recommended; None where that is not known, or not asked of it.

    Args:
        latest: returns the last judged observation of an endpoint.
    """
    services = {member.service for member in facts.members} | facts.lost
    if not facts.is_domain or services <= {Service.MX}:
        return None
    if facts.part is not None and facts.part.elsewhere - {Service.MX}:
        return None  # other shards know the rest
    fitting = set()
    for member in facts.members:
        seen = latest(member.key)
        if seen is None:
            return None
        if is_client_port(member.service, member.key[2], member.key[4]) and fits_clients(seen):
            fitting.add(member.service)
    return is_recommended(services, fitting)


@dataclass(frozen=True, slots=True)
class Way:
    """One host, port and TLS mode of a service, and what was measured of it at all its addresses."""

    service: Service
    host: str
    port: int
    tls_mode: TlsMode
    source: Source
    seen: tuple[Observation, ...]
    """Of every address that was measured."""

    @property
    def fits(self) -> bool:
        """Whether a mail program may use it, at one address at least."""
        return any(map(fits_clients, self.seen))

    @property
    def is_whole(self) -> bool:
        """Whether it fits at every address."""
        return bool(self.seen) and all(map(fits_clients, self.seen))

    @property
    def is_for_clients(self) -> bool:
        """Whether the port is one that may be recommended."""
        return is_client_port(self.service, self.port, self.tls_mode)

    @property
    def is_between_servers(self) -> bool:
        """Whether the port is one that servers meet on."""
        row = PORTS.get(self.port)
        return row is not None and row.role is Role.MX

    @property
    def best(self) -> Observation:
        """The observation that speaks for it, the best of several."""
        return max(self.seen, key=lambda seen: (fits_clients(seen), works(seen), level_of(seen)))


@dataclass(frozen=True, slots=True)
class Choice:
    """What is recommended for one service; None where nothing is, and then perhaps a stopgap."""

    service: Service
    way: Way | None
    others: tuple[Way, ...] = ()
    """What fits as well, in order."""
    stopgap: Way | None = None
    """Where nothing is recommended: what was measured to work with TLS, on a legacy or unusual port."""
    failing: tuple[Way, ...] = ()
    """What was measured and does not fit."""
    between_servers: tuple[Way, ...] = ()
    """What is named for mail programs on port 25, which is never for them, whether it works or not."""
    unmeasured: tuple[Membership, ...] = ()
    """What is named and was not measured, or could not be judged from here."""
    is_refused: bool = False
    """The domain says that it does not have the service."""
    is_lost: bool = False
    """Servers are named, and none of these hosts is in the DNS."""


@dataclass(frozen=True, slots=True)
class Taste:
    """What decides between several ports that all fit."""

    preference: Preference | None = None
    """The operator's word; None = the provider's own order, and where there is none, 587 first."""
    order: Sequence[tuple[str, int]] = ()
    """Hosts and ports as the provider orders them."""

    def place(self, way: Way) -> int:
        """Return where a port stands in the order that counts."""
        if self.preference is None and (way.host, way.port) in self.order:
            return list(self.order).index((way.host, way.port))
        ports = CLIENT_PORTS[way.service]
        if self.preference in {Preference.IMPLICIT, Preference.RFC8314}:
            ports = tuple(sorted(ports, key=lambda port: PORTS[port].tls_mode is not TlsMode.IMPLICIT))
        return ports.index(way.port) if way.port in ports else len(ports)


def choose(
    service: Service,
    members: Iterable[Membership],
    latest: Mapping[Key, Observation],
    taste: Taste,
    *,
    refused: Collection[Service] = (),
    lost: Collection[Service] = (),
) -> Choice:
    """Choose what a mail program should use for a service, only among what was measured.

    Args:
        members: the endpoints of the domain.
        latest: the last judged observation of each endpoint that there is one of.
        refused: services that the domain says it does not have.
        lost: services of which no server is in the DNS.
    """
    mine = [member for member in members if member.service is service]
    ways = list(_find_ways(service, mine, latest))
    fitting = sorted(
        (way for way in ways if way.fits and way.is_for_clients), key=lambda way: _rank(way, taste)
    )
    between_servers = tuple(way for way in ways if way.is_between_servers)
    stopgaps = sorted(
        (way for way in ways if not (way.is_for_clients or way.is_between_servers) and works(way.best)),
        key=_rank_stopgap,
    )
    judged = {seen.endpoint.key for way in ways for seen in way.seen}
    return Choice(
        service,
        fitting[0] if fitting else None,
        tuple(fitting[1:]),
        stopgaps[0] if stopgaps and not fitting else None,
        tuple(way for way in ways if not (way.fits or way.is_between_servers)),
        between_servers,
        tuple(member for member in mine if member.key not in judged),
        service in refused and not mine,
        service in lost and not mine,
    )


def _find_ways(
    service: Service, members: Sequence[Membership], latest: Mapping[Key, Observation]
) -> Iterator[Way]:
    """Yield each host, port and TLS mode with what was measured; what our own network hid is not measured."""
    seen: dict[tuple[str, int, str], list[Observation]] = {}
    sources: dict[tuple[str, int, str], Source] = {}
    for member in members:
        observation = latest.get(member.key)
        if observation is not None and observation.state is not State.UNKNOWN:
            host, _, port, _, tls_mode = member.key
            seen.setdefault((host, port, tls_mode), []).append(observation)
            sources.setdefault((host, port, tls_mode), member.source)
    for (host, port, tls_mode), observations in seen.items():
        source = sources[host, port, tls_mode]
        yield Way(service, host, port, TlsMode(tls_mode), source, tuple(observations))


def _rank(way: Way, taste: Taste) -> tuple[bool, bool, int, int, int, str]:
    """Order ways that fit: undisturbed at every address first, then as is preferred, then by authority."""
    authority = list(Source).index(way.source)
    return (
        is_downgraded(way.best),
        not way.is_whole,
        taste.place(way),
        authority,
        -level_of(way.best),
        way.host,
    )


def _rank_stopgap(way: Way) -> tuple[bool, int, str, int]:
    """Order what works for the time being: unusual ports with TLS as good as anywhere before legacy ones."""
    return (is_legacy(way.port), -level_of(way.best), way.host, way.port)
