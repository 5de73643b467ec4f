"""Reads what a server answered to SELECT, SEARCH, FETCH and GETQUOTAROOT, as aioimaplib hands it out."""

import re
from collections.abc import Sequence

_UIDNEXT = re.compile(rb"\[UIDNEXT ([0-9]{1,10})\]", re.IGNORECASE)
_UIDVALIDITY = re.compile(rb"\[UIDVALIDITY ([0-9]{1,10})\]", re.IGNORECASE)
_UID = re.compile(rb"[( ]UID ([0-9]{1,10})[ )]", re.IGNORECASE)
_MOST_UIDS = 10_000
_RESOURCE = re.compile(rb"(?<![^ (])([A-Za-z]{1,40}) ([0-9]{1,19}) ([0-9]{1,19})(?= |\))")
_SMALL = {b"MESSAGE": 1, b"STORAGE": 4}
"""What a message of ours needs of a quota: messages, and units of 1024 octets (RFC 9208 section 5)."""

Line = bytes | bytearray
"""A line of an answer; a `bytearray` is a literal, which no line can pass for."""


def read_uid_next(lines: Sequence[Line]) -> int:
    """Return the least UID that a new message can get, 1 where the server does not tell."""
    return _read_number(_UIDNEXT, lines) or 1


def read_uid_validity(lines: Sequence[Line]) -> int | None:
    """Return the number that changes when UIDs mean other messages, None where the server tells none."""
    return _read_number(_UIDVALIDITY, lines)


def read_uids(lines: Sequence[Line]) -> tuple[int, ...]:
    """Return the UIDs that a SEARCH found, the newest first; the last line is the server's word on it."""
    words = b" ".join(bytes(line[: 11 * _MOST_UIDS]) for line in lines[:-1]).split()
    return tuple(sorted({int(word) for word in words if word.isdigit() and len(word) <= 10}, reverse=True))


def read_fetched(lines: Sequence[Line], uid: int) -> bytes | None:
    """Return the literal of one message; None where the answer has none of this UID."""
    for place, line in enumerate(lines):
        if not isinstance(line, bytearray) or not place:
            continue
        after = lines[place + 1] if place + 1 < len(lines) else b""
        around = bytes(lines[place - 1]) + b" " + bytes(after)
        if (match := _UID.search(around)) and int(match[1]) == uid:
            return bytes(line)
    return None


def read_full_quota(lines: Sequence[Line]) -> str | None:
    """Return in words which quota has no room for a message of ours (RFC 9208); None where all have."""
    for line in lines:
        for name, used, limit in _RESOURCE.findall(bytes(line).rpartition(b" (")[2]):
            needed = _SMALL.get(name.upper())
            if needed is not None and int(used) + needed > int(limit):
                return f"{int(used)} of {int(limit)} {'messages' if needed == 1 else 'KiB'}"
    return None


def quote(name: str) -> str:
    """Write the name of a folder as IMAP wants it: modified UTF-7 in quotes (RFC 3501 section 5.1.3)."""
    written, pending = [], ""
    for character in (*name, ""):
        if character and not (" " <= character <= "~"):
            pending += character
            continue
        if pending:
            written.append(_shift(pending))
            pending = ""
        written.append("&-" if character == "&" else character)
    return quote_as_is("".join(written))


def quote_as_is(wire_name: str) -> str:
    """Put a name into quotes that the server has written."""
    text = wire_name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _read_number(pattern: re.Pattern[bytes], lines: Sequence[Line]) -> int | None:
    return next((int(match[1]) for line in lines if (match := pattern.search(line))), None)


def _shift(text: str) -> str:
    encoded = text.encode("utf-7").decode("ascii")  # +...- with the alphabet of base64
    return "&" + encoded[1:-1].replace("/", ",") + "-"
