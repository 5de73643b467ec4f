"""Accepts TLS connections: each with the context of the moment, and a word for those that forgot TLS."""

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

HANDSHAKE_SECONDS = 10.0
"""How long a client may take from its connection to the end of its handshake."""
MOST_HANDSHAKES = 100
"""Under way at once; further clients wait in the queue of the kernel."""
PAUSE_SECONDS = 1.0
"""After the system had no descriptor or memory left."""
_HANDSHAKE = 0x16
"""The first octet of a ClientHello (RFC 8446 section 5.1)."""
_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_ADVICE = b"400 Bad Request: this port speaks HTTPS; ask again by https://.\n"
_PLAIN = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_ADVICE), _ADVICE)
)


class TlsAcceptor:
    """Listens in the place of the server's own listener, whose `close` and `wait_closed` it has.

    Args:
        make_protocol: makes what serves a connection.
        find_context: returns the context for the next connection; it may be another one each time.
    """

    def __init__(
        self,
        sock: socket.socket,
        make_protocol: Callable[[], asyncio.BaseProtocol],
        find_context: Callable[[], ssl.SSLContext],
        *,
        handshake_seconds: float = HANDSHAKE_SECONDS,
    ) -> None:
        sock.setblocking(False)
        self.sockets = (sock,)
        self._make_protocol = make_protocol
        self._find_context = find_context
        self._seconds = handshake_seconds
        self._places = asyncio.Semaphore(MOST_HANDSHAKES)
        self._greeting: set[asyncio.Task[None]] = set()
        self._accepting = asyncio.get_running_loop().create_task(self._accept(sock), name="https")

    def close(self) -> None:
        """Accept no more, and give up the handshakes under way."""
        for task in (self._accepting, *self._greeting):
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until that is done."""
        await asyncio.gather(self._accepting, *self._greeting, return_exceptions=True)

    async def _accept(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._places.acquire()
            try:
                client, _ = await loop.sock_accept(sock)
            except OSError as error:
                self._places.release()
                if error.errno in _OUT_OF_RESOURCES:
                    log.error("connection_not_accepted", error=error.strerror)
                    await asyncio.sleep(PAUSE_SECONDS)
                continue
            except BaseException:
                self._places.release()
                raise
            task = loop.create_task(self._greet(client))
            self._greeting.add(task)
            task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._greeting.discard(task)
        self._places.release()
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("connection_failed", error=f"{type(fault).__name__}: {fault}")

    async def _greet(self, client: socket.socket) -> None:
        """Hand a connection on once its client has begun with TLS, and finished the handshake."""
        is_handed_on = False
        try:
            async with asyncio.timeout(self._seconds):
                first = await _peek(client)
                if first == _HANDSHAKE:
                    is_handed_on = True  # whatever comes of it, the loop closes the socket
                    await asyncio.get_running_loop().connect_accepted_socket(
                        self._make_protocol, client, ssl=self._find_context()
                    )
                elif first is not None:
                    await _answer_plainly(client)
        except (OSError, TimeoutError):
            return  # what clients do wrong, and there are many that only knock
        finally:
            if not is_handed_on:
                client.close()


async def _peek(client: socket.socket) -> int | None:
    """Return the first octet that a client sends, and leave it there; None where it sends none."""
    loop = asyncio.get_running_loop()
    client.setblocking(False)
    readable: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not readable.done():
            readable.set_result(None)

    loop.add_reader(client, tell)
    try:
        await readable
    finally:
        loop.remove_reader(client)
    seen = client.recv(1, socket.MSG_PEEK)
    return seen[0] if seen else None


async def _answer_plainly(client: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(client, _PLAIN)
    with contextlib.suppress(OSError):
        client.shutdown(socket.SHUT_WR)
    # What is left unread would make the kernel reset the connection, and the answer be lost.
    while await loop.sock_recv(client, 65536):
        continue
