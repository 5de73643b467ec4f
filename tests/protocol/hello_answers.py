"""Answers to ClientHellos, written by hand from the RFCs."""

from scanner.protocol.server_hello import RETRY_RANDOM

LOWERED_TO_12, LOWERED_TO_11 = bytes.fromhex("444f574e47524401"), bytes.fromhex("444f574e47524400")
PLAIN_RANDOM = bytes(range(100, 132))


def record(kind: int, content: bytes, version: int = 0x0303) -> bytes:
    """Return one record."""
    return bytes((kind,)) + version.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content


def alert(code: int, level: int = 2) -> bytes:
    """Return an alert in its record."""
    return record(21, bytes((level, code)))


def message(kind: int, body: bytes) -> bytes:
    """Return a handshake message, without a record."""
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


def extension(kind: int, data: bytes) -> bytes:
    """Return one extension."""
    return kind.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data


def hello_body(
    version: int = 0x0303,
    random: bytes = PLAIN_RANDOM,
    extensions: bytes | None = None,
    session: bytes = bytes(32),
    cipher: int = 0xC02F,
) -> bytes:
    """Return the body of a ServerHello; without extensions (None) it ends with the compression."""
    body = version.to_bytes(2, "big") + random + bytes((len(session),)) + session
    body += cipher.to_bytes(2, "big") + b"\0"
    return body if extensions is None else body + len(extensions).to_bytes(2, "big") + extensions


def server_hello(body: bytes | None = None) -> bytes:
    """Return a ServerHello in its record."""
    return record(22, message(2, hello_body() if body is None else body))


def retry(group: int | None, cipher: int = 0x1301) -> bytes:
    """Return a HelloRetryRequest that asks for a group, or for a cookie alone."""
    asks = extension(44, b"\0\1c") if group is None else extension(51, group.to_bytes(2, "big"))
    return server_hello(
        hello_body(random=RETRY_RANDOM, extensions=extension(43, b"\3\4") + asks, cipher=cipher)
    )


def ssl2_hello(suites: int, certificate: int = 200, connection: int = 16) -> bytes:
    """Return an SSLv2 SERVER-HELLO with a certificate and a connection ID of these lengths (bytes)."""
    body = b"\x04\x00\x01\x00\x02"
    body += certificate.to_bytes(2, "big") + (3 * suites).to_bytes(2, "big") + connection.to_bytes(2, "big")
    body += bytes(certificate + 3 * suites + connection)
    return (0x8000 | len(body)).to_bytes(2, "big") + body


SSL2_ERROR = bytes.fromhex("8003000001")
"""ERROR, NO-CIPHER-ERROR."""
