"""Outages: of our own network, of hosts, addresses and whole providers, and the look-ups of names."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from scanner.model import PORTS, Kind, Reason, Severity
from scanner.model.control import CONTROL
from scanner.model.incident import Cause
from scanner.network.answer import Status
from tests.scenarios import faults as f
from tests.scenarios.losses import MENDED_AT
from tests.scenarios.scenario import AT_ONCE, CONFIRMED, HOST, Expected, Scenario
from tests.scenarios.world import BEGINS, HOUR, Fault, Server, World, at, between, both, on, ours, over

C, W = Severity.CRITICAL, Severity.WARNING
DURING = between(BEGINS, MENDED_AT)
DOMAINS = tuple(f"customer{number}.test" for number in range(200))
ASKED = 900.0
V6 = "2a00:1450::7"


def provider(hosts: int, addresses: int = 1) -> tuple[Server, ...]:
    """Hosts of one provider; the first half takes mail, the others serve clients."""
    return tuple(
        Server(
            f"{'mx' if number < hosts / 2 else 'mail'}{number}.provider.test",
            tuple(f"9.2.{number}.{place}" for place in range(1, addresses + 1)),
            (25,) if number < hosts / 2 else (465, 587, 143, 993, 110, 995),
        )
        for number in range(hosts)
    )


def _own_network() -> Iterator[Scenario]:
    blocked = Expected(
        "egress_blocked", "port 25", W, Cause.EGRESS_BLOCKED, within=AT_ONCE + 60, ends=MENDED_AT
    )
    for name, change in (("dropped", f.silent), ("rejected", f.refused)):
        world = World(control_interval=ASKED, faults=(Fault(change, ours(25), DURING),))
        yield Scenario(f"our network: port 25 {name}", world, (blocked,))
    all_ports = tuple(replace(blocked, subject=f"port {port}") for port in PORTS)
    world = World(control_interval=ASKED, faults=(Fault(f.silent, ours(*PORTS), DURING),))
    yield Scenario("our network: all mail ports dropped", world, all_ports)
    world = World(control_interval=ASKED, faults=(Fault(f.silent, ours(), DURING),))
    yield Scenario("our network: nothing gets out", world, all_ports)
    many = World(
        provider(10), DOMAINS, (Fault(f.silent, ours(), DURING),), control_interval=ASKED, replan=HOUR
    )
    yield Scenario(
        "our network: nothing gets out, 200 domains",
        many,
        tuple(replace(one, domains=200) for one in all_ports),
    )
    for length in (30, 120, 600):
        brief = World(
            control_interval=ASKED, faults=(Fault(f.silent, ours(), between(BEGINS, BEGINS + length)),)
        )
        # What ended before anybody was told is no alert; ten minutes may be one, of our own network alone.
        told = all_ports if length == 600 else ()
        yield Scenario(f"our network: nothing gets out for {length} s", brief, (), allowed=identities(told))
    # Our firewall blocks the controls alone, or they are dead: servers are judged as ever.
    filtered = Fault(f.silent, both(lambda endpoint: endpoint.source == CONTROL, ours(25)))
    two = (Server(), Server("mx2.other.test", ("9.3.0.1",), (25,)))
    lost = Expected("port_blocked", ends=MENDED_AT)
    for name, when in (("all the time", between(0.0)), ("since then", between(BEGINS))):
        world = World(
            two,
            ("site.test", "other.test"),
            (replace(filtered, when=when), Fault(f.silent, both(on(25), at(HOST)), DURING)),
            control_interval=ASKED,
        )
        yield Scenario(f"our network: controls on 25 are silent {name}, a server as well", world, (lost,))
    world = World(two, ("site.test", "other.test"), (filtered,), control_interval=ASKED)
    yield Scenario("our network: controls on 25 are silent, all servers answer", world)
    taken = replace(blocked, name="egress_intercepted", cause=Cause.EGRESS_INTERCEPTED, severity=C)
    world = World(control_interval=ASKED, faults=(Fault(f.by_proxy, ours(25), DURING),))
    yield Scenario("our network: port 25 intercepted", world, (taken,))
    both_ports = (taken, replace(taken, subject="port 587"))
    world = World(control_interval=ASKED, faults=(Fault(f.by_proxy, ours(25, 587), DURING),))
    yield Scenario("our network: 25 and 587 intercepted", world, both_ports)
    world = World(
        control_interval=ASKED,
        faults=(Fault(f.silent, both(ours(), over(6)), DURING),),
        servers=(Server(addresses=("9.1.0.1", V6)),),
    )
    yield Scenario("our network: IPv6 is gone, controls have IPv4 only", world, (_address_down(V6),))


def identities(some: tuple[Expected, ...]) -> frozenset[tuple[str, str, str]]:
    """The alerts that may fire and need not."""
    return frozenset(one.identity for one in some)


def _address_down(address: str) -> Expected:
    return Expected("address_down", f"{HOST} [{address}]", W, Cause.ADDRESS_DOWN, ends=MENDED_AT)


def _hosts() -> Iterator[Scenario]:
    down = Expected("host_down", HOST, C, Cause.HOST_DOWN, ends=MENDED_AT)
    for name, change in (
        ("silent", f.silent),
        ("refusing", f.refused),
        ("without a route", f.failing(Reason.HOST_UNREACHABLE, detail="EHOSTUNREACH")),
    ):
        yield Scenario(f"host down: {name}", World(faults=(Fault(change, when=DURING),)), (down,))
    for seed in range(2, 8):
        yield Scenario(
            f"host down: seed {seed}", World(faults=(Fault(f.silent, when=DURING),), seed=seed), (down,)
        )
    ports = tuple(PORTS)
    steps = tuple(
        Fault(f.silent, on(port), between(BEGINS + 20 * place, MENDED_AT)) for place, port in enumerate(ports)
    )
    yield Scenario("host down: one port after another in two minutes", World(faults=steps), (down,))
    slow = World(servers=(Server(seconds=6.0),), faults=(Fault(f.silent, when=DURING),))
    yield Scenario("host down: a slow one", slow, (down,))
    one = World(
        faults=(Fault(f.silent, at("9.1.0.2"), DURING),), servers=(Server(addresses=("9.1.0.1", "9.1.0.2")),)
    )
    yield Scenario("one address of two is down", one, (_address_down("9.1.0.2"),))
    six = World(faults=(Fault(f.silent, at(V6), DURING),), servers=(Server(addresses=("9.1.0.1", V6)),))
    yield Scenario("IPv6 alone is down", six, (_address_down(V6),))
    two = World(faults=(Fault(f.silent, when=DURING),), servers=(Server(addresses=("9.1.0.1", V6)),))
    yield Scenario("both addresses are down", two, (down,))
    for number in (4, 10):
        servers = provider(number)
        outage = World(servers, DOMAINS, (Fault(f.silent, when=DURING),), hours=2.2, replan=HOUR)
        all_down = Expected(
            "provider_down", "provider.test", C, Cause.PROVIDER_DOWN, ends=MENDED_AT, domains=200
        )
        yield Scenario(f"provider down: {number} hosts, 200 domains", outage, (all_down,))
        half = servers[0].host
        part = World(servers, DOMAINS, (Fault(f.silent, at(half), DURING),), replan=HOUR)
        gone = Expected("port_blocked", half, C, ends=MENDED_AT, domains=200)
        yield Scenario(f"one MX of {number} hosts is down", part, (gone,))


def _turns(period: float, *addresses: str) -> Callable[[float], tuple[str, ...]]:
    """A host's addresses by turns, as load balancers in the DNS give them."""
    return lambda moment: (addresses[int(moment // period) % len(addresses)],)


def _addresses() -> Iterator[Scenario]:
    pool = tuple(f"9.3.0.{number}" for number in range(1, 9))
    turning = Server(rotate=_turns(HOUR, *pool))
    yield Scenario("addresses turn each hour", World(servers=(turning,), hours=9))
    lost = Expected("starttls_missing", severity=C, begins=5.5 * HOUR, within=2 * CONFIRMED, is_lasting=False)
    faults = (Fault(f.stripped, on(587), between(5.5 * HOUR)),)
    yield Scenario(
        "addresses turn each hour, and STARTTLS is stripped",
        World(servers=(turning,), faults=faults, hours=9),
        (lost,),
    )
    moved = Server(rotate=lambda moment: ("9.1.0.1",) if moment < BEGINS else ("9.9.0.1",))
    yield Scenario("the host moves", World(servers=(moved,), hours=3))
    stripped = replace(lost, begins=BEGINS, within=AT_ONCE + CONFIRMED)
    world = World(servers=(moved,), faults=(Fault(f.stripped, on(587)),), hours=3)
    yield Scenario("the host moves, and STARTTLS is stripped there", world, (stripped,))
    away = replace(world, restarts=((BEGINS - 300, 600.0),))
    downgraded = replace(stripped, kind=Kind.DOWNGRADE)
    yield Scenario(
        "the host moves while the scanner is away, and STARTTLS is stripped there", away, (downgraded,)
    )


def _names() -> Iterator[Scenario]:
    failing = World(
        domains=DOMAINS[:6],
        dns=lambda _, moment: Status.TIMEOUT if BEGINS <= moment < BEGINS + HOUR else Status.FOUND,
        hours=2.5,
    )
    ours_alone = Expected(
        "name_servers_failing",
        "name servers",
        W,
        "discovery",
        within=1200.0,
        ends=BEGINS + HOUR,
    )
    yield Scenario("our name servers fail for two hours", failing, (ours_alone,))
    hidden = replace(failing, faults=(Fault(f.silent, on(993), between(BEGINS + HOUR / 2)),))
    found = Expected("port_blocked", begins=BEGINS + HOUR / 2)
    yield Scenario("a port is blocked while name servers fail", hidden, (ours_alone, found))


OUTAGES = (*_own_network(), *_hosts(), *_addresses(), *_names())
