"""Verdicts about a missing or stripped STARTTLS."""

from dataclasses import replace

import pytest

from scanner.model import Kind, Observation, Reason, Severity, StartTls
from scanner.model.reason import OUT_OF_TIME
from scanner.verdict import Policy, judge
from tests.verdict.observations import NOW, ended, find, healthy, in_clear

C, W, N = Severity.CRITICAL, Severity.WARNING, Severity.NOTICE
NOT_OFFERED = StartTls(offered=False)
UNANSWERED = StartTls(offered=True)
STARS = "220 " + "*" * 40


@pytest.mark.parametrize(("port", "severity"), [(25, W), (587, C), (143, W), (110, W)])
def test_starttls_missing(port: int, severity: Severity) -> None:
    """No STARTTLS is a weakness until something says that it was there (D01)."""
    verdict = find(in_clear(port, NOT_OFFERED, capabilities=("SIZE 1", "HELP")), "starttls_missing")

    assert verdict is not None
    assert (verdict.kind, verdict.severity) == (Kind.WEAKNESS, severity)
    assert "SIZE 1, HELP" in verdict.summary
    assert ("passwords" in verdict.summary) == (port != 25)
    assert ("STLS" if port == 110 else "STARTTLS") in verdict.summary


def test_starttls_missing_where_capabilities_are_unknown() -> None:
    """A server without CAPA was asked all the same; its answer is the evidence."""
    unknown = in_clear(110, StartTls(offered=False, reply="-ERR unknown command"), capabilities=None)
    verdict = find(unknown, "starttls_missing")

    assert verdict is not None
    assert '"-ERR unknown command"' in verdict.summary


@pytest.mark.parametrize(
    "observation",
    [
        healthy(587),
        healthy(465),
        in_clear(587, StartTls(offered=False, masked=True)),
        in_clear(587, StartTls(offered=True, reply="454 no")),
        in_clear(587, NOT_OFFERED, ehlo_reply="502 no"),
        in_clear(143, NOT_OFFERED, preauth=True),
        ended(587, reason=Reason.CONNECTION_LOST),
    ],
)
def test_starttls_not_missing(observation: Observation) -> None:
    """Offered, explained by another verdict, or never learnt: nothing is missing."""
    assert find(observation, "starttls_missing") is None


def test_starttls_masked() -> None:
    """An overwritten keyword is the mark of a filter (D02)."""
    masked = StartTls(offered=False, masked=True, reply="500 5.5.1 Command unrecognized")
    verdict = find(in_clear(25, masked, capabilities=("SIZE 1", "XXXXXXXA")), "starttls_masked")

    assert verdict is not None
    assert (verdict.kind, verdict.severity) == (Kind.DOWNGRADE, C)
    assert '"XXXXXXXA"' in verdict.summary


def test_starttls_not_masked() -> None:
    """A plain offer is not masked."""
    assert find(healthy(25), "starttls_masked") is None


@pytest.mark.parametrize(
    ("observation", "severity"),
    [
        (replace(healthy(25), banner=STARS), W),
        (in_clear(25, NOT_OFFERED, banner=STARS), C),
        (in_clear(25, StartTls(offered=False, masked=True), banner="220 ****"), C),
        (ended(25, banner="220 ****2**0***", reason=Reason.CONNECTION_LOST), W),
    ],
)
def test_banner_masked(observation: Observation, severity: Severity) -> None:
    """An overwritten greeting is a mark of its own, and worse where STARTTLS is gone too (D03)."""
    verdict = find(observation, "banner_masked")

    assert verdict is not None
    assert (verdict.kind, verdict.severity) == (Kind.DOWNGRADE, severity)


@pytest.mark.parametrize(
    "observation",
    [
        replace(healthy(25), banner=banner)
        for banner in (
            None,
            "",
            "220",
            "220 ** welcome **",
            "220 **** hi",
            "220 2020 00",
            "554 ********",
            "220 ***",
        )
    ]
    + [replace(healthy(143), banner="220 ************")],
)
def test_banner_not_masked(observation: Observation) -> None:
    """Decoration, digits and other protocols are no mask."""
    assert find(observation, "banner_masked") is None


@pytest.mark.parametrize(
    ("port", "reply", "severity"),
    [
        (587, "454 4.7.0 TLS not available", W),
        (25, "421 4.7.0 later", W),
        (587, "502 5.5.1 Command not implemented", C),
        (587, "501 5.5.4 Syntax", C),
        (587, "250 OK", C),
        (587, "2200 Ready", C),
        (143, "a2 BAD unknown command", C),
        (143, "a2 NO later", C),
        (143, "* OK untagged", C),
        (143, "+ OK", C),
        (143, "a2", C),
        (110, "-ERR TLS is not available", C),
    ],
)
def test_starttls_refused(port: int, reply: str, severity: Severity) -> None:
    """An offer that is then refused, or answered with a wrong code (D04, D05, D06)."""
    verdict = find(in_clear(port, StartTls(offered=True, reply=reply)), "starttls_refused")

    assert verdict is not None
    assert (verdict.kind, verdict.severity) == (Kind.DOWNGRADE, severity)
    assert f'"{reply}"' in verdict.summary


def test_starttls_answered_with_nonsense() -> None:
    """An answer that is no reply at all counts as a refusal (D06)."""
    observation = in_clear(
        143, UNANSWERED, reason=Reason.PROTOCOL_ERROR, detail="not an IMAP response: TAG BUG"
    )
    verdict = find(observation, "starttls_refused")

    assert verdict is not None
    assert verdict.severity is C
    assert "TAG BUG" in verdict.summary


def test_a_go_ahead_that_led_nowhere_is_a_refusal() -> None:
    """A reply whose first line looks right and whose last does not ends without TLS and without an error."""
    verdict = find(in_clear(587, StartTls(offered=True, reply="220-wait\\n454 no")), "starttls_refused")

    assert verdict is not None


@pytest.mark.parametrize(
    "observation",
    [
        healthy(25),
        healthy(143),
        healthy(110),
        healthy(993),
        in_clear(587, StartTls(offered=True, reply="220 go"), reason=Reason.TLS_CLOSED),
        in_clear(587, StartTls(offered=False, reply="500 no")),
        in_clear(143, UNANSWERED, preauth=True),
        in_clear(143, UNANSWERED, preauth=True, reason=Reason.PROTOCOL_ERROR),
        in_clear(587, UNANSWERED, reason=Reason.CONNECTION_LOST),
    ],
)
def test_starttls_not_refused(observation: Observation) -> None:
    """The go-ahead, no offer, and a connection that broke are no refusals."""
    assert find(observation, "starttls_refused") is None


@pytest.mark.parametrize(
    ("port", "go_ahead"), [(25, "220 2.0.0 Ready"), (587, "220"), (143, "a2 ok Begin"), (110, "+OK Begin")]
)
@pytest.mark.parametrize("reason", [Reason.TLS_CLOSED, Reason.TLS_HANDSHAKE_FAILED, Reason.TLS_TIMEOUT])
def test_starttls_dropped(port: int, go_ahead: str, reason: Reason) -> None:
    """The go-ahead came and TLS broke at once (D09)."""
    broken = in_clear(port, StartTls(offered=True, reply=go_ahead), reason=reason, detail="what was seen")
    verdict = find(broken, "starttls_dropped")

    assert verdict is not None
    assert (verdict.kind, verdict.severity) == (Kind.DOWNGRADE, W)
    assert "what was seen" in verdict.summary
    assert f": {reason.replace('_', ' ')} (what was seen)." in verdict.summary


@pytest.mark.parametrize("reason", [Reason.CONNECTION_LOST, Reason.READ_TIMEOUT, Reason.IMAP_BYE])
def test_starttls_dropped_at_the_command(reason: Reason) -> None:
    """The word STARTTLS itself breaks the connection."""
    assert find(in_clear(143, UNANSWERED, reason=reason), "starttls_dropped") is not None


@pytest.mark.parametrize(
    "observation",
    [
        healthy(25),
        ended(465, reason=Reason.TLS_CLOSED),
        in_clear(587, StartTls(offered=True, reply="454 no")),
        in_clear(587, StartTls(offered=True, reply="454 no"), reason=Reason.READ_TIMEOUT),
        in_clear(587, NOT_OFFERED, reason=Reason.CONNECTION_LOST),
        in_clear(143, UNANSWERED, preauth=True, reason=Reason.CONNECTION_LOST),
        in_clear(587, StartTls(offered=True, reply="220 go"), reason=Reason.PROTOCOL_ERROR),
        ended(587, reason=Reason.CONNECTION_LOST),
        replace(healthy(587), reason=Reason.CONNECTION_LOST),
        in_clear(587, UNANSWERED, reason=Reason.READ_TIMEOUT, detail=f"{OUT_OF_TIME} 60 s"),
        in_clear(
            587,
            StartTls(offered=True, reply="220 go"),
            reason=Reason.TLS_TIMEOUT,
            detail=f"{OUT_OF_TIME} 60 s",
        ),
    ],
)
def test_starttls_not_dropped(observation: Observation) -> None:
    """Implicit TLS, a refusal, no offer, a loss before or after, our own budget: something else."""
    assert find(observation, "starttls_dropped") is None


@pytest.mark.parametrize("port", [587, 143, 110])
def test_starttls_injection(port: int) -> None:
    """Bytes in clear behind the go-ahead are counted and reported, even if TLS then works (D24)."""
    verdict = find(
        replace(healthy(port), starttls=StartTls(offered=True, reply="220 go", extra_plaintext=17)),
        "starttls_injection",
    )

    assert verdict is not None
    assert (verdict.kind, verdict.severity) == (Kind.DOWNGRADE, C)
    assert "17 more bytes" in verdict.summary


def test_no_starttls_injection() -> None:
    """Nothing behind the go-ahead, nothing to report."""
    assert find(healthy(587), "starttls_injection") is None


@pytest.mark.parametrize(
    ("port", "reply", "kind", "severity"),
    [
        (587, "502 5.5.1 not implemented", Kind.DOWNGRADE, C),
        (25, "500 unknown", Kind.DOWNGRADE, W),
        (25, "501 5.5.4 Invalid domain name", Kind.MISCONFIGURATION, W),
        (587, "504 need a FQDN", Kind.MISCONFIGURATION, W),
        (465, "502 no", Kind.MISCONFIGURATION, W),
    ],
)
def test_ehlo_rejected(port: int, reply: str, kind: Kind, severity: Severity) -> None:
    """EHLO refused is a mark of stripping, unless our name is at fault or TLS stands (D07, F19)."""
    verdict = find(replace(in_clear(port, NOT_OFFERED), ehlo_reply=reply), "ehlo_rejected")

    assert verdict is not None
    assert (verdict.kind, verdict.severity) == (kind, severity)
    assert f'"{reply}"' in verdict.summary
    assert ("ehlo_name" in verdict.advice) == reply.startswith(("501", "504"))


@pytest.mark.parametrize(
    "observation", [healthy(25), ended(25, reason=Reason.GREETING_REJECTED, ehlo_reply="554 go away")]
)
def test_ehlo_not_rejected(observation: Observation) -> None:
    """EHLO worked, or HELO did not either: then the server turns us away."""
    assert find(observation, "ehlo_rejected") is None


@pytest.mark.parametrize("port", [465, 993, 995])
def test_plaintext_on_tls_port(port: int) -> None:
    """A port for implicit TLS that greets in clear (D10)."""
    verdict = find(
        ended(port, reason=Reason.PLAINTEXT_ON_TLS_PORT, banner="220 mx hello"), "plaintext_on_tls_port"
    )

    assert verdict is not None
    assert (verdict.kind, verdict.severity) == (Kind.DOWNGRADE, C)
    assert '"220 mx hello"' in verdict.summary


def test_no_plaintext_on_tls_port() -> None:
    """Another protocol is no plain mail service."""
    assert find(ended(993, reason=Reason.WRONG_PROTOCOL), "plaintext_on_tls_port") is None


def test_one_cause_gives_one_verdict() -> None:
    """A masked greeting and keyword are two marks; the missing STARTTLS behind them is not a third."""
    masked = in_clear(25, StartTls(offered=False, masked=True), banner=STARS, capabilities=("XXXXXXXA",))

    assert [verdict.id for verdict in judge(masked, Policy(), NOW)] == ["starttls_masked", "banner_masked"]


def test_equal_evidence_gives_equal_verdicts() -> None:
    """Summaries hold no moment of judging, so a store sees no change where there is none."""
    observation = in_clear(587, NOT_OFFERED, auth_before_tls=("PLAIN",))
    later = NOW.replace(hour=23)

    assert judge(observation, Policy(), NOW) == judge(observation, Policy(), later)
