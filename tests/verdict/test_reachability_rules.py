"""Verdicts about the way in."""

import pytest

from scanner.model import Kind, Observation, Reason, Severity
from scanner.verdict import Policy, judge
from tests.verdict.observations import NOW, ended, find, healthy

C, W, N = Severity.CRITICAL, Severity.WARNING, Severity.NOTICE


@pytest.mark.parametrize("port", [25, 465, 587, 143, 993, 110, 995])
def test_a_healthy_port_has_no_verdict(port: int) -> None:
    """Everything in order on each of the seven ports gives nothing to say."""
    assert judge(healthy(port), Policy(), NOW) == ()


@pytest.mark.parametrize(
    ("port", "severity"), [(25, C), (587, C), (993, C), (465, W), (995, W), (143, N), (110, N)]
)
def test_port_blocked(port: int, severity: Severity) -> None:
    """A silent port is blocked, and matters as much as the port does."""
    verdict = find(ended(port, reason=Reason.CONNECT_TIMEOUT), "port_blocked")

    assert verdict is not None
    assert (verdict.kind, verdict.severity) == (Kind.BLOCKED, severity)
    assert str(port) in verdict.summary


def test_port_blocked_by_a_filter_that_says_so() -> None:
    """The filter's own answer is quoted."""
    verdict = find(ended(25, reason=Reason.ADMIN_PROHIBITED, detail="ICMP 3/13"), "port_blocked")

    assert verdict is not None
    assert '"ICMP 3/13"' in verdict.summary


@pytest.mark.parametrize(
    "reason", [Reason.CONNECTION_REFUSED, Reason.EGRESS_BLOCKED, Reason.HOST_UNREACHABLE, None]
)
def test_port_not_blocked(reason: Reason | None) -> None:
    """A refusal, our own filter and a dead host are not a block by the target."""
    assert find(ended(25, reason=reason), "port_blocked") is None


@pytest.mark.parametrize(
    ("port", "severity", "kind"),
    [
        (25, C, Kind.MISCONFIGURATION),
        (587, W, Kind.MISCONFIGURATION),
        (993, W, Kind.MISCONFIGURATION),
        (465, N, Kind.NOTICE),
        (995, N, Kind.NOTICE),
        (143, N, Kind.NOTICE),
        (110, N, Kind.NOTICE),
    ],
)
def test_port_closed(port: int, severity: Severity, kind: Kind) -> None:
    """A closed port is trouble where mail depends on it, and a notice where it is a choice (S12, S25)."""
    verdict = find(ended(port, reason=Reason.CONNECTION_REFUSED), "port_closed")

    assert verdict is not None
    assert (verdict.severity, verdict.kind) == (severity, kind)


def test_port_not_closed() -> None:
    """Silence is no refusal."""
    assert find(ended(25, reason=Reason.CONNECT_TIMEOUT), "port_closed") is None


def test_ports_outside_the_table_are_expected_to_serve() -> None:
    """An own port was named by somebody, so its loss is a warning."""
    odd = healthy(25).endpoint
    odd = type(odd)(
        odd.host, odd.address, 2525, odd.protocol, odd.tls_mode, odd.role, odd.source, odd.domains
    )
    closed = Observation(odd, NOW, 0.1, reason=Reason.CONNECTION_REFUSED)
    blocked = Observation(odd, NOW, 0.1, reason=Reason.CONNECT_TIMEOUT)

    assert [verdict.severity for verdict in judge(closed, Policy(), NOW)] == [W]
    assert [verdict.severity for verdict in judge(blocked, Policy(), NOW)] == [W]


@pytest.mark.parametrize(
    ("reason", "severity"),
    [
        (Reason.GREETING_REJECTED, W),
        (Reason.IMAP_BYE, W),
        (Reason.POP3_ERR, W),
        (Reason.GREETING_TEMPFAIL, N),
    ],
)
def test_greeting_rejected(reason: Reason, severity: Severity) -> None:
    """The refusal is quoted; a temporary one is only a notice (F15)."""
    verdict = find(ended(25, reason=reason, detail="554 5.7.1 go away"), "greeting_rejected")

    assert verdict is not None
    assert verdict.severity is severity
    assert verdict.kind is (Kind.NOTICE if reason is Reason.GREETING_TEMPFAIL else Kind.MISCONFIGURATION)
    assert '"554 5.7.1 go away"' in verdict.summary


def test_greeting_not_rejected() -> None:
    """A server that never greeted has not turned us away."""
    assert find(ended(25, reason=Reason.NO_GREETING), "greeting_rejected") is None


@pytest.mark.parametrize(
    ("reason", "verdict", "severity"),
    [(Reason.EGRESS_BLOCKED, "egress_blocked", W), (Reason.EGRESS_INTERCEPTED, "egress_intercepted", C)],
)
def test_our_own_network_is_the_only_one_blamed(reason: Reason, verdict: str, severity: Severity) -> None:
    """Where our network is at fault, the target gets no verdict whatever was seen."""
    seen = ended(25, reason=reason, banner="220 " + "*" * 30, ehlo_reply="500 what?", preauth=True)

    assert [(each.id, each.kind, each.severity) for each in judge(seen, Policy(), NOW)] == [
        (verdict, Kind.BLOCKED, severity)
    ]


@pytest.mark.parametrize("reason", [Reason.INTERNAL, Reason.PROBE_RESOURCES, Reason.SKIPPED])
def test_our_own_failures_are_no_verdicts(reason: Reason) -> None:
    """What we could not find out is not held against anybody."""
    assert judge(ended(25, reason=reason), Policy(), NOW) == ()
