"""Suspects where signing in fails: the password, its kind, the server's rules, encryption."""

from scanner.explain.suspicion import Case, Suspect, ask_settings, places_of, say_of
from scanner.explain.words import LOGIN_NAMES
from scanner.model import Login, Observation, Role
from scanner.verdict.sign_in import OAUTH


def _signed_in(case: Case) -> tuple[Observation, ...]:
    """Return where the ways to sign in are known."""
    return tuple(
        seen for seen in case.reached if seen.endpoint.role is not Role.MX and seen.auth_after_tls is not None
    )


def wrong_credentials(case: Case) -> Suspect:
    """Suspect user name and password."""
    offering = [seen for seen in _signed_in(case) if set(seen.auth_after_tls or ()) - OAUTH]
    pro, contra = [], []
    if "auth_failed" in case.told and offering:
        taking = say_of(offering, "takes", "take")
        pro.append(f"{taking} passwords inside TLS, and the reply speaks of the sign-in alone.")
    if _signed_in(case) and not offering:
        contra.append(f"{say_of(_signed_in(case), 'takes', 'take')} no password at all.")
    return Suspect(
        "wrong_credentials",
        "User name or password are wrong",
        "Try the full address as the user name, and the same password in the webmail.",
        tuple(pro),
        tuple(contra),
    )


def other_credential(case: Case) -> Suspect:
    """Suspect the kind of credential."""
    ways = () if case.provider is None else case.provider.ways_to_sign_in
    only_oauth = [
        seen for seen in _signed_in(case) if seen.auth_after_tls and OAUTH.issuperset(seen.auth_after_tls)
    ]
    pro, contra = [], []
    if case.told & {"app_password_required", "web_login_required"}:
        pro.append("The reply itself says so.")
    if ways and Login.PASSWORD not in ways and case.provider is not None:
        names = " or ".join(LOGIN_NAMES[way] for way in ways)
        pro.append(f"{case.provider.name} lets its users sign in with {names} only.")
    if only_oauth:
        pro.append(f"{say_of(only_oauth, 'offers', 'offer')} OAuth and nothing else.")
    if Login.PASSWORD in ways and case.provider is not None:
        contra.append(f"{case.provider.name} takes the mailbox's own password.")
    return Suspect(
        "app_password_required",
        "The provider wants an app password or OAuth",
        "Make an app password in the account's security settings, or choose OAuth 2 in the program.",
        tuple(pro),
        tuple(contra),
    )


def auth_disabled(case: Case) -> Suspect:
    """Suspect that passwords are not taken at all."""
    sending = [seen for seen in _signed_in(case) if seen.endpoint.role is Role.SUBMISSION]
    closed = [seen for seen in sending if seen.auth_after_tls == ()]
    offering = [seen for seen in sending if seen.auth_after_tls]
    pro = ["The reply itself says so."] if case.told & {"auth_disabled", "auth_not_offered"} else []
    pro += [f"{places_of([seen])} offers no AUTH inside TLS." for seen in closed[:2]]
    contra = [f"{say_of(offering, 'offers', 'offer')} to sign in."] if offering and not closed else []
    return Suspect(
        "auth_disabled",
        "SMTP AUTH is switched off",
        "Enable it for the mailbox (Microsoft 365: Authenticated SMTP), or on the server for submission.",
        tuple(pro),
        tuple(contra),
    )


def no_encryption(case: Case) -> Suspect:
    """Suspect that TLS is off."""
    difference = case.difference("mode")
    inside = [seen for seen in _signed_in(case) if seen.auth_after_tls and not seen.auth_before_tls]
    pro = ["The reply itself says so."] if "encryption_required" in case.told else []
    if difference is not None:
        pro.append(f"It is set to {difference.yours}, and {difference.wanted} is wanted. {difference.why}")
        if inside:
            pro.append(f"{say_of(inside, 'lets', 'let')} users sign in inside TLS only.")
    is_fine = case.comparison is not None and difference is None and case.comparison.is_measured
    return Suspect(
        "encryption_required",
        "The program signs in without encryption",
        f"STARTTLS on 587, SSL/TLS on 465, 993 and 995. {ask_settings(case)}",
        tuple(pro),
        ("The encryption that it is set to fits the port.",) if is_fine else (),
    )
