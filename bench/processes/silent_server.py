"""A server that takes connections and says nothing: prints its port, then obeys lines on standard input.

`count` prints how many connections are open; `close` ends them all and prints 0.
"""

import asyncio
import resource
import sys

import uvloop


class Silence(asyncio.Protocol):
    """A connection that stays open; `open_now` is all of them."""

    open_now: set[asyncio.BaseTransport] = set()  # noqa: RUF012 - one set for the whole server

    def __init__(self) -> None:
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.open_now.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self.open_now.discard(self._transport)


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Silence, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    while command := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        if command == "close":
            for transport in list(Silence.open_now):
                transport.close()
            while Silence.open_now:
                await asyncio.sleep(0.01)
        print(len(Silence.open_now), flush=True)


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(serve())
