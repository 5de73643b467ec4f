"""Lists of targets: looked through or taken in as they come, of any length, each target once."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scanner.model.target import Target, parse_target
from scanner.service import intake as module
from scanner.service.intake import MOST_PROBLEMS, Intake, IntakeError
from scanner.service.sections import TARGETS_AT_ONCE

LONG = 2 * TARGETS_AT_ONCE + 500


def name(number: int) -> str:
    return f"d{number}.example"


@contextmanager
def listing(path: Path, text: bytes, **options: Any) -> Iterator[Intake]:
    path.write_bytes(text)
    descriptor = os.open(path, os.O_RDONLY)
    made = Intake(descriptor, **options)
    try:
        yield made
    finally:
        made.close()
        os.close(descriptor)


@contextmanager
def piping(**options: Any) -> Iterator[tuple[Intake, Callable[[bytes], object]]]:
    """An intake and the way to write to it; closed by writing nothing."""
    reading, writing = os.pipe()
    made = Intake(reading, **options)
    is_open = True

    def write(data: bytes) -> None:
        nonlocal is_open
        if data:
            os.write(writing, data)
        else:
            os.close(writing)
            is_open = False

    try:
        yield made, write
    finally:
        made.close()
        os.close(reading)
        if is_open:
            os.close(writing)


async def collect(made: Intake) -> list[list[Target]]:
    return [section async for section in made.rest()]


def hosts(targets: list[Target]) -> list[str]:
    return [target.host for target in targets]


def test_a_short_list_is_there_at_once(tmp_path: Path) -> None:
    text = "\ufeffa.example # the first\n\n# none\r\nb.example:25\rA.example.\nsmtp://b.example".encode()
    with listing(tmp_path / "list", text) as made:
        assert [str(target) for target in made.begin()] == ["a.example", "b.example:25"]
        assert (made.total, made.has_more) == (2, False)


async def test_a_long_file_is_taken_in_a_section_after_the_other(tmp_path: Path) -> None:
    # Each target twice, near and far from where it stood first.
    numbers = [*range(1500), *range(1490, LONG), *range(LONG)]
    text = "".join(f"{name(number)}\n" for number in numbers).encode()
    with listing(tmp_path / "list", text, named=[parse_target(name(7))]) as made:
        assert made.begin() == []
        assert (made.total, made.has_more) == (LONG - 1, True)
        sections = await collect(made)
    assert [len(section) for section in sections] == [125, 187, 280, 420, 630, 857]
    assert [target.host for section in sections for target in section] == [
        name(number) for number in range(LONG) if number != 7
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("b c", '"b c": there is a space in it'),
        ("smtps://d3.example:2525", 'the same host and port as "smtp://d3.example:2525" on line 4'),
        (b"\xff", "is not UTF-8 text"),
    ],
)
def test_a_bad_line_at_the_end_of_a_long_file_is_told_before_anything_is_done(
    line: str | bytes, said: str, tmp_path: Path
) -> None:
    text = b"".join(f"smtp://{name(number)}:2525\n".encode() for number in range(LONG))
    text += line if isinstance(line, bytes) else line.encode()
    with (
        listing(tmp_path / "list", text) as made,
        pytest.raises(IntakeError, match=f"line {LONG + 1}: ") as error,
    ):
        made.begin()
    assert said in str(error.value)


def test_of_very_many_bad_lines_the_first_are_told(tmp_path: Path) -> None:
    with listing(tmp_path / "list", b"b c\n" * 1000) as made, pytest.raises(IntakeError) as error:
        made.begin()
    assert len(error.value.problems) == MOST_PROBLEMS + 1
    assert error.value.problems[-1] == f"and {1000 - MOST_PROBLEMS} more bad lines"


def test_what_has_no_lines_is_refused_without_reading_all_of_it() -> None:
    with piping() as (made, write):
        write(b"x" * 60_000)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "MAX_LINE", 50_000)
            with pytest.raises(IntakeError, match="line 1 is longer than"):
                made.begin()


async def test_a_pipe_is_taken_in_as_it_comes() -> None:
    with piping() as (made, write):
        write(b"".join(f"{name(number)}\n".encode() for number in range(1200)))
        assert hosts(made.begin()) == [name(number) for number in range(1000)]
        assert made.total is None
        sections = made.rest()
        next_one = asyncio.ensure_future(anext(sections))
        # The rest of what is there is begun with although the pipe stays open.
        assert hosts(await asyncio.wait_for(next_one, 20)) == [name(number) for number in range(1000, 1200)]
        next_one = asyncio.ensure_future(anext(sections))
        write(b"late.exam")
        write(b"ple\nd3.example\nd1199.example")
        write(b"")
        assert hosts(await asyncio.wait_for(next_one, 20)) == ["late.example"]
        assert [section async for section in sections] == []


async def test_bad_lines_of_a_pipe_that_come_late_are_told_and_left_out() -> None:
    told: list[str] = []
    with piping(on_problem=told.append) as (made, write):
        write(b"".join(f"{name(number)}\n".encode() for number in range(1000)))
        assert len(made.begin()) == 1000
        write(b"b c\nlast.example\n")
        write(b"")
        (section,) = await collect(made)
    assert hosts(section) == ["last.example"]
    assert [problem.split(":")[0] for problem in told] == ["line 1001"]
    assert made.late_problems == 1


async def test_waiting_for_a_pipe_can_be_broken_off() -> None:
    with piping() as (made, write):
        write(b"a.example\n")
        assert hosts(made.begin()) == ["a.example"]
        waiting = asyncio.ensure_future(anext(made.rest()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
