"""Takes secrets out of text that a server sent or a library wrote, in every form they travel in."""

import base64
from collections.abc import Iterable, Iterator

from scanner.model.spelling import Reading, Span, read_in_all_ways
from scanner.model.target import escape

MASK = "***"
LONGEST_DETAIL = 512
"""Characters, as of all text from servers."""
_MOST_READ = 1024
"""Characters of a text of which anything is shown."""
_LONGEST_ESCAPE = 5
"""Characters for one of base64: an octet takes four thirds of one there, and six as in &#255;."""
_SHORTEST = 3
"""A shorter secret stands in ordinary words; masking it there would hide the text and show the secret."""
_LEAST_CODED = 8
"""Characters of base64 that a word does not share by chance."""


def redact(text: str, secrets: Iterable[str], *, users: Iterable[str] = ()) -> str:
    """Return text fit for people: without the secrets, control characters escaped, cut at 512 characters.

    A secret is found as it is, in capitals or without, escaped as IMAP, Python, JSON, URLs and HTML do it, in
    hexadecimal, and in base64: PLAIN (RFC 4616) with each of `users`, LOGIN, XOAUTH2, and within any other
    text; in base64 also where it is cut off, as servers do that repeat a command.
    """
    names = tuple(users)
    hidden = tuple(secret for secret in secrets if len(secret) >= _SHORTEST)
    if hidden:
        longest = max(len(_encode(lead + secret)) for secret in hidden for lead in _leads(names))
        read = read_in_all_ways(text[: _MOST_READ + _LONGEST_ESCAPE * longest])
        found = {span for way in read for secret in hidden for span in _find(way, secret, names)}
        text = _mask(text[:_MOST_READ], sorted(found))
    return escape(text)[:LONGEST_DETAIL]


def _find(way: Reading, secret: str, users: tuple[str, ...]) -> Iterator[Span]:
    cases = {secret, secret.upper(), secret.lower(), secret.swapcase()}  # not all of Unicode goes both ways
    for form in cases | {escape(secret), repr(secret)[1:-1], secret.encode("utf-8", "replace").hex()}:
        yield from way.find(form)
    for lead in _leads(users):
        known = max(_LEAST_CODED, len(lead.encode("utf-8", "replace")) * 8 // 6)
        # Some leave the padding off (RFC 4648 section 3.2).
        yield from way.find_base64(_encode(lead + secret).rstrip("=")[:known], is_begin=True)
    for core in _cores(secret):
        yield from way.find_base64(core, is_begin=False)


def _cores(secret: str) -> Iterator[str]:
    """Yield the base64 of a secret within other text, which changes the first characters and the last."""
    for before in range(3):
        after = -(before + len(secret.encode("utf-8", "replace"))) % 3
        whole = _encode("\0" * before + secret + "\0" * after)
        core = whole[(0, 2, 3)[before] : len(whole) - (0, 2, 3)[after]]
        if len(core) >= _LEAST_CODED:
            yield core


def _leads(users: tuple[str, ...]) -> Iterator[str]:
    """Yield what stands before the secret in the messages of a sign-in."""
    yield ""
    for user in users:
        yield f"\0{user}\0"
        yield f"{user}\0{user}\0"
        yield f"user={user}\1auth=Bearer "


def _mask(text: str, spans: list[Span]) -> str:
    """Put the mask in place of what was found; where pieces overlap or touch there is one."""
    parts, shown, end = [], 0, -1
    for begin, stop in spans:
        if begin > end:
            parts += [text[shown:begin], MASK] if begin < len(text) else []
        end = max(end, stop)
        shown = end
    return "".join(parts) + text[shown:]


def _encode(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "replace")).decode()
