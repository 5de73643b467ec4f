"""Bare handshakes in C: a program made with the system's compiler and OpenSSL, else `openssl s_time`."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.processes.child import answer_of, ask, cpu_seconds, program

_SOURCE = Path(__file__).with_name("bare_handshakes.c")
_COUNTED = re.compile(r"(\d+) connections in ([0-9.]+) real seconds")
_SECONDS = "2"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one round of connections cost."""

    cpu_ms: float
    """CPU per connection, in milliseconds."""
    rate: float
    """Connections per second."""


def build(folder: Path) -> Path | None:
    """Compile the program; None where there is no compiler, or no headers of OpenSSL."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    made = folder / "bare_handshakes"
    argv = [compiler, "-O2", "-o", str(made), str(_SOURCE), "-lssl", "-lcrypto"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{_SOURCE.name} cannot be compiled: {done.stderr.splitlines()[:1]}", file=sys.stderr)
        return None
    return made


@contextmanager
def run_bare(
    made: Path, ca_file: Path, name: str, port: int, protocol: str
) -> Iterator[subprocess.Popen[str]]:
    """Run the program against a port."""
    with program([str(made), str(ca_file), name, str(port), protocol]) as process:
        answer_of(process)
        yield process


def measure_bare(process: subprocess.Popen[str], count: int) -> Cost:
    """Have the program make so many connections."""
    before = cpu_seconds(process.pid)
    seconds = float(ask(process, str(count)))
    return Cost(1000 * (cpu_seconds(process.pid) - before) / count, count / seconds)


def measure_s_time(ca_file: Path, port: int, cores: set[int]) -> Cost:
    """Have `openssl s_time` connect to a port with TLS from the first byte, for two seconds."""
    argv = ["openssl", "s_time", "-new", "-connect", f"127.0.0.1:{port}", "-CAfile", str(ca_file)]
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        process = subprocess.Popen([*argv, "-time", _SECONDS], stdout=subprocess.PIPE, text=True)
    finally:
        os.sched_setaffinity(0, own)
    with process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    found = _COUNTED.search(printed)
    if found is None:
        raise RuntimeError(f"openssl s_time ended with status {process.returncode}: {printed!r}")
    count = int(found[1])
    return Cost(1000 * (used.ru_utime + used.ru_stime) / count, count / float(_SECONDS))
