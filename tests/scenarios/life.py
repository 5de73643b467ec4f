"""What happens to healthy servers in the course of weeks: blips, flapping, maintenance, renewals."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from scanner.model import Observation, Reason, Severity
from scanner.model.incident import Cause
from tests.scenarios import faults as f
from tests.scenarios.losses import NEW
from tests.scenarios.scenario import AT_ONCE, CONFIRMED, HOST, MENDED, NEXT_PROBE, Expected, Scenario
from tests.scenarios.world import BEGINS, DAY, HOUR, Change, Fault, Server, World, between, every, on
from tests.verdict.observations import NOW

SMALL = (Server(ports=(25, 587, 993)),)
C, W = Severity.CRITICAL, Severity.WARNING
LATER = 9 * HOUR
LONG = 3 * HOUR
"""An interval for what takes weeks."""
BLIPS: dict[str, Change] = {
    "silent": f.silent,
    "refused": f.refused,
    "421": f.busy,
    "450": f.later,
    "STARTTLS not offered": f.stripped,
    "STARTTLS refused": f.answering("454 4.7.0 TLS not available"),
    "untrusted": f.with_certificate(**f.UNTRUSTED),
    "misnamed": f.with_certificate(**f.MISNAMED),
    "TLS 1.2": f.with_tls("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"),
    "no greeting": f.failing(Reason.NO_GREETING),
    "no AUTH": f.with_auth(),
    "HTTP": f.failing(Reason.WRONG_PROTOCOL),
}
"""What one bad probe may show; the marks of stripping are none of it, since these prove themselves."""


def nth(*numbers: int) -> Callable[[Change], Change]:
    """Make a change happen to these probes of each endpoint, counted from 0, and to no others."""

    def wrap(change: Change) -> Change:
        seen_of: dict[object, int] = {}

        def counted(seen: Observation) -> Observation:
            number = seen_of.get(seen.endpoint.key, 0)
            seen_of[seen.endpoint.key] = number + 1
            return change(seen) if number in numbers else seen

        return counted

    return wrap


def _blips() -> Iterator[Scenario]:
    for name, change in BLIPS.items():
        for number in (0, 1, 2, 4):
            blip = Fault(nth(number)(change), when=between(0))
            world = World(SMALL, faults=(blip,))
            yield Scenario(f"one bad probe, number {number + 1}: {name}", world)
    for name in ("silent", "STARTTLS not offered"):
        spells = Fault(BLIPS[name], on(587), every(3 * HOUR, 50.0))
        yield Scenario(f"50 seconds in three hours: {name}", World(SMALL, faults=(spells,), hours=12))


def _host_behind_port() -> Iterator[Scenario]:
    """A port that was bad and is good, and a host that is bad soon after: the port is no news in that."""
    port = Expected("port_blocked", ends=BEGINS + 1800)
    port_bad = Fault(f.silent, on(587), between(BEGINS, BEGINS + 1800))
    for name, change in (("unreachable", f.failing(Reason.HOST_UNREACHABLE)), ("silent", f.silent)):
        for start in (BEGINS + 7200, BEGINS + 7500, BEGINS + 7800):
            host = Expected("host_down", HOST, C, Cause.HOST_DOWN, begins=start, ends=start + 2400)
            host_bad = Fault(change, when=between(start, start + 2400))
            world = World(SMALL, faults=(port_bad, host_bad), hours=6)
            title = f"a port that was blocked, and its host {name} {(start - BEGINS) / 60:.0f} minutes later"
            yield Scenario(title, world, (port, host))
    start = BEGINS + 7200
    both_bad = Fault(f.silent, on(587), between(start, start + 4800))
    host = Expected("host_down", HOST, C, Cause.HOST_DOWN, begins=start, ends=start + 2400)
    again = replace(port, begins=BEGINS, ends=start + 4800, ends_within=HOUR + MENDED, times=2)
    host_bad = Fault(f.failing(Reason.HOST_UNREACHABLE), when=between(start, start + 2400))
    world = World(SMALL, faults=(port_bad, host_bad, both_bad), hours=7)
    yield Scenario("a port that was blocked, and is again when its host is back", world, (again, host))


def _flapping() -> Iterator[Scenario]:
    blocked = Expected("port_blocked", begins=1800.0, within=4 * NEXT_PROBE)
    fast = nth(*range(3, 400, 2))
    world = World(SMALL, faults=(Fault(fast(f.silent), on(587), between(0)),), hours=9)
    yield Scenario("a port that flaps at every probe", world, (blocked,))
    # The first time that it is back nobody can know that this will not last; the second alert stays.
    slow = nth(*(n for n in range(3, 400) if (n // 2) % 2))
    world = World(SMALL, faults=(Fault(slow(f.silent), on(587), between(0)),), hours=9)
    yield Scenario("a port that flaps every two probes", world, (replace(blocked, times=2),))
    closed = Expected("port_closed", within=4 * NEXT_PROBE, times=2)
    world = World(SMALL, faults=(Fault(f.refused, on(993), every(1800.0, 1000.0)),), hours=8)
    yield Scenario("a port that flaps every half an hour", world, (closed,))
    yield from _host_behind_port()
    down = Expected("host_down", HOST, C, Cause.HOST_DOWN, within=4 * NEXT_PROBE, times=2)
    world = World(faults=(Fault(f.refused, when=every(3600.0, 2000.0)),), hours=8)
    yield Scenario("a host that flaps every hour", world, (down,))


def _turns() -> Iterator[Scenario]:
    """Several machines behind one address, which answer in turns."""
    odd = nth(*range(1, 400, 2))
    weaker = f.with_tls("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")
    world = World(faults=(Fault(odd(weaker), on(993), between(0)),), hours=8)
    # True, and told once: half of the machines behind this port are weaker than those of its siblings (D26).
    weak = Expected("siblings_disagree", severity=W, begins=0.0, within=3 * NEXT_PROBE)
    yield Scenario("machines in turns: TLS 1.2 and 1.3", world, (weak,))
    world = World(SMALL, faults=(Fault(odd(f.with_certificate(**f.ANOTHER)), on(993), between(0)),), hours=8)
    yield Scenario("machines in turns: two certificates of one CA", world)
    other = f.renewed(-DAY, issuer="CN=X,O=Other CA")
    world = World(SMALL, faults=(Fault(odd(other), on(993), between(0)),), hours=8)
    yield Scenario("machines in turns: two CAs", world)
    world = World(faults=(Fault(odd(f.stripped), on(587), between(BEGINS)),), hours=8)
    missing = Expected("starttls_missing", within=4 * NEXT_PROBE)
    yield Scenario("machines in turns: one loses STARTTLS", world, (missing,))


def _windows() -> Iterator[Scenario]:
    """Ten minutes at an interval of fifteen: a probe and its confirmation may both fall into them."""
    for start in (0, 200, 400, 600, 800):
        begin = BEGINS + start
        world = World(faults=(Fault(f.refused, when=between(begin, begin + 600)),))
        down = Expected("host_down", HOST, C, Cause.HOST_DOWN)
        yield Scenario(
            f"maintenance of ten minutes, {start} s later", world, allowed=frozenset({down.identity})
        )
    restart = World(faults=(Fault(f.refused, when=every(2 * HOUR, 45.0)),), hours=8)
    yield Scenario("the service restarts for 45 s, again and again", restart)


def _slowness() -> Iterator[Scenario]:
    yield Scenario("slow servers: ten seconds each", World(servers=(Server(seconds=10.0),), hours=4))
    lame = World(servers=(Server(seconds=25.0),), faults=(Fault(f.stripped, on(587)),))
    yield Scenario("slow servers: a loss", lame, (Expected("starttls_missing", within=CONFIRMED + 200),))


def until(end: float, issuer: str = "CN=R1,O=Public CA", name: str = "ab") -> Change:
    """The certificate ends so long after the scenario began."""

    def change(seen: Observation) -> Observation:
        certificate = seen.certificate
        if certificate is None:
            return seen
        day: datetime = NOW + timedelta(seconds=end)
        dated = replace(certificate, not_after=day, issuer=issuer, fingerprint_sha256=name * 32)
        if seen.started_at < day:
            return replace(seen, certificate=dated)
        return replace(seen, certificate=replace(dated, problems=("expired",)))

    return change


def _renewals() -> Iterator[Scenario]:
    hours = 20 * 24.0
    base = World(
        servers=(Server(ports=(25, 993)),), interval=LONG, control_interval=DAY, replan=DAY, hours=hours
    )
    swap = 15 * DAY
    cases: tuple[tuple[str, float, Change, Expected | None], ...] = (
        ("renewed by the same CA", 38 * DAY, until(swap + 90 * DAY, name="cd"), None),
        ("renewed early by the same CA", 80 * DAY, until(swap + 90 * DAY, name="cd"), None),
        ("another CA near the end", 38 * DAY, until(swap + 90 * DAY, "CN=X,O=Other CA", "cd"), None),
        (
            "another CA early",
            80 * DAY,
            until(swap + 90 * DAY, "CN=X,O=Other CA", "cd"),
            Expected("certificate_changed", NEW, W, Cause.CERTIFICATE, begins=swap, within=2.2 * LONG + 400),
        ),
    )
    for name, end, new, expected in cases:
        faults = (Fault(until(end), when=between(0, swap)), Fault(new, when=between(swap)))
        # The new issuer becomes the baseline after a week of it: what stands for long is the mode (14 days).
        told = () if expected is None else (replace(expected, ends=swap, ends_within=8 * DAY),)
        yield Scenario(
            f"certificate: {name}", replace(base, faults=faults, hours=25 * 24.0 if told else hours), told
        )
    ab = f"certificate {'ab' * 8}"
    ends = 25 * DAY
    expiring = Expected(
        "certificate_expiring",
        ab,
        W,
        Cause.CERTIFICATE,
        begins=4 * DAY,
        within=2.2 * LONG + 400,
        ends=ends,
        ends_within=3 * LONG,
    )
    expired = Expected("certificate_expired", ab, C, Cause.CERTIFICATE, begins=ends, within=2.2 * LONG + 400)
    late = replace(
        base, servers=(Server(ports=(993,)),), faults=(Fault(until(ends), when=between(0)),), hours=26 * 24.0
    )
    yield Scenario("certificate: never renewed", late, (expiring, expired))
    hosts = tuple(
        Server(f"mail{number}.site{number}.test", (f"9.5.0.{number}",), (465, 993)) for number in range(1, 7)
    )
    shared = World(hosts, ("site.test",), (Fault(until(BEGINS), when=between(0)),))
    before = replace(expiring, begins=0.0, within=AT_ONCE, ends=BEGINS, ends_within=MENDED)
    yield Scenario(
        "certificate: one on six hosts expires",
        shared,
        (before, replace(expired, begins=BEGINS, within=CONFIRMED)),
    )


LIFE = (*_blips(), *_flapping(), *_turns(), *_windows(), *_slowness(), *_renewals())
