"""The wires to a PostgreSQL: whoever waits for a server that hangs is set free by cutting them."""

import os
import socket
import threading
import weakref
from contextlib import suppress
from typing import Protocol


class Wired(Protocol):
    """A connection of the driver."""

    def fileno(self) -> int:
        """Return the descriptor of its socket."""


class Wires:
    """The sockets of all connections that an engine has open; cut them from any thread.

    A server that hangs, stopped or cut off with its connections open, ends no question: limits that it was
    told of are its own to keep, and those of TCP see that its machine still acknowledges what is sent.
    """

    def __init__(self) -> None:
        self._open: set[socket.socket] = set()
        # The collector may end a connection, and so have it forgotten, while this very thread has the lock.
        self._lock = threading.RLock()

    def add(self, connection: Wired) -> None:
        """Take note of a connection for as long as there is one."""
        # A descriptor of our own: the driver's may be another file's by the time of the cut.
        wire = socket.socket(fileno=os.dup(connection.fileno()))
        with self._lock:
            self._open.add(wire)
        weakref.finalize(connection, self._forget, wire)

    def cut(self) -> None:
        """Let every question that waits fail now, in the words of a connection that was lost."""
        with self._lock:
            for wire in tuple(self._open):
                with suppress(OSError):  # it has ended already
                    wire.shutdown(socket.SHUT_RDWR)

    def _forget(self, wire: socket.socket) -> None:
        with self._lock:
            self._open.discard(wire)
        wire.close()
