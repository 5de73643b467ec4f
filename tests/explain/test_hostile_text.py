"""Whatever is pasted: nothing raises, nothing grows, nothing takes long, nothing stays unprintable."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.explain import MAX_CHARACTERS, read_explanations, read_text

SECONDS = 2.0
"""Far more than a text takes (some 10 ms), and far less than a pattern that runs away."""

pieces = st.sampled_from(
    [
        *(
            "535",
            "5.7.8",
            "550-5.7.1",
            " ",
            "  ",
            "\n",
            "\r\n",
            "-",
            ": ",
            "[AUTH]",
            "[",
            "]",
            "(535, b'5.7.8",
        ),
        *("connect to", "timed out", "login to server", "the user name or password for", "is incorrect", "x"),
        *("\x1b[31m", "\x00", "\u202e", "\ud800", "\ufdfa", "'", '"', "\\n"),
        *(phrase for entry in read_explanations() for phrase in entry.says[:2]),
    ]
)


@given(st.one_of(st.text(max_size=300), st.lists(pieces, max_size=60).map("".join)))
@settings(max_examples=300)
def test_any_text_is_read(text: str) -> None:
    reading = read_text(text)
    assert all(line.isprintable() for line in reading.text.splitlines())
    assert len(reading.text) <= 4 * MAX_CHARACTERS
    if reading.best is not None:
        assert reading.best.evidence.isprintable()


def test_a_text_without_end_is_cut_and_told() -> None:
    reading = read_text("connection refused " * 100_000)
    assert reading.is_cut
    assert reading.best is not None
    assert reading.best.explanation.id == "connection_refused"


def test_patterns_take_their_time_by_length_only() -> None:
    worst = [
        "connect to " * 400,
        "login to server the user name or password for " * 90,
        "535 5.7.8 " * 400,
        "550-5.7.1 " * 400,
        "[" * MAX_CHARACTERS,
        "5." * 2048,
        "a" * MAX_CHARACTERS,
        " " * MAX_CHARACTERS + "x",
    ]
    for text in worst:
        begun = time.monotonic()
        read_text(text)
        assert time.monotonic() - begun < SECONDS, text[:20]
