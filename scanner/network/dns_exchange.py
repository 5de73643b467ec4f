"""Carries one message to a name server and its reply back, by UDP or TCP, on a socket of its own.

A new socket for every query takes a random port from the kernel, which together with the random id makes an
answer hard to forge (RFC 5452); a connected one gets packets from that server only, and its ICMP errors.
"""

import asyncio
import os
import socket
from collections.abc import Callable

from scanner.network.failures import OUR_OWN_SHORTAGE, SHORTAGE_RETRY_SECONDS

Destination = tuple[str, int] | tuple[str, int, int, int]


class NoReply(Exception):
    """The server said nothing, or cannot be reached; its text says how."""


class NoUsableReply(NoReply):
    """The server said something, and nothing of it is a whole reply to the question."""


async def exchange_by_udp(
    destination: Destination, wire: bytes, is_reply: Callable[[bytes], bool], timeout: float
) -> bytes:
    """Return the first datagram that `is_reply` within `timeout` seconds in all.

    Raises:
        NoReply: there is none.
        NoUsableReply: there were others, as a forger or a broken server sends them.
    """
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[bytes] = loop.create_future()
    is_talking = False

    def receive() -> None:
        nonlocal is_talking
        try:
            data = sock.recv(65535)
        except BlockingIOError:
            return
        except OSError as error:
            _settle(waiting, NoReply(_said(error)))
            return
        if is_reply(data):
            if not waiting.done():
                waiting.set_result(data)
        else:
            is_talking = True

    def expire() -> None:
        if is_talking:
            _settle(waiting, NoUsableReply("only packets that do not fit the question"))
        else:
            _settle(waiting, NoReply("nothing in time"))

    until = loop.time() + timeout
    try:
        sock = await _obtain(destination, socket.SOCK_DGRAM, until)
    except OSError as error:
        raise NoReply(_said(error)) from None
    with sock:
        timer = loop.call_at(until, expire)
        try:
            sock.connect(destination)
            loop.add_reader(sock.fileno(), receive)
            sock.send(wire)
            return await waiting
        except OSError as error:
            raise NoReply(_said(error)) from None
        finally:
            timer.cancel()
            loop.remove_reader(sock.fileno())


async def exchange_by_tcp(
    destination: Destination, wire: bytes, is_reply: Callable[[bytes], bool], timeout: float
) -> bytes:
    """Return the server's reply by TCP (RFC 7766) within `timeout` seconds in all.

    Raises:
        NoReply: no connection, or it ended or expired before the reply was whole.
        NoUsableReply: the reply does not belong to the question.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            with await _obtain(destination, socket.SOCK_STREAM, loop.time() + timeout) as sock:
                await loop.sock_connect(sock, destination)
                await loop.sock_sendall(sock, len(wire).to_bytes(2, "big") + wire)
                length = int.from_bytes(await _read(loop, sock, 2), "big")
                data = await _read(loop, sock, length)
    except TimeoutError:
        raise NoReply("nothing whole by TCP in time") from None
    except OSError as error:
        raise NoReply(f"{_said(error)} by TCP") from None
    if not is_reply(data):
        raise NoUsableReply("a reply by TCP that does not fit the question")
    return data


async def _read(loop: asyncio.AbstractEventLoop, sock: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        piece = await loop.sock_recv(sock, count - len(data))
        if not piece:
            raise NoReply("a reply by TCP that breaks off")
        data += piece
    return bytes(data)


async def _obtain(destination: Destination, kind: socket.SocketKind, until: float) -> socket.socket:
    """Return a socket; where this machine is short of them, ask again until then (the loop's clock).

    Raises:
        OSError: there is none.
    """
    loop = asyncio.get_running_loop()
    while True:
        try:
            return _open(destination, kind)
        except OSError as error:
            if error.errno not in OUR_OWN_SHORTAGE or loop.time() + SHORTAGE_RETRY_SECONDS >= until:
                raise
        await asyncio.sleep(SHORTAGE_RETRY_SECONDS)


def _open(destination: Destination, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in destination[0] else socket.AF_INET
    return socket.socket(family, kind | socket.SOCK_NONBLOCK)


def _settle(waiting: asyncio.Future[bytes], failure: NoReply) -> None:
    if not waiting.done():
        waiting.set_exception(failure)


def _said(error: OSError) -> str:
    # By its number, since the loops word the same error differently.
    return (os.strerror(error.errno) if error.errno else str(error)).lower()
