"""Turns bytes from a server into text that is safe to show, store and label with."""

from string import ascii_lowercase, ascii_uppercase

MAX_CHARACTERS = 512
_MOST_OF_A_LINE = 80
_FEW_BYTES = 8
_LONGEST_CHARACTER = 4
"""In bytes of UTF-8."""
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


def display_start(data: bytes) -> str:
    """Return what came in the place of TLS: its first line, or of other bytes a few and how many more."""
    data = data.rstrip(b"\r\n")
    line = data.partition(b"\n")[0][:_MOST_OF_A_LINE].rstrip()
    text = line.decode("utf-8", "ignore")
    # The cut may have gone through the last character.
    is_text = bool(line) and text.isprintable() and len(line) - len(text.encode()) < _LONGEST_CHARACTER
    if is_text:
        return display(line)
    more = len(data) - _FEW_BYTES
    return display(data[:_FEW_BYTES]) + (f" and {more} bytes more" if more > 0 else "")


def capitals(text: str) -> str:
    """Return text with its ASCII letters in upper case: keywords are ASCII; `str.upper` may grow a text."""
    return text.translate(_TO_CAPITALS)
