"""The bytes of a server's first flight, from SSLv2 to TLS 1.3, written without a TLS library."""

import hashlib
import os
import struct

from tests.servers.client_hello import KEY_SHARE, SUPPORTED_VERSIONS, VERSION_NAMES, ClientHello

NUMBERS = {name: number for number, name in VERSION_NAMES.items()}
HANDSHAKE, ALERT = 22, 21
WARNING, FATAL = 1, 2
X25519 = 0x001D
RETRY_RANDOM = hashlib.sha256(b"HelloRetryRequest").digest()
"""What marks a ServerHello as a HelloRetryRequest (RFC 8446 section 4.1.3)."""
SENTINEL_12 = b"DOWNGRD\x01"
SENTINEL_11 = b"DOWNGRD\x00"
"""How a server of 1.3 ends its random when it takes 1.2, or less (RFC 8446 section 4.1.3)."""

_RSA_SUITES = (0x009C, 0x009D, 0x002F, 0x0035, 0x000A, 0x0005)
"""Key exchange by RSA: after them the server's flight is whole without a signature."""
_SSLV2_SUITES = b"\x01\x00\x80\x07\x00\xc0"


def record(kind: int, body: bytes, version: int = 0x0303) -> bytes:
    """Return one record (RFC 8446 section 5.1)."""
    return struct.pack(">BHH", kind, version, len(body)) + body


def records(kind: int, body: bytes, version: int = 0x0303, size: int = 16384) -> bytes:
    """Return a body as records of at most this size."""
    return b"".join(record(kind, body[at : at + size], version) for at in range(0, len(body), size))


def alert(description: int, level: int = FATAL, version: int = 0x0301) -> bytes:
    """Return an alert (RFC 8446 section 6)."""
    return record(ALERT, bytes([level, description]), version)


def message(kind: int, body: bytes) -> bytes:
    """Return a handshake message."""
    return bytes([kind]) + len(body).to_bytes(3) + body


def has_common_suite(hello: ClientHello, version: str) -> bool:
    """Tell whether server and client have a suite in common; of 1.3 and SSLv2 the server takes any."""
    return version in {"SSLv2", "TLSv1.3"} or not set(_RSA_SUITES).isdisjoint(hello.suites)


def first_flight(
    hello: ClientHello, version: str, certificate: bytes, sentinel: bytes = b"", record_size: int = 16384
) -> bytes:
    """Return the answer that takes a version of the hello's offer, as far as it goes in clear.

    Up to TLS 1.2 that is all of the flight. The sentinel takes the place of the random's last bytes.
    """
    if version == "SSLv2":
        return sslv2_server_hello(hello, certificate)
    random = os.urandom(32 - len(sentinel)) + sentinel
    if version == "TLSv1.3":
        if X25519 not in hello.shared_groups:
            return hello_retry_request(hello, record_size)
        share = _extension(KEY_SHARE, struct.pack(">HH", X25519, 32) + os.urandom(32))
        return records(HANDSHAKE, _server_hello_13(hello, random, share), size=record_size)
    number = NUMBERS[version]
    chosen = next((suite for suite in _RSA_SUITES if suite in hello.suites), _RSA_SUITES[2])
    body = struct.pack(">H", number) + random + b"\x00" + struct.pack(">HB", chosen, 0)
    chain = len(certificate).to_bytes(3) + certificate
    flight = message(2, body) + message(11, len(chain).to_bytes(3) + chain) + message(14, b"")
    return records(HANDSHAKE, flight, number, record_size)


def hello_retry_request(hello: ClientHello, record_size: int = 16384) -> bytes:
    """Return a HelloRetryRequest for X25519, or for the client's first group if it has not that one."""
    groups = hello.groups
    group = groups[0] if groups and X25519 not in groups else X25519
    choice = _extension(KEY_SHARE, struct.pack(">H", group))
    return records(HANDSHAKE, _server_hello_13(hello, RETRY_RANDOM, choice), size=record_size)


def sslv2_server_hello(hello: ClientHello, certificate: bytes, suites: bytes = _SSLV2_SUITES) -> bytes:
    """Return the SERVER-HELLO of SSLv2; without suites it says: I speak it, but nothing that you do."""
    identifier = os.urandom(16)
    lengths = struct.pack(">HHH", len(certificate), len(suites), len(identifier))
    body = b"\x04\x00\x01\x00\x02" + lengths + certificate + suites + identifier
    return struct.pack(">H", 0x8000 | len(body)) + body


def _server_hello_13(hello: ClientHello, random: bytes, share: bytes) -> bytes:
    chosen = next((suite for suite in hello.suites if suite >> 8 == 0x13), 0x1301)
    extensions = _extension(SUPPORTED_VERSIONS, b"\x03\x04") + share
    echo = bytes([len(hello.session_id)]) + hello.session_id
    body = b"\x03\x03" + random + echo + struct.pack(">HB", chosen, 0)
    return message(2, body + struct.pack(">H", len(extensions)) + extensions)


def _extension(kind: int, data: bytes) -> bytes:
    return struct.pack(">HH", kind, len(data)) + data
