"""Rules about signing in: passwords in clear, no way to sign in, and no need to."""

from scanner.model import Kind, Role, Severity, Verdict
from scanner.verdict.rules import Case, Rule, enumerate_shortly, quote

IN_CLEAR = frozenset({"PLAIN", "LOGIN", "USER"})
"""Ways to sign in that send the password itself: SASL PLAIN and LOGIN, IMAP's LOGIN, POP3's USER."""


def auth_before_tls(case: Case) -> Verdict | None:
    """D22, S31, RFC 8314 section 4.1: a password could be sent before TLS protects it."""
    offered = case.observation.auth_before_tls or ()
    clear = tuple(mechanism for mechanism in offered if mechanism.upper() in IN_CLEAR)
    if not case.is_starttls or not clear or case.observation.preauth:  # signed in: nobody asks for a password
        return None
    return Verdict(
        "auth_before_tls",
        Kind.WEAKNESS,
        Severity.WARNING,
        f"Before TLS the server takes passwords in clear: {enumerate_shortly(clear)}.",
        f"Allow signing in only after {case.command} (Postfix: smtpd_tls_auth_only, Dovecot: "
        "ssl = required), or use the port with TLS from the first byte.",
    )


def auth_not_offered(case: Case) -> Verdict | None:
    """F34, S36: a submission port that offers no AUTH after TLS, so nobody can send."""
    observation = case.observation
    is_refused_ehlo = observation.ehlo_reply is not None  # HELO has no extensions: see ehlo_rejected
    if observation.endpoint.role is not Role.SUBMISSION or observation.tls is None or is_refused_ehlo:
        return None
    if observation.capabilities_tls is None or observation.auth_after_tls:
        return None
    return Verdict(
        "auth_not_offered",
        Kind.MISCONFIGURATION,
        Severity.WARNING,
        f'After TLS the server offers no AUTH, so users cannot send and get replies like "Relay denied"; '
        f"it lists {enumerate_shortly(observation.capabilities_tls)}.",
        "Enable SMTP AUTH for submission on this port.",
    )


def preauth(case: Case) -> Verdict | None:
    """RFC 9051 section 7.1.4: signed in by the greeting; in clear no STARTTLS is allowed any more."""
    if not case.observation.preauth:
        return None
    effect = ", and STARTTLS is not allowed any more" if case.is_starttls else ""
    return Verdict(
        "preauth",
        Kind.WEAKNESS,
        Severity.CRITICAL,
        f"The greeting says that we are signed in already{effect}: {quote(case.observation.banner)}.",
        "Switch PREAUTH off; where it is off, somebody on the path has forged the greeting to prevent TLS.",
    )


SIGN_IN_RULES: tuple[Rule, ...] = (auth_before_tls, auth_not_offered, preauth)
