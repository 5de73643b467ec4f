"""Posts JSON to an address that the operator names (aiohttp): one request at a time, bounded and verified."""

import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from scanner import __version__
from scanner.model.target import escape
from scanner.network.resolver import ResolveFailure

POST_SECONDS = 10.0
"""What one request may take, with the look-up of its name."""
_LONGEST_ERROR = 300
_LOOK_AGAIN = frozenset({408, 425, 429})
"""Of the refusals (RFC 9110 section 15.5) those that may pass by themselves."""

Resolve = Callable[[str], Awaitable[tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Posted:
    """How a request ended."""

    status: int | None = None
    error: str | None = None
    """Why there is no status."""

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_refused(self) -> bool:
        """Whether the receiver does not want it, however often it is sent."""
        return self.status is not None and 400 <= self.status < 500 and self.status not in _LOOK_AGAIN

    def __str__(self) -> str:
        return self.error or f"the receiver answers {self.status}"


class Webhook:
    """Sends to one address. Private addresses are allowed, since the operator names it; redirects are not.

    Args:
        headers: sent with each request.
        ca_file: certificates to trust beside the system's.
        resolve: returns the addresses of a name, or raises `ResolveFailure`.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        ca_file: Path | None,
        resolve: Resolve,
        seconds: float = POST_SECONDS,
    ) -> None:
        self._url = url
        self._headers = dict(headers)
        self._ca_file = ca_file
        self._resolve = resolve
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    async def post(self, body: bytes, uid: str | None = None) -> Posted:
        """Send one document of JSON; what goes wrong is returned, not raised.

        By `uid` a receiver knows again what is sent again: it is the `webhook-id` of Standard Webhooks, and
        the `Idempotency-Key`.
        """
        headers = {} if uid is None else {"webhook-id": uid, "Idempotency-Key": uid}
        try:
            session = self._session = self._session or self._make_session()
            async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                return Posted(answer.status)
        except TimeoutError:
            return Posted(error=f"no answer within {self._seconds:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Posted(error=_explain(error))

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()

    def _make_session(self) -> aiohttp.ClientSession:
        context = ssl.create_default_context()
        if self._ca_file is not None:
            context.load_verify_locations(self._ca_file)
        connector = aiohttp.TCPConnector(
            ssl=context, resolver=_OurResolver(self._resolve), use_dns_cache=False, limit=1
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=self._seconds),
            headers={
                "User-Agent": f"mailport/{__version__}",
                "Content-Type": "application/json; charset=utf-8",
                **self._headers,
            },
        )


class _OurResolver(AbstractResolver):
    """Looks names up as the rest of mailport does: no thread that hangs, and the operator's name servers."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        try:
            addresses = await self._resolve(host)
        except ResolveFailure as failure:
            raise OSError(str(failure)) from None
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Have nothing to close."""


def _explain(error: Exception) -> str:
    """Say why there was no answer; never with the address, which may hold a secret."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        error = error.certificate_error
    elif isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno:
        text = os.strerror(error.errno)
    return escape(text)[:_LONGEST_ERROR]
