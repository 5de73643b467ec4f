"""Writes lines to standard output from a thread of its own: whoever stops reading them stops nothing."""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

MOST_WAITING = 1000
"""Lines; of more the oldest go."""


class LineWriter:
    """Writes lines in their order. The thread begins with the first line, and does not hold the end up."""

    def __init__(self, count: Callable[[str], None]) -> None:
        self._count = count
        self._waiting: deque[str] = deque()
        self._lock = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_writing = False
        self._is_broken = False

    def take(self, line: str) -> None:
        """Take a line, without its ending; the oldest that waits goes where there are too many."""
        with self._lock:
            if self._is_broken or len(self._waiting) >= MOST_WAITING:
                self._count("dropped")
                if self._is_broken:
                    return
                self._waiting.popleft()
            self._waiting.append(line)
            self._lock.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="mailport-stdout", daemon=True)
            self._thread.start()

    def wait_until_idle(self, seconds: float) -> None:
        """Block until all is written, or the time is over."""
        with self._lock:
            self._lock.wait_for(lambda: not self._waiting and not self._is_writing, seconds)

    def _run(self) -> None:
        while not self._is_broken:
            with self._lock:
                while not self._waiting:
                    self._lock.wait()
                self._is_writing = True
                line = self._waiting.popleft()
            try:
                _write(f"{line}\n".encode())
            except (OSError, ValueError, AttributeError) as error:
                self._give_up(error)
            else:
                self._count("delivered")
            with self._lock:
                self._is_writing = False
                self._lock.notify_all()

    def _give_up(self, error: Exception) -> None:
        """Write no more: nobody reads it, or it is closed."""
        with self._lock:
            self._is_broken = True
            for _ in range(len(self._waiting) + 1):
                self._count("dropped")
            self._waiting.clear()
        log.error("stdout_lost", error=getattr(error, "strerror", None) or str(error))


def _write(data: bytes) -> None:
    # Past Python's buffer, whose lock would be held at the end of the process where nobody reads.
    descriptor = sys.stdout.fileno()
    while data:
        data = data[os.write(descriptor, data) :]
