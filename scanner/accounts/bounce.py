"""Tells a message that came back from others: a server's report about the message of this run (RFC 3464)."""

import re

LONGEST_REPORT = 32_768
"""Octets of a message that are looked at."""
_REPORT = re.compile(rb"^content-type:\s*multipart/report\b|delivery-status", re.IGNORECASE | re.MULTILINE)
_WORD = re.compile(
    rb"^(?:diagnostic-code:\s*(?:[\w-]+;)?|status:)\s*([^\r\n]+(?:\r?\n[ \t][^\r\n]*)*)",
    re.IGNORECASE | re.MULTILINE,
)


def read_bounce(message: bytes, message_id: str) -> str | None:
    """Return what a report says of the message with this id; None where it is no report, or of another one.

    The text is the other server's: whoever shows it escapes it.
    """
    message = message[:LONGEST_REPORT]
    header, _, body = message.partition(b"\r\n\r\n")
    if not _REPORT.search(header) or message_id.encode() not in body:
        return None
    found = [b" ".join(match[1].split()).decode("utf-8", "replace") for match in _WORD.finditer(body)]
    return max(found, key=len, default="the server does not say why")
