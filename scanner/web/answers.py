"""Answers of the API as JSON: compact, and not sent again to a client that has them (RFC 9110 section 13)."""

import json
from collections.abc import Mapping
from hashlib import blake2b

from fastapi import Request, Response

Document = Mapping[str, object]


def json_answer(document: Document, *, headers: Mapping[str, str] | None = None) -> Response:
    """Return a document as it is."""
    return Response(_write(document), headers=dict(headers or {}), media_type="application/json")


def tagged_answer(
    request: Request, document: Document, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a document with its ETag, or 304 where the client names that one."""
    body = _write(document)
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    # It may be kept, but has to be asked for each time; no-store would forbid the browser to name the tag.
    marked = {"ETag": tag, "Cache-Control": "private, no-cache", **(headers or {})}
    if is_known(request.headers.getlist("if-none-match"), tag):
        return Response(status_code=304, headers=marked)
    return Response(body, headers=marked, media_type="application/json")


def is_known(sent: list[str], tag: str) -> bool:
    """Tell whether If-None-Match names a tag; a weak one counts as well (RFC 9110 section 13.1.2)."""
    names = {name.strip().removeprefix("W/") for line in sent for name in line.split(",", 64)}
    return tag in names or "*" in names


def _write(document: Document) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
