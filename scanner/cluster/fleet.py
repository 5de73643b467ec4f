"""The scheduler's side of the cluster: sends jobs in batches, takes results, and finds what was lost."""

import asyncio
import math
import time
from collections.abc import Callable
from uuid import uuid4

import structlog
from taskiq.acks import AcknowledgeType
from taskiq.exceptions import SendTaskError
from taskiq.receiver import Receiver

from scanner.cluster.flight import Flight, apart
from scanner.cluster.heritage import Heritage
from scanner.cluster.jobs import MOST_JOBS, Batch, Job, Knock
from scanner.cluster.results import Plain, read_delivery
from scanner.cluster.stream import FAULTS, PAUSE_SECONDS, Stream
from scanner.cluster.tally import Tally
from scanner.cluster.task_queue import ClosedError, TaskQueue
from scanner.cluster.term import Alone, Term, until_fresh
from scanner.config.cluster_settings import ClusterSettings
from scanner.engine.pool import pace, throttler

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
MOST_RETURNED = 10
"""How often a job is given back by workers without a way out, before what they say of it is taken."""
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
        self._flights: dict[str, Flight] = {}
        self._queue: asyncio.Queue[Flight] = asyncio.Queue()
        self._throttler = throttler(rate)
        self._is_failure_told = False
        self._told_at = -math.inf
        self._tasks = TaskQueue(settings, f"{vantage}:tasks", consumer=name, lease=self.lease, life=life)
        self.term = term or Alone()
        self._results = Stream(
            settings,
            f"{vantage}:results",
            consumer=name,
            lease=self.lease,
            has_room=self._until_fresh,
            life=life,
        )
        self._heritage = Heritage(self._tasks, self.lease, gap, self._queue.put_nowait, clock=clock)

        async def take(text: str) -> None:
            # Nobody cancels this one: the library leaves what it has begun.
            await until_fresh(self.term, lambda: self._results.is_over)
            if not self._results.is_over:
                self._take(text)

        self._results.register_task(take, task_name=RESULTS)
        self._task = self._tasks.register_task(_work_elsewhere, task_name=TASK)

    def adjust(self, rate: float) -> None:
        """Take a new rate."""
        self._throttler.rate_limit, self._throttler.period = pace(rate)

    async def do(self, job: Job | Knock) -> Plain:
        """Have a job done; return what the worker says."""
        flight = Flight(job, asyncio.get_running_loop().create_future())
        self._flights[job.id] = flight
        self._queue.put_nowait(flight)
        self.tally.in_flight = len(self._flights)
        try:
            return await flight.done
        finally:
            self._flights.pop(job.id, None)
            self.tally.in_flight = len(self._flights)

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
                group.create_task(self._heritage.run())
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
                if await self._tasks.claim(self.term.token):
                    await self._heritage.take_over()
                else:
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
                await self._hand_over([one for one in some if not one.done.done()])

    async def _next(self) -> Flight:
        """Return the next job that somebody still waits for."""
        while True:
            flight = await self._queue.get()
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
        await until_fresh(self.term)
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
            if isinstance(error.__cause__, ClosedError):
                self.term.lose()
            else:
                self._fail(error.__cause__ or error)

    async def _look_for_lost(self) -> None:
        """Send jobs again that the broker has lost, when nobody can be at them any more."""
        while True:
            await asyncio.sleep(self.lease / 8)
            latest = self._clock() - self.lease
            overdue = [
                one for one in self._flights.values() if one.sent_at is not None and one.sent_at <= latest
            ]
            if not overdue:
                continue
            try:
                kept = " ".join(await self._tasks.find_all())
            except FAULTS as error:
                self._fail(error)
                continue
            for flight in overdue:
                if flight.batch in kept:
                    continue
                if flight.missed != flight.batch:
                    flight.missed = flight.batch  # its result may be on its way, where there is much to do
                else:
                    flight.sent_at = None
                    self._queue.put_nowait(flight)

    def _take(self, text: str) -> None:
        """Take the results of one message; those that nobody waits for are duplicates."""
        try:
            delivery = read_delivery(text)
        except ValueError as error:
            self.tally.results["unreadable"] += 1
            log.error("results_unreadable", error=str(error)[:300])
            return
        self.tally.hear(delivery.worker, delivery.fault, knows_knocks=delivery.knows_knocks)
        for result in delivery.results:
            flight = self._flights.get(result.id)
            # Of one that was sent again only the last result counts: a worker is at it now.
            is_taken = flight is not None and flight.batch == result.batch and not flight.done.done()
            if flight is not None and is_taken and self._wants_another(flight, result.body):
                self.tally.results["returned"] += 1
                flight.sent_at, flight.batch, flight.returned = None, "", flight.returned + 1
                self._queue.put_nowait(flight)
                continue
            self.tally.results["taken" if is_taken else "late"] += 1
            if flight is not None and is_taken:
                flight.done.set_result(result.body)

    def _wants_another(self, flight: Flight, body: Plain) -> bool:
        """Tell whether another worker has to make a probe, since it failed by the fault of this one."""
        if "fault" not in body:
            return False
        # Where none has a way out, what was seen tells that, and blames no server.
        has_told = "seen" in body or "answer" in body
        return not has_told or (self.tally.has_sound(self.lease) and flight.returned < MOST_RETURNED)

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
