"""A name server for `bulk_scan.py`: `bulk_names.py DOMAINS` tells where it is.

Every domain has an MX and the six SRV records, all of which name one host of its own. Replies are made of
ready pieces, since the client is what is measured.
"""

import asyncio
import socket
import sys

import uvloop

from bench.processes.bulk_farm import address_of

SERVICES = {
    "_submission": 587,
    "_submissions": 465,
    "_imap": 143,
    "_imaps": 993,
    "_pop3": 110,
    "_pop3s": 995,
}
A, MX, SRV = 1, 15, 33
NO_ERROR, NO_NAME = 0x8580, 0x8583
"""Flags of a reply: authoritative, recursion desired and available."""


def pack(*labels: str) -> bytes:
    """Return a name on the wire."""
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def record(kind: int, data: bytes) -> bytes:
    """Return a record of the name that was asked for, valid for an hour."""
    return b"\xc0\x0c" + b"".join(number.to_bytes(2) for number in (kind, 1, 0, 3600, len(data))) + data


def data_for(labels: list[str], kind: int, domains: int) -> bytes | None:
    """Return the record that answers a question, nothing where there is none, None for no such name."""
    if len(labels) < 2 or labels[-1] != "test" or not labels[-2][1:].isdigit():
        return None if labels else b""
    domain, front = labels[-2], labels[:-2]
    if int(domain[1:]) >= domains:
        return None
    host = pack("mail", domain, "test")
    if not front:
        return record(MX, (10).to_bytes(2) + host) if kind == MX else b""
    if front == ["mail"]:
        return record(A, socket.inet_aton(address_of(int(domain[1:])))) if kind == A else b""
    if len(front) == 2 and front[0] in SERVICES:
        place = b"".join(number.to_bytes(2) for number in (0, 1, SERVICES[front[0]]))
        return record(SRV, place + host) if kind == SRV else b""
    return None


def reply_to(wire: bytes, domains: int) -> bytes:
    """Return the reply to a query."""
    labels, place = [], 12
    while length := wire[place]:
        labels.append(wire[place + 1 : place + 1 + length].decode().lower())
        place += 1 + length
    end = place + 5
    data = data_for(labels, int.from_bytes(wire[place + 1 : place + 3]), domains)
    flags = NO_NAME if data is None else NO_ERROR
    counts = (flags, 1, 1 if data else 0, 0, 0)
    return wire[:2] + b"".join(number.to_bytes(2) for number in counts) + wire[12:end] + (data or b"")


class Names(asyncio.DatagramProtocol):
    """Answers one datagram after the other."""

    def __init__(self, domains: int) -> None:
        self._domains = domains
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        self._transport.sendto(reply_to(data, self._domains), addr)


async def main() -> None:
    loop = asyncio.get_running_loop()
    domains = int(sys.argv[1])
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
    sock.bind(("127.0.0.1", 0))
    await loop.create_datagram_endpoint(lambda: Names(domains), sock=sock)
    print("{}:{}".format(*sock.getsockname()), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
