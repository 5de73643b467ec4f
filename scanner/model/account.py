"""The checks of accounts: whether the operator's own users can sign in, send and receive."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from scanner.model.event_record import write_moment
from scanner.model.published import UserName
from scanner.model.reason import Reason

SECONDS_DIGITS = 6


class Activity(StrEnum):
    """What a check does with an account."""

    SMTP = "smtp"
    """Signs in where mail is sent."""
    IMAP = "imap"
    """Signs in and lists the mailboxes."""
    POP3 = "pop3"
    """Signs in."""
    ROUNDTRIP = "roundtrip"
    """Sends a message to the account itself and waits for it."""


class AccountTls(StrEnum):
    """How a connection is protected; `none` only where the account's settings allow it."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"


class AccountPhase(StrEnum):
    """The steps of a check, in their order; each has its own latency (seconds)."""

    DNS = "dns"
    CONNECT = "connect"
    GREETING = "greeting"
    """From the connection to the greeting, and to the capabilities behind it."""
    TLS = "tls"
    """The handshake, with STARTTLS also the command before it and the capabilities behind it."""
    AUTH = "auth"
    MAILBOXES = "mailboxes"
    QUIT = "quit"
    SUBMIT = "submit"
    """From MAIL FROM to the reply to the message."""
    DELIVERY = "delivery"
    """From that reply until the message is in the mailbox."""
    FETCH = "fetch"
    DELETE = "delete"


class AccountReason(StrEnum):
    """Why a check failed. Where the way to the server is at fault the words are those of `Reason`."""

    # The settings: nothing was sent anywhere.
    SECRET_MISSING = "secret_missing"  # noqa: S105 - a word, no secret
    TOKEN_FAILED = "token_failed"  # noqa: S105 - likewise
    NO_SERVER = "no_server"
    """No server is given, and the catalogue and discovery know none."""
    BACKED_OFF = "backed_off"
    """Not tried again so soon after the server refused the sign-in."""

    # The way to the server.
    NAME_NOT_FOUND = Reason.NAME_NOT_FOUND.value
    DNS_FAILURE = Reason.DNS_FAILURE.value
    NO_ADDRESS = Reason.NO_ADDRESS.value
    ADDRESS_NOT_ALLOWED = Reason.ADDRESS_NOT_ALLOWED.value
    EXCLUDED = Reason.EXCLUDED.value
    CONNECTION_REFUSED = Reason.CONNECTION_REFUSED.value
    CONNECT_TIMEOUT = Reason.CONNECT_TIMEOUT.value
    ADMIN_PROHIBITED = Reason.ADMIN_PROHIBITED.value
    HOST_UNREACHABLE = Reason.HOST_UNREACHABLE.value
    NETWORK_UNREACHABLE = Reason.NETWORK_UNREACHABLE.value
    PROBE_RESOURCES = Reason.PROBE_RESOURCES.value
    GREETING_REJECTED = Reason.GREETING_REJECTED.value
    GREETING_TEMPFAIL = Reason.GREETING_TEMPFAIL.value
    NO_GREETING = Reason.NO_GREETING.value

    # TLS; the password is not sent.
    TLS_HANDSHAKE_FAILED = Reason.TLS_HANDSHAKE_FAILED.value
    TLS_TIMEOUT = Reason.TLS_TIMEOUT.value
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NAME_MISMATCH = "certificate_name_mismatch"
    STARTTLS_MISSING = "starttls_missing"
    STARTTLS_REFUSED = "starttls_refused"
    STARTTLS_INJECTION = "starttls_injection"
    """Bytes came in clear behind the go-ahead for TLS."""

    # The conversation.
    PROTOCOL_ERROR = Reason.PROTOCOL_ERROR.value
    READ_TIMEOUT = Reason.READ_TIMEOUT.value
    SERVER_CLOSED = "server_closed"

    # The sign-in.
    AUTH_FAILED = "auth_failed"
    APP_PASSWORD_REQUIRED = "app_password_required"  # noqa: S105 - likewise
    WEB_LOGIN_REQUIRED = "web_login_required"
    AUTH_DISABLED = "auth_disabled"
    OAUTH_REQUIRED = "oauth_required"
    PROTOCOL_DISABLED = "protocol_disabled"
    """IMAP, POP3 or SMTP is switched off for this mailbox."""
    PASSWORD_EXPIRED = "password_expired"  # noqa: S105 - likewise
    ENCRYPTION_REQUIRED = "encryption_required"
    MECHANISM_UNSUPPORTED = "mechanism_unsupported"
    AUTH_NOT_OFFERED = "auth_not_offered"
    AUTH_SERVER_TROUBLE = "auth_server_trouble"
    """The server could not look the password up: nothing is said of the password."""
    RATE_LIMITED = "rate_limited"
    IN_USE = "in_use"
    """Another program holds the mailbox (POP3)."""

    # Sending.
    RELAY_DENIED = "relay_denied"
    SENDER_REFUSED = "sender_refused"
    RECIPIENT_REFUSED = "recipient_refused"
    GREYLISTED = "greylisted"
    QUOTA = "quota"
    MESSAGE_REFUSED = "message_refused"

    # Receiving.
    MAILBOX_MISSING = "mailbox_missing"
    MESSAGE_GONE = "message_gone"
    """The message was there, and somebody else removed or moved it before it was read."""
    DELIVERY_TIMEOUT = "delivery_timeout"
    DELETE_FAILED = "delete_failed"

    SERVER_REFUSED = "server_refused"
    """The server said no in words that no table knows; the detail has them."""
    INTERNAL = Reason.INTERNAL.value
    """A fault of mailport's own."""


SIGN_IN_REFUSED = frozenset(
    {
        AccountReason.AUTH_FAILED,
        AccountReason.APP_PASSWORD_REQUIRED,
        AccountReason.WEB_LOGIN_REQUIRED,
        AccountReason.AUTH_DISABLED,
        AccountReason.OAUTH_REQUIRED,
        AccountReason.PROTOCOL_DISABLED,
        AccountReason.PASSWORD_EXPIRED,
        AccountReason.RATE_LIMITED,
        AccountReason.SERVER_REFUSED,
    }
)
"""After these the next attempt waits longer and longer, lest the account be locked."""


@dataclass(frozen=True, slots=True)
class AccountCheck:
    """The outcome of one check of one account. It holds no password, token or user name."""

    account: str
    """The name that the settings give the account."""
    activity: Activity
    success: bool
    started_at: datetime
    duration: float
    """Seconds, by a monotonic clock."""
    host: str | None = None
    """The server; of a round trip the one that sends. None where none is known."""
    port: int | None = None
    tls_mode: AccountTls | None = None
    user_form: UserName | None = None
    """Whether the user name is a full address."""
    reason: AccountReason | None = None
    """None where it succeeded."""
    detail: str | None = None
    """What the server or the system said: escaped, cut, without secrets."""
    advice: str | None = None
    """What to do about it."""
    phases: Mapping[AccountPhase, float] = field(default_factory=dict)
    """Seconds of each step that happened."""
    address: str | None = None
    mechanism: str | None = None
    """How it signed in: PLAIN, LOGIN, XOAUTH2, USER ..."""
    mailboxes: int | None = None
    """How many the list of IMAP named."""
    mailbox: str | None = None
    """Of a round trip: where the message came in; escaped."""
    is_junk: bool | None = None
    """Of a round trip: whether it came in as junk; None where it did not arrive."""
    next_attempt: datetime | None = None
    """Set where the sign-in was refused: no check signs in before, unless the secret changes."""


def to_account_record(check: AccountCheck) -> dict[str, Any]:
    """Return a check as JSON values. Times are seconds, dates are RFC 3339 in UTC."""
    return {
        "account": check.account,
        "activity": check.activity.value,
        "success": check.success,
        "reason": check.reason.value if check.reason else None,
        "detail": check.detail,
        "advice": check.advice,
        "host": check.host,
        "address": check.address,
        "port": check.port,
        "tls_mode": check.tls_mode.value if check.tls_mode else None,
        "user_form": check.user_form.value if check.user_form else None,
        "mechanism": check.mechanism,
        "mailboxes": check.mailboxes,
        "mailbox": check.mailbox,
        "is_junk": check.is_junk,
        "started_at": write_moment(check.started_at),
        "duration": round(check.duration, SECONDS_DIGITS),
        "phases": {phase.value: round(seconds, SECONDS_DIGITS) for phase, seconds in check.phases.items()},
        "next_attempt": write_moment(check.next_attempt) if check.next_attempt else None,
    }
