"""Verdicts about signing in."""

from dataclasses import replace

import pytest

from scanner.model import Kind, Observation, Reason, Severity, StartTls
from tests.verdict.observations import ended, find, healthy, in_clear


@pytest.mark.parametrize(
    ("port", "offered", "clear"),
    [
        (587, ("PLAIN", "LOGIN"), "PLAIN, LOGIN"),
        (25, ("CRAM-MD5", "LOGIN"), "LOGIN"),
        (143, ("LOGIN",), "LOGIN"),
        (143, ("plain",), "plain"),
        (110, ("USER",), "USER"),
        (110, ("PLAIN", "APOP"), "PLAIN"),
    ],
)
def test_auth_before_tls(port: int, offered: tuple[str, ...], clear: str) -> None:
    """A password that could be sent in clear is a weakness (D22)."""
    verdict = find(replace(healthy(port), auth_before_tls=offered), "auth_before_tls")

    assert verdict is not None
    assert (verdict.kind, verdict.severity) == (Kind.WEAKNESS, Severity.WARNING)
    assert verdict.summary.endswith(f": {clear}.")


@pytest.mark.parametrize(
    "observation",
    [
        healthy(587),
        replace(healthy(587), auth_before_tls=("SCRAM-SHA-256", "GSSAPI", "CRAM-MD5")),
        replace(healthy(110), auth_before_tls=("APOP",)),
        replace(healthy(110), auth_before_tls=None),
        replace(healthy(993), auth_before_tls=("PLAIN",)),
        in_clear(143, StartTls(offered=False), auth_before_tls=("LOGIN",), preauth=True),
        healthy(465),
    ],
)
def test_no_auth_before_tls(observation: Observation) -> None:
    """No clear password, nothing known, or TLS from the first byte."""
    assert find(observation, "auth_before_tls") is None


def test_auth_before_tls_where_tls_never_came() -> None:
    """Without STARTTLS the password goes in clear for good; both are said."""
    observation = in_clear(587, StartTls(offered=False), auth_before_tls=("PLAIN",))

    assert find(observation, "auth_before_tls") is not None
    assert find(observation, "starttls_missing") is not None


@pytest.mark.parametrize("port", [465, 587])
def test_auth_not_offered(port: int) -> None:
    """A submission port without AUTH lets nobody send (F34)."""
    observation = replace(healthy(port), capabilities_tls=("PIPELINING", "SIZE"), auth_after_tls=())
    verdict = find(observation, "auth_not_offered")

    assert verdict is not None
    assert (verdict.kind, verdict.severity) == (Kind.MISCONFIGURATION, Severity.WARNING)
    assert "PIPELINING, SIZE" in verdict.summary


@pytest.mark.parametrize(
    "observation",
    [
        healthy(465),
        replace(healthy(25), auth_after_tls=()),
        replace(healthy(993), auth_after_tls=()),
        replace(healthy(465), capabilities_tls=None, auth_after_tls=None, reason=Reason.CONNECTION_LOST),
        replace(healthy(465), capabilities_tls=(), auth_after_tls=(), ehlo_reply="502 no"),
        in_clear(587, StartTls(offered=False)),
        ended(587, reason=Reason.CONNECT_TIMEOUT),
    ],
)
def test_auth_offered_or_not_asked_for(observation: Observation) -> None:
    """AUTH is there, not expected, or not known."""
    assert find(observation, "auth_not_offered") is None


@pytest.mark.parametrize(("port", "says_starttls"), [(143, True), (993, False)])
def test_preauth(port: int, says_starttls: bool) -> None:
    """Signed in without a password; in clear it also shuts the way to TLS."""
    observation = replace(healthy(port), preauth=True, banner="* PREAUTH welcome", tls=None, starttls=None)
    verdict = find(observation, "preauth")

    assert verdict is not None
    assert (verdict.kind, verdict.severity) == (Kind.WEAKNESS, Severity.CRITICAL)
    assert '"* PREAUTH welcome"' in verdict.summary
    assert ("STARTTLS" in verdict.summary) == says_starttls


def test_no_preauth() -> None:
    """An ordinary greeting signs nobody in."""
    assert find(healthy(143), "preauth") is None
