"""Writes results from a thread of its own: a slow disk or reader holds no probe up."""

import os
import select
import threading
import time
from types import TracebackType
from typing import Self, TextIO

MOST_WAITING = 4 * 1024 * 1024
"""Characters that may wait to be written before nothing more is to be begun."""
GATHER_SECONDS = 0.02
"""Where lines come one upon the other, those of so long are written at once, since a wake-up costs more."""
PATIENCE = 1.0
"""Seconds that what is left may take once the command is broken off."""


class Outflow:
    """Text that is written in its order, as much at a time as has come; each line at once where few come.

    What goes wrong in writing is raised by the `write` after it, or by `close`.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._descriptor = descriptor_of(stream)
        self._waiting: list[str] = []
        self._count = 0
        self._is_writing = False
        self._is_idle = False
        self._is_closed = False
        self._error: OSError | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self.is_broken_off = False
        """Whether the end may come before all is written."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_broken_off |= kind is not None
        self.close()

    @property
    def is_behind(self) -> bool:
        """Whether too much waits to be written."""
        return self._count > MOST_WAITING

    def write(self, text: str) -> int:
        """Take some text.

        Raises:
            OSError: what came before could not be written.
        """
        if self._descriptor is None:
            self._stream.write(text)
            return len(text)
        if self._error is not None:
            raise self._error
        with self._changed:
            self._waiting.append(text)
            self._count += len(text)
            if self._is_idle:
                self._is_idle = False
                self._changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="mailport-output", daemon=True)
            self._thread.start()
        return len(text)

    def flush(self) -> None:
        """Do nothing: what comes is written at once."""

    def close(self) -> None:
        """Wait until all is written; only for a moment where the command was broken off.

        Raises:
            OSError: some could not be written.
        """
        if self._descriptor is None:
            self._stream.flush()
            return
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            self._changed.wait_for(self._is_done, PATIENCE if self.is_broken_off else None)
        if self._error is not None and not self.is_broken_off:
            raise self._error

    def _is_done(self) -> bool:
        return self._error is not None or not (self._waiting or self._is_writing)

    def _run(self) -> None:
        while self._error is None:
            with self._changed:
                self._is_writing = False
                self._is_idle = not self._waiting
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if not self._waiting:
                    return
                texts, self._waiting = self._waiting, []
                self._is_writing = True
            text = "".join(texts)
            try:
                self._write_through(text)
            except OSError as error:
                with self._changed:
                    self._error = error
                    self._changed.notify_all()
            with self._changed:
                self._count -= len(text)
            if not self._is_closed:
                time.sleep(GATHER_SECONDS)

    def _write_through(self, text: str) -> None:
        # Past Python's buffer, whose lock would be held at the end of the process where nobody reads.
        data = memoryview(text.encode(self._stream.encoding, self._stream.errors or "strict"))
        while data and self._descriptor is not None:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # somebody else's terminal
                select.select([], [self._descriptor], [])


def descriptor_of(stream: TextIO) -> int | None:
    """Return where a stream goes, or None where the system knows nothing of it."""
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None
