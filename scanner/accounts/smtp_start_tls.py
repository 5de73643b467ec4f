"""Begins TLS by STARTTLS (RFC 3207) in aiosmtplib, and sees what came in clear behind the go-ahead.

The library throws such bytes away: nobody is deceived by them, and nobody learns that somebody tried.
"""

import asyncio
from typing import cast

from aiosmtplib import SMTP, SMTPResponseException

from scanner.accounts.attempt import AccountFailure
from scanner.model.account import AccountReason

_MOST_KEPT = 64 * 1024


class _Watcher(asyncio.Protocol):
    """Stands between the transport and the library's protocol until TLS takes the place of both."""

    def __init__(self, inner: asyncio.Protocol) -> None:
        self._inner = inner
        self._seen = bytearray()

    @property
    def has_more(self) -> bool:
        """Whether anything came behind the first whole reply (RFC 5321 section 4.2.1)."""
        begin = 0
        while (end := self._seen.find(b"\n", begin) + 1) > 0:
            if self._seen[begin + 3 : begin + 4] != b"-":
                return len(self._seen) > end
            begin = end
        return False

    def data_received(self, data: bytes) -> None:
        self._seen += data[: _MOST_KEPT - len(self._seen)]
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


async def start_tls(client: SMTP) -> None:
    """Begin TLS on a connection in clear.

    Raises:
        AccountFailure: something came in clear behind the go-ahead.
        SMTPException: the server refuses, or the handshake fails.
    """
    transport = cast("asyncio.Transport", client.transport)
    watcher = _Watcher(cast("asyncio.Protocol", transport.get_protocol()))
    transport.set_protocol(watcher)
    try:
        await client.starttls()
    except Exception as error:
        if not isinstance(error, SMTPResponseException) or error.code < 400:
            _check(watcher)  # it may be what the answer or the handshake failed by
        raise
    _check(watcher)


def _check(watcher: _Watcher) -> None:
    if watcher.has_more:
        raise AccountFailure(
            AccountReason.STARTTLS_INJECTION,
            "there was text in clear behind the go-ahead for TLS",
            is_ours=True,
        ) from None
