"""Recognises what else may be speaking on a mail port."""

from scanner.model import Protocol

# What a peer says first, lower case, in the order tried.
_OPENINGS: tuple[tuple[bytes, str], ...] = (
    (b"http/", "HTTP"),
    (b"<!doctype html", "HTTP"),
    (b"<html", "HTTP"),
    (b"ssh-", "SSH"),
    (b"* ok", "IMAP"),
    (b"* preauth", "IMAP"),
    (b"* bye", "IMAP"),
    (b"+ok", "POP3"),
    (b"-err", "POP3"),
    (b"rfb 0", "VNC"),
    (b"<?xml", "XMPP or XML"),
    (b"<stream:", "XMPP"),
    (b"@rsyncd:", "rsync"),
    (b"amqp", "AMQP"),
)
_OWN = {Protocol.SMTP: "SMTP", Protocol.IMAP: "IMAP", Protocol.POP3: "POP3"}


def recognise(opening: bytes, expected: Protocol) -> str | None:
    """Name the protocol that opens like this, or None where it is the expected one or unknown."""
    lowered = opening[:16].lower()
    name = next((name for prefix, name in _OPENINGS if lowered.startswith(prefix)), None)
    if name is None and lowered[:3].isdigit() and lowered[3:4] in (b" ", b"-"):
        name = "FTP" if b"ftp" in opening[:512].lower() else "SMTP"
    return None if name == _OWN[expected] else name
