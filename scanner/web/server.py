"""Listens on one address and serves the HTTP interface in the caller's own event loop."""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from scanner.web.acceptor import TlsAcceptor
from scanner.web.guard import Terms
from scanner.web.tls_context import names_of

GRACE_SECONDS = 5
"""How long requests under way may go on when the server stops."""

MAX_CONNECTIONS = 200
"""Connections open at once; far below the usual limit of descriptors, which the probes need too."""
IDLE_SECONDS = 10.0
"""How long a connection may stand without a whole request head, or with nothing read of its answer."""
ANSWER_SECONDS = 60.0
"""How long a client may take to read what is written for it; a scrape has less time by far."""
BACKLOG = 128


class ListenError(OSError):
    """The address cannot be listened on; the message says what, where and how to mend it."""


_REMEDIES = {
    errno.EADDRINUSE: "the port is in use by another program. Stop that program or choose another port.",
    errno.EADDRNOTAVAIL: "this machine does not have that address. Use one of its own, or 0.0.0.0 for all.",
    errno.EACCES: "it is not allowed. Ports below 1024 need a privilege: choose a higher port.",
    errno.EPERM: "it is not allowed. Choose another port or ask whoever guards this machine.",
    errno.EAFNOSUPPORT: "this machine has no such kind of address (IPv6 may be off). Use an IPv4 address.",
}


def bind(listen: str) -> socket.socket:
    """Return a socket that listens on `HOST:PORT`, `[IPV6]:PORT` or `:PORT` (every address).

    Port 0 takes any free port. Raises ListenError with a message for a person.
    """
    host, port = _split(listen)
    try:
        if not host:
            return _bind_everywhere(port)
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except socket.gaierror as error:
        message = f"cannot listen on {listen}: the name {host} has no address here. Use an IP address."
        raise ListenError(message) from error
    except OSError as error:
        why = _REMEDIES.get(error.errno or 0, f"{os.strerror(error.errno or 0)}. Choose another address.")
        raise ListenError(f"cannot listen on {listen}: {why}") from error


def _limit_connections(
    idle_seconds: float, answer_seconds: float, find_terms: Callable[[], Terms]
) -> type[H11Protocol]:
    """Make the protocol of a connection: too many are cut at once, idle and unread ones after a while."""

    class Connection(H11Protocol):
        _seen: tuple[object, int] = (None, 0)
        _unread_since: float | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            self.transport = transport
            if len(self.connections) >= MAX_CONNECTIONS or not _is_admitted(transport, find_terms()):
                transport.abort()
                return
            # An answer that goes on for ever needs a way to end one that its client does not read.
            self.app_state = {**self.app_state, "cut": transport.abort}
            super().connection_made(transport)
            self.loop.call_later(idle_seconds, self._look)

        def _look(self) -> None:
            """Cut the connection where nothing moves on it any more; else look again later."""
            # A transport that is closing still waits for the other side to read what is written.
            if self not in self.connections:
                return
            cycle: RequestResponseCycle | None = self.cycle  # None before the first request
            is_answered = cycle is None or cycle.response_complete
            standing = (cycle, self.transport.get_write_buffer_size())
            if (is_answered and standing == self._seen) or self._is_answer_overdue(standing[1]):
                self.transport.abort()
            else:
                self._seen = standing
                self.loop.call_later(idle_seconds, self._look)

        def _is_answer_overdue(self, unread: int) -> bool:
            now = self.loop.time()
            if not unread:
                self._unread_since = None
            elif self._unread_since is None:
                self._unread_since = now
            return self._unread_since is not None and now - self._unread_since >= answer_seconds

    return Connection


def _is_admitted(transport: asyncio.Transport, terms: Terms) -> bool:
    """Whether the client's certificate, where there is one, bears a name that is let in."""
    if not terms.allowed_sans or transport.get_extra_info("sslcontext") is None:
        return True
    return not terms.allowed_sans.isdisjoint(names_of(transport.get_extra_info("peercert")))


class _Server(uvicorn.Server):
    """uvicorn that leaves the signals to its host and tells when it accepts connections."""

    def __init__(
        self, config: uvicorn.Config, connection: type[H11Protocol], find_terms: Callable[[], Terms]
    ) -> None:
        super().__init__(config)
        self._connection = connection
        self._find_terms = find_terms
        self.is_accepting = asyncio.Event()
        self._is_stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signal handlers alone: the service has its own."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, then say so; TLS has a listener of its own, whose certificate may change."""
        if self._find_terms().context is None:
            await super().startup(sockets)
        else:
            await super().startup([])
            self.servers += [self._listen_for_tls(sock) for sock in sockets or ()]
        self.is_accepting.set()

    def _listen_for_tls(self, sock: socket.socket) -> asyncio.Server:
        make_protocol = partial(
            self._connection,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )

        def find_context() -> ssl.SSLContext:
            context = self._find_terms().context
            if context is None:
                raise LookupError("TLS has been switched off, which takes a restart")
            return context

        # uvicorn closes its servers and waits for that, and asks nothing else of them.
        return cast("asyncio.Server", TlsAcceptor(sock, make_protocol, find_context))

    async def main_loop(self) -> None:
        """Renew the Date header every second until told to stop (uvicorn wakes ten times as often)."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_stopping.wait(), 1)

    def stop(self) -> None:
        """Take no more connections and let requests under way end."""
        self.should_exit = True
        self._is_stopping.set()

    def cut_connections(self) -> None:
        """Close what is still open, without waiting for the other side."""
        for connection in list(self.server_state.connections):
            # Unasked for its type: uvloop's transports do not derive from asyncio.Transport.
            connection.transport.abort()


@asynccontextmanager
async def serve_http(
    app: ASGIApp,
    sock: socket.socket,
    *,
    grace: int = GRACE_SECONDS,
    idle_seconds: float = IDLE_SECONDS,
    answer_seconds: float = ANSWER_SECONDS,
    find_terms: Callable[[], Terms] = Terms,
) -> AsyncIterator[None]:
    """Serve the app on a socket from `bind` for as long as the block runs.

    Enters when connections are accepted. On leaving, requests under way have `grace` seconds to
    end, then everything is cut. The socket is closed then. A connection on which nothing moves for
    `idle_seconds`, and one whose client reads too slowly for `answer_seconds`, is cut. `find_terms`
    returns the terms in force; whether TLS is spoken is decided at the start.
    """
    connection = _limit_connections(idle_seconds, answer_seconds, find_terms)
    config = uvicorn.Config(
        app,
        http=connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=grace,
    )
    server = _Server(config, connection, find_terms)
    serving = asyncio.create_task(server.serve(sockets=[sock]), name="http")
    try:
        await _until_accepting(server, serving)
        yield
    finally:
        try:
            await _stop(server, serving, grace)
        finally:
            sock.close()


async def _until_accepting(server: _Server, serving: asyncio.Task[None]) -> None:
    accepting = asyncio.create_task(server.is_accepting.wait())
    try:
        await asyncio.wait({accepting, serving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        accepting.cancel()
    if serving.done():
        await serving
        raise RuntimeError("the HTTP server ended before it began")


async def _stop(server: _Server, serving: asyncio.Task[None], grace: int) -> None:
    server.stop()
    try:
        # uvicorn keeps the grace itself; the second more is for what it does besides.
        await asyncio.wait({serving}, timeout=grace + 1)
    finally:
        serving.cancel()
        server.cut_connections()
    await asyncio.wait({serving})
    if not serving.cancelled():
        serving.result()


def _split(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    is_number = port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535
    if not is_number or (":" in host and not is_bracketed) or ":" not in listen:
        raise ListenError(
            f"cannot listen on {listen!r}: that is not HOST:PORT. "
            "Write for example 127.0.0.1:9587 or [::1]:9587."
        )
    return host[1:-1] if is_bracketed else host, int(port)


def _bind_everywhere(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(
                ("", port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True
            )
        except OSError as error:
            # IPv6 is compiled in and switched off: IPv4 alone is every address then.
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                raise
    return socket.create_server(("", port), backlog=BACKLOG)
