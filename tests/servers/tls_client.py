"""A client by Python's own TLS, not ours: handshakes a version, raw hellos, what the server answers."""

import contextlib
import socket
import ssl
import warnings
from collections.abc import Iterator

from scanner.model import Protocol, TlsMode
from tests.servers.tls_certificates import HOST
from tests.servers.tls_place import (
    RELAXED_CIPHERS,
    VERSIONS,
    TlsPlace,
)

SECONDS = 15.0
LIBRARY_VERSIONS = dict(
    zip(
        VERSIONS,
        (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3),
        strict=True,
    )
)
STARTTLS = {
    Protocol.SMTP: (b"EHLO client.test", b"STARTTLS"),
    Protocol.IMAP: (b"a1 STARTTLS",),
    Protocol.POP3: (b"STLS",),
}


def is_whole_reply(data: bytes) -> bool:
    """A reply of SMTP ends with a line that has a space after its code; the others here are one line."""
    last = data.rpartition(b"\r\n")[0].rpartition(b"\r\n")[2]
    return data.endswith(b"\r\n") and not (last[:3].isdigit() and last[3:4] == b"-")


@contextlib.contextmanager
def connected(place: TlsPlace) -> Iterator[socket.socket]:
    """Connect and go as far as the first byte of TLS."""
    with socket.create_connection((place.address, place.port), SECONDS) as connection:
        if place.tls_mode is TlsMode.STARTTLS:
            for command in (None, *STARTTLS[place.protocol]):
                if command is not None:
                    connection.sendall(command + b"\r\n")
                reply = b""
                while not is_whole_reply(reply):
                    part = connection.recv(4096)
                    assert part, f"{place.name} ended after {reply!r}"
                    reply += part
                assert reply[:1] in b"2*+a", reply
        yield connection


def context_for(*versions: str) -> ssl.SSLContext:
    """Return a context of a client that trusts everybody and takes these versions."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(RELAXED_CIPHERS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these versions are old, and that is why
        context.minimum_version = LIBRARY_VERSIONS[versions[0]]
        context.maximum_version = LIBRARY_VERSIONS[versions[-1]]
    return context


def served_by(place: TlsPlace) -> set[str]:
    """Return the versions with which a handshake comes to its end, one try a version."""
    found = set()
    for version in VERSIONS:
        with connected(place) as connection:
            try:
                with context_for(version).wrap_socket(connection, server_hostname=place.host):
                    found.add(version)
            except ssl.SSLError:
                continue
    return found


def greeting_of(place: TlsPlace) -> bytes:
    """Return what the server says first inside implicit TLS."""
    context = context_for(*VERSIONS)
    with connected(place) as connection, context.wrap_socket(connection, server_hostname=HOST) as tls:
        return tls.recv(512)


def raw_hello(versions: tuple[str, ...] = VERSIONS) -> bytes:
    """Return the ClientHello of Python's TLS library."""
    outgoing = ssl.MemoryBIO()
    client = context_for(*versions).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=HOST)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def answer_to(place: TlsPlace, hello: bytes) -> bytes:
    """Send bytes as the hello and no more, and return all that comes until the server ends."""
    with connected(place) as connection:
        connection.sendall(hello)
        with contextlib.suppress(OSError):  # a server that has reset is told by the next line
            connection.shutdown(socket.SHUT_WR)
        answer = bytearray()
        while part := connection.recv(65536):
            answer += part
        return bytes(answer)
