"""Verdicts about signing in."""

from dataclasses import replace
from typing import Any

import pytest

from scanner.discovery import Catalogue
from scanner.model import PORTS, Kind, Observation, Reason, Role, Service, Severity, StartTls
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


# ------------------------------------------------------------------- the provider's own word in the catalogue

CATALOGUE = Catalogue()
OAUTH_ONLY_SERVERS = [
    ("smtp.office365.com", 587),
    ("smtp-mail.outlook.com", 587),
    ("outlook.office365.com", 993),
    ("outlook.office365.com", 995),
]


def at(host: str, port: int, *offered: str, **changes: Any) -> Observation:
    """Return an observation of a server of the catalogue that offers these ways to sign in inside TLS."""
    seen = healthy(port)
    row = PORTS[port]
    service = Service.SUBMISSION if row.role is Role.SUBMISSION else Service(row.protocol.value)
    expectation = CATALOGUE.expectation(host, port, service)
    endpoint = replace(seen.endpoint, host=host, expectation=expectation)
    return replace(seen, **{"endpoint": endpoint, "auth_after_tls": offered, **changes})


@pytest.mark.parametrize(("host", "port"), OAUTH_ONLY_SERVERS)
@pytest.mark.parametrize("offered", [("PLAIN", "LOGIN"), ("LOGIN",), ("XOAUTH",)])
def test_oauth_is_missing_where_it_is_the_only_way(host: str, port: int, offered: tuple[str, ...]) -> None:
    verdict = find(at(host, port, *offered), "oauth_not_offered")

    assert verdict is not None
    assert (verdict.kind, verdict.severity) == (Kind.MISCONFIGURATION, Severity.WARNING)
    assert verdict.summary.endswith(f"neither XOAUTH2 nor OAUTHBEARER but {', '.join(offered)}.")


@pytest.mark.parametrize(("host", "port"), OAUTH_ONLY_SERVERS)
@pytest.mark.parametrize("offered", [("XOAUTH2",), ("PLAIN", "XOAUTH2"), ("LOGIN", "oauthbearer")])
def test_passwords_beside_oauth_say_nothing(host: str, port: int, offered: tuple[str, ...]) -> None:
    """Providers list them for app passwords, or refuse them only when somebody tries."""
    assert find(at(host, port, *offered), "oauth_not_offered") is None


@pytest.mark.parametrize(
    "observation",
    [
        at("smtp.gmail.com", 587, "PLAIN", "LOGIN"),
        at("imap.gmx.net", 993, "LOGIN"),
        at("mail.example.org", 993, "LOGIN"),
        at("outlook.office365.com", 993, capabilities_tls=None, auth_after_tls=None),
        at("outlook.office365.com", 995),
        at("outlook.office365.com", 993, "LOGIN", preauth=True),
        at("smtp.office365.com", 587),
        at("smtp.office365.com", 587, "LOGIN", ehlo_reply="502 no"),
        at("smtp.office365.com", 587, tls=None, capabilities_tls=None, auth_after_tls=None),
    ],
)
def test_no_false_alarm_about_oauth(observation: Observation) -> None:
    """The provider takes passwords too, is not known, or what the server offers is not known."""
    assert find(observation, "oauth_not_offered") is None


def test_a_mailbox_that_nobody_can_open() -> None:
    """IMAP inside TLS with LOGINDISABLED and no mechanism at all."""
    verdict = find(at("outlook.office365.com", 993), "oauth_not_offered")

    assert verdict is not None
    assert verdict.summary.endswith("but nothing.")


@pytest.mark.parametrize(
    ("host", "port", "offered"),
    [
        ("outlook.office365.com", 993, ("XOAUTH2",)),
        ("outlook.office365.com", 995, ("XOAUTH2",)),
        ("smtp.office365.com", 587, ("OAUTHBEARER", "XOAUTH2")),
        ("mail.example.org", 993, ("OAUTHBEARER",)),
    ],
)
def test_passwords_are_not_accepted(host: str, port: int, offered: tuple[str, ...]) -> None:
    """F35: inside TLS only OAuth is offered; good to know, and no fault."""
    verdict = find(at(host, port, *offered), "oauth_only")

    assert verdict is not None
    assert (verdict.kind, verdict.severity) == (Kind.NOTICE, Severity.NOTICE)
    assert verdict.summary.startswith("Passwords are not accepted here")
    assert "out of date" not in verdict.advice


@pytest.mark.parametrize(
    "observation",
    [
        at("outlook.office365.com", 993, "XOAUTH2", "LOGIN"),
        at("outlook.office365.com", 993, "XOAUTH2", "PLAIN"),
        at("outlook.office365.com", 993),
        replace(healthy(25), auth_after_tls=("XOAUTH2",)),
        in_clear(143, StartTls(offered=False), auth_before_tls=("XOAUTH2",)),
    ],
)
def test_passwords_may_be_accepted(observation: Observation) -> None:
    """Another way is offered, none is, users do not sign in here, or TLS never came."""
    assert find(observation, "oauth_only") is None


def test_a_catalogue_that_still_names_app_passwords() -> None:
    verdict = find(at("imap.gmail.com", 993, "XOAUTH2", "OAUTHBEARER"), "oauth_only")

    assert verdict is not None
    assert "gmail names an app password too" in verdict.advice


@pytest.mark.parametrize(
    ("host", "port", "advice"),
    [
        ("smtp.gmail.com", 587, "Users of gmail sign in with OAuth 2 or an app password."),
        ("smtp.mail.me.com", 587, "Users of icloud sign in with an app password."),
        ("smtp.office365.com", 587, "Users of microsoft-365 sign in with OAuth 2."),
        ("smtp.qq.com", 465, "Users of qq sign in with an authorisation code from the account's settings."),
        ("ssl0.ovh.net", 587, "Enable SMTP AUTH for submission on this port."),
        ("mail.example.org", 587, "Enable SMTP AUTH for submission on this port."),
    ],
)
def test_auth_not_offered_says_how_users_sign_in(host: str, port: int, advice: str) -> None:
    """Nothing is said of a server that the catalogue is not sure of, or does not know."""
    verdict = find(at(host, port), "auth_not_offered")

    assert verdict is not None
    assert verdict.advice.endswith(advice)
