"""Tells the service manager how we are (sd_notify): ready, reloading, stopping, alive while the loop turns.

A datagram with NAME=VALUE lines to the socket that NOTIFY_SOCKET names; without that nothing is told. Telling
never fails the service: a manager that takes no word will judge by its own clock.
"""

import asyncio
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import structlog

log = structlog.get_logger(__name__)

_SHARE = 3.0
"""Signs of life within the time that the manager waits for one: one that is lost or late does no harm."""


class Supervisor:
    """The service manager's end of the wire; its variables are those that systemd gives a service."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = _read_address(environ.get("NOTIFY_SOCKET", ""))
        self._watchdog = _read_watchdog(environ) if self._address else None

    def tell_ready(self, status: str) -> None:
        """Say that we serve; `status` is shown by `systemctl status`."""
        self._tell("READY=1", f"STATUS={_in_one_line(status)}")

    def tell_stopping(self) -> None:
        """Say that we are about to end, as asked."""
        self._tell("STOPPING=1", "STATUS=Stopping: probes under way are ended.")

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Say that we reload while the block runs, and are ready after it."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")
        try:
            yield
        finally:
            self._tell("READY=1")

    async def keep_alive(self) -> None:
        """Give a sign of life, as often as asked for, for as long as the event loop turns."""
        while self._watchdog is not None:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self._watchdog / _SHARE)

    def _tell(self, *lines: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            log.warning("service_manager_not_told", said=lines[0], error=error.strerror or str(error))


def _read_address(text: str) -> bytes | None:
    """Return the address of the socket, a path or a name without a file (`@name`); None without one."""
    name = os.fsencode(text)
    if name.startswith(b"@") and len(name) > 1:
        return b"\0" + name[1:]
    return name if name.startswith(b"/") else None


def _read_watchdog(environ: Mapping[str, str]) -> float | None:
    """Return the seconds within which a sign of life is wanted of this process; None where none is."""
    micros, process = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(os.getpid()))
    is_number = micros.isascii() and micros.isdigit() and len(micros) < 16
    if not is_number or int(micros) == 0 or process != str(os.getpid()):
        return None
    return int(micros) / 1e6


def _in_one_line(text: str) -> str:
    return " ".join(text.split())
