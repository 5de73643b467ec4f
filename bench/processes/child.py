"""Starts the processes of this folder and talks with them, a line at a time."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import DIES_WITH_US, ServerNotStartedError

TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def child(script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a script of this folder; end it with the block."""
    with program([sys.executable, str(Path(__file__).with_name(script)), *arguments]) as process:
        yield process


@contextmanager
def program(argv: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Run a program that obeys lines; end it with the block."""
    argv = [*DIES_WITH_US, *argv]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """Start children on these cores: they inherit what this process has at that moment."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


def ask(process: subprocess.Popen[str], line: str) -> str:
    """Send a line to a child and return its answer."""
    send(process, line)
    return answer_of(process)


def send(process: subprocess.Popen[str], line: str) -> None:
    """Send a line to a child, whose answer may come later."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def answer_of(process: subprocess.Popen[str]) -> str:
    """Wait for a child's next line."""
    assert process.stdout is not None
    answer = process.stdout.readline()
    if not answer:
        raise ServerNotStartedError(f"{process.args!r} ended too early; what it said stands above")
    return answer.strip()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used so far, user and kernel (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
