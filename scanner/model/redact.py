"""Takes secrets out of text that a server sent or a library wrote, in every form they travel in."""

import base64
from collections.abc import Iterable, Iterator

from scanner.model.target import escape

MASK = "***"
LONGEST_DETAIL = 512
"""Characters, as of all text from servers."""
_SHORTEST = 3
"""A shorter secret stands in ordinary words; masking it there would hide the text and show the secret."""


def redact(text: str, secrets: Iterable[str], *, users: Iterable[str] = ()) -> str:
    """Return text fit for people: without the secrets, control characters escaped, cut at 512 characters.

    A secret is found as it is, in quotes as IMAP writes them, and in base64: PLAIN (RFC 4616) with each of
    `users`, LOGIN, XOAUTH2.
    """
    names = tuple(users)
    forms = {form for secret in secrets if len(secret) >= _SHORTEST for form in _forms(secret, names)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return escape(text)[:LONGEST_DETAIL]


def _forms(secret: str, users: tuple[str, ...]) -> Iterator[str]:
    yield secret
    yield escape(secret)
    yield repr(secret)[1:-1]
    yield secret.replace("\\", "\\\\").replace('"', '\\"')
    yield _encode(secret)
    for user in users:
        yield _encode(f"\0{user}\0{secret}")
        yield _encode(f"{user}\0{user}\0{secret}")
        yield _encode(f"user={user}\1auth=Bearer {secret}\1\1")


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
