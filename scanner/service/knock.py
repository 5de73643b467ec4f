"""Asks a running service for its health: over plain HTTP or TLS, whichever it speaks."""

import asyncio
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from scanner.config.values import split_host_port
from scanner.model.target import escape

_MOST_BYTES = 16384
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where not to knock
_WANTS_CERTIFICATE = {"TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_HANDSHAKE_FAILURE"}
"""What a server says to a client without a certificate, in TLS 1.3 (RFC 8446 section 6.2) and before."""


class NoAnswerError(Exception):
    """Nobody answers, or nobody that speaks HTTP; the text says what was seen."""


class CertificateWantedError(Exception):
    """The service breaks off TLS with a client that shows no certificate: it is there, and says no more."""


class UnusableCertificateError(Exception):
    """Our own certificate cannot be shown; the text names its file and says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service said."""

    status: int
    text: str
    """The first line of the body."""
    is_ours: bool
    """Whether it bears the mark of mailport."""


async def knock(
    listen: str, path: str, *, authorization: str | None, certificate: Path | None, seconds: float
) -> Answer:
    """Ask the service that listens at HOST:PORT for a path.

    The certificate of the service is not verified: it bears the service's public name and we ask at the
    address of this machine, for nothing that is secret. `certificate` is our own, a PEM file with its key.

    Raises:
        NoAnswerError: no whole answer came within the seconds.
        CertificateWantedError: it asks for a certificate that we do not have.
        UnusableCertificateError: the file of our own certificate is none; nobody was asked then.
    """
    context = _make_context(certificate)
    host, port = split_host_port(listen)
    host = _EVERYWHERE.get(host, host)
    try:
        async with asyncio.timeout(seconds):
            answer = await _ask(host, port or 0, path, authorization, None)
            if _speaks_https(answer):
                answer = await _ask_by_tls(
                    host, port or 0, path, authorization, context, has_certificate=certificate is not None
                )
    except TimeoutError:
        raise NoAnswerError(f"no answer within {seconds:g} s") from None
    except ssl.SSLError as error:
        raise NoAnswerError(f"TLS fails: {(error.reason or str(error)).replace('_', ' ').lower()}") from None
    except OSError as error:
        # asyncio words its own errors, with addresses; the system's word says what is wrong.
        said = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else "it was broken off"
        raise NoAnswerError(f"no connection ({said})") from None
    return answer


async def _ask_by_tls(
    host: str,
    port: int,
    path: str,
    authorization: str | None,
    context: ssl.SSLContext,
    *,
    has_certificate: bool,
) -> Answer:
    try:
        return await _ask(host, port, path, authorization, context)
    except (ssl.SSLError, ConnectionResetError) as error:
        # A server on asyncio drops the connection, in TLS 1.2, without the alert.
        if not has_certificate and getattr(error, "reason", None) in {None, *_WANTS_CERTIFICATE}:
            raise CertificateWantedError from None
        raise


def _make_context(certificate: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # Whatever the operator has set for the service; whether that is too old is no question of health.
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    if certificate is not None:
        _load(context, certificate)
    return context


def _load(context: ssl.SSLContext, certificate: Path) -> None:
    name = escape(str(certificate))
    try:
        context.load_cert_chain(certificate, password=lambda: "")
    except ssl.SSLError as error:
        why = (error.reason or "not PEM").replace("_", " ").lower()
        text = f"{name} holds no PEM certificate with its key, unencrypted ({why})"
        raise UnusableCertificateError(text) from None
    except (OSError, ValueError) as error:
        said = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else str(error)
        raise UnusableCertificateError(f"{name} cannot be read ({said})") from None


async def _ask(
    host: str, port: int, path: str, authorization: str | None, context: ssl.SSLContext | None
) -> Answer:
    sign = f"Authorization: {authorization}\r\n" if authorization else ""
    reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=_MOST_BYTES)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{sign}Connection: close\r\n\r\n".encode())
        data = b""
        while len(data) < _MOST_BYTES and (more := await reader.read(_MOST_BYTES - len(data))):
            data += more
    finally:
        writer.transport.abort()
    if not data:
        raise ConnectionResetError
    return _read(data)


def _read(data: bytes) -> Answer:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    words = first.split(b" ", 2)
    if (
        len(words) < 2
        or not words[0].startswith(b"HTTP/1.")
        or not (words[1].isdigit() and len(words[1]) == 3)
    ):
        raise NoAnswerError("it does not speak HTTP")
    is_ours = body.startswith(b"mailport is ") or any(
        field.lower().startswith(b'www-authenticate: basic realm="mailport"') for field in fields
    )
    text = body.split(b"\n", 1)[0][:500].decode("utf-8", "replace")
    return Answer(int(words[1]), text, is_ours)


def _speaks_https(answer: Answer) -> bool:
    """Whether the answer to plain HTTP is the advice of our listener for TLS."""
    return answer.status == 400 and "https://" in answer.text
