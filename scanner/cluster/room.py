"""How many connections a worker may make at once, over all queues that it reads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scanner.cluster.jobs import MOST_JOBS


class Room:
    """Counts the connections of one worker.

    Args:
        most: connections at once.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.readers = 1
        """Queues that are read: each may bring a batch at the same moment."""
        self._free = most
        self._places = asyncio.Semaphore(most)
        self._freed = asyncio.Event()

    async def until_enough(self) -> None:
        """Wait until a whole batch of each queue can begin at once: their time must not pass in waiting."""
        while self._free < min(MOST_JOBS * self.readers, self.most):
            self._freed.clear()
            await self._freed.wait()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold the place of one connection."""
        self._free -= 1
        try:
            async with self._places:
                yield
        finally:
            self._free += 1
            self._freed.set()
