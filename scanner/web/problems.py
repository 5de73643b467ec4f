"""Errors of the API as problem details, which programs can read (RFC 9457)."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


def problem(
    status: int, detail: str, *, headers: Mapping[str, str] | None = None, **members: object
) -> Response:
    """Return an error: what happened and how to mend it, in `detail`; `members` are added to it."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **members,
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, dict(headers or {}), media_type=MEDIA_TYPE)
