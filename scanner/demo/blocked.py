"""A port whose SYNs the kernel drops, made without privileges: a listener with a full accept queue."""

import asyncio
import socket

_ATTEMPTS = 8
# On loopback a connect that can succeed does so within the call itself.
_PATIENCE_SECONDS = 0.1


class NotBlockableError(Exception):
    """This kernel goes on accepting although the queue is full."""


class BlockedPort:
    """Holds the listening socket, and the connections that fill its queue, until closed."""

    def __init__(self, listener: socket.socket) -> None:
        """Take over a bound socket; `block` makes it listen."""
        self._listener = listener
        self._fill: list[socket.socket] = []

    async def block(self) -> None:
        """Listen with backlog 0 and connect until a connect gets no answer.

        Linux drops SYNs to a port whose queue is full. Raises NotBlockableError where that moment does not
        come.
        """
        self._listener.listen(0)
        address = self._listener.getsockname()
        for _ in range(_ATTEMPTS):
            if not await self._is_answered(address):
                return
        raise NotBlockableError(
            f"connections to {address[0]}:{address[1]} are still accepted with a full queue"
        )

    def close(self) -> None:
        """Give up the socket and all connections."""
        for sock in (*self._fill, self._listener):
            sock.close()

    async def _is_answered(self, address: tuple[str, int]) -> bool:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(0)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await asyncio.get_running_loop().sock_connect(sock, address)
        except TimeoutError:
            # On a busy machine the time is over before anybody has looked whether it is connected.
            if not _is_connected(sock):
                sock.close()
                return False
        except BaseException:
            sock.close()
            raise
        self._fill.append(sock)
        return True


def _is_connected(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True
