"""One GET request to one address that was checked before (aiohttp): bounded, no cookies, proxies or names."""

import asyncio
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from scanner import __version__
from scanner.model import Reason
from scanner.model.target import escape
from scanner.network.failures import (
    OUR_OWN_SHORTAGE,
    SHORTAGE_RETRY_SECONDS,
    explain_connect_error,
    word_error,
)
from scanner.network.web_answer import Fault, WebFailure
from scanner.network.web_url import WebUrl

USER_AGENT = f"mailport/{__version__} (watches mail servers; reads their public settings)"
MAX_HEADER = 8_190
"""Characters of one header line; of lines there may be 64."""
_READ_SIZE = 16_384
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered, whatever its status. Texts are as the server sent them."""

    status: int
    body: bytes
    content_type: str
    location: str | None
    challenge: str | None


@dataclass(frozen=True, slots=True)
class _Unfit:
    """A body that is not taken."""

    fault: Fault
    why: str


class _NamesAreResolvedElsewhere(AbstractResolver):
    """Looks nothing up: whatever is connected to was resolved, checked and put into the URL before."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        raise OSError(f"a name came to the connector: {host}")

    async def close(self) -> None:
        """Have nothing to close."""


class Exchange:
    """Makes requests; the session behind them is made with the first one.

    Args:
        ca_file: the CA certificates in PEM form that count, in the place of the system's.

    Raises:
        ValueError: the CA file holds no usable certificate.
    """

    def __init__(self, ca_file: Path | None) -> None:
        self._tls = _make_context(ca_file)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the session and all its connections."""
        if self._session is not None:
            await self._session.close()

    async def get(
        self, url: WebUrl, address: str, *, limit: int, connect_seconds: float, seconds: float
    ) -> Reply | WebFailure:
        """Ask one address for one page; what the server does wrong is returned, not raised.

        Args:
            limit: most bytes of a body.
            connect_seconds: how long connecting may take, with the TLS handshake.
            seconds: how long all may take.
        """
        try:
            async with asyncio.timeout(seconds):
                return await self._get_patiently(url, address, limit, connect_seconds)
        except aiohttp.ConnectionTimeoutError:
            why = f"no connection to {address} within {connect_seconds:.3g} s"
            return WebFailure(Fault.CONNECT, str(url), why, Reason.CONNECT_TIMEOUT)
        except TimeoutError:
            why = f"{address} did not give its whole answer within {seconds:.3g} s"
            return WebFailure(Fault.TIMEOUT, str(url), why, Reason.READ_TIMEOUT)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return explain(error, url, address)

    async def _get_patiently(
        self, url: WebUrl, address: str, limit: int, connect_seconds: float
    ) -> Reply | WebFailure:
        """Ask again where this machine has no socket, while there is time to connect: others close theirs."""
        loop = asyncio.get_running_loop()
        until = loop.time() + connect_seconds
        while True:
            left = until - loop.time()
            try:
                return await self._get(url, address, limit, left)
            except aiohttp.ClientConnectorError as error:
                is_ours = error.os_error.errno in OUR_OWN_SHORTAGE
                if not is_ours or left <= SHORTAGE_RETRY_SECONDS:
                    raise
            await asyncio.sleep(SHORTAGE_RETRY_SECONDS)

    async def _get(self, url: WebUrl, address: str, limit: int, connect_seconds: float) -> Reply | WebFailure:
        session = self._session = self._session or self._make_session()
        async with session.get(
            f"{url.scheme}://{url.at(address)}{url.path}",
            headers={"Host": url.authority},
            server_hostname=url.host if url.is_secure else None,
            allow_redirects=False,
            # The whole request is timed outside, where a look-up's time counts too.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds, ceil_threshold=3600),
        ) as response:
            body = b""
            if response.status == 200:
                read = await _read_body(response, limit)
                if isinstance(read, _Unfit):
                    return WebFailure(read.fault, str(url), read.why, Reason.PROTOCOL_ERROR, 200)
                body = read
            return Reply(
                response.status,
                body,
                response.headers.get("Content-Type", ""),
                response.headers.get("Location"),
                response.headers.get("WWW-Authenticate"),
            )

    def _make_session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            ssl=self._tls,
            resolver=_NamesAreResolvedElsewhere(),
            use_dns_cache=False,
            force_close=True,
            limit=0,  # counted by the client, per address too
            socket_factory=lambda info: open_socket(info[0]),
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"},
            read_bufsize=_READ_SIZE,
            max_line_size=MAX_HEADER,
            max_field_size=MAX_HEADER,
            max_headers=64,
        )


def open_socket(family: int) -> socket.socket:
    """Return a new socket of a family; raise `OSError` where this machine has none."""
    return socket.socket(family, socket.SOCK_STREAM)


def explain(error: Exception, url: WebUrl, address: str) -> WebFailure:
    """Turn what aiohttp raised about a server into a failure."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        why = f"the certificate does not verify for {url.host}: {_explain_tls(error.certificate_error)}"
        return WebFailure(Fault.TLS, str(url), why, Reason.TLS_HANDSHAKE_FAILED)
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        why = f"no TLS with {address}: {_explain_tls(error)}"
        return WebFailure(Fault.TLS, str(url), why, Reason.TLS_HANDSHAKE_FAILED)
    if isinstance(error, aiohttp.ClientConnectorError):
        reason, said = explain_connect_error(error.os_error, None, own_address=None, target=address)
        why = f"no connection to {address}: {show(said)}"
        # What this machine lacks was asked of nobody: it is not kept, and no address is spared for it.
        was_asked = reason is not Reason.PROBE_RESOURCES
        return WebFailure(Fault.CONNECT, str(url), why, reason, was_asked=was_asked)
    if isinstance(error, aiohttp.ClientPayloadError):
        why = f"the answer of {address} is not whole: it broke off, or breaks the rules of HTTP"
        return WebFailure(Fault.MALFORMED, str(url), why, Reason.PROTOCOL_ERROR)
    if isinstance(error, aiohttp.ClientResponseError | ValueError):
        said = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
        why = f"{address} sent no proper HTTP answer: {show(said)}"
        return WebFailure(Fault.MALFORMED, str(url), why, Reason.PROTOCOL_ERROR)
    why = f"{address} closed the connection before its answer"
    return WebFailure(Fault.CONNECT, str(url), why, Reason.CONNECTION_LOST)


def show(text: str) -> str:
    """Return a server's words on one line, escaped and cut."""
    line = " ".join(text.split())
    return escape(line if len(line) <= _SHOWN else line[: _SHOWN - 3] + "...")


async def _read_body(response: aiohttp.ClientResponse, limit: int) -> bytes | _Unfit:
    """Return the body as it came: nothing is decompressed, so a small answer stays small."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in {"", "identity"}:
        return _Unfit(
            Fault.MALFORMED, f"the answer is compressed ({show(encoding)}), which was not asked for"
        )
    body = bytearray()
    while max(len(body), response.content_length or 0) <= limit:
        data = await response.content.read(_READ_SIZE)
        if not data:
            return bytes(body)
        body += data
    return _Unfit(Fault.TOO_LARGE, f"the answer is larger than {limit} bytes")


def _explain_tls(error: Exception) -> str:
    inner = getattr(error, "os_error", None)  # aiohttp wraps what OpenSSL said
    if isinstance(inner, OSError):
        return _explain_tls(inner)
    if isinstance(error, ssl.SSLCertVerificationError):
        return show(error.verify_message)
    if isinstance(error, ssl.SSLError) and error.reason:
        return show(error.reason.lower().replace("_", " "))
    return show(word_error(error))


def _make_context(ca_file: Path | None) -> ssl.SSLContext:
    if ca_file is None:
        context = ssl.create_default_context()
    else:
        try:
            context = ssl.create_default_context(cafile=str(ca_file))
        except (ssl.SSLError, OSError) as error:
            _refuse_ca_file(ca_file, error)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Names count only where certificates hold them today (RFC 9525 section 2, RFC 8461 section 3.3).
    context.hostname_checks_common_name = False
    return context


def _refuse_ca_file(ca_file: Path, error: Exception) -> NoReturn:
    raise ValueError(f"{ca_file}: no usable CA certificates in PEM form") from error
