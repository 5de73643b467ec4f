"""Takes secrets out of text that a server sent or a library wrote, in every form they travel in."""

import base64
import re
from collections.abc import Iterable, Iterator

from scanner.model.target import escape

MASK = "***"
LONGEST_DETAIL = 512
"""Characters, as of all text from servers."""
_SHORTEST = 3
"""A shorter secret stands in ordinary words; masking it there would hide the text and show the secret."""
_LEAST_CODED = 8
"""Characters of base64 that a word does not share by chance."""


def redact(text: str, secrets: Iterable[str], *, users: Iterable[str] = ()) -> str:
    """Return text fit for people: without the secrets, control characters escaped, cut at 512 characters.

    A secret is found as it is, in quotes as IMAP writes them, and in base64: PLAIN (RFC 4616) with each of
    `users`, LOGIN, XOAUTH2; in base64 also where it is cut off, as servers do that repeat a command.
    """
    names = tuple(users)
    hidden = tuple(secret for secret in secrets if len(secret) >= _SHORTEST)
    for secret in hidden:
        for lead in sorted(_leads(names), key=len, reverse=True):  # the tail of one may look like another
            text = _cut_off(lead, secret).sub(MASK, text)
    for form in sorted({form for secret in hidden for form in _forms(secret, names)}, key=len, reverse=True):
        text = text.replace(form, MASK)
    return escape(text)[:LONGEST_DETAIL]


def _forms(secret: str, users: tuple[str, ...]) -> Iterator[str]:
    yield secret
    yield escape(secret)
    yield repr(secret)[1:-1]
    yield secret.replace("\\", "\\\\").replace('"', '\\"')
    for lead in _leads(users):
        yield _encode(lead + secret + ("\1\1" if lead.endswith("Bearer ") else ""))


def _leads(users: tuple[str, ...]) -> Iterator[str]:
    """Yield what stands before the secret in the messages of a sign-in."""
    yield ""
    for user in users:
        yield f"\0{user}\0"
        yield f"{user}\0{user}\0"
        yield f"user={user}\1auth=Bearer "


def _cut_off(lead: str, secret: str) -> re.Pattern[str]:
    """Find the base64 of a secret from where it begins, however little of it there is."""
    known = max(_LEAST_CODED, len(lead.encode()) * 8 // 6)
    return re.compile(re.escape(_encode(lead + secret)[:known]) + "[A-Za-z0-9+/=]*")


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
