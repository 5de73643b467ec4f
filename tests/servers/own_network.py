"""Gives each process of a parallel run (pytest-xdist) a network of its own: all use the same ports."""

import ctypes
import os
import subprocess

import pytest

from tests.servers.netns import CLONE_NEWNET
from tests.servers.process import find_program


def _leave_the_shared_network() -> None:
    """Move this thread, and whatever it starts from now on, to a network with nothing but a loopback."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise pytest.UsageError(f"no network of its own for a test process ({reason}): be root, or add -n 0")
    subprocess.run([find_program("ip", "iproute2"), "link", "set", "lo", "up"], check=True)


def pytest_configure(config: pytest.Config) -> None:
    """Leave before a fixture opens a socket; a run in one process stays where it is."""
    if hasattr(config, "workerinput"):
        _leave_the_shared_network()
