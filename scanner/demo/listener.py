"""One listening port of the farm: accepts, keeps the journal, lets the behaviour serve, and cleans up."""

import asyncio
import socket
import time

from scanner.demo.channel import Channel, DialogueOverError
from scanner.demo.dialogue import Behaviour, Setting
from scanner.demo.journal import Entry, Journal, cut

LONGEST_CONNECTION_SECONDS = 90.0


class Listener:
    """Lets one behaviour serve on one bound socket until closed."""

    def __init__(self, behaviour: Behaviour, setting: Setting, journal: Journal) -> None:
        """Take the behaviour; `start` opens the port."""
        self._behaviour = behaviour
        self._setting = setting
        self._journal = journal
        self._address = ("", 0)
        self._server: asyncio.Server | None = None
        self._is_closed = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, sock: socket.socket) -> None:
        """Accept connections on a listening socket."""
        self._address = sock.getsockname()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), sock=sock)

    def change(self, behaviour: Behaviour) -> None:
        """Let clients that come from now on meet another behaviour."""
        self._behaviour = behaviour

    async def close(self) -> None:
        """Stop accepting, break all connections, and wait for their tasks."""
        self._is_closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def note(self, event: str) -> None:
        """Write one event into the journal."""
        address, port = self._address
        self._journal.append(Entry(time.monotonic(), self._setting.host, address, port, cut(event)))

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Start the behaviour for one connection."""
        if self._is_closed:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._serve(Channel(reader, writer, self.note)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, channel: Channel) -> None:
        try:
            async with asyncio.timeout(LONGEST_CONNECTION_SECONDS):
                await self._behaviour.serve(channel, self._setting)
        except (DialogueOverError, TimeoutError):
            pass
        except Exception as error:  # noqa: BLE001
            # One broken scenario must not stop the farm; the journal tells the tests.
            self.note(f"fault: {error!r}")
        except asyncio.CancelledError:
            channel.abort()
            raise
        finally:
            await channel.hang_up()


class _Connection(asyncio.StreamReaderProtocol):
    """Streams that write connects and disconnects into the journal the moment the loop learns of them."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(asyncio.StreamReader(), listener.accept)
        self._listener = listener
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._is_open = True
        self._listener.note("connect")
        super().connection_made(transport)

    def eof_received(self) -> bool | None:
        self._end()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        super().connection_lost(exc)

    def _end(self) -> None:
        if self._is_open:
            self._is_open = False
            self._listener.note("disconnect")
