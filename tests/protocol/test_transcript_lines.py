"""The transcript of a dialogue: lines in their order, bounded, escaped, and no secrets."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.protocol.transcript import HIDDEN, LONGEST_LINE, MOST_LINES, Transcript


def transcript() -> Transcript:
    ticks = itertools.count()
    return Transcript(lambda: next(ticks) / 100)


def said(taken: Transcript) -> list[tuple[str, str]]:
    return [(line.speaker, line.text) for line in taken.lines]


def test_what_comes_in_pieces_is_whole_lines() -> None:
    taken = transcript()
    for piece in (b"220 a\r", b"\n250-b\r\n25", b"0 c\r\n", b"rest"):
        taken.received(piece)
    taken.sent(b"EHLO x\r\n")
    taken.note("TLS handshake begins")
    assert said(taken) == [
        ("server", "220 a"),
        ("server", "250-b"),
        ("server", "250 c"),
        ("server", "rest"),
        ("client", "EHLO x"),
        ("note", "TLS handshake begins"),
    ]
    assert str(taken.lines[0]).endswith(" S: 220 a")


def test_what_has_no_line_end_yet_is_shown_too() -> None:
    taken = transcript()
    taken.received(b"220 half")
    assert said(taken) == [("server", "220 half")]


def test_nothing_of_it_acts_on_a_terminal() -> None:
    taken = transcript()
    taken.received("220 \x1b[31m\u202e\x07\n".encode())
    assert said(taken) == [("server", "220 \\x1b[31m\\u202e\\x07")]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("AUTH PLAIN AGEAYg==", f"AUTH PLAIN {HIDDEN}"),
        ("auth login dXNlcg==", f"auth login {HIDDEN}"),
        ("A1 LOGIN user secret", f"A1 LOGIN user {HIDDEN}"),
        ("A1 AUTHENTICATE PLAIN AGEAYg==", f"A1 AUTHENTICATE PLAIN {HIDDEN}"),
        ("PASS secret word", f"PASS {HIDDEN}"),
        ("APOP user digest", f"APOP user {HIDDEN}"),
        ("EHLO probe.example.net", "EHLO probe.example.net"),
        ("A1 CAPABILITY", "A1 CAPABILITY"),
    ],
)
def test_secrets_are_left_out(line: str, shown: str) -> None:
    taken = transcript()
    taken.sent(f"{line}\r\n".encode())
    assert said(taken) == [("client", shown)]


def test_the_answer_to_a_challenge_is_left_out() -> None:
    taken = transcript()
    taken.sent(b"AUTH PLAIN\r\n")
    taken.sent(b"A1 AUTHENTICATE CRAM-MD5\r\n")
    taken = transcript()
    taken.sent(b"AUTH LOGIN x\r\n")
    taken.received(b"334 \r\n")
    taken.sent(b"c2VjcmV0\r\n")
    assert said(taken)[-1] == ("client", HIDDEN)


def test_a_mechanism_alone_is_followed_by_a_secret() -> None:
    taken = transcript()
    taken.sent(b"AUTH PLAIN\r\n")
    taken.sent(b"AGEAYg==\r\n")
    assert said(taken) == [("client", "AUTH PLAIN"), ("client", HIDDEN)]


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=5000)), max_size=30))
def test_nothing_makes_it_large_or_harmful(pieces: list[tuple[bool, bytes]]) -> None:
    taken = transcript()
    for is_ours, piece in pieces:
        (taken.sent if is_ours else taken.received)(piece)
    assert len(taken.lines) <= MOST_LINES + 2
    assert all(line.text.isprintable() and len(line.text) <= 512 for line in taken.lines)
    assert len(taken._rest) <= LONGEST_LINE


def test_a_flood_is_cut() -> None:
    taken = transcript()
    taken.received(b"x\n" * 10_000)
    taken.received(b"y\n" * 10_000)
    assert len(taken.lines) == MOST_LINES + 1
    assert said(taken)[-1] == ("note", "what follows is left out")
