"""A TCP server in threads of the test's own process, and the side in clear of SMTP, IMAP and POP3."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from scanner.model import Protocol

PATIENCE_SECONDS = 30.0
"""No read or write takes longer, so that a thread whose client hangs ends by itself."""
LINE_LIMIT = 512


@dataclass(slots=True)
class Listener:
    """A port that takes connections; `connections` counts them."""

    address: str
    port: int
    connections: int = 0
    failures: list[Exception] = field(default_factory=list)
    """What the server's own code did wrong; a lost connection is none of that."""
    _open: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def _serve_one(self, connection: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        try:
            serve(connection)
        except OSError:
            return  # the client went away, which is its right
        except Exception as failure:  # noqa: BLE001 - kept for the test to see
            self.failures.append(failure)
        finally:
            with self._lock:
                self._open.discard(connection)
                connection.close()

    def _take(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self.connections += 1
            self._open.add(connection)

    def _cut_all(self) -> None:
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def run_listener(address: str, port: int, serve: Callable[[socket.socket], None]) -> Iterator[Listener]:
    """Listen (port 0: any free one); each connection has its thread, and is closed when `serve` returns."""
    with socket.create_server((address, port), backlog=128) as server:
        listener = Listener(address, server.getsockname()[1])
        threads: list[threading.Thread] = []

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                listener._take(connection)
                thread = threading.Thread(target=listener._serve_one, args=(connection, serve))
                threads.append(thread)
                thread.start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listener
        finally:
            server.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept()
            accepting.join()
            listener._cut_all()
            for thread in threads:
                thread.join()
    if listener.failures:
        raise ExceptionGroup(f"the server on {address}:{listener.port} failed", listener.failures)


_GREETING = {
    Protocol.SMTP: "220 canned.mail.test ESMTP ready\r\n",
    Protocol.IMAP: "* OK canned.mail.test IMAP4rev1 ready\r\n",
    Protocol.POP3: "+OK canned.mail.test POP3 ready\r\n",
}


def talk_in_clear(connection: socket.socket, protocol: Protocol, *, offers_tls: bool) -> bool:
    """Greet and answer; True once the client has asked for TLS and may begin, False when it has gone."""
    connection.sendall(_GREETING[protocol].encode("ascii"))
    answer = {Protocol.SMTP: _answer_smtp, Protocol.IMAP: _answer_imap, Protocol.POP3: _answer_pop3}[protocol]
    while line := _read_line(connection):
        reply, verb = answer(line.decode("ascii", "replace").strip(), offers_tls)
        connection.sendall(reply.encode("ascii"))
        if verb in {"QUIT", "LOGOUT"}:
            return False
        if verb in {"STARTTLS", "STLS"} and offers_tls:
            return True
    return False


def _read_line(connection: socket.socket) -> bytes:
    """Read a line, byte by byte: what follows it may be TLS already. Empty once the client has gone."""
    line = bytearray()
    while not line.endswith(b"\n") and len(line) < LINE_LIMIT:
        byte = connection.recv(1)
        if not byte:
            return b""
        line += byte
    return bytes(line)


def _answer_smtp(line: str, offers_tls: bool) -> tuple[str, str]:
    verb = line.partition(" ")[0].upper()
    starttls = "250-STARTTLS\r\n" if offers_tls else ""
    replies = {
        "EHLO": f"250-canned.mail.test\r\n{starttls}250 8BITMIME\r\n",
        "HELO": "250 canned.mail.test\r\n",
        "QUIT": "221 2.0.0 Bye\r\n",
    }
    if offers_tls:
        replies["STARTTLS"] = "220 2.0.0 Ready to start TLS\r\n"
    return replies.get(verb, "502 5.5.2 Unknown command\r\n"), verb


def _answer_imap(line: str, offers_tls: bool) -> tuple[str, str]:
    tag, _, rest = line.partition(" ")
    verb = rest.partition(" ")[0].upper()
    starttls = " STARTTLS LOGINDISABLED" if offers_tls else ""
    replies = {
        "CAPABILITY": f"* CAPABILITY IMAP4rev1{starttls}\r\n{tag} OK done\r\n",
        "LOGOUT": f"* BYE\r\n{tag} OK done\r\n",
    }
    if offers_tls:
        replies["STARTTLS"] = f"{tag} OK begin TLS\r\n"
    return replies.get(verb, f"{tag} BAD unknown command\r\n"), verb


def _answer_pop3(line: str, offers_tls: bool) -> tuple[str, str]:
    verb = line.partition(" ")[0].upper()
    stls = "STLS\r\n" if offers_tls else ""
    replies = {"CAPA": f"+OK\r\nUIDL\r\n{stls}.\r\n", "QUIT": "+OK bye\r\n"}
    if offers_tls:
        replies["STLS"] = "+OK begin TLS\r\n"
    return replies.get(verb, "-ERR unknown command\r\n"), verb
