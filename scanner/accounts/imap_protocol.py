"""Stands between a server and aioimaplib: bounds what comes in, keeps secrets out of its log and its errors.

The library handles each line within the call for the line before, keeps all that a server sends, logs what it
sends itself, repeats commands in its errors, and raises into the event loop.
"""

import asyncio
import base64
import logging
import re
import ssl
from collections import deque
from typing import Any, cast

from aioimaplib import aioimaplib

from scanner.accounts.attempt import AccountFailure, Attempt
from scanner.accounts.reasons import Stage, read_reply
from scanner.model.account import AccountPhase, AccountReason

# What it logs holds passwords, in base64 where it does not recognise them.
aioimaplib.log.disabled = True
logging.getLogger("aioimaplib").setLevel(logging.CRITICAL)

LONGEST_LINE = 64 * 1024
LONGEST_LITERAL = 1024 * 1024
MOST_OCTETS = 64 * 1024 * 1024
"""Of one connection; a list of 100,000 mailboxes has 5 MB."""
MOST_KEPT_LINES = 50_000
"""Of answers that are kept; those to LIST are counted and let go."""
_LITERAL = re.compile(rb"\{(\d{1,12})\+?\}$")
_ANSWER = re.compile(rb"\* |\+|[A-Za-z0-9]{1,40} (?:OK|NO|BAD)(?: |$)")
_MAILBOX_GONE = re.compile(r"\bmailbox\b.{0,40}\b(?:deleted|removed|renamed)\b", re.IGNORECASE)
"""A server may say goodbye to whoever has a mailbox open that another deletes (RFC 2180 section 3.3)."""
_LIST = re.compile(
    rb"\* LIST \((?P<flags>[^)]{0,500})\) (?:NIL|\"(?:[^\"\\]|\\.)\") (?P<name>.{1,1000})$", re.IGNORECASE
)
STRANGE = (aioimaplib.AioImapException, ValueError, LookupError, AttributeError, TypeError, RecursionError)
"""What the library raises at a server that breaks the rules."""


class ImapProtocol(aioimaplib.IMAP4ClientProtocol):
    """The library's protocol with bounds, STARTTLS and challenges; the connection's end shows in `ended`."""

    transport: asyncio.Transport | None
    capabilities: set[str]

    def __init__(self, attempt: Attempt) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(loop)
        self._attempt = attempt
        self.greeting: asyncio.Future[bytes] = loop.create_future()
        self.ended: asyncio.Future[AccountFailure] = loop.create_future()
        """Done when the connection is of no more use, with the reason."""
        self.mailboxes = 0
        """How many the answers to LIST named."""
        self.junk: str | None = None
        """The mailbox that the server marks as \\Junk (RFC 6154)."""
        self.trash: str | None = None
        """The one that it marks as \\Trash."""
        self.challenges: list[bytes] = []
        self._responses: deque[bytes] = deque()
        self._rest = bytearray()
        self._literal = 0
        self._octets = 0
        self._kept = 0
        self._is_last_in_clear = False
        """Whether the next tagged answer is the last word in clear: what comes behind it is not looked at."""
        self._is_holding = False

    # ---- what comes in

    def data_received(self, d: bytes) -> None:
        """Hand whole lines and pieces of literals to the library, one at a time."""
        self._octets += len(d)
        self._rest += d
        try:
            if self._octets > MOST_OCTETS:
                raise _broken(f"the server sent more than {MOST_OCTETS // 1024 // 1024} MiB")
            self._split()
        except AccountFailure as failure:
            self._end(failure)
        except STRANGE:
            self._end(_broken("the server's answers do not fit together"))

    def _split(self) -> None:
        while self._rest and not self._is_holding and not self.ended.done():
            if self._literal:
                piece = bytes(self._rest[: self._literal])
                self._literal -= len(piece)
            else:
                end = self._rest.find(b"\n") + 1
                if len(self._rest) > LONGEST_LINE and not 0 < end <= LONGEST_LINE:
                    raise _broken(f"a line is longer than {LONGEST_LINE} octets")
                if not end:
                    return
                piece = bytes(self._rest[:end])
                self._literal = _literal_of(piece)
            del self._rest[: len(piece)]
            self._take(piece)

    def _take(self, piece: bytes) -> None:
        if self.current_command is None:
            line = piece.removesuffix(b"\n").removesuffix(b"\r")
            if not self.greeting.done():
                self.greeting.set_result(line)
                return
            if line[:6].upper() == b"* BYE " and self._attempt.current is not AccountPhase.QUIT:
                raise self._sent_away(line.decode("utf-8", "replace"))
            if not _ANSWER.match(line):
                raise _broken("a line that is no answer of IMAP")
            if self._count_mailbox(line):
                return
            piece = line + b"\r\n"
        self._kept += 1
        if self._kept > MOST_KEPT_LINES:
            raise _broken(f"an answer has more than {MOST_KEPT_LINES} lines")
        is_tagged = self.current_command is None and piece[:1] not in b"*+"
        super().data_received(piece)
        self._is_holding = self._is_last_in_clear and is_tagged

    def _count_mailbox(self, line: bytes) -> bool:
        """Count a mailbox and let its line go; one whose name is a literal is counted and kept."""
        if line[:7].upper() != b"* LIST ":
            return False
        self.mailboxes += 1
        if self._literal:
            return False
        found = _LIST.match(line)
        flags = b"" if found is None else found["flags"].lower()
        if found is not None and b"\\junk" in flags:
            self.junk = _unquote(found["name"])
        if found is not None and b"\\trash" in flags:
            self.trash = _unquote(found["name"])
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake up whoever waits for an answer."""
        self._end(self._attempt.cut_off(exc))

    def _sent_away(self, bye: str) -> AccountFailure:
        """Return what a BYE means that nobody asked for (RFC 9051 section 7.1.5)."""
        reason = read_reply(bye, Stage.OTHER)
        if reason is AccountReason.SERVER_REFUSED:
            is_gone = _MAILBOX_GONE.search(bye) is not None
            reason = AccountReason.MAILBOX_MISSING if is_gone else AccountReason.SERVER_CLOSED
        return AccountFailure(reason, bye)

    def _end(self, failure: AccountFailure) -> None:
        if not self.ended.done():
            self.ended.set_result(failure)
        if self.transport is not None:
            self.transport.abort()

    # ---- what goes out

    def send(self, line: str, scrub: str | None = None) -> None:
        """Send a line; nothing of it is logged."""
        self._kept = 0
        if self.transport is None:
            raise self._attempt.cut_off()
        self.transport.write(f"{line}\r\n".encode())

    def answer_challenges(self, *responses: bytes) -> None:
        """Keep what to answer to the server's challenges, in their order; after these an empty line."""
        self._responses = deque(responses)

    @property
    def has_unsaid(self) -> bool:
        """Whether answers are kept for which no challenge came."""
        return bool(self._responses)

    def _continuation(self, line: bytes) -> None:
        command = self.pending_sync_command
        if command is None or command.name != "AUTHENTICATE":
            super()._continuation(line)
            return
        self.challenges.append(line[1:].strip()[:LONGEST_LINE])
        if len(self.challenges) > 8:
            raise _broken("the server asks again and again")
        answer = base64.b64encode(self._responses.popleft()) if self._responses else b""
        if self.transport is None:
            return
        self.transport.write(answer + b"\r\n")

    def expect_upgrade(self) -> None:
        """Take nothing in clear behind the next tagged answer; before STARTTLS is sent."""
        self._is_last_in_clear = True

    async def upgrade(self, context: ssl.SSLContext, host: str) -> None:
        """Begin TLS behind a good answer to STARTTLS; forget what was said in clear (RFC 9051 section 6.2.1).

        Raises:
            AccountFailure: something came in clear behind it, or the connection ended.
        """
        if self.ended.done():
            raise self.ended.result()
        if self._rest or self._literal:
            raise AccountFailure(
                AccountReason.STARTTLS_INJECTION, "there was text in clear behind the go-ahead for TLS"
            )
        if self.transport is None:
            raise self._attempt.cut_off()
        transport = await asyncio.get_running_loop().start_tls(
            self.transport, self, context, server_hostname=host
        )
        if transport is None:
            raise self._attempt.cut_off()
        self.transport = transport
        self.capabilities = set()
        self._is_last_in_clear = self._is_holding = False

    @property
    def tls(self) -> Any:  # noqa: ANN401 - asyncio's own word for it
        """The TLS object of the connection; None in clear."""
        return None if self.transport is None else self.transport.get_extra_info("ssl_object")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport; the greeting comes next."""
        super().connection_made(cast("asyncio.Transport", transport))


def _literal_of(line: bytes) -> int:
    found = _LITERAL.search(line.removesuffix(b"\n").removesuffix(b"\r"))
    size = int(found[1]) if found is not None else 0
    if size > LONGEST_LITERAL:
        raise _broken(f"a literal of {size} octets; {LONGEST_LITERAL} are taken at most")
    return size


def _unquote(name: bytes) -> str:
    text = name.decode("utf-8", "replace")
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def _broken(why: str) -> AccountFailure:
    return AccountFailure(AccountReason.PROTOCOL_ERROR, why)
