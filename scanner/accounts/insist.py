"""Ends what is cancelled for certain: before Python 3.12 `asyncio.wait_for` may swallow a cancellation."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

AGAIN_SECONDS = 0.1
Result = TypeVar("Result")


async def insist(work: Coroutine[Any, Any, Result]) -> Result:
    """Wait for some work; whoever cancels that cancels the work, again and again until it ends.

    A cancellation that comes together with an answer is lost in the libraries that wait by `wait_for`; the
    work would go on for as long as a message takes.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=AGAIN_SECONDS)
        raise
