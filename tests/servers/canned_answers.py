"""What a server of canned bytes does with a ClientHello: takes it, refuses it, hangs, says something else."""

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

from tests.servers.client_hello import ClientHello
from tests.servers.server_hello import WARNING, alert, first_flight


@dataclass(frozen=True, slots=True)
class Turn:
    """A client's hello and the connection that it came on."""

    connection: socket.socket
    hello: ClientHello
    certificate: bytes
    """DER; what the server shows up to TLS 1.2."""


Answer = Callable[[Turn], None]
"""Answers one hello. When it returns, the connection is closed."""


def send(data: Callable[[Turn], bytes]) -> Answer:
    """Send bytes made of the hello, and read on until the client goes."""

    def answer(turn: Turn) -> None:
        turn.connection.sendall(data(turn))
        wait_for_end(turn)

    return answer


def refuse(description: int) -> Answer:
    """Send a fatal alert."""
    return send(lambda _: alert(description))


def say(data: bytes) -> Answer:
    """Send these bytes."""
    return send(lambda _: data)


def close(turn: Turn) -> None:
    """Close at once."""


def reset(turn: Turn) -> None:
    """Close by RST."""
    turn.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def wait_for_end(turn: Turn) -> None:
    """Say nothing (more) until the client goes."""
    while turn.connection.recv(4096):
        pass


def accept(version: str, sentinel: bytes = b"", record_size: int = 16384) -> Answer:
    """Take a version, whatever the client offers."""
    return send(lambda turn: first_flight(turn.hello, version, turn.certificate, sentinel, record_size))


def accept_byte_by_byte(turn: Turn, version: str) -> None:
    """Take a version, and send each byte in a segment of its own."""
    for byte in first_flight(turn.hello, version, turn.certificate):
        turn.connection.sendall(bytes([byte]))
    wait_for_end(turn)


def warn_then_accept(version: str) -> Answer:
    """Send the warning unrecognized_name, then take a version (RFC 6066 section 3)."""
    return send(lambda turn: alert(112, WARNING) + first_flight(turn.hello, version, turn.certificate))
