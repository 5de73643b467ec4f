"""A relay between a client and PostgreSQL that can swallow the answer to a COMMIT and cut the connection."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.servers.process import free_port

_COMMIT = b"COMMIT"


@dataclass(slots=True)
class Relay:
    """Listens on loopback; armed, it lets one COMMIT pass and keeps its answer back."""

    target: tuple[str, int]
    port: int = field(default_factory=free_port)
    armed: threading.Event = field(default_factory=threading.Event)
    cut: threading.Event = field(default_factory=threading.Event)
    connections: list[socket.socket] = field(default_factory=list)
    pumps: list[threading.Thread] = field(default_factory=list)

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.target, timeout=10)
            swallow = threading.Event()
            for source, sink in ((client, server), (server, client)):
                is_client = source is client
                arguments = (source, sink, swallow, is_client)
                pump = threading.Thread(target=self._pump, args=arguments, daemon=True)
                self.pumps.append(pump)
                pump.start()
            self.connections += [client, server]

    def _pump(
        self, source: socket.socket, sink: socket.socket, swallow: threading.Event, is_client: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_client and _COMMIT in data and self.armed.is_set():
                    self.armed.clear()
                    swallow.set()
                if not is_client and swallow.is_set():
                    self.cut.set()
                    break  # it has committed; nobody is told
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()  # its other direction closes the other end


@contextmanager
def relay_to(target: tuple[str, int]) -> Iterator[Relay]:
    """Relay to an address until the block ends."""
    relay = Relay(target)
    with socket.create_server(("127.0.0.1", relay.port)) as listener:
        thread = threading.Thread(target=relay._serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for connection in relay.connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for pump in relay.pumps:
                pump.join(10)
