"""Reading a list of targets, one a line."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model.target_lines import TargetFileError, read_target_lines


def test_blank_lines_and_comments_are_ignored() -> None:
    lines = ["\ufeff# our servers\r\n", "\n", "  mx.example.org:25  # the first\n", "\t\n", "[::1]:25"]
    assert [str(target) for target in read_target_lines(lines)] == ["mx.example.org:25", "[::1]:25"]


def test_every_bad_line_is_told_with_its_number() -> None:
    lines = ["example.org", "two words", "", "example.net:26", "# fine", "ok.example", "user@example.org"]
    with pytest.raises(TargetFileError) as caught:
        read_target_lines(lines)
    assert [problem.partition(": ")[0] for problem in caught.value.problems] == ["line 2", "line 4", "line 7"]
    assert caught.value.problems[0] == (
        'line 2: "two words": there is a space in it; write one target, without spaces'
    )
    assert str(caught.value) == "\n".join(caught.value.problems)


def test_doubles_are_dropped_for_a_scan() -> None:
    lines = ["example.org", "h:25", "EXAMPLE.org.", "smtp://h"]
    assert [target.text for target in read_target_lines(lines)] == ["example.org", "h:25"]


def test_doubles_are_reported_for_the_service() -> None:
    with pytest.raises(TargetFileError) as caught:
        read_target_lines(["h:25", "example.org", "smtp://h"], duplicates="report")
    assert caught.value.problems == ['line 3: "smtp://h": duplicate target, first on line 1; remove one']


@pytest.mark.parametrize("duplicates", ["drop", "report"])
def test_a_port_in_two_tls_modes_is_refused_in_its_line(duplicates: Literal["drop", "report"]) -> None:
    lines = ["example.org", "smtp://h.example:2525", "imap://h.example:2525", "smtps://H.example:2525"]
    with pytest.raises(TargetFileError) as caught:
        read_target_lines(lines, duplicates=duplicates)
    ((number, message),) = caught.value.found
    assert number == 4
    assert message.startswith(
        '"smtps://H.example:2525": the same host and port as "smtp://h.example:2525" on line 2'
    )


def test_a_hash_inside_a_word_is_no_comment() -> None:
    with pytest.raises(TargetFileError, match=r"line 1: .*a target has no path; remove all from the # on"):
        read_target_lines(["example.org#mail"])


@given(st.lists(st.text(st.characters(exclude_characters="\ufeff"), max_size=30), max_size=8))
def test_the_lines_reported_are_those_that_are_bad_on_their_own(lines: list[str]) -> None:
    bad = [number for number, line in enumerate(lines, start=1) if is_bad(line)]
    if not bad:
        targets = read_target_lines(lines)
        assert len(targets) == len(set(targets)) <= len(lines)
        return
    with pytest.raises(TargetFileError) as caught:
        read_target_lines(lines)
    assert [number for number, _ in caught.value.found] == bad


def is_bad(line: str) -> bool:
    try:
        read_target_lines([line])
    except TargetFileError:
        return True
    return False
