"""A connection that is read line by line: every line is bounded, and what waits too long stops the sender."""

import asyncio
import ssl
from collections import deque
from typing import cast

from scanner.accounts.attempt import AccountFailure, Attempt, close_at_once, handshake_end
from scanner.model.account import AccountReason
from scanner.network import Connected

LONGEST_LINE = 8192
"""Octets; RFC 2449 section 4 allows 512, RFC 5322 lines of a message have 998."""
MOST_CUT = 64 * 1024 * 1024
"""Octets of a connection that are thrown away, where lines that are too long are cut."""
_MOST_WAITING = 64 * 1024
"""Octets that wait before the sender is held up."""


class LineChannel(asyncio.Protocol):
    """Hands out the lines of a connection; what is wrong with it is raised where a line is awaited."""

    def __init__(self, attempt: Attempt) -> None:
        self.cuts_lines = False
        """Whether a line that is too long is cut; else it ends the conversation."""
        self.cut = 0
        """How many lines were handed out that were cut."""
        self._attempt = attempt
        self._thrown_away = 0
        self._transport: asyncio.Transport | None = None
        self._lines: deque[bytes] = deque()
        self._waiting = 0
        self._rest = bytearray()
        self._fault: AccountFailure | None = None
        self._woken: asyncio.Event = asyncio.Event()

    @classmethod
    async def open(
        cls, attempt: Attempt, sock: Connected, context: ssl.SSLContext | None, host: str
    ) -> "LineChannel":
        """Take over a connected socket; with a context TLS begins at once."""
        channel = cls(attempt)
        loop = asyncio.get_running_loop()
        await loop.create_connection(
            lambda: channel, sock=sock, ssl=context, server_hostname=host if context is not None else None
        )
        return channel

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS is up."""
        return self._transport is not None and self._transport.get_extra_info("ssl_object") is not None

    @property
    def handshake_end(self) -> float | None:
        """When the handshake was done, by the monotonic clock."""
        return (
            None if self._transport is None else handshake_end(self._transport.get_extra_info("ssl_object"))
        )

    async def line(self) -> bytes:
        """Return the next line without its ending.

        Raises:
            AccountFailure: the connection ended, or the line is too long.
        """
        while not self._lines:
            if self._fault is not None:
                raise self._fault
            if self._transport is None:
                raise self._attempt.cut_off()
            self._woken.clear()
            await self._woken.wait()
        line = self._lines.popleft()
        self._waiting -= len(line)
        self.cut += len(line) > LONGEST_LINE
        if self._waiting < _MOST_WAITING and self._transport is not None:
            self._transport.resume_reading()
        return line

    def send(self, data: bytes) -> None:
        """Send some octets."""
        if self._transport is None:
            raise self._attempt.cut_off()
        self._transport.write(data)

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Begin TLS; raise `AccountFailure` if something came in clear behind the go-ahead."""
        if self._lines or self._rest:
            raise AccountFailure(
                AccountReason.STARTTLS_INJECTION, "there was text in clear behind the go-ahead for TLS"
            )
        if self._transport is None:
            raise self._attempt.cut_off()
        transport = await asyncio.get_running_loop().start_tls(
            self._transport, self, context, server_hostname=host
        )
        if transport is None:
            raise self._attempt.cut_off()
        self._transport = transport

    async def close(self) -> None:
        """Close the connection at once."""
        await close_at_once(self._transport)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport; uvloop's do not derive from asyncio's, so nothing is checked."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Split what came in into lines."""
        if self._fault is not None:
            return
        self._rest += data
        *lines, rest = self._rest.split(b"\n")
        self._rest = rest
        if len(rest) > LONGEST_LINE or any(len(line) > LONGEST_LINE for line in lines):
            lines = self._cut(lines)
        if self._fault is None:
            self._lines.extend(bytes(line).removesuffix(b"\r") for line in lines)
            self._waiting += sum(map(len, lines))
            if self._waiting >= _MOST_WAITING and self._transport is not None:
                self._transport.pause_reading()
        self._woken.set()

    def _cut(self, lines: list[bytearray]) -> list[bytearray]:
        """Cut what is too long, to a length at which it is known; or end the conversation for it."""
        # Two octets more than is allowed: a line stays too long when it loses a carriage return.
        known = LONGEST_LINE + 2
        self._thrown_away += sum(max(0, len(each) - known) for each in (*lines, self._rest))
        del self._rest[known:]
        if not self.cuts_lines or self._thrown_away > MOST_CUT:
            why = f"a line is longer than {LONGEST_LINE} octets"
            self._fault = AccountFailure(AccountReason.PROTOCOL_ERROR, why)
            if self._transport is not None:
                self._transport.abort()
        return [line[:known] for line in lines]

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake up whoever waits for a line; the lines that came before are handed out still."""
        if self._fault is None:
            self._fault = self._attempt.cut_off(exc)
        self._transport = None
        self._woken.set()
