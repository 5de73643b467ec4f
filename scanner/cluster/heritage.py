"""What a scheduler leaves with workers when it ends: its successor waits for that, address by address."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import structlog

from scanner.cluster.jobs import read_batch
from scanner.cluster.stream import FAULTS, PAUSE_SECONDS
from scanner.cluster.task_queue import TaskQueue

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.05
"""How often it is looked whether a worker is done with what it had."""
OVER_SHARE = 0.95
"""How much of a lease has passed when nobody can be at a batch any more: between what a worker uses of it
and its end, when another worker would begin with it."""

_Waiting = TypeVar("_Waiting")


class Heritage(Generic[_Waiting]):
    """Keeps apart what has to wait, since a worker may be connected to the same address.

    Args:
        resume: takes what has waited when its address is free.
        gap: seconds between two connections to one address.
    """

    def __init__(
        self,
        tasks: TaskQueue,
        lease: float,
        gap: float,
        resume: Callable[[_Waiting], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tasks = tasks
        self._lease = lease
        self._gap = gap
        self._resume = resume
        self._clock = clock
        self._left: dict[str, frozenset[str]] = {}
        """The addresses of each message that a worker has."""
        self._free_at: dict[str, float] = {}
        """Addresses that a worker has just left, and when they are free."""
        self._waiting: defaultdict[str, list[_Waiting]] = defaultdict(list)

    async def take_over(self) -> None:
        """Remove what nobody has begun, and note what workers have; raises one of the broker's `FAULTS`."""
        texts = await self._tasks.leave_taken()
        self._left = {number: self._addresses_of(text) for number, text in texts.items()}
        if texts:
            log.info("taken_over", batches=len(texts), addresses=len(frozenset().union(*self._left.values())))

    def keeps(self, address: str, waiting: _Waiting) -> bool:
        """Tell whether an address is in use still; what waits for it is handed to `resume` then."""
        if address not in self._free_at and not any(address in one for one in self._left.values()):
            return False
        self._waiting[address].append(waiting)
        return True

    async def run(self) -> None:
        """Wait for all of it, however often the broker fails."""
        while self._left or self._free_at:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look()
            except FAULTS:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _look(self) -> None:
        idle: Mapping[str, float] = await self._tasks.taken() if self._left else {}
        for number in list(self._left):
            is_over = number not in idle
            if not is_over and idle[number] >= self._lease * OVER_SHARE:
                await self._tasks.remove(number)  # its worker is gone
                is_over = True
            if is_over:
                free_at = self._clock() + self._gap
                self._free_at |= dict.fromkeys(self._left.pop(number), free_at)
        for address, at in list(self._free_at.items()):
            if self._clock() >= at:
                del self._free_at[address]
                for waiting in self._waiting.pop(address, ()):
                    self._resume(waiting)

    def _addresses_of(self, text: str) -> frozenset[str]:
        try:
            message = self._tasks.formatter.loads(message=text.encode())
            return frozenset(job.address for job in read_batch(message.args[0]).jobs)
        except (ValueError, IndexError, RecursionError):
            return frozenset()  # no batch: a worker will refuse it
