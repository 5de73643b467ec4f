"""A small world on its own clock: domains, hosts, what each port shows when, and our own network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from scanner.discovery.offer import Place
from scanner.model import (
    PORTS,
    DaneMatch,
    Endpoint,
    Expectation,
    Observation,
    Phase,
    Protocol,
    Reason,
    State,
    StsPolicy,
)
from scanner.model.control import CONTROL
from scanner.network.answer import Status
from scanner.service.planning import REDISCOVERY_SECONDS
from tests.verdict.observations import NOW, healthy

DARK = "192.0.2.1"
"""Where nobody is."""
_NOT_CONNECTED = frozenset({State.CLOSED, State.BLOCKED, State.UNREACHABLE})
HOUR, DAY = 3600.0, 86400.0
BEGINS = 2400.0
"""When faults begin, where a scenario does not say otherwise: every baseline stands by then."""

When = Callable[[float], bool]
"""Whether something is so, at so many seconds since the scenario began."""
Where = Callable[[Endpoint], bool]
Change = Callable[[Observation], Observation]


def between(start: float, end: float = float("inf")) -> When:
    """From one moment to another."""
    return lambda at: start <= at < end


def every(period: float, length: float, start: float = BEGINS, end: float = float("inf")) -> When:
    """For `length` seconds in each `period`, as a port that flaps or a window of maintenance."""
    return lambda at: start <= at < end and (at - start) % period < length


def targets(endpoint: Endpoint) -> bool:
    """At every port of every target."""
    return endpoint.source != CONTROL


def on(*ports: int) -> Where:
    """At these ports of every target."""
    return lambda endpoint: endpoint.port in ports and targets(endpoint)


def at(*names: str) -> Where:
    """At these hosts or addresses."""
    return lambda endpoint: endpoint.host in names or endpoint.address in names


def both(*some: Where) -> Where:
    """Where all of these hold."""
    return lambda endpoint: all(one(endpoint) for one in some)


def ours(*ports: int) -> Where:
    """In our own network: at these ports of whomever, or at all where none is named."""
    return lambda endpoint: not ports or endpoint.port in ports


def over(family: int) -> Where:
    """At the addresses of one family, 4 or 6."""
    return lambda endpoint: (":" in endpoint.address) == (family == 6)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is different from good order, where and when."""

    change: Change
    where: Where = targets
    when: When = field(default_factory=lambda: between(BEGINS))


@dataclass(frozen=True, slots=True)
class Server:
    """A host and its ports."""

    host: str = "mail.site.test"
    addresses: tuple[str, ...] = ("9.1.0.1",)
    ports: tuple[int, ...] = tuple(PORTS)
    provider: str | None = None
    expectation: Expectation | None = None
    seconds: float = 0.2
    """What a probe of it takes."""
    rotate: Callable[[float], tuple[str, ...]] | None = None
    """Its addresses by time, where they change."""

    def addresses_at(self, at: float) -> tuple[str, ...]:
        """Return the addresses that the DNS gives now."""
        return self.addresses if self.rotate is None else self.rotate(at)


@dataclass(frozen=True, slots=True)
class Jump:
    """The scanner's clock is set, for good."""

    at: float
    by: float


@dataclass
class World:
    """Everything that there is, by the second."""

    servers: tuple[Server, ...] = (Server(),)
    domains: tuple[str, ...] = ("site.test",)
    faults: tuple[Fault, ...] = ()
    policy: Callable[[float], StsPolicy | None] = lambda _: None
    """The MTA-STS policy of all domains."""
    expect: Callable[[Place, float], Expectation | None] = lambda _place, _at: None
    """What is published or declared beside that, by time; it goes before the server's own."""
    dns: Callable[[str, float], Status] = lambda _name, _at: Status.FOUND
    """How look-ups of a name end."""
    jumps: tuple[Jump, ...] = ()
    restarts: tuple[tuple[float, float], ...] = ()
    """When the scanner is stopped, and for how long."""
    hours: float = 1.7
    interval: float = 900.0
    control_interval: float = 2 * HOUR
    """Beside this they are asked whenever a result is in doubt."""
    replan: float = REDISCOVERY_SECONDS
    """How often names are looked up; less often where they stay the same for weeks."""
    seed: int = 1
    policy_notice: Callable[[float], str | None] = lambda _: None
    no_mx: frozenset[str] = frozenset()
    """Domains that say that they take no mail (RFC 7505)."""
    controls: Mapping[str, str] = field(
        default_factory=lambda: {"8.8.4.1": "one", "8.8.4.2": "two", "8.8.4.3": "three"}
    )
    """Control servers: their addresses, and whose they are."""
    _known: dict[tuple[str, int], Observation] = field(default_factory=dict)

    def wall(self, at: float) -> datetime:
        """Return what the scanner's clock says."""
        return NOW + timedelta(seconds=at + sum(jump.by for jump in self.jumps if jump.at <= at))

    def server_of(self, host: str) -> Server:
        """Return a server by its name."""
        return next(server for server in self.servers if server.host == host)

    def probe(self, endpoint: Endpoint, at: float) -> Observation:
        """Return what a probe that begins now sees; its duration says when it has seen it."""
        seen = self._usual(endpoint)
        return self._suffer(replace(seen, started_at=self.wall(at)), at)

    def connects(self, address: str, port: int, at: float) -> bool:
        """Tell whether a bare connection can be made, as to a web site; nobody is at the dark address."""
        usual = healthy(993)
        endpoint = replace(usual.endpoint, address=address, host=address, port=port, source=CONTROL)
        reason = Reason.CONNECT_TIMEOUT if address == DARK else None
        seen = self._suffer(replace(usual, endpoint=endpoint, reason=reason), at)
        return seen.state not in _NOT_CONNECTED

    def _suffer(self, seen: Observation, at: float) -> Observation:
        for fault in self.faults:
            if fault.when(at) and fault.where(seen.endpoint):
                seen = fault.change(seen)
        return seen

    def _usual(self, endpoint: Endpoint) -> Observation:
        """Return what an endpoint in good order shows; the same value for the same endpoint."""
        key = (endpoint.address, endpoint.port)
        known = self._known.get(key)
        if known is None or known.endpoint is not endpoint:
            is_control = endpoint.source == CONTROL
            known = self._greet(endpoint) if is_control else self._serve(endpoint)
            self._known[key] = known
        return known

    def _greet(self, endpoint: Endpoint) -> Observation:
        """A control: always in good order, and itself."""
        usual = _speaking(endpoint)
        name = f"{self.controls[endpoint.address]}.control"
        certificate = usual.certificate and replace(
            usual.certificate,
            subject=f"CN={name}",
            names=(name,),
            fingerprint_sha256=endpoint.address.encode().hex().ljust(64, "0"),
            issuer=f"CN=CA of {name}",
        )
        return replace(
            usual,
            endpoint=endpoint,
            certificate=certificate,
            banner=f"{(usual.banner or '').split(' ')[0]} {name} ready",
            phases={Phase.CONNECT: 0.02},
        )

    def _serve(self, endpoint: Endpoint) -> Observation:
        usual = _speaking(endpoint)
        server = self.server_of(endpoint.host)
        certificate = usual.certificate and replace(
            usual.certificate,
            subject=f"CN={endpoint.host}",
            issuer="CN=R1,O=Public CA",
            names=(endpoint.host,),
            fingerprint_sha256=endpoint.host.encode().hex().ljust(64, "0")[:64],
        )
        return replace(
            usual,
            endpoint=endpoint,
            certificate=certificate,
            banner=(usual.banner or "").replace("mail.example.org", endpoint.host),
            duration=server.seconds,
            phases={Phase.CONNECT: server.seconds / 4},
            dane=DaneMatch.EE if endpoint.dane is not None and endpoint.dane.records else None,
        )


def _speaking(endpoint: Endpoint) -> Observation:
    """Return what the port says in good order; an IMAP server names its protocol."""
    usual = healthy(endpoint.port)
    if endpoint.protocol is not Protocol.IMAP:
        return usual
    before = ("IMAP4REV1", "STARTTLS") if usual.capabilities is not None else None
    return replace(usual, capabilities=before, capabilities_tls=("IMAP4REV1", "AUTH=PLAIN"))
