"""Results on their way out: in order, at once where few come, and a reader who stops holds nothing up."""

import io
import os
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

from scanner.cli import outflow as module
from scanner.cli.outflow import Outflow
from tests.servers.process import wait_until


@contextmanager
def pipe() -> Iterator[tuple[int, TextIO]]:
    """A pipe: where it is read, and the stream that it is written by."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="utf-8", errors="backslashreplace") as stream:
        yield reading, stream
    os.close(reading)


def test_a_line_is_there_as_soon_as_it_is_written() -> None:
    with pipe() as (reading, stream), Outflow(stream) as flow:
        for number in range(3):
            flow.write(f"line {number}\n")
            assert select.select([reading], [], [], 10)[0]
            assert os.read(reading, 100) == f"line {number}\n".encode()


def test_all_is_written_in_its_order_by_the_end(tmp_path: Path) -> None:
    lines = [f"{number} é \ud800\n" for number in range(20_000)]
    out = tmp_path / "out"
    with out.open("w", encoding="utf-8", errors="backslashreplace") as stream, Outflow(stream) as flow:
        for line in lines:
            flow.write(line)
    assert out.read_text("utf-8") == "".join(lines).replace("\ud800", "\\ud800")


def test_who_reads_nothing_holds_up_nobody_and_is_behind() -> None:
    with pipe() as (reading, stream), pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PATIENCE", 0.2)
        flow = Outflow(stream)
        text = "x" * 100_000
        begun, taken = time.monotonic(), 0
        while not flow.is_behind:
            taken += flow.write(text)
        assert flow._count < module.MOST_WAITING + 10 * len(text)
        flow.is_broken_off = True
        flow.close()
        assert time.monotonic() - begun < 5
        # Once it is read, it is behind no more, and its thread ends.
        while taken:
            taken -= len(os.read(reading, 1_000_000))
        assert flow._thread is not None
        flow._thread.join(10)
        assert not flow.is_behind
        assert not flow._thread.is_alive()


def test_a_reader_who_went_away_is_told_by_the_next_line() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        flow = Outflow(stream)
        os.close(reading)
        flow.write("into the void\n")
        assert wait_until(lambda: flow._error is not None, 10)
        with pytest.raises(BrokenPipeError):
            flow.write("more\n")
        with pytest.raises(BrokenPipeError):
            flow.close()


def test_a_full_disk_is_told_at_the_end() -> None:
    with Path("/dev/full").open("w") as stream:
        flow = Outflow(stream)
        flow.write("lost\n")
        with pytest.raises(OSError, match="No space left"):
            flow.close()


def test_a_stream_without_a_descriptor_is_written_to_directly() -> None:
    stream = io.StringIO()
    with Outflow(stream) as flow:
        flow.write("here\n")
        assert stream.getvalue() == "here\n"
