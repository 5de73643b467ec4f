"""Starts a real server as a child process, waits until it answers, and stops that process and no other."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

POLL_SECONDS = 0.02
START_SECONDS = 30.0
STOP_SECONDS = 15.0
LOG_TAIL_CHARACTERS = 6000
# Put before a program of one process: it ends when the thread that started it does (PR_SET_PDEATHSIG).
DIES_WITH_US = ("setpriv", "--pdeathsig", "TERM")
# The same for a server of many processes, some of which change their user and so lose that signal: a guard
# that ends the server's group when the pipe to us closes without a word.
GUARD = 'read -r word || kill -s TERM -- "-$0"'


class ServerNotStartedError(RuntimeError):
    """The server's program is missing, ended early or never answered; the text carries the end of its log."""


def find_program(name: str, package: str, *more_folders: str) -> str:
    """Return the path of a server's program, or say which Debian package brings it."""
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin", *more_folders])
    path = shutil.which(name, path=folders)
    if path is None:
        raise ServerNotStartedError(
            f"no program {name!r} on this machine: install Debian's package {package}"
        )
    return path


def wait_until(is_true: Callable[[], bool], seconds: float) -> bool:
    """Ask again and again until the answer is yes; False once the seconds are over."""
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def greets(address: str, port: int, start: bytes) -> bool:
    """Tell whether the server on a port opens the talk with these bytes (it may take 10 s to do so)."""
    try:
        with socket.create_connection((address, port), timeout=10.0) as connection:
            return connection.recv(512).startswith(start)
    except OSError:
        return False


def accepts(address: str, port: int) -> bool:
    """Tell whether something on the port takes a connection."""
    try:
        with socket.create_connection((address, port), timeout=2.0):
            return True
    except OSError:
        return False


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def _is_unused(address: str, ports: Sequence[int]) -> bool:
    for port in ports:
        try:
            socket.create_server((address, port)).close()
        except OSError:
            return False
    return True


@contextmanager
def reserved_address(network: str, ports: Sequence[int]) -> Iterator[str]:
    """Reserve one address of a loopback network (`127.0.25`) among all test runs, with its ports free.

    The lock is a socket name without a file, so it goes away with the process that holds it.
    """
    for last in range(1, 255):
        address = f"{network}.{last}"
        lock = socket.socket(socket.AF_UNIX)
        try:
            lock.bind(f"\0mailport-tests-{address}")
        except OSError:
            lock.close()
            continue
        with lock:
            if not _is_unused(address, ports):
                continue
            yield address
        return
    raise ServerNotStartedError(f"all addresses of {network}.0/24 are in use by other programs")


def _tail(logs: Sequence[Path]) -> str:
    parts = [
        f"--- {log}\n{log.read_text('utf-8', 'replace')[-LOG_TAIL_CHARACTERS:]}"
        for log in logs
        if log.exists()
    ]
    return "\n".join(parts) or "(no log was written)"


def _exit_of(process: subprocess.Popen[bytes]) -> int | None:
    """Return how the child ended, None while it runs; it stays unreaped, so its id cannot be given away."""
    found = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return None if found is None else found.si_status


@contextmanager
def _guarded(process: subprocess.Popen[bytes]) -> Iterator[None]:
    argv = ["sh", "-c", GUARD, str(process.pid)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True) as guard:
        try:
            yield
        finally:
            guard.communicate(b"stopped\n")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the child, then what is left of its own process group, and wait for it."""
    if _exit_of(process) is None:
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: _exit_of(process) is not None, STOP_SECONDS)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_SECONDS)


@contextmanager
def running(
    argv: Sequence[str],
    *,
    is_ready: Callable[[], bool],
    logs: Sequence[Path],
    env: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends. The first log takes what it prints; all are shown when it fails."""
    with logs[0].open("ab") as output:
        process = subprocess.Popen(  # its own session, so that its group is ours alone to end
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=env,
        )
    with _guarded(process):
        try:
            is_up = wait_until(lambda: _exit_of(process) is not None or is_ready(), START_SECONDS)
            status = _exit_of(process)
            if status is not None:
                raise ServerNotStartedError(f"{argv[0]} ended with {status}:\n{_tail(logs)}")
            if not is_up:
                raise ServerNotStartedError(f"{argv[0]} gave no answer in {START_SECONDS} s:\n{_tail(logs)}")
            yield process
        finally:
            _stop(process)


@contextmanager
def state_folder(name: str) -> Iterator[Path]:
    """Make a folder for a server's state and remove it afterwards.

    Postfix and Dovecot give up root and must still pass through their folders, which pytest's own temporary
    folders (mode 0700) forbid; their socket paths must stay short as well.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"mailport-{name}-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A session's folder for the state of its servers."""
    with state_folder("tests") as folder:
        yield folder
