"""The pass of the health check: who can read the web configuration needs no password to ask for health."""

import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256

PATHS = frozenset({"/-/healthy", "/-/ready"})
"""All that it opens."""
_SCHEME = "Mailport-Health"
_PURPOSE = b"mailport health"


def write_pass(users: Mapping[str, str]) -> str:
    """Return the Authorization header of a health check where these users, by name and hash, are let in.

    The service has the hashes of passwords only, and so has its health check; the pass is made of these.
    """
    key = "\n".join(f"{name}:{users[name]}" for name in sorted(users)).encode("utf-8", "surrogateescape")
    return f"{_SCHEME} {hmac.digest(key, _PURPOSE, sha256).hex()}"


def is_pass(sent: Sequence[str], wanted: str | None) -> bool:
    """Tell whether the Authorization headers of a request are the pass; compared in constant time."""
    if wanted is None or len(sent) != 1:
        return False
    return hmac.compare_digest(sent[0].encode("utf-8", "surrogateescape"), wanted.encode())
