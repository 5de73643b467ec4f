"""Turns bytes from a server into text that is safe to show, store and label with."""

MAX_CHARACTERS = 512


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
