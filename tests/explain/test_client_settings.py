"""What a program is set to, as people write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.explain.client_settings import (
    ClientMode,
    ClientSettings,
    looks_like_settings,
    parse_client_settings,
)
from scanner.model import Protocol
from scanner.model.target import TargetError

NONE, STARTTLS, SSL = ClientMode.NONE, ClientMode.STARTTLS, ClientMode.SSL
SMTP, IMAP, POP3 = Protocol.SMTP, Protocol.IMAP, Protocol.POP3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("imap.example.org:993:ssl", ("imap.example.org", 993, SSL, IMAP)),
        ("SMTP.Example.org:587:STARTTLS", ("smtp.example.org", 587, STARTTLS, SMTP)),
        ("mail.example.org:110:none", ("mail.example.org", 110, NONE, POP3)),
        ("smtp://mail.example.org:2525:starttls", ("mail.example.org", 2525, STARTTLS, SMTP)),
        ("pop.example.org:2995:ssl/tls", ("pop.example.org", 2995, SSL, POP3)),
        ("[2001:db8::1]:993:implicit", ("2001:db8::1", 993, SSL, IMAP)),
    ],
)
def test_settings_are_read(text: str, expected: tuple[str, int, ClientMode, Protocol]) -> None:
    assert looks_like_settings(text)
    assert parse_client_settings(text) == ClientSettings(*expected)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("imap.example.org:993", "write HOST:PORT:MODE"),
        ("imap.example.org:993:tls", "programs mean either of them by it"),
        ("imap.example.org:993:sslv9", "say ssl"),
        ("imap.example.org:0:ssl", "from 1 to 65535"),
        ("imap.example.org:99999:ssl", "from 1 to 65535"),
        ("mail.example.org:2525:ssl", "does not tell the protocol"),
        ("ftp://mail.example.org:2525:ssl", "unknown protocol"),
        ("a b:993:ssl", "space"),
        ("-.example.org:993:ssl", "part"),
        ("x" * 600 + ":993:ssl", "write HOST:PORT:MODE"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, told: str) -> None:
    with pytest.raises(TargetError, match=told):
        parse_client_settings(text)


@pytest.mark.parametrize("text", ["mailport.yml", "/etc/mailport.yml", "config/m:1.yml", "C:\\m.yml", ""])
def test_names_of_files_are_no_settings(text: str) -> None:
    assert not looks_like_settings(text)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_client_settings(text)
    except TargetError:
        return
    assert looks_like_settings(text)
    assert 1 <= found.port <= 65535
