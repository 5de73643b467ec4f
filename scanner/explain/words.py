"""Words for what was measured: how TLS begins, how one signs in, why a port is not recommended."""

from scanner.model import Login, Observation, Service, TlsMode
from scanner.model.published import UserName
from scanner.verdict.level import level_of
from scanner.verdict.reason_advice import REASON_ADVICE
from scanner.verdict.recommendation import SECURE_LEVEL, Way

SERVICE_NAMES = {
    Service.MX: "SMTP between servers",
    Service.SUBMISSION: "SMTP",
    Service.IMAP: "IMAP",
    Service.POP3: "POP3",
}
MODE_NAMES = {TlsMode.IMPLICIT: "SSL/TLS", TlsMode.STARTTLS: "STARTTLS"}
"""As mail programs call them."""
LOGIN_NAMES = {
    Login.OAUTH2: "OAuth 2 (modern sign-in)",
    Login.APP_PASSWORD: "an app password, made in the account's security settings",
    Login.PASSWORD: "the mailbox's password",
    Login.AUTHORISATION_CODE: "an authorisation code from the account's settings",
    Login.BRIDGE: "the password of the provider's bridge on the same computer",
}
USER_NAMES = {
    UserName.FULL_ADDRESS: "the full e-mail address",
    UserName.LOCAL_PART: "what stands before the @ of the address",
}


def name_place(host: str, port: int) -> str:
    """Write a host and a port."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def tell_state(observation: Observation) -> str:
    """Say in a sentence what is wrong with a port, or what was measured of it."""
    heavy = max(observation.verdicts, key=lambda verdict: verdict.severity, default=None)
    if observation.reason is not None and (heavy is None or heavy.severity < 2):
        counsel = REASON_ADVICE.get(observation.reason)
        if counsel is not None:
            return counsel.meaning
    if heavy is not None and (observation.reason is not None or heavy.severity >= 2):
        return heavy.summary
    if observation.reason is not None:
        return f"{observation.state.value}: {observation.reason.value.replace('_', ' ')}."
    return tell_good(observation)


def tell_good(observation: Observation) -> str:
    """Say what protection was measured."""
    if observation.tls is None:
        return "It speaks plain text only."
    version = observation.tls.version.replace("TLSv", "TLS ")
    if level_of(observation) < SECURE_LEVEL:
        return f"{version}, which is not good enough, or a certificate that does not verify."
    return f"{version}, and a certificate that verifies."


def tell_way(way: Way) -> str:
    """Say what was measured of a way, at all its addresses."""
    if way.is_whole or len(way.seen) == 1:
        return tell_good(way.best)
    good = sum(1 for seen in way.seen if seen.reason is None)
    return f"{tell_good(way.best)[:-1]}; it answers at {good} of {len(way.seen)} addresses."
