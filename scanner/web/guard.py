"""Stands before the application: asks for a password or a name of ours, and adds headers."""

import base64
import binascii
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scanner.config.health_pass import PATHS, is_pass, write_pass
from scanner.config.web_config import WebConfig, load_web_config
from scanner.model.target import quote
from scanner.web.absolute_form import to_origin_form
from scanner.web.hosts import OF_BROWSERS, is_host_accepted
from scanner.web.passwords import Passwords, TooBusyError
from scanner.web.shield import SecurityHeaders
from scanner.web.tls_context import make_context, read_own_names

log = structlog.get_logger(__name__)

LONGEST_CREDENTIALS = 1024
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="mailport", charset="UTF-8"'}


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms on which clients are served, made of one web configuration."""

    passwords: Passwords | None = None
    health_pass: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    context: ssl.SSLContext | None = None
    allowed_sans: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    """The names in our own certificate."""
    files: tuple[Path, ...] = ()

    @property
    def knows_clients(self) -> bool:
        """Whether clients have to say who they are, which a stranger's page cannot do for them."""
        has_certificates = self.context is not None and self.context.verify_mode is ssl.CERT_REQUIRED
        return self.passwords is not None or has_certificates


@dataclass(frozen=True, slots=True)
class Names:
    """What a service without passwords may be called."""

    allowed: Collection[str] = ()
    """By the operator's word."""
    own: Collection[str] = ()
    """Of the machine, and of the address that is listened on."""


def make_terms(config: WebConfig, path: Path) -> Terms:
    """Make the terms of a configuration.

    Raises:
        ConfigError: a certificate or a key cannot be used.
    """
    tls, users = config.tls_server_config, config.basic_auth_users
    return Terms(
        passwords=Passwords(users) if users else None,
        health_pass=write_pass(users) if users else None,
        headers=config.http_server_config.headers,
        context=None if tls is None else make_context(tls, str(path)),
        allowed_sans=frozenset(() if tls is None else tls.client_allowed_sans),
        names=frozenset() if tls is None or tls.cert_file is None else read_own_names(tls.cert_file),
        files=(path, *config.files),
    )


def read_terms(path: Path) -> Terms:
    """Read a web configuration file, and make its terms.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    return make_terms(load_web_config(path), path)


class Guard:
    """Lets requests through on the terms and names in force, which may be replaced at any time."""

    def __init__(
        self, app: ASGIApp, find_terms: Callable[[], Terms], find_names: Callable[[], Names] = Names
    ) -> None:
        self._app = app
        self._find_terms = find_terms
        self._find_names = find_names
        self._guarded = SecurityHeaders(self._ask)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        scope = to_origin_form(scope)
        wanted = self._find_terms().headers

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in wanted.items():
                    headers[name] = value
            await send(message)

        await self._guarded(scope, receive, send_with_headers)

    async def _ask(self, scope: Scope, receive: Receive, send: Send) -> None:
        terms = self._find_terms()
        if scope["type"] == "http" and not terms.knows_clients and (why := self._refuse(scope, terms)):
            await PlainTextResponse(why, 421)(scope, receive, send)
            return
        sent = Headers(scope=scope).getlist("authorization")
        is_health_check = scope.get("path") in PATHS and is_pass(sent, terms.health_pass)
        if terms.passwords is None or is_health_check or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            is_known = await _is_known(terms.passwords, sent)
        except TooBusyError:
            answer = PlainTextResponse(
                "503 Service Unavailable: too many passwords to check.\n", 503, {"Retry-After": "5"}
            )
        else:
            if is_known:
                await self._app(scope, receive, send)
                return
            answer = PlainTextResponse("401 Unauthorized: name and password are needed.\n", 401, _CHALLENGE)
        await answer(scope, receive, send)

    def _refuse(self, scope: Scope, terms: Terms) -> str | None:
        """Return what to tell a client that calls us by a stranger's name; None where the name is ours."""
        names = self._find_names()
        headers = Headers(scope=scope)
        sent = headers.getlist("host")
        own = (*names.own, *terms.names)
        is_browser = any(name in headers for name in OF_BROWSERS)
        if is_host_accepted(scope["path"], sent, names.allowed, own, is_browser=is_browser):
            return None
        return (
            f"421 Misdirected Request: this mailport does not go by the name {quote(', '.join(sent))}.\n"
            "If the name is right, add it to web.hosts in the configuration and reload, or set a password "
            "(docs/web-config.md).\nBy its IP address mailport answers always.\n"
        )


async def _is_known(passwords: Passwords, sent: list[str]) -> bool:
    credentials = read_credentials(sent)
    return credentials is not None and await passwords.check(*credentials)


def read_credentials(sent: list[str]) -> tuple[str, bytes] | None:
    """Return the name and password of a request (RFC 7617); None where there are none to be read."""
    if len(sent) != 1 or len(sent[0]) > LONGEST_CREDENTIALS:
        return None
    scheme, _, text = sent[0].partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        plain = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    name, colon, password = plain.partition(b":")
    return (name.decode("utf-8", "surrogateescape"), password) if colon else None
