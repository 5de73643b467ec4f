"""Connects once and asks the kernel: `ADDRESS PORT SECONDS` → errno, error queue, greeting (JSON)."""

import errno
import json
import select
import socket
import struct
import sys

IP_RECVERR = 11
IPV6_RECVERR = 25
ANCILLARY_BYTES = 512


def error_queue(connection: socket.socket) -> list[tuple[int, int, str]]:
    """Return (ICMP type, code, sender) of each error that the kernel kept (struct sock_extended_err)."""
    found: list[tuple[int, int, str]] = []
    while True:
        try:
            _, ancillary, _, _ = connection.recvmsg(256, ANCILLARY_BYTES, socket.MSG_ERRQUEUE)
        except BlockingIOError:
            return found
        for _, _, data in ancillary:
            _, _, icmp_type, icmp_code = struct.unpack_from("=IBBB", data)
            (family,) = struct.unpack_from("=H", data, 16)
            sender = data[20:24] if family == socket.AF_INET else data[24:40]
            found.append((icmp_type, icmp_code, socket.inet_ntop(family, sender)))


def connect(address: str, port: int, seconds: float) -> dict[str, object]:
    """Connect; errno is None where nothing came in that time."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    level, option = (socket.IPPROTO_IPV6, IPV6_RECVERR) if ":" in address else (socket.IPPROTO_IP, IP_RECVERR)
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.setblocking(False)
        connection.setsockopt(level, option, 1)
        number: int | None = connection.connect_ex((address, port))
        greeting = ""
        if number == errno.EINPROGRESS:
            is_done = bool(select.select([], [connection], [], seconds)[1])
            number = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if is_done else None
        queue = error_queue(connection)
        if number == 0:
            connection.settimeout(seconds)
            greeting = connection.recv(256).decode("ascii")
    return {"errno": number, "queue": queue, "greeting": greeting}


if __name__ == "__main__":
    print(json.dumps(connect(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))  # noqa: T201 - its answer
