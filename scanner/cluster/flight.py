"""The jobs of a scheduler on their way: who waits for each, and what becomes of their results."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import structlog

from scanner.cluster.jobs import Job, Knock
from scanner.cluster.results import Plain, read_delivery
from scanner.cluster.tally import Tally
from scanner.model.exclusion import Exclusion

log = structlog.get_logger(__name__)

MOST_RETURNED = 10
"""How often a job is given back by workers without a way out, before what they say of it is taken."""


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


class Flights:
    """All of them. What waits here to be handed out is in `queue`.

    Args:
        lease: seconds after which whoever has a job has it no more.
    """

    def __init__(self, tally: Tally, lease: float, clock: Callable[[], float]) -> None:
        self.queue: asyncio.Queue[Flight] = asyncio.Queue()
        self._tally = tally
        self._lease = lease
        self._clock = clock
        self._found: dict[str, Flight] = {}
        self._exclusion = Exclusion()

    async def do(self, job: Job | Knock) -> Plain:
        """Have a job done; return what the worker says."""
        flight = Flight(job, asyncio.get_running_loop().create_future())
        self._found[job.id] = flight
        self._wait_here(flight)
        self._tally.in_flight = len(self._found)
        try:
            return await flight.done
        finally:
            self._found.pop(job.id, None)
            self._tally.in_flight = len(self._found)

    def overdue(self) -> list[Flight]:
        """Return those that nobody can be at any more."""
        latest = self._clock() - self._lease
        return [one for one in self._found.values() if one.sent_at is not None and one.sent_at <= latest]

    def resume_lost(self, overdue: list[Flight], kept: str) -> None:
        """Have those handed out again whose batch was not in the broker at two looks; `kept` is what is."""
        for flight in overdue:
            if flight.batch in kept:
                continue
            if flight.missed != flight.batch:
                flight.missed = flight.batch  # its result may be on its way, where there is much to do
            else:
                self._wait_here(flight)

    def leave_alone(self, exclusion: Exclusion) -> None:
        """Let nobody wait any more for what is excluded now and not handed out."""
        self._exclusion = exclusion
        for flight in tuple(self._found.values()):
            if flight.sent_at is None:
                self._is_refused(flight)

    def excluded(self) -> list[Flight]:
        """Return those that are handed out and are excluded by now."""
        return [
            one
            for one in self._found.values()
            if one.sent_at is not None and not one.done.done() and self._refuse(one)
        ]

    def take_back(self, batches: frozenset[str]) -> None:
        """Have the jobs of batches that nobody has read handed out again, but for what is excluded."""
        for flight in tuple(self._found.values()):
            if flight.batch in batches:
                flight.batch = ""
                self._wait_here(flight)

    def _wait_here(self, flight: Flight) -> None:
        """Have a job handed out, unless it is excluded by now."""
        flight.sent_at = None
        if not self._is_refused(flight):
            self.queue.put_nowait(flight)

    def _is_refused(self, flight: Flight) -> bool:
        why = self._refuse(flight)
        if why is not None and not flight.done.done():
            flight.done.set_result({"excluded": why})
        return why is not None

    def _refuse(self, flight: Flight) -> str | None:
        return self._exclusion.refuse(flight.job.host, flight.job.address)

    def take(self, text: str) -> None:
        """Take the results of one message; those that nobody waits for are duplicates."""
        try:
            delivery = read_delivery(text)
        except ValueError as error:
            self._tally.results["unreadable"] += 1
            log.error("results_unreadable", error=str(error)[:300])
            return
        self._tally.hear(delivery.worker, delivery.fault, knows_knocks=delivery.knows_knocks)
        for result in delivery.results:
            flight = self._found.get(result.id)
            # Of one that was sent again only the last result counts: a worker is at it now.
            is_taken = flight is not None and flight.batch == result.batch and not flight.done.done()
            if flight is not None and is_taken and self._wants_another(flight, result.body):
                self._tally.results["returned"] += 1
                flight.batch, flight.returned = "", flight.returned + 1
                self._wait_here(flight)
                continue
            self._tally.results["taken" if is_taken else "late"] += 1
            if flight is not None and is_taken:
                flight.done.set_result(result.body)

    def _wants_another(self, flight: Flight, body: Plain) -> bool:
        """Tell whether another worker has to make a probe, since it failed by the fault of this one."""
        if "fault" not in body:
            return False
        # Where none has a way out, what was seen tells that, and blames no server.
        has_told = not body.keys().isdisjoint({"seen", "answer", "knock"})
        return not has_told or (self._tally.has_sound(self._lease) and flight.returned < MOST_RETURNED)


def apart(flights: Iterable[Flight]) -> Iterator[list[Flight]]:
    """Yield what may go out in one batch.

    A worker of a version that knows no knocks refuses all of a batch with one: no probe is with them.
    """
    flights = tuple(flights)
    for is_knock in (False, True):
        found = [one for one in flights if isinstance(one.job, Knock) is is_knock]
        if found:
            yield found
