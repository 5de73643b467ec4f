"""One accepted connection as a farm server sees it: lines in, bytes out, TLS on demand, rude ends."""

import asyncio
import socket
import struct
from collections.abc import Callable

from OpenSSL import SSL

from scanner.demo.tls import HandshakeError, TlsEndedError, Tunnel

_CHUNK = 65_536
_LINE_LIMIT = 8_192
_LINGER_SECONDS = 2.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class DialogueOverError(Exception):
    """Nothing more is to be said: the client has gone, or the server means to go."""


class Channel:
    """A connection to one client. Any method may raise DialogueOverError once the client has gone."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: Callable[[str], None]
    ) -> None:
        """Wrap the streams; `note` records each client line and the outcome of handshakes."""
        self._reader = reader
        self._writer = writer
        self.note = note
        self._buffer = b""
        self._tunnel: Tunnel | None = None

    @property
    def is_secure(self) -> bool:
        """Whether TLS is on."""
        return self._tunnel is not None

    async def read_line(self) -> str:
        """Return the client's next line without its end, decoded as latin-1, and record it."""
        while b"\n" not in self._buffer:
            if len(self._buffer) > _LINE_LIMIT:
                raise DialogueOverError("line too long")
            self._buffer += await self.read_some()
        line, _, self._buffer = self._buffer.partition(b"\n")
        text = line.removesuffix(b"\r").decode("latin-1")
        self.note(f"line {text}")
        return text

    async def read_some(self) -> bytes:
        """Return the next application bytes, at least one."""
        if self._tunnel is None:
            return await self._read_raw()
        try:
            # First of all what came in one segment with the end of the handshake.
            while not (plain := self._tunnel.decrypt()):
                await self._flush()
                self._tunnel.feed(await self._read_raw())
        except TlsEndedError as error:
            raise DialogueOverError(str(error)) from None
        await self._flush()
        return plain

    async def send(self, data: bytes) -> None:
        """Send bytes, inside TLS where it is on."""
        if self._tunnel is None:
            await self._write(data)
            return
        try:
            self._tunnel.encrypt(data)
        except TlsEndedError as error:
            raise DialogueOverError(str(error)) from None
        await self._flush()

    async def start_tls(self, context: SSL.Context) -> None:
        """Do the server's side of a handshake and forget what came in clear (RFC 3207 section 4.2).

        A failed handshake sends its alert, gives the client time to read it, and raises DialogueOverError.
        """
        self._buffer = b""
        tunnel = Tunnel(context)
        try:
            while not tunnel.shake_hands():
                await self._write(tunnel.take())
                tunnel.feed(await self._read_raw())
        except HandshakeError as error:
            self.note(f"handshake failed: {error}")
            await self._write(tunnel.take())
            await self.linger()
            raise DialogueOverError(str(error)) from None
        self._tunnel = tunnel
        await self._flush()
        self.note(f"tls {tunnel.version}")

    async def ignore(self) -> None:
        """Swallow whatever the client sends, without an answer, until it goes."""
        while True:
            await self._read_raw()

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until the client goes; what it sends meanwhile is lost."""
        try:
            async with asyncio.timeout(seconds):
                await self.ignore()
        except TimeoutError:
            return

    async def wait_for_input(self, seconds: float) -> bool:
        """Wait so long, or until the client speaks in clear; return whether it did."""
        try:
            async with asyncio.timeout(seconds):
                self._buffer += await self.read_some()
        except TimeoutError:
            return False
        return True

    async def linger(self) -> None:
        """Send the end of our stream and read on for a moment, so that unread bytes cause no reset."""
        if self._writer.can_write_eof():
            self._writer.write_eof()
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                await self.ignore()
        except (TimeoutError, DialogueOverError):
            return

    async def hang_up(self) -> None:
        """Close in order, with close_notify where TLS is on; by force if that takes long."""
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                if self._tunnel is not None:
                    self._tunnel.close()
                    await self._flush()
                self._writer.close()
                await self._writer.wait_closed()
        except (TimeoutError, DialogueOverError, OSError):
            # The client went first, or takes nothing: nobody is left to be polite to.
            return
        finally:
            self.abort()

    def reset(self) -> None:
        """Break the connection with a TCP reset."""
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._writer.transport.abort()

    def abort(self) -> None:
        """Drop the connection at once, with whatever is unsent."""
        self._writer.transport.abort()

    async def _read_raw(self) -> bytes:
        try:
            data = await self._reader.read(_CHUNK)
        except OSError as error:
            raise DialogueOverError(str(error)) from None
        if not data:
            raise DialogueOverError("end of stream")
        return data

    async def _flush(self) -> None:
        if self._tunnel is not None:
            await self._write(self._tunnel.take())

    async def _write(self, data: bytes) -> None:
        if self._writer.is_closing():
            raise DialogueOverError("closing")
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise DialogueOverError(str(error)) from None
