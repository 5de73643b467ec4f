"""Reads what a server answered to an account: the phrases and codes are those of `mailport explain`."""

import re
from collections.abc import Mapping
from enum import Enum

from scanner.explain.reading import Match, read_text
from scanner.model.account import AccountPhase, AccountReason

_GENERIC = 1


class Stage(Enum):
    """What was asked of the server; it decides where the words say little."""

    SIGN_IN = "sign-in"
    SENDER = "sender"
    RECIPIENT = "recipient"
    MESSAGE = "message"
    READING = "reading"
    OTHER = "other"

    @classmethod
    def of(cls, phase: AccountPhase) -> "Stage":
        """Return the stage of a phase."""
        return _STAGE_OF.get(phase, cls.OTHER)


_STAGE_OF = {
    AccountPhase.AUTH: Stage.SIGN_IN,
    AccountPhase.SUBMIT: Stage.MESSAGE,
    AccountPhase.MAILBOXES: Stage.READING,
    AccountPhase.FETCH: Stage.READING,
    AccountPhase.DELETE: Stage.READING,
}

EXPLAINED_BY: Mapping[str, AccountReason] = {
    "auth_failed": AccountReason.AUTH_FAILED,
    "app_password_required": AccountReason.APP_PASSWORD_REQUIRED,
    "web_login_required": AccountReason.WEB_LOGIN_REQUIRED,
    "auth_disabled": AccountReason.AUTH_DISABLED,
    "imap_disabled": AccountReason.PROTOCOL_DISABLED,
    "too_many_attempts": AccountReason.RATE_LIMITED,
    "encryption_required": AccountReason.ENCRYPTION_REQUIRED,
    "mechanism_unsupported": AccountReason.MECHANISM_UNSUPPORTED,
    "auth_not_offered": AccountReason.AUTH_NOT_OFFERED,
    "auth_server_trouble": AccountReason.AUTH_SERVER_TROUBLE,
    "password_expired": AccountReason.PASSWORD_EXPIRED,
    "too_many_connections": AccountReason.RATE_LIMITED,
    "rate_limited": AccountReason.RATE_LIMITED,
    "mailbox_in_use": AccountReason.IN_USE,
    "relay_denied": AccountReason.RELAY_DENIED,
    "authentication_required": AccountReason.RELAY_DENIED,
    "sender_not_allowed": AccountReason.SENDER_REFUSED,
    "greylisted": AccountReason.GREYLISTED,
    "over_quota": AccountReason.QUOTA,
    "message_too_big": AccountReason.MESSAGE_REFUSED,
    "content_refused": AccountReason.MESSAGE_REFUSED,
    "sender_unauthenticated": AccountReason.MESSAGE_REFUSED,
    "no_such_recipient": AccountReason.RECIPIENT_REFUSED,
    "starttls_not_offered": AccountReason.STARTTLS_MISSING,
    "tls_temporarily_unavailable": AccountReason.STARTTLS_REFUSED,
    "protocol_misused": AccountReason.PROTOCOL_ERROR,
}
"""Which explanation gives which reason; the others leave it to the stage."""

# Of these words a server means one thing when signing in and another when taking a message.
_NOT_WHEN_SIGNING_IN = frozenset(
    {
        AccountReason.RELAY_DENIED,
        AccountReason.GREYLISTED,
        AccountReason.SENDER_REFUSED,
        AccountReason.RECIPIENT_REFUSED,
        AccountReason.MESSAGE_REFUSED,
    }
)
_OF_THE_SIGN_IN = frozenset(
    {AccountReason.AUTH_FAILED, AccountReason.AUTH_NOT_OFFERED, AccountReason.MECHANISM_UNSUPPORTED}
)
_AUTH_IS_NO_COMMAND = {
    "500": AccountReason.AUTH_DISABLED,
    "502": AccountReason.AUTH_DISABLED,
    "504": AccountReason.MECHANISM_UNSUPPORTED,
}
"""What a server of SMTP means that offers AUTH, and does not know it when it comes (RFC 4954 section 4)."""
_LINE_TOO_LONG = re.compile(r"500[ -](?:5\.5\.6\b|.*\btoo long\b)", re.IGNORECASE | re.DOTALL)
"""Of the answers with 500 the one that is about the length of what was sent (RFC 4954 sections 4 and 6)."""
_PLAIN_NO = {
    Stage.SENDER: AccountReason.SENDER_REFUSED,
    Stage.RECIPIENT: AccountReason.RECIPIENT_REFUSED,
    Stage.MESSAGE: AccountReason.MESSAGE_REFUSED,
}


def read_reply(text: str, stage: Stage) -> AccountReason:
    """Return why a server refused; `text` is its reply with its code. Nothing in it raises."""
    best = read_text(text).best
    reason = EXPLAINED_BY.get(best.explanation.id) if best is not None else None
    if reason is None or best is None or not _fits(reason, best, stage):
        return _fall_back(text, stage)
    if reason is AccountReason.PROTOCOL_ERROR and stage is Stage.SIGN_IN:
        return _read_unknown_command(text)
    return reason


def read_refusal(text: str, stage: Stage) -> AccountReason:
    """Return why a server of IMAP or POP3 refused, whose NO and -ERR mean the password when signing in."""
    reason = read_reply(text, stage)
    if reason is AccountReason.SERVER_REFUSED and stage is Stage.SIGN_IN:
        return AccountReason.AUTH_FAILED
    return reason


def _read_unknown_command(text: str) -> AccountReason:
    """Return what a sign-in met that was answered like a command that makes no sense."""
    if _LINE_TOO_LONG.match(text):
        return AccountReason.PROTOCOL_ERROR
    return _AUTH_IS_NO_COMMAND.get(text[:3], AccountReason.PROTOCOL_ERROR)


def _fits(reason: AccountReason, match: Match, stage: Stage) -> bool:
    """Whether the explanation can be meant at this stage; a bare code says less than the stage."""
    if match.weight[0] <= _GENERIC and stage in _PLAIN_NO and reason is AccountReason.MESSAGE_REFUSED:
        return False
    if stage is Stage.SIGN_IN:
        return reason not in _NOT_WHEN_SIGNING_IN
    return stage not in _PLAIN_NO or reason not in _OF_THE_SIGN_IN


def _fall_back(text: str, stage: Stage) -> AccountReason:
    code = text[:3]
    if stage is Stage.SIGN_IN and code in {"535", "534"}:
        return AccountReason.AUTH_FAILED
    if stage is Stage.SIGN_IN and code in _AUTH_IS_NO_COMMAND:
        return _read_unknown_command(text)
    if code[:1] == "4" and code.isdigit():
        return AccountReason.AUTH_SERVER_TROUBLE if stage is Stage.SIGN_IN else AccountReason.RATE_LIMITED
    return _PLAIN_NO.get(stage, AccountReason.SERVER_REFUSED)
