"""The tag of a message that an account sends to itself: made so that no other message can pass for it."""

import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.policy import SMTP, compat32
from email.utils import format_datetime

HEADER = "X-Mailport-Roundtrip"
"""The header that the tag stands in; a mailbox is searched by it."""
SUBJECT = "mailport: this message checks the mailbox"
LONGEST_HEADER = 65_536
"""Octets of a header that are looked at; what is longer is none of ours."""
_FORM = re.compile(
    r"account=([A-Za-z0-9._@+-]{1,63}); run=([0-9a-f]{32}); at=([0-9]{1,12}); proof=([0-9a-f]{64})"
)
_TEXT = """\
mailport sent this message from this mailbox to itself, to see whether mail
is sent and arrives. It removes the message as soon as it has seen it.

If you can read this a day later, something stood in the way: you may delete
the message. Nobody reads an answer.
"""


@dataclass(frozen=True, slots=True)
class Tag:
    """Whose message it is, and of which run."""

    account: str
    """The account's name in the settings."""
    run: str
    """32 hexadecimal digits, another for each run."""
    made_at: int
    """Seconds since 1970, in UTC."""

    @property
    def message_id(self) -> str:
        """The local part of the Message-ID, which servers log."""
        return f"mailport.{self.run}"


class Tagger:
    """Makes tags and knows its own again, by a key that stays with this mailport (HMAC, RFC 2104)."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def make(self, account: str, now: datetime) -> Tag:
        """Return the tag of a new run."""
        return Tag(account, secrets.token_hex(16), int(now.timestamp()))

    def write(self, tag: Tag) -> str:
        """Return the value of the header."""
        return f"account={tag.account}; run={tag.run}; at={tag.made_at}; proof={self._prove(tag)}"

    def read(self, header: bytes) -> Tag | None:
        """Return the tag of a message by its header; None where it was not made with this key.

        A message with several such headers is not ours, whatever they say.
        """
        values = _values_of(header)
        match = _FORM.fullmatch(values[0]) if len(values) == 1 else None
        if match is None:
            return None
        tag = Tag(match[1], match[2], int(match[3]))
        return tag if hmac.compare_digest(match[4], self._prove(tag)) else None

    def _prove(self, tag: Tag) -> str:
        text = f"mailport round trip\0{tag.account}\0{tag.run}\0{tag.made_at}"
        return hmac.new(self._key, text.encode(), "sha256").hexdigest()


def compose(tag: Tag, value: str, sender: str, recipient: str) -> bytes:
    """Return the message: small, plain, and marked so that no program answers it (RFC 3834 section 5)."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = SUBJECT
    message["Date"] = format_datetime(datetime.fromtimestamp(tag.made_at, UTC))
    message["Message-ID"] = f"<{tag.message_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message[HEADER] = value
    message.set_content(_TEXT)
    return message.as_bytes()


def _values_of(header: bytes) -> Sequence[str]:
    """Return what stands in every header of our name, each unfolded (RFC 5322 section 2.2.3)."""
    if len(header) > LONGEST_HEADER:
        return ()
    parsed: Message = BytesParser(policy=compat32).parsebytes(header, headersonly=True)
    return [" ".join(str(value).split()) for value in parsed.get_all(HEADER, [])]
