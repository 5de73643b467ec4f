"""What stands round every route: security headers, HEAD as GET without a body, and no traceback to anyone."""

from http import HTTPStatus
from urllib.parse import urlsplit

import structlog
from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger(__name__)

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With no-referrer a browser would send our own forms with the Origin "null", like those of a stranger.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_HEAD = "mailport.head"
"""What marks a HEAD in its scope."""

_TEXTS = {  # where a route has said nothing itself
    404: "there is no such page. The page / shows what is watched, /docs lists every address.",
    405: "this address does not take that method.",
}


class SecurityHeaders:
    """Adds the security headers to every response that does not set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class HeadAsGet:
    """Answers HEAD wherever GET is answered: the same headers, no body (RFC 9110 section 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET", _HEAD: True}, receive, send_without_body)


def is_head(scope: Scope) -> bool:
    """Whether a request that looks like GET was HEAD: no body is needed then."""
    return _HEAD in scope


class LastResort:
    """Turns our own fault into a plain 500; the traceback goes to the log and never to the client."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        has_started = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception:
            if scope["type"] != "http":
                raise
            log.exception("web_request_failed", path=scope["path"])
            if has_started:
                # Too late for another status: the server must cut the response short.
                raise
            text = "500 Internal Server Error: a fault in mailport itself; its log says more.\n"
            await PlainTextResponse(text, status_code=500)(scope, receive, send)


async def answer_plainly(request: Request, problem: Exception) -> Response:
    """Write an HTTP error as one line of text, with the headers that belong to it (Allow on a 405)."""
    del request
    if not isinstance(problem, HTTPException):
        raise problem
    phrase = HTTPStatus(problem.status_code).phrase
    detail = _TEXTS.get(problem.status_code, phrase) if problem.detail == phrase else problem.detail
    text = f"{problem.status_code} {phrase}: {detail}\n"
    return PlainTextResponse(text, status_code=problem.status_code, headers=problem.headers)


def is_cross_origin(headers: Headers) -> bool:
    """Whether a browser sent this request on behalf of another site.

    Sec-Fetch-Site is the browser's own word. Where it is missing (plain HTTP), the Origin must be
    the address that was asked for. Tools such as curl send neither and are let through.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    except ValueError:
        return True
