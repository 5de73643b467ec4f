"""What a worker has to tell: gathered from all its batches, and delivered however often the broker fails."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import structlog
from taskiq import AsyncTaskiqDecoratedTask
from taskiq.exceptions import SendTaskError

from scanner.cluster.marks import Command
from scanner.cluster.results import Said, write_delivery
from scanner.cluster.stream import FAULTS, PAUSE_SECONDS, Stream

log = structlog.get_logger(__name__)

GATHER_SECONDS = 0.1
"""How long the first result of a message waits for others."""
MOST_RESULTS = 64
"""Of one message: whoever takes them has other things to do, too."""
MOST_CHARACTERS = 256 * 1024
"""Of them; a single one may have more."""


@dataclass(slots=True, eq=False)
class Share:
    """What is to be told of one batch.

    Args:
        batch: its number.
        due: results that are not there yet.
        left: those that are not delivered yet.
        acknowledge: tells the broker that the batch is done.
    """

    batch: str
    due: int
    left: int
    acknowledge: Callable[[], Awaitable[None]]
    is_over: bool = False
    """Whether nothing more may be told of it."""
    is_told: asyncio.Event = field(default_factory=asyncio.Event)
    ends: list[Command] | None = None


class Outbox:
    """Delivers results; with the last one of a batch, in the same moment, the batch is acknowledged.

    Args:
        worker: its name.
        tasks: where the batches come from.
        deliveries: where the results go.
        task: what sends them.
        find_fault: tells what is wrong with the worker's own way out.
    """

    def __init__(
        self,
        worker: str,
        tasks: Stream,
        deliveries: Stream,
        task: "AsyncTaskiqDecoratedTask[[str], Coroutine[Any, Any, None]]",
        find_fault: Callable[[], str | None],
    ) -> None:
        self._worker = worker
        self._tasks = tasks
        self._deliveries = deliveries
        self._task = task
        self._find_fault = find_fault
        self._waiting: list[tuple[Share, Said]] = []
        self._characters = 0
        self._expected = 0
        self._has_some = asyncio.Event()
        self._has_enough = asyncio.Event()

    def expect(self, share: Share) -> None:
        """Take note of results that will come."""
        self._expected += share.due

    def put(self, share: Share, said: Said) -> None:
        """Take a result that was expected."""
        share.due -= 1
        self._expected -= 1
        self._waiting.append((share, said))
        self._characters += len(said.body)
        self._has_some.set()
        self._look()

    def drop(self, share: Share) -> None:
        """Tell nothing more of a batch, nor wait for the rest of it."""
        share.is_over = True
        # Now, and not with its end: where that has to be sent again, its parts are noted again too.
        self._tasks.forget(share.batch)
        self._expected -= share.due
        self._look()

    def _look(self) -> None:
        # Nobody is waited for who does not come.
        is_full = len(self._waiting) >= MOST_RESULTS or self._characters >= MOST_CHARACTERS
        if is_full or (self._waiting and not self._expected):
            self._has_enough.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            await self._has_some.wait()
            try:
                async with asyncio.timeout(GATHER_SECONDS):
                    await self._has_enough.wait()
            except TimeoutError:
                pass
            await self._hand_over(self._take())

    def _take(self) -> list[tuple[Share, Said]]:
        """Return as much as goes into one message."""
        count = characters = 0
        for _, said in self._waiting[:MOST_RESULTS]:
            characters += len(said.body)
            if count and characters > MOST_CHARACTERS:
                break
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        self._characters = sum(len(said.body) for _, said in self._waiting)
        self._has_enough.clear()
        if self._waiting:
            self._look()
        else:
            self._has_some.clear()
        return taken

    async def _hand_over(self, taken: Sequence[tuple[Share, Said]]) -> None:
        """Deliver results, and mark them as told in the same moment."""
        is_repeated = False
        while told := [(share, said) for share, said in taken if not share.is_over]:
            text = write_delivery(
                self._worker, ((share.batch, said) for share, said in told), self._find_fault()
            )
            parts: defaultdict[Share, list[str]] = defaultdict(list)
            for share, said in told:
                parts[share].append(said.id)
            number = uuid4().hex
            for share, words in parts.items():
                self._tasks.mark_with(self._deliveries, number, share.batch, words)
                if share.left == len(words):
                    if share.ends is None:
                        share.ends = await self._tasks.collect_end(share.acknowledge)
                    self._deliveries.add_riders(number, share.ends)
            try:
                await self._task.kicker().with_task_id(number).kiq(text)
            except (SendTaskError, *FAULTS) as error:
                # What came through all the same is a duplicate then, and does no harm.
                if not is_repeated:
                    log.warning("results_not_delivered", error=str(error.__cause__ or error)[:300])
                is_repeated = True
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            for share, words in parts.items():
                share.left -= len(words)
                if not share.left:
                    share.is_told.set()
            return
