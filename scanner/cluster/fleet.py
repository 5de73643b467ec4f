"""The scheduler's side of the cluster: sends jobs in batches, takes results, and finds what was lost."""

import asyncio
import math
import time
from collections.abc import Callable
from functools import partial
from uuid import uuid4

import structlog
from taskiq.acks import AcknowledgeType
from taskiq.exceptions import SendTaskError
from taskiq.receiver import Receiver

from scanner.cluster.flight import Flight, Flights, apart
from scanner.cluster.heritage import Heritage
from scanner.cluster.jobs import MOST_JOBS, Batch, Job, Knock
from scanner.cluster.presence import Presence, call_the_roll
from scanner.cluster.results import Plain
from scanner.cluster.stream import FAULTS, PAUSE_SECONDS, Stream
from scanner.cluster.tally import Tally
from scanner.cluster.task_queue import ClosedError, OwnedError, TaskQueue
from scanner.cluster.tenure import Tenure, describe_owner
from scanner.cluster.term import Alone, Term, until_fresh
from scanner.config.cluster_settings import ClusterSettings
from scanner.engine.pool import pace, throttler
from scanner.model.exclusion import Exclusion

log = structlog.get_logger(__name__)

LINGER_SECONDS = 0.02
"""How long a batch waits to be filled."""
MOST_UNREAD = 2
"""Batches that may wait in the broker: what waits for workers waits here, behind the rate."""
TOLD_SECONDS = 1.0
"""For how long an answer of the broker to a batch tells that the next may follow, and that it answers."""
LOOK_SECONDS = 0.02
"""How often it is looked whether workers have taken batches, where too many wait."""
CLOSE_SECONDS = 1.0
RESULTS_AT_ONCE = 64
TASK = "mailport.probe"
RESULTS = "mailport.results"


class Fleet:
    """Does jobs on workers. A job is done when a result of it comes, however long that takes.

    So an outage of the broker or of all workers is no result of anything: the pool's workers wait, nothing
    more is begun, and the scheduler's lag tells. A job goes out again only where the broker does not have it
    any more and the lease of whoever may have it is over, so that no address is connected to twice at once.

    Args:
        vantage: whose workers do the jobs; each vantage has queues of its own.
        rate: connections a second over all workers, 0 = no limit.
        gap: seconds between two connections to one address.
        term: the time for which this scheduler leads.
        life: the queues are a scan's: gone so many seconds after its end, however it ends.
    """

    def __init__(
        self,
        settings: ClusterSettings,
        vantage: str,
        rate: float,
        *,
        gap: float = 0.0,
        term: Term | None = None,
        life: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        name = f"scheduler-{uuid4().hex[:8]}"
        self.tally = Tally(clock)
        self.lease = settings.lease
        self._clock = clock
        self._flights = Flights(self.tally, self.lease, clock)
        self._throttler = throttler(rate)
        self._is_failure_told = False
        self._is_passing = life is not None
        self._has_excluded = asyncio.Event()
        self._sending = asyncio.Lock()
        self._told_at = -math.inf
        self._tasks = TaskQueue(settings, f"{vantage}:tasks", consumer=name, lease=self.lease, life=life)
        self.term = Tenure(self._tasks, term or Alone(), partial(describe_owner, settings, vantage))
        self._results = Stream(
            settings,
            f"{vantage}:results",
            consumer=name,
            lease=self.lease,
            has_room=self._until_fresh,
            life=life,
        )
        self._heritage = Heritage(self._tasks, self.lease, gap, self._flights.queue.put_nowait, clock=clock)

        async def take(text: str) -> None:
            # Nobody cancels this one: the library leaves what it has begun.
            await until_fresh(self.term, lambda: self._results.is_over)
            if not self._results.is_over:
                self._flights.take(text)

        self._results.register_task(take, task_name=RESULTS)
        self._task = self._tasks.register_task(_work_elsewhere, task_name=TASK)

    def adjust(self, rate: float, exclusion: Exclusion) -> None:
        """Take a new rate, and have nothing probed any more that is excluded and not with a worker yet."""
        self._throttler.rate_limit, self._throttler.period = pace(rate)
        self._flights.leave_alone(exclusion)
        self._has_excluded.set()

    async def do(self, job: Job | Knock) -> Plain:
        """Have a job done; return what the worker says."""
        return await self._flights.do(job)

    async def run(self) -> None:
        """Send and take until cancelled; no outage ends it."""
        await self._begin()
        receiver = Receiver(
            self._results,
            max_async_tasks=RESULTS_AT_ONCE,
            ack_type=AcknowledgeType.WHEN_EXECUTED,
            run_startup=False,  # it would end where the broker does not answer yet
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(receiver.listen(asyncio.Event()))
                group.create_task(self._send())
                group.create_task(self._look_for_lost())
                group.create_task(self._take_excluded_back())
                group.create_task(self._heritage.run())
                group.create_task(self.term.keep())
                if not self._is_passing:
                    group.create_task(call_the_roll(Presence(self._tasks), self.tally, self.lease))
        finally:
            await self._end()

    async def _until_fresh(self) -> None:
        await until_fresh(self.term)

    async def confirm(self) -> bool | None:
        """Tell by the broker whether we lead; None where it cannot tell."""
        try:
            return await self._tasks.claim(self.term.token)
        except FAULTS:
            return None

    async def _begin(self) -> None:
        """Close the door behind us, and take over what a scheduler before left."""
        while True:
            try:
                if await self.term.claim():
                    await self._heritage.take_over()
                    break
                self._recover()
                if not self.term.is_foreign:
                    self.term.lose()
                    break
            except FAULTS as error:
                self._fail(error)
            await asyncio.sleep(PAUSE_SECONDS)
        self._recover()

    async def _end(self) -> None:
        """Leave nothing behind that workers would do for nobody; what another one has put there stays."""
        self._results.is_over = True
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                if self.term.is_fresh:
                    await self._tasks.leave_taken()
                    await self._tasks.leave()
                await self._tasks.shutdown()
                await self._results.shutdown()
        except FAULTS:
            return

    async def _send(self) -> None:
        while True:
            flights = [await self._next()]
            await self._throttler.acquire()
            try:
                async with asyncio.timeout(LINGER_SECONDS):
                    while len(flights) < MOST_JOBS:
                        flights.append(await self._next())
                        await self._throttler.acquire()
            except TimeoutError:
                pass
            for some in apart(flights):
                await self._await_room()
                await until_fresh(self.term)
                async with self._sending:
                    await self._hand_over([one for one in some if not one.done.done()])

    async def _next(self) -> Flight:
        """Return the next job that somebody still waits for."""
        while True:
            flight = await self._flights.queue.get()
            if not flight.done.done() and not self._heritage.keeps(flight.job.address, flight):
                return flight

    async def _await_room(self) -> None:
        """Wait until workers have taken nearly all that is in the broker, and so until it answers, too."""
        if self._clock() - self._told_at < TOLD_SECONDS and self._tasks.unread is not None:
            self.tally.unread = max(0, self._tasks.unread - 1)  # as it was before that batch
            if self._tasks.unread < MOST_UNREAD:
                return
        while True:
            try:
                self.tally.unread = (await self._tasks.backlog()).unread
            except FAULTS as error:
                self._fail(error)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            self._recover()
            if self.tally.unread < MOST_UNREAD:
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _hand_over(self, flights: list[Flight]) -> None:
        if not flights:
            return
        jobs = tuple(one.job for one in flights)
        is_last = bool(self.tally.faults) and not self.tally.has_sound(self.lease)
        batch = Batch(id=uuid4().hex, jobs=jobs, anyway=is_last)
        for flight in flights:
            self.tally.resent += flight.batch != ""
            flight.sent_at, flight.batch = self._clock(), batch.id
        self.tally.sent += len(flights)
        try:
            await self._task.kiq(batch.model_dump_json(exclude_defaults=True))
            self._told_at = self._clock()
        except (SendTaskError, *FAULTS) as error:
            # The broker may have it all the same: that is found out when the lease is over.
            match error.__cause__:
                case ClosedError():
                    self.term.lose()
                case OwnedError() as owned:
                    self.term.give_way(owned)
                case cause:
                    self._fail(cause or error)

    async def _look_for_lost(self) -> None:
        """Send jobs again that the broker has lost, when nobody can be at them any more."""
        while True:
            await asyncio.sleep(self.lease / 8)
            if overdue := self._flights.overdue():
                try:
                    kept = " ".join(await self._tasks.find_all())
                except FAULTS as error:
                    self._fail(error)
                else:
                    self._flights.resume_lost(overdue, kept)

    async def _take_excluded_back(self) -> None:
        """Take out of the broker what is excluded by now and nobody has read; the rest of its batch goes on.

        Of what a worker has it is noted that it is done, for whoever would take it over from that one.
        """
        while True:
            await self._has_excluded.wait()
            self._has_excluded.clear()
            try:
                async with self._sending:
                    if excluded := self._flights.excluded():
                        batches = frozenset(one.batch for one in excluded)
                        self._flights.take_back(await self._tasks.take_back(batches))
                for flight in self._flights.excluded():
                    await self._tasks.note(flight.batch, [flight.job.id])
            except FAULTS as error:
                self._fail(error)
                await asyncio.sleep(PAUSE_SECONDS)
                self._has_excluded.set()

    def _fail(self, error: BaseException) -> None:
        if self.tally.is_broker_up or not self._is_failure_told:
            log.error("broker_failed", error=f"{type(error).__name__}: {error}"[:300])
        self.tally.is_broker_up, self._is_failure_told = False, True

    def _recover(self) -> None:
        if not self.tally.is_broker_up:
            log.info("broker_answers")
        self.tally.is_broker_up = True


async def _work_elsewhere(_: str) -> None:
    """What workers do under this name (`scanner.cluster.worker`)."""
    raise RuntimeError("a scheduler makes no probes")
