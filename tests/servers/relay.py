"""A relay before a server: counts connections, puts STARTTLS before implicit TLS, weakens ClientHellos."""

import contextlib
import selectors
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from scanner.model import Protocol, TlsMode
from tests.servers.client_hello import SUPPORTED_VERSIONS, ClientHello, read_client_hello
from tests.servers.listener import PATIENCE_SECONDS, Listener, run_listener, talk_in_clear
from tests.servers.tls_place import TlsPlace

Rewrite = Callable[[ClientHello], bytes]
"""Returns the records that go on in place of a ClientHello."""

_UNKNOWN_EXTENSION = 0x7A7A
_LEGACY_VERSION_AT = 9


def hide_version_1_3(hello: ClientHello) -> bytes:
    """Make a hello one of TLS 1.2: the extension `supported_versions` turns into one that nobody knows."""
    listed = hello.extensions.get(SUPPORTED_VERSIONS, b"")
    rest = struct.pack(">H", len(listed)) + listed
    old, new = (struct.pack(">H", kind) + rest for kind in (SUPPORTED_VERSIONS, _UNKNOWN_EXTENSION))
    return hello.raw.replace(old, new, 1)


def lower_to_1_1(hello: ClientHello) -> bytes:
    """Make a hello one of TLS 1.1."""
    hidden = hide_version_1_3(hello)
    return hidden[:_LEGACY_VERSION_AT] + b"\x03\x02" + hidden[_LEGACY_VERSION_AT + 2 :]


@contextmanager
def run_relay(
    place: TlsPlace,
    *,
    starttls: Protocol | None = None,
    rewrite: Rewrite | None = None,
    where: tuple[str, int] = ("127.0.0.1", 0),
) -> Iterator[tuple[TlsPlace, Listener]]:
    """Relay to a place of implicit TLS, or of any kind where nothing is put before or changed.

    With `starttls` the relay itself has the talk in clear, and hands on what follows it.
    """

    def serve(connection: socket.socket) -> None:
        if starttls is not None and not talk_in_clear(connection, starttls, offers_tls=True):
            return
        with socket.create_connection((place.address, place.port), PATIENCE_SECONDS) as upstream:
            if rewrite is not None:
                upstream.sendall(rewrite(read_client_hello(connection)))
            pass_on(connection, upstream)

    with run_listener(*where, serve) as listener:
        relayed = replace(place, address=listener.address, port=listener.port)
        if starttls is not None:
            relayed = replace(relayed, protocol=starttls, tls_mode=TlsMode.STARTTLS)
        yield relayed, listener


def pass_on(
    client: socket.socket, server: socket.socket, change: Callable[[bytes], bytes] = lambda data: data
) -> None:
    """Hand bytes and ends on, both ways, until both sides have ended or are silent for PATIENCE_SECONDS.

    `change` makes what goes on of what the server says; it may keep some of it for later.
    """
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ, server)
        selector.register(server, selectors.EVENT_READ, client)
        while selector.get_map() and (ready := selector.select(PATIENCE_SECONDS)):
            for key, _ in ready:
                source = key.fileobj
                assert isinstance(source, socket.socket)
                if data := source.recv(65536):
                    key.data.sendall(change(data) if source is server else data)
                    continue
                selector.unregister(source)
                with contextlib.suppress(OSError):
                    key.data.shutdown(socket.SHUT_WR)
