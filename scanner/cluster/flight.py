"""A job on its way, as the scheduler knows it."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scanner.cluster.jobs import Job, Knock
from scanner.cluster.results import Plain


@dataclass(slots=True, eq=False)
class Flight:
    """A job that somebody waits for."""

    job: Job | Knock
    done: asyncio.Future[Plain]
    sent_at: float | None = None
    """When it was last handed to the broker, or may have been; None = it waits here."""
    batch: str = ""
    missed: str = ""
    """The batch that the broker did not have any more at the last look."""
    returned: int = 0
    """How often a worker whose way out is closed has given it back."""


def apart(flights: Iterable[Flight]) -> Iterator[list[Flight]]:
    """Yield what may go out in one batch.

    A worker of a version that knows no knocks refuses all of a batch with one: no probe is with them.
    """
    flights = tuple(flights)
    for is_knock in (False, True):
        found = [one for one in flights if isinstance(one.job, Knock) is is_knock]
        if found:
            yield found
