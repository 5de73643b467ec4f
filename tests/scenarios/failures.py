"""The rows of the table of failures that a port scanner sees, F01 to F39: what is an alert, what is none."""

from collections.abc import Iterator
from dataclasses import replace

from scanner.model import Expectation, Kind, Reason, Severity
from scanner.network.answer import Status
from tests.scenarios import faults as f
from tests.scenarios.losses import MENDED_AT, always, appears
from tests.scenarios.scenario import MENDED, NEXT_PROBE, UNHURRIED, Expected, Scenario
from tests.scenarios.world import BEGINS, HOUR, Change, Fault, Server, World, between, on

C, W = Severity.CRITICAL, Severity.WARNING
BLOCKED, MISCONFIGURED = Kind.BLOCKED, Kind.MISCONFIGURATION


def _dns() -> Iterator[Scenario]:
    """F01 to F05 are told of the domain: its ports are watched no more, or as they were known before."""

    def ends(status: Status, *names: str) -> World:
        return World(
            dns=lambda name, at: status if name in names and BEGINS <= at < MENDED_AT else Status.FOUND
        )

    lost = Expected(
        "discovery_failed",
        "site.test",
        severity=W,
        cause="discovery",
        within=1200.0 + 600.0,
        ends=MENDED_AT,
        ends_within=600.0,
    )
    yield Scenario("F01 the domain does not exist", ends(Status.NO_NAME, "site.test"), (lost,))
    yield Scenario("F02 the name servers fail", ends(Status.FAILED, "site.test", "mail.site.test"), (lost,))
    yield Scenario("F02 DNSSEC is bogus", ends(Status.BOGUS, "site.test", "mail.site.test"), (lost,))
    brief = World(dns=lambda _, at: Status.TIMEOUT if BEGINS <= at < BEGINS + 600 else Status.FOUND)
    yield Scenario("F02 the name servers fail for ten minutes", brief)
    yield Scenario("F03 null MX", World(servers=(Server(ports=()),), no_mx=frozenset({"site.test"})))
    yield Scenario("F04 no host has an address", ends(Status.NO_DATA, "mail.site.test"), (lost,))
    private = World(servers=(Server(addresses=("10.0.0.1",)),))
    yield Scenario("F05 a private address", private, (replace(lost, begins=0.0, ends=None),))


def _tcp() -> Iterator[Scenario]:
    vanish = Expected("port_blocked", kind=BLOCKED)
    for port, severity in ((25, C), (587, C), (465, W), (993, C), (995, W), (143, W), (110, W)):
        # A legacy port that answered is missed by whoever uses it; it is no critical loss.
        yield appears("F06", f.silent, [port], replace(vanish, severity=severity))
    yield appears("F06", f.silent, [143, 993], vanish)
    for port, severity in ((25, C), (587, C), (465, W), (993, C), (995, W)):
        # Of 465 and 587 one is enough (S24), and POP3 is nobody's only way (S16): these are missed less.
        yield appears("F08", f.refused, [port], Expected("port_closed", severity=severity))
    yield appears("F08 legacy, closed on purpose", f.refused, [143, 110], None)
    yield always("F08 legacy", f.refused, [143, 110])
    yield always("F08 one of 465 and 587", f.refused, [465])
    yield always("F08 no POP3", f.refused, [110, 995])
    yield always("F08 expected", f.refused, [25], Expected("port_closed"))
    absent = Expectation(provider="outlook", not_offered=True)
    for change, name in ((f.silent, "silent"), (f.refused, "closed")):
        world = World(
            expect=lambda place, _: absent if place.port == 465 else None,
            faults=(Fault(change, on(465), between(0)),),
        )
        yield Scenario(f"F08 a port that the provider does not offer is {name}", world)
    no_route = f.failing(Reason.HOST_UNREACHABLE, detail="EHOSTUNREACH")
    yield appears("F09 one port", no_route, [993], Expected("host_unreachable", severity=W))
    prohibited = f.failing(Reason.ADMIN_PROHIBITED, detail="ICMP prohibited from 9.1.0.1")
    yield appears("F09 prohibited", prohibited, [993], replace(vanish, severity=C))
    ours = f.failing(Reason.PROBE_RESOURCES, detail="EMFILE")
    yield appears("F11 our own limits", ours, [25, 465, 587, 143, 993, 110, 995], None)
    yield appears("F10 a fault of our own", f.failing(Reason.INTERNAL), [25, 587], None)


def _greetings() -> Iterator[Scenario]:
    for row, reason, ports in (
        ("F12", Reason.RESET_BEFORE_GREETING, [25]),
        ("F12", Reason.CLOSED_BEFORE_GREETING, [587]),
        ("F13", Reason.NO_GREETING, [25]),
        ("F13", Reason.NO_GREETING, [993]),
        ("F22", Reason.PROTOCOL_ERROR, [587]),
        ("F28", Reason.TLS_CLOSED, [993]),
        ("F29", Reason.TLS_TIMEOUT, [465]),
        ("F38", Reason.READ_TIMEOUT, [143]),
    ):
        yield appears(row, f.failing(reason), ports, Expected(reason.value, severity=W, kind=MISCONFIGURED))
    yield appears("F14 slow teaser", f.slow(9.0), [25], None)
    yield _stays("F15 421 stays", f.busy, 587)
    blocked = Expected("greeting_rejected", severity=W, within=UNHURRIED)
    away = f.turned_away("554 5.7.1 your address is listed", Reason.GREETING_REJECTED)
    yield _seldom(appears("F16 554", away, [25], blocked))
    yield _seldom(appears("F18 BYE", f.turned_away("* BYE no", Reason.IMAP_BYE), [993], blocked))
    yield _seldom(appears("F18 -ERR", f.turned_away("-ERR no", Reason.POP3_ERR), [995], blocked))
    other = Expected("wrong_protocol", severity=C)
    http = f.failing(Reason.WRONG_PROTOCOL, banner="HTTP/1.1 400 Bad Request")
    yield appears("F17 HTTP", http, [587], other)
    ours = Expected("ehlo_rejected", "our EHLO name", severity=W, kind=MISCONFIGURED)
    yield appears("F19 our name", f.naming_us, [587], ours)
    several = tuple(
        Server(f"mx.{name}.test", (f"9.4.0.{number}",), (25, 587)) for number, name in enumerate("abc", 1)
    )
    world = World(several, ("a.test", "b.test", "c.test"), (Fault(f.naming_us),))
    yield Scenario("F19 our name is refused by hosts of three providers", world, (replace(ours, domains=3),))
    yield _stays("F21 450 stays", f.later, 25)


def _seldom(scenario: Scenario) -> Scenario:
    """Who turned us away three times is asked half as often: what is mended shows so much later."""
    expected = tuple(replace(one, ends_within=MENDED + NEXT_PROBE) for one in scenario.expected)
    return replace(scenario, world=replace(scenario.world, hours=2.5), expected=expected)


def _stays(name: str, change: Change, port: int) -> Scenario:
    """F15: a warning after three such probes and no sooner; they are not made sooner, but later by then."""
    mended = BEGINS + 2 * HOUR
    world = World(faults=(Fault(change, on(port), between(BEGINS, mended)),), hours=3.5)
    told = Expected("greeting_rejected", severity=W, within=UNHURRIED + NEXT_PROBE, ends=mended)
    return replace(_seldom(Scenario(name, world, (told,))), world=world)


def _tls() -> Iterator[Scenario]:
    fatal = f.failing(Reason.TLS_HANDSHAKE_FAILED, detail="tlsv1 alert protocol version")
    yield appears("F25 F26", fatal, [993], Expected("tls_handshake_failed", severity=C))
    first = f.failing(Reason.TLS_ON_PLAINTEXT_PORT)
    yield appears("F24 TLS first", first, [587], Expected("tls_on_plaintext_port", severity=C))
    yield appears("F24 TLS first", first, [143], Expected("tls_on_plaintext_port", severity=W))
    yield appears("F36 no capabilities", f.without_capabilities, [110], None)
    yield appears("F37 no word at the end", lambda seen: replace(seen, bytes_read=0), [587], None)
    yield appears("F39 slow", f.slow(8.0), [25, 465, 587, 143, 993, 110, 995], None)


FAILURES = (*_dns(), *_tcp(), *_greetings(), *_tls())
