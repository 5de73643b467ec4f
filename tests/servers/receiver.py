"""A receiver of webhooks on loopback: keeps what is posted to it, and answers as a test wants."""

import json
import queue
import ssl
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.certificates import Leaf


class Receiver:
    """What was posted, in its order. `answers` are the statuses of the next requests; then 204."""

    def __init__(self) -> None:
        self.posted: queue.SimpleQueue[tuple[Mapping[str, str], dict[str, Any]]] = queue.SimpleQueue()
        self.answers: deque[int] = deque()
        self.gate = threading.Event()
        """Requests are answered while it is set."""
        self.gate.set()
        self.requests = 0
        self.port = 0

    def take(self, seconds: float = 10.0) -> dict[str, Any]:
        """Return the next document; fail where none comes in time."""
        return self.take_all(seconds)[1]

    def take_all(self, seconds: float = 10.0) -> tuple[Mapping[str, str], dict[str, Any]]:
        """Return the head and the document of the next request."""
        return self.posted.get(timeout=seconds)


@contextmanager
def receiving(leaf: Leaf | None = None, address: str = "127.0.0.1", port: int = 0) -> Iterator[Receiver]:
    """Receive while the block runs, over TLS where there is a certificate; at any port that is free for 0."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.requests += 1
            receiver.posted.put((dict(self.headers.items()), json.loads(body)))
            receiver.gate.wait(30)
            status = receiver.answers.popleft() if receiver.answers else 204
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((address, port), Handler)
    server.daemon_threads = True
    if leaf is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(leaf.certificate_file, leaf.key_file)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.gate.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
