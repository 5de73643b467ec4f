"""Reads what a client sends first: a ClientHello of SSLv2 or of a record layer, as a server takes it."""

import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

VERSION_NAMES = {
    0x0002: "SSLv2",
    0x0300: "SSLv3",
    0x0301: "TLSv1.0",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    0x0304: "TLSv1.3",
}
SERVER_NAME = 0
SUPPORTED_GROUPS = 10
SUPPORTED_VERSIONS = 43
KEY_SHARE = 51
_HANDSHAKE = 22
_LARGEST_HELLO = 65536


class NoHelloError(OSError):
    """The client went away, or sent something else than a ClientHello."""


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What one hello offers."""

    raw: bytes
    """All its bytes, with the headers of its records."""
    size: int
    """Bytes of the handshake message with its header of four: the length that broken servers stumble over."""
    record_version: int
    legacy_version: int
    offered: frozenset[str]
    """The versions that the client would take. Without the extension `supported_versions`, that is the
    legacy version and all below it down to SSLv3."""
    session_id: bytes = b""
    suites: tuple[int, ...] = ()
    extensions: Mapping[int, bytes] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def server_name(self) -> str | None:
        """The host name that the client asks for (RFC 6066 section 3)."""
        data = self.extensions.get(SERVER_NAME, b"")
        return data[5:].decode("ascii", "replace") if len(data) > 5 else None

    @property
    def groups(self) -> tuple[int, ...]:
        """The key exchange groups of the client, as it orders them."""
        return _numbers(self.extensions.get(SUPPORTED_GROUPS, b"")[2:])

    @property
    def shared_groups(self) -> frozenset[int]:
        """The groups for which the client has already sent a key share (RFC 8446 section 4.2.8)."""
        data, found, at = self.extensions.get(KEY_SHARE, b""), set[int](), 2
        while at + 4 <= len(data):
            group, size = struct.unpack_from(">HH", data, at)
            found.add(group)
            at += 4 + size
        return frozenset(found)


def read_client_hello(connection: socket.socket) -> ClientHello:
    """Read one hello, over several records if it comes so; NoHelloError if that is not what comes."""
    start = _read(connection, 5)
    if start[0] & 0x80 and start[2] == 1:
        return _parse_sslv2(start + _read(connection, (struct.unpack_from(">H", start)[0] & 0x7FFF) - 3))
    raw, message = bytearray(), bytearray()
    while len(message) < 4 or len(message) < 4 + int.from_bytes(message[1:4]):
        header = _read(connection, 5) if raw else start
        size = struct.unpack_from(">H", header, 3)[0]
        if header[0] != _HANDSHAKE or header[1] != 3 or len(message) > _LARGEST_HELLO:
            raise NoHelloError(f"no ClientHello but {header!r}")
        body = _read(connection, size)
        raw += header + body
        message += body
    return parse_client_hello(bytes(raw), bytes(message))


def parse_client_hello(raw: bytes, message: bytes) -> ClientHello:
    """Take a handshake message apart (RFC 8446 section 4.1.2); `raw` are the records that it came in."""
    try:
        legacy = struct.unpack_from(">H", message, 4)[0]
        session_id, at = _vector(message, 38, 1)
        suites, at = _vector(message, at, 2)
        _, at = _vector(message, at, 1)
        extensions = _extensions(_vector(message, at, 2)[0]) if at + 2 <= len(message) else {}
    except (struct.error, IndexError) as error:
        raise NoHelloError(f"a broken ClientHello: {message!r}") from error
    if SUPPORTED_VERSIONS in extensions:
        numbers = set(_numbers(extensions[SUPPORTED_VERSIONS][1:]))
    else:
        numbers = {number for number in VERSION_NAMES if 0x0300 <= number <= legacy}
    offered = frozenset(VERSION_NAMES[number] for number in numbers if number in VERSION_NAMES)
    record_version = struct.unpack_from(">H", raw, 1)[0]
    return ClientHello(
        raw,
        4 + int.from_bytes(message[1:4]),
        record_version,
        legacy,
        offered,
        session_id,
        _numbers(suites),
        MappingProxyType(extensions),
    )


def _parse_sslv2(raw: bytes) -> ClientHello:
    """The hello of SSLv2: 2 bytes of length, type 1, version, three lengths, suites of three bytes each."""
    version, suites_size = struct.unpack_from(">HH", raw, 3)
    suites = raw[11 : 11 + suites_size]
    numbers = tuple(int.from_bytes(suites[at : at + 3]) for at in range(0, len(suites), 3))
    # A later version in a hello of this form is a client of SSLv3 that also speaks the older one.
    offered = frozenset(name for number, name in VERSION_NAMES.items() if number <= version)
    return ClientHello(raw, len(raw) - 2, 0x0002, version, offered, suites=numbers)


def _read(connection: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise NoHelloError(f"the client left after {len(data)} of {count} bytes")
        data += part
    return bytes(data)


def _vector(message: bytes, at: int, width: int) -> tuple[bytes, int]:
    """Return the vector at a place, whose length takes `width` bytes, and where it ends."""
    size = int.from_bytes(message[at : at + width])
    start = at + width
    if start + size > len(message):
        raise IndexError(at)
    return message[start : start + size], start + size


def _extensions(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + 4 <= len(data):
        kind = struct.unpack_from(">H", data, at)[0]
        found[kind], at = _vector(data, at + 2, 2)
    return found


def _numbers(data: bytes) -> tuple[int, ...]:
    count = len(data) // 2
    return struct.unpack(f">{count}H", data[: 2 * count])
