"""Answers to requests that cannot be served: problem details from the API, a line of text elsewhere."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from scanner.model.target import escape
from scanner.web.problems import problem
from scanner.web.shield import answer_plainly

API = "/api/"
METHODS = ("GET", "POST")
"""All that any address takes, beside HEAD where there is GET."""
MOST_ERRORS = 20
LONGEST_WORD = 100
_NO_SUCH = "there is no such parameter here; /docs lists them"

_DETAILS = {
    404: "there is no such address; /docs lists them all",
    405: "this address does not take that method",
}


async def answer_problem(request: Request, fault: Exception) -> Response:
    """Answer an HTTP error in the form of what was asked for, with its headers (Allow on a 405)."""
    if not isinstance(fault, HTTPException):
        raise fault
    if fault.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        fault = HTTPException(fault.status_code, headers={"Allow": ", ".join(_methods_of(request))})
    if not request.url.path.startswith(API):
        return await answer_plainly(request, fault)
    detail = _DETAILS.get(fault.status_code) or str(fault.detail)
    return problem(fault.status_code, detail, headers=fault.headers)


def _methods_of(request: Request) -> Sequence[str]:
    """Return all methods that an address takes; each route of it knows its own alone."""
    asked = {"type": "http", "path": request.url.path, "root_path": "", "headers": []}
    routes = request.app.router.routes
    return [
        method
        for method in METHODS
        if any(route.matches({**asked, "method": method})[0] is Match.FULL for route in routes)
    ]


async def answer_invalid(request: Request, fault: Exception) -> Response:
    """Answer a request whose parameters are wrong: all of them at once, each with its place."""
    if not isinstance(fault, RequestValidationError):
        raise fault
    errors = [_describe(error) for error in fault.errors()[:MOST_ERRORS]]
    if not request.url.path.startswith(API):
        detail = "; ".join(f"{error['where']}: {error['detail']}" for error in errors)
        return await answer_plainly(request, HTTPException(400, detail))
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the parameters are wrong", errors=errors)


def _describe(error: Mapping[str, Any]) -> dict[str, str]:
    place: Sequence[object] = error["loc"]
    where = ".".join(escape(str(part))[:LONGEST_WORD] for part in place)
    is_unknown = error["type"] == "extra_forbidden"
    return {"where": where, "detail": _NO_SUCH if is_unknown else str(error["msg"])}
