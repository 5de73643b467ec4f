"""Requests whose target is a whole address, as programs send them that take us for a proxy."""

import re
from urllib.parse import unquote

from starlette.types import Scope

_ADDRESS = re.compile(rb"https?://(?P<authority>[^/]*)(?P<path>.*)", re.IGNORECASE | re.DOTALL)


def to_origin_form(scope: Scope) -> Scope:
    """Return a request with the path alone as its target, and what stood before it as its Host header.

    A server must take a whole address for its target, and must then leave the Host header out of account (RFC
    9112 section 3.2.2). The rules about the names that we go by are applied to what comes out of this.
    """
    if scope["type"] != "http" or (found := _ADDRESS.fullmatch(scope.get("raw_path") or b"")) is None:
        return scope
    path = found["path"] or b"/"
    others = [(name, value) for name, value in scope["headers"] if name.lower() != b"host"]
    return {
        **scope,
        "path": unquote(path.decode("ascii", "replace")),
        "raw_path": path,
        "headers": [(b"host", found["authority"]), *others],
    }
