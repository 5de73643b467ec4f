"""Answers of the API as JSON: compact, and not sent again to a client that has them (RFC 9110 section 13)."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import TypeAlias

from fastapi import Request, Response

from scanner.web.turns import turns_of

Document: TypeAlias = Mapping[str, object] | Sequence[object]
JSON = "application/json"


def json_answer(document: Document, *, headers: Mapping[str, str] | None = None) -> Response:
    """Return a document as it is."""
    return Response(_write(document), headers=dict(headers or {}), media_type=JSON)


async def answer_page(request: Request, make: Callable[[], Document]) -> Response:
    """Return a document that takes long to make; `make` is called in a thread."""
    # In a thread, since no probe's clock may feel it.
    async with turns_of(request).answers:
        body = await asyncio.to_thread(lambda: _write(make()))
    return _tag(request, body, JSON)


def tagged_answer(request: Request, document: Document, *, media_type: str = JSON) -> Response:
    """Return a document with its ETag, or 304 where the client names that one."""
    return _tag(request, _write(document), media_type)


def _tag(request: Request, body: bytes, media_type: str) -> Response:
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    # It may be kept, but has to be asked for each time; no-store would forbid the browser to name the tag.
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if is_known(request.headers.getlist("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


def is_known(sent: list[str], tag: str) -> bool:
    """Tell whether If-None-Match names a tag; a weak one counts as well (RFC 9110 section 13.1.2)."""
    names = {name.strip().removeprefix("W/") for line in sent for name in line.split(",", 64)}
    return tag in names or "*" in names


def _write(document: Document) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
