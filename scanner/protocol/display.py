"""Turns bytes from a server into text that is safe to show, store and label with."""

from string import ascii_lowercase, ascii_uppercase

MAX_CHARACTERS = 512
_TO_CAPITALS = str.maketrans(ascii_lowercase, ascii_uppercase)


def display(data: bytes) -> str:
    r"""Return server text with everything unprintable escaped, cut at 512 characters.

    Invalid UTF-8 becomes `\xNN`; control, bidirectional and other format characters become
    their backslash escapes, so that no terminal or page ever acts on them.
    """
    text = data[: 4 * MAX_CHARACTERS].decode("utf-8", "backslashreplace")
    if not text.isprintable():
        text = "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
        )
    return text[:MAX_CHARACTERS]


def capitals(text: str) -> str:
    """Return text with its ASCII letters in upper case: keywords are ASCII; `str.upper` may grow a text."""
    return text.translate(_TO_CAPITALS)
