"""A job on its way, as the scheduler knows it."""

import asyncio
from dataclasses import dataclass

from scanner.cluster.jobs import Job
from scanner.cluster.results import Plain


@dataclass(slots=True, eq=False)
class Flight:
    """A job that somebody waits for."""

    job: Job
    done: asyncio.Future[Plain]
    sent_at: float | None = None
    """When it was last handed to the broker, or may have been; None = it waits here."""
    batch: str = ""
    missed: str = ""
    """The batch that the broker did not have any more at the last look."""
    returned: int = 0
    """How often a worker whose way out is closed has given it back."""
