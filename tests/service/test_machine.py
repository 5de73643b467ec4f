"""How many connections this machine allows: open files, memory, and the one line that says why not more."""

import subprocess
import sys

SCRIPT = """
import resource, sys
from scanner.service.machine import make_room

soft, hard, wanted, memory = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
room = make_room(wanted, memory=memory)
print(room.connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
print(room.why)
"""
PLENTY = 2**40


def make(soft: int, hard: int, wanted: int, memory: int = PLENTY) -> tuple[int, int, str]:
    """Make room in a process of its own; return the connections, the soft limit then, and why not more."""
    arguments = [str(number) for number in (soft, hard, wanted, memory)]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    numbers, why = done.stdout.splitlines()
    connections, limit = map(int, numbers.split())
    return connections, limit, why


def test_the_soft_limit_is_raised_as_far_as_need_be() -> None:
    assert make(256, 4096, 1000) == (1000, 1384, "None")


def test_a_limit_that_is_enough_is_left_alone() -> None:
    assert make(2000, 4096, 1000) == (1000, 2000, "None")


def test_the_hard_limit_is_explained_in_one_line() -> None:
    connections, limit, why = make(256, 1024, 1000)
    assert (connections, limit) == (640, 1024)
    assert why.startswith(
        "640 connections at once instead of 1000: the hard limit of open files is 1024; raise it"
    )
    assert "ulimit -Hn" in why


def test_a_tiny_limit_leaves_some_connections() -> None:
    assert make(64, 64, 1000)[0] == 32


def test_little_memory_is_explained_too() -> None:
    connections, _, why = make(256, 4096, 1000, 64 * 1024 * 1024)
    assert connections == 341
    assert "64 MiB of memory are left" in why
