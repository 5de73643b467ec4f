"""What else may be speaking on a mail port is named."""

import pytest

from scanner.model import Protocol
from scanner.protocol.foreign import recognise


@pytest.mark.parametrize(
    ("opening", "name"),
    [
        (b"HTTP/1.1 400 Bad Request", "HTTP"),
        (b"<!DOCTYPE html>", "HTTP"),
        (b"<html><head>", "HTTP"),
        (b"SSH-2.0-OpenSSH_9.2p1", "SSH"),
        (b"* OK ready", "IMAP"),
        (b"* PREAUTH ready", "IMAP"),
        (b"* BYE", "IMAP"),
        (b"+OK ready", "POP3"),
        (b"-ERR no", "POP3"),
        (b"220 mx ESMTP", "SMTP"),
        (b"554-no", "SMTP"),
        (b"220 FTP server", "FTP"),
        (b"RFB 003.008", "VNC"),
        (b"<?xml version='1.0'?>", "XMPP or XML"),
        (b"<stream:stream>", "XMPP"),
        (b"@RSYNCD: 31.0", "rsync"),
        (b"AMQP", "AMQP"),
        (b"hello", None),
        (b"220mx", None),
        (b"2 2 0", None),
        (b"", None),
    ],
)
@pytest.mark.parametrize("expected", Protocol)
def test_the_opening_names_the_protocol_unless_it_is_the_expected_one(
    opening: bytes, name: str | None, expected: Protocol
) -> None:
    is_expected = name == expected.value.upper()

    assert recognise(opening, expected) == (None if is_expected else name)
