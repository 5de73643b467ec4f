"""The ids of endpoints: there and back, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model.endpoint_id import read_id, write_id

KEYS = [
    (("mx1.example.org", "192.0.2.7", 25, "smtp", "starttls"), "mx1.example.org~192.0.2.7~25~smtp"),
    (("mail.example.org", "2001:db8::1", 993, "imap", "implicit"), "mail.example.org~2001:db8::1~993~imaps"),
    (("_x.example", "192.0.2.7", 110, "pop3", "starttls"), "_x.example~192.0.2.7~110~pop3"),
]


@pytest.mark.parametrize(("key", "text"), KEYS)
def test_an_id_can_be_read_and_leads_back(key: tuple[str, str, int, str, str], text: str) -> None:
    assert write_id(key) == text
    assert read_id(text) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "a~b~25",
        "a~b~25~http",
        "a~b~025~smtp",
        "a~b~٣~smtp",
        "a~b~999999~smtp",
        "~b~1~smtp",
        "a~~1~smtp",
    ],
)
def test_what_is_no_id_is_none(text: str) -> None:
    assert read_id(text) is None


@given(st.text(max_size=600))
def test_no_text_does_harm(text: str) -> None:
    key = read_id(text)
    assert key is None or write_id(key) == text
