"""Long work in pieces: gives the event loop back every few milliseconds."""

import asyncio
import time
from collections.abc import Callable, Generator
from typing import TypeVar

SLICE_SECONDS = 0.005
"""How long work that never waits may hold the event loop at a time."""

_Result = TypeVar("_Result")


async def give_way(
    steps: Generator[None, None, _Result], *, clock: Callable[[], float] = time.perf_counter
) -> _Result:
    """Do all steps of some work, and let others run whenever a slice of time is over.

    `steps` yields wherever it may be put off; what others change meanwhile it has to bear.
    """
    until = clock() + SLICE_SECONDS
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: _Result = end.value
            return result
        if clock() >= until:
            await asyncio.sleep(0)
            until = clock() + SLICE_SECONDS
