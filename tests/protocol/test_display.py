"""Text from servers: printable, bounded, and its evidence kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.protocol.display import MAX_CHARACTERS, capitals, display, display_start
from tests.protocol.budget import tries


@given(st.binary(max_size=4 * MAX_CHARACTERS + 10) | st.text(max_size=2000).map(str.encode))
@tries(200)
def test_it_is_printable_and_bounded(data: bytes) -> None:
    shown = display(data)

    assert shown.isprintable()
    assert len(shown) <= MAX_CHARACTERS


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=MAX_CHARACTERS))
@tries(50)
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert display(text.encode()) == text


@given(st.text(max_size=MAX_CHARACTERS))
@tries(50)
def test_capitals_touch_only_ascii_letters(text: str) -> None:
    assert capitals(text) == "".join(char.upper() if char.isascii() else char for char in text)


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"220 a\r\n220 b", r"220 a\r\n220 b"),
        (b"\x1b[31mred", r"\x1b[31mred"),
        (b"\x00\x7f", r"\x00\x7f"),
        ("naïve Käse".encode(), "naïve Käse"),
        (b"na\xefve", r"na\xefve"),
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),  # a surrogate
        ("\u202egnp".encode(), r"\u202egnp"),
        ("a\u00a0b\u200bc".encode(), r"a\xa0b\u200bc"),
        ("\U000e0041".encode(), r"\U000e0041"),  # a tag character
        ("\U0001f4a9".encode(), "\U0001f4a9"),
    ],
)
def test_what_cannot_be_shown_is_escaped(data: bytes, shown: str) -> None:
    assert display(data) == shown


@pytest.mark.parametrize("char", ["a", "é", "€", "\U0001f4a9"])
def test_a_long_text_is_cut_between_characters(char: str) -> None:
    assert display(("x" + char * 3000).encode()) == "x" + char * (MAX_CHARACTERS - 1)


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"421 4.3.2 busy\r\n421 bye\r\n", "421 4.3.2 busy"),
        (b"x" * 200, "x" * 80),
        ("xé".encode() * 40, "xé" * 26 + "x" + r"\xc3"),
        (b"\x80\x81\r\n", r"\x80\x81"),
        (b"\x80" * 8, r"\x80" * 8),
        (bytes(range(128, 256)), r"\x80\x81\x82\x83\x84\x85\x86\x87 and 120 bytes more"),
        (b"\n" + b"\x00" * 9, r"\n\x00\x00\x00\x00\x00\x00\x00 and 2 bytes more"),
        (b"", ""),
    ],
)
def test_of_what_came_instead_a_line_is_shown_or_a_few_bytes(data: bytes, shown: str) -> None:
    assert display_start(data) == shown


@given(st.binary(max_size=400))
@tries(100)
def test_what_came_instead_is_printable_and_short(data: bytes) -> None:
    shown = display_start(data)
    assert shown.isprintable()
    assert len(shown) <= 100
