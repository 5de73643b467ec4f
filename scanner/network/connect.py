"""Opens one TCP connection to one address and keeps the errno when it fails."""

import asyncio
import errno
import os
import socket
from typing import TypeAlias

from scanner.model import Reason
from scanner.model.exclusion import Exclusion
from scanner.network.failures import explain_connect_error, keep_icmp_errors, read_icmp_error

Connected: TypeAlias = socket.socket
"""What a connection is handed on as; only this room makes one."""
IP_BIND_ADDRESS_NO_PORT = 24
"""Of linux/in.h; it holds for IPv6 too."""


class _Expired(Exception):
    """Our time for connecting is over (the kernel's own ETIMEDOUT comes as a TimeoutError)."""


class ConnectFailure(Exception):
    """No connection: the reason, and the evidence in words."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


async def open_connection(
    address: str,
    port: int,
    *,
    host: str,
    exclusion: Exclusion,
    timeout: float,
    source_address: str | None = None,
) -> socket.socket:
    """Return a connected, non-blocking socket. Every connection to a mail server is made here.

    Args:
        address: an IP address; names are resolved elsewhere, so that each address gets its own result.
        host: the name that the address was found by, or the address itself.
        exclusion: who is not connected to, whoever asks for it.
        timeout: seconds.
        source_address: the local address to connect from, if its family fits.

    Raises:
        ConnectFailure: excluded, refused, filtered, unreachable, timed out, reset at once, our own shortage.
    """
    if (why := exclusion.refuse(host, address)) is not None:
        raise ConnectFailure(Reason.EXCLUDED, why)
    is_ipv6 = ":" in address
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    try:
        sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    except OSError as error:
        raise _failure(error, None, address) from None
    try:
        keep_icmp_errors(sock, is_ipv6=is_ipv6)
        if source_address is not None and (":" in source_address) == is_ipv6:
            # The local port is chosen by the connect, so that one serves many targets at once (ip(7)).
            sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            sock.bind((source_address, 0))
        await _connect(sock, (address, port), timeout)
        keep_icmp_errors(sock, is_ipv6=is_ipv6, keep=False)
    except _Expired:
        sock.close()
        raise ConnectFailure(
            Reason.CONNECT_TIMEOUT, f"no answer to the connection request within {timeout:g} s"
        ) from None
    except OSError as error:
        failure = _failure(error, sock, address)
        sock.close()
        raise failure from None
    except BaseException:
        sock.close()
        raise
    return sock


async def _connect(sock: socket.socket, address: tuple[str, int], timeout: float) -> None:
    number = sock.connect_ex(address)
    if number == 0:
        return
    if number != errno.EINPROGRESS:
        raise OSError(number, os.strerror(number))
    loop = asyncio.get_running_loop()
    writable: asyncio.Future[None] = loop.create_future()
    descriptor = sock.fileno()
    loop.add_writer(descriptor, _wake, writable)
    timer = loop.call_later(timeout, _expire, writable)
    try:
        await writable
    finally:
        timer.cancel()
        loop.remove_writer(descriptor)
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        raise OSError(number, os.strerror(number))


def _wake(writable: asyncio.Future[None]) -> None:
    if not writable.done():
        writable.set_result(None)


def _expire(writable: asyncio.Future[None]) -> None:
    if not writable.done():
        writable.set_exception(_Expired())


def _failure(error: OSError, sock: socket.socket | None, address: str) -> ConnectFailure:
    if error.errno == errno.EADDRNOTAVAIL and not _has_source_for(address):
        error = OSError(errno.ENETUNREACH, "this machine has no address of that family")
    icmp = read_icmp_error(sock) if sock is not None else None
    own: str | None = None
    if icmp is not None and sock is not None:
        own = str(sock.getsockname()[0])
    return ConnectFailure(*explain_connect_error(error, icmp, own_address=own, target=address))


def _has_source_for(address: str) -> bool:
    """Whether a packet to an address would have a source; connecting a UDP socket sends none.

    Linux says "cannot assign address" both where IPv6 is switched off and where every local port is in use.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, 9))
    except OSError as error:
        return error.errno != errno.EADDRNOTAVAIL
    return True
