"""A proxy on the way to an SMTP server that takes STARTTLS out of what it offers; mail goes on in clear."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers.listener import PATIENCE_SECONDS, Listener, run_listener
from tests.servers.relay import pass_on

_STARTTLS = b"STARTTLS"


class Replies:
    """Takes what a server says piece by piece and gives it back by whole replies, without STARTTLS."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._reply: list[bytes] = []

    def strip(self, data: bytes) -> bytes:
        """Return the replies that are whole by now (RFC 5321 section 4.2.1); the rest waits."""
        self._pending += data
        done = bytearray()
        while b"\n" in self._pending:
            line, _, rest = bytes(self._pending).partition(b"\n")
            self._pending[:] = rest
            self._reply.append(line + b"\n")
            if line[3:4] != b"-":
                done += _without_starttls(self._reply)
                self._reply.clear()
        return bytes(done)


def _without_starttls(reply: list[bytes]) -> bytes:
    """Drop the line of the keyword; the last line of what is left ends the reply."""
    kept = [line for line in reply if line[:3] != b"250" or line[4:].strip().upper() != _STARTTLS]
    if kept and kept[-1][3:4] == b"-":
        kept[-1] = kept[-1][:3] + b" " + kept[-1][4:]
    return b"".join(kept)


@contextmanager
def run_stripper(where: tuple[str, int], server: tuple[str, int]) -> Iterator[Listener]:
    """Listen on a host and port (0: any free one) and stand between who connects there and the server."""

    def serve(connection: socket.socket) -> None:
        with socket.create_connection(server, PATIENCE_SECONDS) as upstream:
            pass_on(connection, upstream, Replies().strip)

    with run_listener(*where, serve) as listener:
        yield listener
