"""Rules about signing in: passwords in clear, no way to sign in, not the provider's way, and no need to."""

from scanner.model import Kind, Login, Protocol, Role, Severity, Verdict
from scanner.verdict.rules import Case, Rule, enumerate_shortly, quote

IN_CLEAR = frozenset({"PLAIN", "LOGIN", "USER"})
"""Ways to sign in that send the password itself: SASL PLAIN and LOGIN, IMAP's LOGIN, POP3's USER."""
OAUTH = frozenset({"XOAUTH2", "OAUTHBEARER"})
"""The SASL mechanisms of OAuth 2 (RFC 7628, and its predecessor)."""
_IN_WORDS = {
    Login.OAUTH2: "OAuth 2",
    Login.APP_PASSWORD: "an app password",
    Login.PASSWORD: "the password of the mailbox",
    Login.AUTHORISATION_CODE: "an authorisation code from the account's settings",
    Login.BRIDGE: "the provider's bridge on their own computer",
}


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
    if observation.endpoint.role is not Role.SUBMISSION or _offered_in_tls(case) != ():
        return None
    listed = observation.capabilities_tls or ()
    return Verdict(
        "auth_not_offered",
        Kind.MISCONFIGURATION,
        Severity.WARNING,
        f'After TLS the server offers no AUTH, so users cannot send and get replies like "Relay denied"; '
        f"it lists {enumerate_shortly(listed)}.",
        f"Enable SMTP AUTH for submission on this port.{_tell_ways(case)}",
    )


def oauth_not_offered(case: Case) -> Verdict | None:
    """S33: users sign in by OAuth alone, as their provider says, and the server offers no way for it.

    Passwords that are offered beside OAuth say nothing: servers list them for app passwords, for customers
    who may still use them, or refuse them only when somebody tries.
    """
    offered = _offered_in_tls(case)
    if case.expectation.login != (Login.OAUTH2,) or offered is None or not OAUTH.isdisjoint(offered):
        return None
    if not offered and case.observation.endpoint.protocol is not Protocol.IMAP:
        return None  # SMTP: see auth_not_offered; POP3 need not tell what it can (RFC 2449 section 5)
    return Verdict(
        "oauth_not_offered",
        Kind.MISCONFIGURATION,
        Severity.WARNING,
        f"{case.expectation.provider} lets its users sign in by OAuth only, and inside TLS the server offers "
        f"neither XOAUTH2 nor OAUTHBEARER but {enumerate_shortly(offered)}.",
        "Offer XOAUTH2 or OAUTHBEARER. If it is not your server, see whether the name leads to the "
        "provider's own, and whether the provider's entry in the catalogue still holds.",
    )


def oauth_only(case: Case) -> Verdict | None:
    """F35: inside TLS there is OAuth and nothing else, in IMAP with LOGINDISABLED: no password is taken."""
    offered = _offered_in_tls(case)
    if not offered or not OAUTH.issuperset(offered):
        return None
    others = " and ".join(_IN_WORDS[way] for way in case.expectation.login if way is not Login.OAUTH2)
    doubt = (
        f" {case.expectation.provider} names {others} too: its entry in the catalogue may be out of date."
        if others
        else ""
    )
    return Verdict(
        "oauth_only",
        Kind.NOTICE,
        Severity.NOTICE,
        f"Passwords are not accepted here: inside TLS the server offers {enumerate_shortly(offered)} only.",
        f"Sign in with OAuth 2 (also called modern sign-in), in a mail program that can do it.{doubt}",
    )


def _offered_in_tls(case: Case) -> tuple[str, ...] | None:
    """Return the ways to sign in that clients are offered inside TLS; None where that is not known."""
    observation = case.observation
    # HELO has no extensions: see ehlo_rejected. Who is signed in already is offered nothing.
    is_silent = observation.ehlo_reply is not None or observation.preauth
    if case.is_mx or is_silent or observation.tls is None or observation.capabilities_tls is None:
        return None
    found = observation.auth_after_tls
    return None if found is None else tuple(mechanism.upper() for mechanism in found)


def _tell_ways(case: Case) -> str:
    """Return how the provider says that its users sign in, as a sentence to be added."""
    ways = [_IN_WORDS[way] for way in case.expectation.login]
    return f" Users of {case.expectation.provider} sign in with {' or '.join(ways)}." if ways else ""


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


SIGN_IN_RULES: tuple[Rule, ...] = (
    auth_before_tls,
    auth_not_offered,
    oauth_not_offered,
    oauth_only,
    preauth,
)
