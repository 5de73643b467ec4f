"""Whose a queue is: one scheduler's, or one shard's. Two that share one would take each other's results."""

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from scanner.cluster.connection import shown_broker
from scanner.cluster.stream import FAULTS
from scanner.cluster.task_queue import LONE, OWNER_SECONDS, OwnedError, TaskQueue
from scanner.cluster.term import Term
from scanner.config.cluster_settings import ClusterSettings
from scanner.model.target import escape

log = structlog.get_logger(__name__)

BEAT_SECONDS = 2.0
"""How often it is told that a queue is ours."""
LOOK_SECONDS = 0.5
"""How often it is looked whether another one that has it is alive."""
ASK_SECONDS = 2.0
"""How long a start waits for a broker that does not answer: it goes on without, and looks later."""


class Tenure:
    """The term of a scheduler for as long as nobody else has its queue; else it is not fresh.

    Args:
        describe: says in a sentence whose the queue is.
    """

    def __init__(self, tasks: TaskQueue, term: Term, describe: Callable[[str], str]) -> None:
        self._tasks = tasks
        self._term = term
        self._describe = describe
        self.is_foreign = False
        """Whether another one has the queue."""

    @property
    def token(self) -> int:
        """A number that whoever leads later has higher; 0 = nobody else can lead."""
        return self._term.token

    @property
    def is_fresh(self) -> bool:
        """Whether this scheduler may hand out work and take results."""
        return self._term.is_fresh and not self.is_foreign

    def lose(self) -> None:
        """Take it that another one leads."""
        self._term.lose()

    def own(self, owner: str) -> None:
        """Keep others than this shard, or `LONE`, out of the queue; without that none is kept out."""
        self._tasks.owner = owner

    async def claim(self) -> bool:
        """Take the queue, or renew that it is ours; False where another one leads, or has it.

        Raises:
            One of `FAULTS`: the broker does not answer.
        """
        try:
            is_ours = await self._tasks.claim(self.token)
        except OwnedError as error:
            self.give_way(error)
            return False
        if self.is_foreign:
            log.info("queue_free_again", queue=self._tasks.queue_name)
        self.is_foreign = False
        return is_ours

    def give_way(self, error: OwnedError) -> None:
        """Leave the queue to whoever has it, and say so once."""
        if not self.is_foreign:
            log.error("queue_of_another", why=self._describe(error.owner))
        self.is_foreign = True

    async def find_rival(self) -> str | None:
        """Say in a sentence that another one has the queue and is alive; None where none is known.

        The mark of one that has died ends by itself, which is waited for.
        """
        left = math.inf
        until = time.monotonic() + OWNER_SECONDS
        while True:
            try:
                async with asyncio.timeout(ASK_SECONDS):
                    await self._tasks.claim(self.token)
            except OwnedError as error:
                if error.left > left or time.monotonic() > until:  # it was renewed, or has no end
                    return self._describe(error.owner)
                left = error.left
            except FAULTS:
                return None
            else:
                return None
            await asyncio.sleep(LOOK_SECONDS)

    async def keep(self) -> None:
        """Tell again and again that the queue is ours, until cancelled."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            if self._term.is_fresh:
                with suppress(*FAULTS):  # whoever sends tells of that
                    if not await self.claim() and not self.is_foreign:
                        self.lose()


def describe_owner(settings: ClusterSettings, vantage: str, owner: str) -> str:
    """Say in a sentence whose the queue is, and what to do."""
    who = "a scheduler without --shard" if owner == LONE else f"shard {escape(owner)[:20]}"
    return (
        f"cluster.queue {settings.queue} (vantage {vantage}) at {shown_broker(settings)} is that of {who}, "
        "which is alive; schedulers that share a queue take each other's results: give this one a queue and "
        "workers of its own (queue: mailport-${NUMBER}, in a file for all), or stop the other one"
    )
