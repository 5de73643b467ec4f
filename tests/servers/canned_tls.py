"""Servers of canned bytes: SSLv2 and SSLv3, which no library serves, and every odd answer to a hello.

None of them can end a handshake. What each one serves is in `CASES`.
"""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Protocol as Interface

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from scanner.model import Protocol, TlsMode
from tests.servers import server_hello
from tests.servers.canned_answers import (
    Answer,
    Turn,
    accept,
    accept_byte_by_byte,
    close,
    refuse,
    reset,
    say,
    send,
    wait_for_end,
    warn_then_accept,
)
from tests.servers.client_hello import ClientHello, read_client_hello
from tests.servers.listener import run_listener, talk_in_clear
from tests.servers.server_hello import WARNING, alert, first_flight
from tests.servers.tls_certificates import CertificateZoo
from tests.servers.tls_place import ALL_VERSIONS, TlsPlace

MODERN = ("TLSv1.2", "TLSv1.3")
_HTTP = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_BUSY = b"421 4.7.0 Try again later\r\n"
_GARBAGE = bytes(range(0xE0, 0xFF)) * 4
_REFUSE_VERSION = refuse(70)
_REFUSE_SUITES = refuse(40)


@dataclass(frozen=True, slots=True)
class Canned:
    """A server of canned bytes: it takes the highest version that client and server both have.

    Up to TLS 1.2 it knows six old suites with key exchange by RSA, and refuses a client without them.
    """

    on: tuple[str, ...]
    """The versions that it takes."""
    otherwise: Answer = _REFUSE_VERSION
    """How it answers a hello that offers none of them."""
    off: tuple[str, ...] = ()
    """The versions of which its answers show that it does not take them; of the others they show nothing."""
    instead: Mapping[str, Answer] = field(default_factory=lambda: MappingProxyType({}))
    """Other answers than the usual flight, by the version taken."""
    before: Callable[[ClientHello], Answer | None] = lambda hello: None
    """What it does with some hellos before it looks at their versions."""

    def answer(self, turn: Turn) -> None:
        """Answer a hello."""
        special = self.before(turn.hello)
        if special is not None:
            special(turn)
            return
        both = [version for version in ALL_VERSIONS if version in self.on and version in turn.hello.offered]
        if not both:
            self.otherwise(turn)
            return
        if not server_hello.has_common_suite(turn.hello, both[-1]):
            _REFUSE_SUITES(turn)
            return
        self.instead.get(both[-1], accept(both[-1]))(turn)


def _only(*on: str) -> Canned:
    """A server that says protocol_version to all other versions."""
    return Canned(on, off=tuple(version for version in ALL_VERSIONS if version not in on))


def _modern(otherwise: Answer) -> Canned:
    """A server of 1.2 and 1.3 with an answer of its own to older hellos."""
    return Canned(MODERN, otherwise)


def _always(answer: Answer) -> Canned:
    return Canned((), answer)


def _taking(version: str, answer: Answer) -> Canned:
    return replace(_only(version), instead={version: answer})


def _hang_between(low: int, high: int) -> Canned:
    """A server that never answers a hello of so many bytes."""
    return replace(_only(*MODERN), before=lambda hello: wait_for_end if low <= hello.size <= high else None)


def _send_no_suites(turn: Turn) -> None:
    turn.connection.sendall(server_hello.sslv2_server_hello(turn.hello, turn.certificate, b""))
    wait_for_end(turn)


CASES: Mapping[str, Canned] = MappingProxyType(
    {
        "sslv2": _only("SSLv2"),
        "sslv2-and-tls1.2": _only("SSLv2", "TLSv1.2"),
        # Says that it speaks SSLv2 and has no suite for us: weak against DROWN all the same.
        "sslv2-without-suites": replace(_only("SSLv2", *MODERN), instead={"SSLv2": _send_no_suites}),
        "sslv3": _only("SSLv3"),
        "sslv3-to-tls1.2": _only("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2"),
        "everything": _only(*ALL_VERSIONS),
        "holes": _only("SSLv3", "TLSv1.1", "TLSv1.3"),
        "hello-retry-request": _taking(
            "TLSv1.3", send(lambda turn: server_hello.hello_retry_request(turn.hello))
        ),
        # What 1.2 and 1.3 answer to older hellos, one a server. Only protocol_version says "off" for sure.
        "older-protocol-version": _only(*MODERN),
        "older-handshake-failure": _modern(refuse(40)),
        "older-internal-error": _modern(refuse(80)),
        "older-illegal-parameter": _modern(refuse(47)),
        "older-decode-error": _modern(refuse(50)),
        "older-unexpected-message": _modern(refuse(10)),
        "older-insufficient-security": _modern(refuse(71)),
        "older-missing-extension": _modern(refuse(109)),
        "older-no-application-protocol": _modern(refuse(120)),
        "older-close": _modern(close),
        "older-reset": _modern(reset),
        "older-silence": _modern(wait_for_end),
        "older-garbage": _modern(say(_GARBAGE)),
        "older-421": _modern(say(_BUSY)),
        "older-http": _modern(say(_HTTP)),
        "older-close-notify": _modern(say(alert(0, WARNING))),
        # The same for every hello: nothing is known.
        "always-handshake-failure": _always(refuse(40)),
        "always-internal-error": _always(refuse(80)),
        "always-close": _always(close),
        "always-reset": _always(reset),
        "always-silence": _always(wait_for_end),
        "always-garbage": _always(say(_GARBAGE)),
        "always-421": _always(say(_BUSY)),
        "always-http": _always(say(_HTTP)),
        "always-huge-record": _always(say(b"\x16\x03\x03\xff\xff" + bytes(70000))),
        "always-half-a-hello": _always(say(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03")),
        # A hello that is fine, in a form that not all clients take.
        "warning-first": _taking("TLSv1.2", warn_then_accept("TLSv1.2")),
        "byte-by-byte": _taking("TLSv1.2", partial(accept_byte_by_byte, version="TLSv1.2")),
        "one-byte-records": _taking("TLSv1.2", accept("TLSv1.2", record_size=1)),
        "byte-by-byte-1.3": _taking("TLSv1.3", partial(accept_byte_by_byte, version="TLSv1.3")),
        # Broken servers and boxes on the way.
        "name-refused": replace(
            _only(*MODERN), before=lambda hello: refuse(112) if hello.server_name else None
        ),
        "name-wanted": replace(
            _only(*MODERN), before=lambda hello: None if hello.server_name else refuse(40)
        ),
        "hang-256-to-511": _hang_between(256, 511),
        "hang-above-512": _hang_between(513, 65536),
        "stops-at-64-suites": replace(
            _only(*MODERN), before=lambda hello: refuse(40) if len(hello.suites) > 64 else None
        ),
        # Answers of 1.2 and 1.1 by a server that has 1.3: somebody has changed the hello.
        "sentinel-1.2": _taking("TLSv1.2", accept("TLSv1.2", server_hello.SENTINEL_12)),
        "sentinel-1.1": _taking("TLSv1.1", accept("TLSv1.1", server_hello.SENTINEL_11)),
        # Takes 1.2 whether or not it was offered (against RFC 8446 section 4.1.3).
        "not-offered": Canned(("TLSv1.2",), accept("TLSv1.2")),
        "unknown-version": Canned(
            (), send(lambda turn: _with_version(first_flight(turn.hello, "TLSv1.2", turn.certificate)))
        ),
    }
)


def _with_version(flight: bytes) -> bytes:
    """Overwrite the version of a ServerHello by one that does not exist."""
    return flight[:9] + b"\x03\x09" + flight[11:]


@dataclass(frozen=True, slots=True)
class CannedServer:
    """A running server of canned bytes."""

    place: TlsPlace
    off: frozenset[str]
    """The versions that a scanner can know to be off; `place.versions` are on, the rest is unknown."""
    hellos: list[ClientHello]
    """All hellos so far, in order."""


@contextmanager
def run_canned(
    name: str,
    case: Canned,
    certificate: bytes,
    protocol: Protocol,
    tls_mode: TlsMode,
    where: tuple[str, int] = ("127.0.0.1", 0),
) -> Iterator[CannedServer]:
    """Serve canned bytes; many clients at once. With STARTTLS the talk in clear comes first."""
    hellos: list[ClientHello] = []

    def serve(connection: socket.socket) -> None:
        if tls_mode is TlsMode.STARTTLS and not talk_in_clear(connection, protocol, offers_tls=True):
            return
        hello = read_client_hello(connection)
        hellos.append(hello)
        case.answer(Turn(connection, hello, certificate))

    with run_listener(*where, serve) as listener:
        place = TlsPlace(
            f"canned {name}",
            "canned.mail.test",
            listener.address,
            listener.port,
            protocol,
            tls_mode,
            frozenset(case.on),
            speaks_mail=False,
        )
        yield CannedServer(place, frozenset(case.off), hellos)


class StartCanned(Interface):
    """What the fixture `start_canned` hands out."""

    def __call__(
        self,
        name: str,
        protocol: Protocol = Protocol.SMTP,
        tls_mode: TlsMode = TlsMode.IMPLICIT,
        *,
        where: tuple[str, int] = ("127.0.0.1", 0),
    ) -> CannedServer:
        """Start the server of a case (a key of CASES), which runs until the test ends."""


@pytest.fixture
def start_canned(certificate_zoo: CertificateZoo) -> Iterator[StartCanned]:
    """A function that starts servers of canned bytes."""
    chain = certificate_zoo.files("rsa-2048").chain_file.read_bytes()
    certificate = x509.load_pem_x509_certificate(chain).public_bytes(Encoding.DER)
    with ExitStack() as stack:

        def start(
            name: str,
            protocol: Protocol = Protocol.SMTP,
            tls_mode: TlsMode = TlsMode.IMPLICIT,
            *,
            where: tuple[str, int] = ("127.0.0.1", 0),
        ) -> CannedServer:
            server = run_canned(name, CASES[name], certificate, protocol, tls_mode, where)
            return stack.enter_context(server)

        yield start
