"""A turn at a server among all that may be asked at once, which can be given back before its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turn:
    """A gate and a place in a room that are held."""

    def __init__(self, gate: asyncio.Lock, room: asyncio.Semaphore) -> None:
        self._gate = gate
        self._room = room
        self._is_held = True

    def give_back(self) -> None:
        """Let the next one go on; any number of times."""
        if self._is_held:
            self._is_held = False
            self._room.release()
            self._gate.release()


@asynccontextmanager
async def take_turn(gate: asyncio.Lock, room: asyncio.Semaphore) -> AsyncIterator[Turn]:
    """Wait for the gate and then for a place in the room; both are given back at the end at the latest."""
    await gate.acquire()
    try:
        await room.acquire()
    except BaseException:
        gate.release()
        raise
    turn = Turn(gate, room)
    try:
        yield turn
    finally:
        turn.give_back()
