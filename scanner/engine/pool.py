"""The pool: workers that probe, and one dispatcher that keeps the rate and the addresses' turns."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

from asyncio_throttle import Throttler

from scanner.engine.waiting import AnyJob, WaitingRoom

MAX_WAITING = 100_000
"""Jobs taken in ahead of their turn; more are left with the feed."""
SLICE_SECONDS = 0.05
"""How finely a rate is spread over the second."""

Result = TypeVar("Result")


def throttler(rate: float) -> Throttler:
    """Return a throttler for `rate` connections a second, 0 = no limit."""
    count, period = pace(rate)
    return Throttler(rate_limit=count, period=period, retry_interval=SLICE_SECONDS / 10)


def pace(rate: float) -> tuple[int, float]:
    """Return how many may start in which time: few at once, since a burst looks like an attack."""
    if rate <= 0:
        return sys.maxsize, 0.0
    count = max(1, int(rate * SLICE_SECONDS))
    return count, count / rate


class Pool(Generic[AnyJob, Result]):
    """Does the jobs that a feed gives, `concurrency` at once and `rate` connections a second over all.

    The dispatcher is the throttler's only waiter: it takes an idle worker first, then a job whose address
    is free, then the rate's permission. A slow host holds one worker and its own address, no more. A job
    may `push` another one, which waits for its turn like any.

    Args:
        ahead: of how many addresses with a turn on no more jobs are taken in. Those that wait for their
            address do not count, so that one with many jobs keeps no worker idle.
    """

    def __init__(
        self,
        probe: Callable[[AnyJob], Awaitable[Result | None]],
        deliver: Callable[[Result], None],
        waiting: WaitingRoom[AnyJob],
        *,
        concurrency: int,
        rate: float,
        ahead: int = MAX_WAITING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.workers = concurrency
        self.busy = 0
        self._probe = probe
        self._deliver = deliver
        self._waiting = waiting
        self._throttler = throttler(rate)
        self._ahead = ahead
        self._clock = clock
        self._handoff: asyncio.Queue[AnyJob | None] = asyncio.Queue()
        self._changed = asyncio.Event()
        self._idled = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._started = 0
        self._beside = 0
        self._is_fed = False

    @property
    def waiting(self) -> int:
        """How many jobs wait for their turn."""
        return len(self._waiting)

    def adjust(self, *, concurrency: int, rate: float) -> None:
        """Take new limits while running; connections that are open stay open."""
        # Changed in place: the dispatcher may be waiting in it.
        self._throttler.rate_limit, self._throttler.period = pace(rate)
        self.resize(concurrency)

    def resize(self, concurrency: int) -> None:
        """Take a new number of connections at once, as `adjust` does."""
        self.workers = concurrency
        if self._group is not None:
            self._hire(self._group)
        self._changed.set()

    def push(self, job: AnyJob, *, is_urgent: bool = False) -> None:
        """Let one more job wait for its turn; an urgent one comes before all that wait already."""
        self._waiting.push(job, is_urgent=is_urgent, now=self._clock())
        self._changed.set()

    def withdraw(self, job: AnyJob) -> None:
        """Let a job that nobody wants any more wait no longer; one whose turn has come goes on."""
        self._waiting.withdraw(job)
        self._changed.set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something run beside the workers that may push jobs; the run does not end before it has.

        Its exception ends the run, as one of a probe does.

        Raises:
            RuntimeError: the pool is not running.
        """
        if self._group is None:
            work.close()
            raise RuntimeError("the pool is not running")
        self._beside += 1
        self._group.create_task(work).add_done_callback(self._end_beside)

    def _end_beside(self, _: asyncio.Task[None]) -> None:
        self._beside -= 1
        self._changed.set()

    async def run(self, feed: AsyncIterator[AnyJob]) -> None:
        """Do everything the feed gives; return when it has ended and all is delivered.

        An exception of the feed, of a probe or of `deliver` ends the run, in an ExceptionGroup.
        """
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._take_in(feed))
                self._hire(group)
                await self._dispatch()
                self._handoff.put_nowait(None)
        finally:
            self._group = None
            # Broken off, it may have handed out what no worker took up.
            self.busy = 0
            self._idled.set()

    async def until_idle(self) -> None:
        """Wait until no probe is under way."""
        while self.busy:
            await self._idled.wait()

    def _hire(self, group: asyncio.TaskGroup) -> None:
        while self._started < self.workers:
            self._started += 1
            group.create_task(self._work())

    async def _take_in(self, feed: AsyncIterator[AnyJob]) -> None:
        async for job in feed:
            self.push(job)
            while self._has_plenty():
                await self._wait_for_change(None)
        self._is_fed = True
        self._changed.set()

    def _has_plenty(self) -> bool:
        """Whether there is no need to take in more just now."""
        if len(self._waiting) >= MAX_WAITING:
            return True
        return self._waiting.free >= self._ahead and self._waiting.has_turn(self._clock())

    async def _dispatch(self) -> None:
        while await self._await_turn():
            await self._throttler.acquire()
            # Popped last of all, so that the address's gap counts from the real start. While the rate held
            # us up the limits may have come down: then it waits once more.
            job = self._waiting.pop(self._clock()) if self.busy < self.workers else None
            if job is not None:
                self.busy += 1
                self._idled.clear()
                self._handoff.put_nowait(job)
                if self._waiting.free < self._ahead:
                    self._changed.set()  # more may be taken in

    async def _await_turn(self) -> bool:
        """Wait for an idle worker and a free address; return False when nothing will come any more."""
        while True:
            now = self._clock()
            if self.busy >= self.workers:
                await self._wait_for_change(None)
            elif self._waiting.has_turn(now):
                return True
            elif self._is_fed and not (len(self._waiting) or self.busy or self._beside):
                return False  # nobody is left who could push another
            else:
                turn = self._waiting.next_turn()
                await self._wait_for_change(None if turn is None else max(0.0, turn - now))

    async def _wait_for_change(self, seconds: float | None) -> None:
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _work(self) -> None:
        while (job := await self._handoff.get()) is not None:
            try:
                result = await self._probe(job)
            finally:
                self.busy -= 1
                if not self.busy:
                    self._idled.set()
                self._waiting.release(job.address, self._clock())
                self._changed.set()
            if result is not None:
                self._deliver(result)
        self._handoff.put_nowait(None)  # for the next worker
