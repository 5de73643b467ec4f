"""A small real DNS server on loopback, by UDP and by TCP."""

import asyncio
import socket
import struct
from typing import cast

from scanner.demo.zone import Zone

# Without EDNS a UDP answer may have 512 bytes (RFC 1035 section 4.2.1).
_PLAIN_UDP_LIMIT = 512
_TCP_IDLE_SECONDS = 10.0


class NameServer:
    """Answers for one zone until closed."""

    def __init__(self, zone: Zone) -> None:
        """Take the zone; `start` opens the server."""
        self._zone = zone
        self._datagrams: _Datagrams | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def start(self, udp: socket.socket, tcp: socket.socket) -> None:
        """Serve on two bound sockets."""
        loop = asyncio.get_running_loop()
        _, self._datagrams = await loop.create_datagram_endpoint(lambda: _Datagrams(self._zone), sock=udp)
        self._server = await asyncio.start_server(self._accept, sock=tcp)

    async def close(self) -> None:
        """Close both sockets and end all conversations."""
        self._is_closed = True
        if self._datagrams is not None:
            await self._datagrams.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_closed:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._converse(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(_TCP_IDLE_SECONDS):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    reply = self._zone.answer(await reader.readexactly(length), None)
                    if reply is not None:
                        writer.write(struct.pack("!H", len(reply)) + reply)
                        await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.transport.abort()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._transport: asyncio.DatagramTransport | None = None
        self._lost = asyncio.Event()

    async def close(self) -> None:
        """Close the socket, and wait until it is closed."""
        if self._transport is not None:
            self._transport.close()
            await self._lost.wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, since uvloop's transport is no subclass of asyncio's.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._zone.answer(data, _PLAIN_UDP_LIMIT)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)
