"""A way to a server that can be cut without either side being told: a relay that holds bytes back."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.servers.process import free_port


@dataclass(slots=True)
class Partition:
    """What is sent while it is cut arrives when it is mended."""

    target: tuple[str, int]
    port: int = field(default_factory=free_port)
    _is_open: threading.Event = field(default_factory=threading.Event)
    _words: bytes = b""
    _sockets: list[socket.socket] = field(default_factory=list)
    _pumps: list[threading.Thread] = field(default_factory=list)

    def cut(self) -> None:
        """Let nothing through any more."""
        self._is_open.clear()

    def cut_before(self, words: bytes) -> None:
        """Cut it as soon as these words come from either side; they are held back, too."""
        self._words = words

    @property
    def is_cut(self) -> bool:
        """Whether nothing is let through."""
        return not self._is_open.is_set()

    def mend(self) -> None:
        """Let everything through again."""
        self._is_open.set()

    def serve(self, listener: socket.socket) -> None:
        """Take connections until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(self.target, 10)
                server.settimeout(None)
                self._sockets += [client, server]
                for one, other in ((client, server), (server, client)):
                    pump = threading.Thread(target=self._pump, args=(one, other), daemon=True)
                    self._pumps.append(pump)
                    pump.start()

    def close(self) -> None:
        """End all connections."""
        self.mend()
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for pump in self._pumps:
            pump.join(10)
        for each in self._sockets:
            each.close()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self._words and self._words in data:
                    self._words = b""
                    self.cut()
                self._is_open.wait()
                sink.sendall(data)
        self._is_open.wait()
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


@contextmanager
def partition_before(target: tuple[str, int]) -> Iterator[Partition]:
    """Relay to an address until the block ends."""
    found = Partition(target)
    found.mend()
    with socket.create_server(("127.0.0.1", found.port)) as listener:
        thread = threading.Thread(target=found.serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield found
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            found.close()
