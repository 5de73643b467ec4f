"""Waits for a store to say something of itself."""

import asyncio
from collections.abc import Callable

from scanner.store import Status, Store

DEADLINE = 20.0


async def until(store: Store, is_so: Callable[[Status], bool]) -> Status:
    """Return the first status of which something is true; fail after a time."""
    async with asyncio.timeout(DEADLINE):
        while not is_so(status := store.status):
            await asyncio.sleep(0.005)
    return status
