"""What this machine lets us have: open files and memory, and how many connections that is enough for."""

import resource
from dataclasses import dataclass
from pathlib import Path

OTHER_FILES = 384
"""Descriptors beside the connections of probes: look-ups, web sources, outputs, temporary files."""
BYTES_PER_CONNECTION = 96 * 1024
"""What a probe takes at its most, with its share of the kernel's buffers."""
SCARCE_BYTES = 64 * 1024 * 1024
"""With less memory left than this there are too many connections."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many connections are possible of those that are wanted, and why not more."""

    connections: int
    why: str | None = None


def make_room(wanted: int, *, memory: int | None = None) -> Room:
    """Raise the limit of open files as far as need be and may be, and tell how many connections there can be.

    Args:
        wanted: connections at once.
        memory: bytes that are available (default: what this machine, or the container, has left).
    """
    files = _raise_limit(wanted + OTHER_FILES)
    by_files = max(1, files - min(OTHER_FILES, files // 2))
    memory = available_memory() if memory is None else memory
    by_memory = max(1, memory // 2 // BYTES_PER_CONNECTION)
    if wanted <= min(by_files, by_memory):
        return Room(wanted)
    if by_files <= by_memory:
        return Room(
            by_files,
            f"{by_files} connections at once instead of {wanted}: the hard limit of open files is {files}; "
            f"raise it to {wanted + OTHER_FILES} or more (ulimit -Hn, LimitNOFILE= of systemd, "
            "--ulimit nofile= of a container)",
        )
    return Room(
        by_memory,
        f"{by_memory} connections at once instead of {wanted}: {memory // 2**20} MiB of memory are left, and "
        "half of them are enough for so many",
    )


def available_memory() -> int:
    """Return how many bytes of memory are left, to the machine or to the control group that we run in."""
    left = _read_meminfo()
    group = Path("/sys/fs/cgroup")
    try:
        most = (group / "memory.max").read_text().strip()
        used = int((group / "memory.current").read_text())
        cache = _read_cache(group / "memory.stat")
    except (OSError, ValueError):
        return left
    return left if not most.isdigit() else max(0, min(left, int(most) - used + cache))


def _read_meminfo() -> int:
    """Return MemAvailable (proc(5)), or plenty where there is no such file."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        return 2**62


def _read_cache(stat: Path) -> int:
    """Return the bytes of files in the cache, which the kernel gives back when they are wanted."""
    lines = stat.read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))


def _raise_limit(wanted: int) -> int:
    """Raise the soft limit of open files towards the hard one; return what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    except (OSError, ValueError):
        return soft
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
