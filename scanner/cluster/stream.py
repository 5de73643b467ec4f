"""A queue in the broker: taskiq's Redis stream, made so that it loses nothing and outlives outages."""

import asyncio
import logging
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError
from taskiq import AckableMessage, BrokerMessage
from taskiq.serializers import JSONSerializer
from taskiq_redis import RedisStreamBroker

from scanner.cluster.connection import connect_options, heed_cancellation
from scanner.cluster.marks import Command, Marks
from scanner.config.cluster_settings import ClusterSettings

log = structlog.get_logger(__name__)

BLOCK_SECONDS = 1.0
"""How long a read waits for something new, before it looks for what others have left."""
PAUSE_SECONDS = 1.0
"""How long it is waited after a fault of the broker."""
MOST_DELIVERIES = 5
"""A message that so many workers in a row did not survive is given up."""
CLAIM_SHARE = 0.1
"""How much of a lease may pass until it is looked again for what others have left."""
FAULTS = (RedisError, OSError, TimeoutError)
MOST_BYTES = 4 * 1024 * 1024
"""Of one message."""
GROUP = "mailport"
# What it says of messages and tasks is said here and by those who do them, without tracebacks.
logging.getLogger("taskiq").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many messages of a queue nobody has read yet, and how many are with somebody."""

    unread: int
    taken: int


async def _at_once() -> None:
    """There is room."""


class Stream(RedisStreamBroker):
    """One queue. What is acknowledged is removed, so that its length is what is still to be done.

    taskiq-redis by itself keeps what is done until the stream is trimmed, which may drop what is not; it
    looks for what dead readers left only when something new comes; and it ends when the broker goes away.

    Args:
        lease: seconds after which a message that nobody acknowledged is given to another reader.
        has_room: waits until one more message can be worked on at once.
        life: the queue of a scan: gone so many seconds after whoever keeps it has ended, however it did.
        is_guest: this end neither makes a queue with a life nor makes it anew when it is gone.
    """

    def __init__(
        self,
        settings: ClusterSettings,
        name: str,
        *,
        consumer: str,
        lease: float,
        has_room: Callable[[], Awaitable[None]] = _at_once,
        life: float | None = None,
        is_guest: bool = False,
    ) -> None:
        super().__init__(
            settings.broker or "",
            queue_name=f"{settings.queue}:{name}",
            consumer_group_name=GROUP,
            consumer_name=consumer,
            consumer_id="0",
            maxlen=None,
            **connect_options(settings),
        )
        heed_cancellation(self.connection_pool)
        self.serializer = JSONSerializer()  # also taskiq's default: what is not JSON never becomes an object
        self._lease_ms = round(lease * 1000)
        self._has_room = has_room
        self._life_ms = None if life is None else round(life * 1000)
        self._is_guest = is_guest
        self.has_failed = False
        """Whether the last thing that was asked of the broker failed."""
        self.is_over = False
        """Whether what was read and is not done is left to whoever reads next."""
        self._client = Redis(connection_pool=self.connection_pool)
        self._marks = Marks(self.queue_name, self._lease_ms)
        self._riders: dict[str, list[Command]] = {}
        """What the broker does in one step with the sending of something, by the number of that."""
        self._ends: list[Command] | None = None
        """Where what ends a message is collected instead of said."""
        self._claimed_at = -math.inf
        self.given_up = 0
        """Messages that were removed since nobody survived them."""

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        """Yield messages for ever, each when there is room for it; whatever happens to the broker."""
        while True:
            try:
                await self._declare_consumer_group()
                self._tell(None)
                while True:
                    await self._has_room()
                    for number, fields in await self._read(self._client):
                        data = fields.get(b"data", b"")
                        if (why := self._refuse(data)) is None:
                            yield AckableMessage(data=data, ack=partial(self._end, number, data))
                        else:
                            log.error("message_refused", queue=self.queue_name, why=why)
                            await self.remove(number)
            except FAULTS as error:
                if not (self._is_guest and isinstance(error, ResponseError)):  # else the scan is over
                    self._tell(error)
                await asyncio.sleep(PAUSE_SECONDS)

    async def kick(self, message: BrokerMessage) -> None:
        """Put a message into the queue."""
        riders = self._riders.pop(message.task_id, [])
        pipe = self._client.pipeline(transaction=self._life_ms is not None or bool(riders))
        pipe.xadd(self.queue_name, {"data": message.message}, nomkstream=self._is_guest)
        if self._life_ms is not None:
            pipe.pexpire(self.queue_name, self._life_ms)
        for command in riders:
            pipe.execute_command(*command)
        await pipe.execute()

    async def keep_alive(self) -> None:
        """Make a queue with a life where there is none any more, and begin its life anew."""
        await self._declare_consumer_group()

    async def _declare_consumer_group(self) -> None:
        if self._life_ms is None:
            await super()._declare_consumer_group()
            return
        if self._is_guest:
            # Redis before 7.2 knows no reader that has not got anything yet.
            await self._client.xgroup_createconsumer(self.queue_name, GROUP, self.consumer_name)
        else:
            # At once, or what is made in the moment of its end would stay for ever.
            pipe = self._client.pipeline(transaction=True)
            pipe.xgroup_create(self.queue_name, GROUP, id=self.consumer_id, mkstream=True)
            pipe.pexpire(self.queue_name, self._life_ms)
            made = (await pipe.execute(raise_on_error=False))[0]
            if isinstance(made, Exception) and "BUSYGROUP" not in str(made):
                raise made

    async def readers(self) -> int:
        """Return how many read from the queue of a scan, or did."""
        return len(await self._client.xinfo_consumers(self.queue_name, GROUP))

    async def shutdown(self) -> None:
        """End our use of the queue, and with it a queue whose life is ours."""
        try:
            if self._life_ms is not None and not self._is_guest:
                await self._client.unlink(self.queue_name)
        finally:
            await super().shutdown()

    async def backlog(self) -> Backlog:
        """Return how much is waiting; raise one of `FAULTS` where the broker does not answer."""
        try:
            pipe = self._client.pipeline(transaction=True)
            pipe.xlen(self.queue_name)
            pipe.xpending(self.queue_name, GROUP)
            length, pending = await pipe.execute()
        except ResponseError:
            await self._declare_consumer_group()  # the broker has come back without what it knew
            return Backlog(0, 0)
        taken = int(pending["pending"])
        return Backlog(max(0, int(length) - taken), taken)

    async def find_all(self) -> frozenset[str]:
        """Return the whole text of every message that is not done."""
        found: Any = await self._client.xrange(self.queue_name)
        return frozenset(fields.get(b"data", b"").decode("utf-8", "replace") for _, fields in found)

    def is_second_hand(self, word: str) -> bool:
        """Tell whether the message with this word in it was somebody else's before."""
        return self._marks.is_second_hand(word)

    def mark_with(self, deliveries: "Stream", task_id: str, name: str, words: Iterable[str]) -> None:
        """Have parts of a message noted as done, for whoever may take it over, when something is sent.

        Both are one transaction: what is delivered is marked, and what is lost is neither.

        Args:
            deliveries: the queue into which it is sent.
            task_id: the number of what is sent.
            name, words: the message, and these parts of it.
        """
        deliveries.add_riders(task_id, self._marks.mark(name, words))

    def add_riders(self, task_id: str, commands: Iterable[Command]) -> None:
        """Have the broker do more in the same transaction when something is sent."""
        self._riders.setdefault(task_id, []).extend(commands)

    async def collect_end(self, acknowledge: Callable[[], Awaitable[None]]) -> list[Command]:
        """Return what tells the broker that a message is done, instead of telling it."""
        ends: list[Command] = []
        self._ends = ends
        try:
            await acknowledge()  # comes to `_end` without waiting for anything
        finally:
            self._ends = None
        return ends

    def forget(self, name: str) -> None:
        """Remember nothing of a message any more: it is done, or left to whoever takes it over."""
        self._marks.forget(name)

    async def marked(self, name: str) -> frozenset[str]:
        """Return the parts of a message that are done."""
        found: Any = await self._client.smembers(self._marks.key_of(name))
        return frozenset(one.decode() for one in found)

    def client(self) -> "Redis":
        """Return what talks to the broker; its connections are those of the queue, and end with it."""
        return self._client

    async def _read(self, client: "Redis") -> list[tuple[str, dict[bytes, bytes]]]:
        """Return one message: one that its reader has not done in time, or else the next one."""
        # What is left lies for a lease, and a little longer: it is not asked for before each message.
        now = time.monotonic()
        if now - self._claimed_at >= min(BLOCK_SECONDS, CLAIM_SHARE * self._lease_ms / 1000):
            left: Any = await client.xautoclaim(
                self.queue_name, GROUP, self.consumer_name, min_idle_time=self._lease_ms, count=1
            )
            if left[1]:  # and perhaps more
                kept = [one for one in left[1] if not await self._is_poison(client, one[0])]
                for number, fields in kept:
                    self._marks.take_over(str(number), fields.get(b"data", b"").decode("utf-8", "replace"))
                return kept
            self._claimed_at = now
        found: Any = await client.xreadgroup(
            GROUP, self.consumer_name, {self.queue_name: ">"}, count=1, block=round(BLOCK_SECONDS * 1000)
        )
        self._tell(None)
        streams = found.items() if isinstance(found, dict) else found or ()
        return [one for _, listed in streams for one in _flat(listed)]

    async def _is_poison(self, client: "Redis", number: str) -> bool:
        """Tell whether a message was delivered so often that it ends its readers; remove it then."""
        found: Any = await client.xpending_range(self.queue_name, GROUP, min=number, max=number, count=1)
        if not found or int(found[0]["times_delivered"]) <= MOST_DELIVERIES:
            return False
        await self.remove(number)
        self.given_up += 1
        log.error("message_given_up", queue=self.queue_name, deliveries=MOST_DELIVERIES)
        return True

    def _refuse(self, data: bytes) -> str | None:
        """Say why a message is none of ours; None where it is one."""
        if len(data) > MOST_BYTES:
            return f"it has {len(data)} bytes"
        try:
            message = self.formatter.loads(message=data)
        except (ValueError, RecursionError) as error:
            return f"it cannot be read: {error}"[:200]
        if message.labels or message.labels_types or message.kwargs:
            return "it says how it wants to be done, which is not for it to say"
        return None if self.find_task(message.task_name) is not None else "it asks for what is not done here"

    async def _end(self, number: str, data: bytes) -> None:
        if self._ends is not None:
            self._ends.extend(self._ends_of(number, data))
        elif not self.is_over:
            await self.remove(number, data)

    async def remove(self, number: str, data: bytes = b"") -> None:
        """Remove a message, whoever has it, and soon what is noted of it, if its text is told."""
        pipe = self._client.pipeline(transaction=True)
        for command in self._ends_of(number, data):
            pipe.execute_command(*command)
        await pipe.execute()

    def _ends_of(self, number: str, data: bytes) -> list[Command]:
        removal: list[Command] = [("XACK", self.queue_name, GROUP, number), ("XDEL", self.queue_name, number)]
        return removal + self._marks.end(str(number), data)

    def _tell(self, error: BaseException | None) -> None:
        """Log that the broker fails, or does so no more: once each."""
        if error is not None and not self.has_failed:
            log.error("broker_failed", queue=self.queue_name, error=f"{type(error).__name__}: {error}"[:300])
        elif error is None and self.has_failed:
            log.info("broker_answers", queue=self.queue_name)
        self.has_failed = error is not None


def _flat(listed: Any) -> list[Any]:  # noqa: ANN401 - as the protocol's version has it
    return listed[0] if listed and isinstance(listed[0], list) else listed
