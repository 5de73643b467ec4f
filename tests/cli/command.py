"""Runs the command `mailport` as its users do: a process of its own, real pipes, files and signals."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers.process import DIES_WITH_US, wait_until

MAILPORT = str(Path(sys.executable).with_name("mailport"))
SECONDS = 40.0
"""Long enough for every command of the tests on a busy machine; what a test means to be quick it measures."""
AT_ONCE = 4

_NO_TERMINAL = {"COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "TERM"}
# As users have it: no terminal, and Python's own switches (unbuffered output, warnings) unset.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in _NO_TERMINAL and not name.startswith("PYTHON")
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended and what it said."""

    status: int
    stdout: str
    stderr: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of ndjson output."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def problem(self) -> str:
        """The one line that says what is wrong, without the program's name; nothing else was said."""
        assert self.stdout == ""
        line, *rest = self.stderr.splitlines()
        assert rest == [], self.stderr
        assert line.startswith("mailport: "), line
        return line.removeprefix("mailport: ")


def run(
    *arguments: object,
    stdin: str | bytes = "",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
) -> Outcome:
    """Run `mailport` to its end; no traceback may ever come out of it."""
    done = subprocess.run(
        [*prefix, MAILPORT, *map(str, arguments)],
        input=stdin if isinstance(stdin, bytes) else stdin.encode(),
        capture_output=True,
        timeout=SECONDS,
        cwd=cwd,
        env={**ENVIRONMENT, **(env or {})},
        check=False,
    )
    outcome = Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())
    check_no_traceback(outcome.stdout + outcome.stderr)
    return outcome


def run_together(*commands: Sequence[object]) -> list[Outcome]:
    """Run several commands side by side; return their outcomes in order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda arguments: run(*arguments), commands))


def check_no_traceback(text: str) -> None:
    """Fail where a person would see Python's insides."""
    for sign in ("Traceback", "Exception ignored", "Error(", "site-packages"):
        assert sign not in text, text


@dataclass(slots=True)
class Running:
    """A `mailport` that runs; its standard error goes to a file, its standard output can be read by line."""

    process: subprocess.Popen[bytes]
    stderr_file: Path
    _pending: bytearray = field(default_factory=bytearray)

    @property
    def stderr(self) -> str:
        """What it said on standard error so far."""
        return self.stderr_file.read_text("utf-8", "replace")

    def read_line(self, seconds: float = SECONDS) -> str:
        """Return the next line of standard output as soon as it is there; "" at the end."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + seconds
        while b"\n" not in self._pending:
            wait = max(0.0, deadline - time.monotonic())
            if not select.select([self.process.stdout], [], [], wait)[0]:
                raise AssertionError(f"no line within {seconds} s; {bytes(self._pending)!r}; {self.stderr}")
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                break
            self._pending += data
        line, _, rest = bytes(self._pending).partition(b"\n")
        self._pending[:] = rest
        return line.decode()

    def read_all(self) -> str:
        """Return all that is left of standard output, up to its end."""
        assert self.process.stdout is not None
        return (bytes(self._pending) + self.process.stdout.read()).decode()

    def close_stdout(self) -> None:
        """Read no more, as `head` does when it has enough."""
        assert self.process.stdout is not None
        self.process.stdout.close()

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self, seconds: float = SECONDS) -> int:
        """Wait for its end and return the status; no traceback may have come out of it."""
        status = self.process.wait(seconds)
        check_no_traceback(self.stderr)
        return status

    def end(self, number: signal.Signals, seconds: float = SECONDS) -> tuple[int, float]:
        """Send a signal; return the status and how long the end took."""
        begun = time.monotonic()
        self.send(number)
        status = self.wait(seconds)
        return status, time.monotonic() - begun

    def wait_until(self, is_true: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Wait until something is true while it runs; the failure tells what it said."""

        def is_true_or_dead() -> bool:
            return is_true() or self.process.poll() is not None

        assert wait_until(is_true_or_dead, seconds), self.stderr
        assert is_true(), f"ended with {self.process.returncode}: {self.stderr}"


@contextmanager
def started(
    folder: Path,
    *arguments: object,
    prefix: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    stdout: int | None = subprocess.PIPE,
) -> Iterator[Running]:
    """Start `mailport` and let it run while the block does; its standard error goes to a file in `folder`."""
    stderr_file = folder / f"stderr-{time.monotonic_ns()}.txt"
    with stderr_file.open("wb") as stderr:
        process = subprocess.Popen(
            [*DIES_WITH_US, *prefix, MAILPORT, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            env={**ENVIRONMENT, "STATE_DIRECTORY": f"{folder}.state", **(env or {})},
        )
    with process:
        try:
            yield Running(process, stderr_file)
        finally:
            if process.poll() is None:
                process.kill()
