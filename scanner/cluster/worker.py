"""A worker: takes batches from the broker, makes their connections, and delivers what it saw."""

import asyncio
import os
import platform
import time
from contextlib import suppress
from typing import Annotated, Protocol
from uuid import uuid4

import structlog
from taskiq import Context, TaskiqDepends
from taskiq.acks import AcknowledgeType
from taskiq.receiver import Receiver

from scanner.cluster.fleet import CLOSE_SECONDS, RESULTS, TASK
from scanner.cluster.jobs import Batch, Job, Knock, endpoint_of, read_batch
from scanner.cluster.outbox import Outbox, Share
from scanner.cluster.presence import Presence
from scanner.cluster.results import Said, say_answer, say_handed_back, say_knock, say_observation, say_refused
from scanner.cluster.room import Room
from scanner.cluster.scans import LIFE_SECONDS, place_of
from scanner.cluster.stream import FAULTS, Stream
from scanner.config import Settings
from scanner.model import Observation
from scanner.model.control import Gate, Realm, gate_of, realm_of_dark
from scanner.model.target import refuse_address
from scanner.probe import Prober

log = structlog.get_logger(__name__)

LEASE_SHARE = 0.9
"""How much of the lease a worker uses: when it is over, nothing of this worker is under way any more."""
REST_SECONDS = 5.0
"""How long a worker whose way out is closed takes nothing, after each batch that it gave back."""


class Way(Protocol):
    """What is known of a worker's own way out."""

    @property
    def fault(self) -> str | None:
        """What is wrong with it; None = nothing."""

    async def look_at(self, seen: Observation) -> tuple[Observation, str | None]:
        """Return what a probe saw as our own way out makes it, and what is wrong with that."""

    async def find_fault(self, gate: Gate) -> str | None:
        """Say why nothing passes a gate from here; None where nothing speaks against it."""


class Worker:
    """Makes `limits.concurrency` connections at once at most; it knows nothing of targets and schedules.

    Of a task only what its schema has counts, and an address that this worker's own settings do not allow is
    not connected to, whoever asks for it.

    Args:
        way: its own way out; None = it is not looked at.
        room: how many connections there are left, where several queues are read.
        scan: whose queue it reads; None = that of the watch.
    """

    def __init__(
        self,
        settings: Settings,
        prober: Prober,
        way: Way | None = None,
        *,
        room: Room | None = None,
        scan: str | None = None,
    ) -> None:
        # The random part: a worker that is started again does not take over what its forerunner has.
        self.name = f"{platform.node()}-{os.getpid()}-{uuid4().hex[:6]}"
        self._lease = settings.cluster.lease
        self._may_be_private = settings.probe.allow_private
        self._prober = prober
        self._way = way
        self._rest_until = 0.0
        self._room = Room(settings.limits.concurrency) if room is None else room
        cluster, place = settings.cluster, place_of(settings.vantage, scan)
        life = None if scan is None else LIFE_SECONDS
        self._tasks = Stream(
            cluster,
            f"{place}:tasks",
            consumer=self.name,
            lease=self._lease,
            has_room=self._await_room,
            life=life,
            is_guest=scan is not None,
        )
        self._results = Stream(
            cluster,
            f"{place}:results",
            consumer=self.name,
            lease=self._lease,
            life=life,
            is_guest=scan is not None,
        )

        # A scan forgets everything soon: only the watch tells of workers that are gone.
        self._presence = Presence(self._tasks) if scan is None else None

        async def work(text: str, context: Annotated[Context, TaskiqDepends()]) -> None:
            await self._work(text, context)

        self._tasks.register_task(work, task_name=TASK)
        deliver = self._results.register_task(_take_elsewhere, task_name=RESULTS)
        self._outbox = Outbox(
            self.name, self._tasks, self._results, deliver, lambda: None if way is None else way.fault
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; what is under way is then done first."""
        receiver = Receiver(
            self._tasks,
            max_async_tasks=self._room.most,
            ack_type=AcknowledgeType.MANUAL,
            run_startup=False,  # it would end where the broker does not answer yet
        )
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(self._outbox.run())]
            if self._presence is not None:
                beside.append(group.create_task(self._presence.keep(self.name)))
            await receiver.listen(stop)
            for task in beside:
                task.cancel()
        if self._presence is not None:
            with suppress(*FAULTS):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._presence.leave(self.name)
        await self._tasks.shutdown()
        await self._results.shutdown()

    async def _await_room(self) -> None:
        """Wait until what is taken can begin at once, and until this worker is of use."""
        # Others take what we would only give back.
        await asyncio.sleep(max(0.0, self._rest_until - time.monotonic()))
        await self._room.until_enough()

    async def _work(self, text: str, context: Context) -> None:
        """Do one batch; it is acknowledged when all its results are delivered."""
        try:
            batch = read_batch(text)
        except ValueError as error:
            log.error("task_refused", error=str(error)[:300])
            await context.ack()  # nobody else could do it either
            return
        try:
            async with asyncio.timeout(self._lease * LEASE_SHARE):
                await self._do_all(batch, context)
        except TimeoutError:
            log.warning("lease_over", batch=batch.id)  # somebody else has it soon

    async def _do_all(self, batch: Batch, context: Context) -> None:
        """Do what of a batch is not done yet: whoever had it before may have told of some of its jobs.

        The scheduler has made others of these since, and an address would be connected to twice at once.
        """
        is_second_hand = self._tasks.is_second_hand(batch.id)
        told = await self._tasks.marked(batch.id) if is_second_hand else frozenset[str]()
        jobs = [job for job in batch.jobs if job.id not in told]
        if not jobs:
            await context.ack()
            return
        share = Share(batch.id, len(jobs), len(jobs), context.ack)
        self._outbox.expect(share)
        try:
            async with asyncio.TaskGroup() as group:
                for job in jobs:
                    group.create_task(self._do(job, share, is_anyway=batch.anyway))
            await share.is_told.wait()
        finally:
            self._outbox.drop(share)

    async def _do(self, job: Job | Knock, share: Share, *, is_anyway: bool) -> None:
        async with self._room.place():
            self._outbox.put(share, await self._connect(job, is_anyway=is_anyway))

    async def _connect(self, job: Job | Knock, *, is_anyway: bool) -> Said:
        # At an address of documentation is nobody: a connection there tells of this worker's network alone.
        is_nowhere = isinstance(job, Knock) and realm_of_dark(job.address) is Realm.PUBLIC
        why = None if self._may_be_private or is_nowhere else refuse_address(job.address)
        if why is not None:
            return say_refused(job.id, f"{why}; this worker's probe.allow_private is not set")
        if self._way is not None and not is_anyway and (why := await self._way.find_fault(_gate_of(job))):
            self._rest_until = time.monotonic() + REST_SECONDS
            return say_handed_back(job.id, why)
        if isinstance(job, Knock):
            is_open = await self._prober.knock(job.host, job.address, job.port, job.seconds)
            return say_knock(job.id, is_open=is_open)
        endpoint = endpoint_of(job)
        if job.hello is None:
            seen = await self._prober.probe(endpoint)
            if self._way is None:
                return say_observation(job.id, seen)
            seen, why = await self._way.look_at(seen)
            return say_observation(job.id, seen, why)
        return say_answer(job.id, *await self._prober.ask(endpoint, bytes.fromhex(job.hello)))


def _gate_of(job: Job | Knock) -> Gate:
    if isinstance(job, Knock):
        return Gate(job.port, 6 if ":" in job.address else 4, realm_of_dark(job.address))
    return gate_of(endpoint_of(job))


async def _take_elsewhere(_: str) -> None:
    """What the scheduler does under this name (`scanner.cluster.fleet`)."""
    raise RuntimeError("a worker takes no results")
