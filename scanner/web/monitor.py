"""What the HTTP interface asks of the service behind it, and how a request finds that service."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol

from fastapi import Depends, Request

from scanner.explain.advice import Advice
from scanner.model import Observation, TargetFinding, Verdict
from scanner.model.account_standing import AccountStanding
from scanner.model.domain import DomainFacts
from scanner.model.event import Event
from scanner.model.incident import Incident
from scanner.model.observation import Key
from scanner.model.shard import Shard
from scanner.store import EventQuery
from scanner.web.asked import Desk
from scanner.web.hub import Hub


@dataclass(frozen=True, slots=True)
class ReloadOutcome:
    """How a reload ended; the problems are lines for a person, each with its place and remedy."""

    ok: bool
    problems: tuple[str, ...] = ()


class Monitor(Protocol):
    """The running service as the pages see it; every read but that of events is of what is known now."""

    @property
    def version(self) -> str:
        """The version of mailport that is running."""

    @property
    def grafana(self) -> str | None:
        """Where Grafana is, for links to its dashboards; None where there is none."""

    @property
    def shard(self) -> Shard | None:
        """Which of several shards this is; None for the only one."""

    @property
    def places(self) -> Sequence[str]:
        """Where all shards answer, as HOST:PORT in their order; nothing where that is not known."""

    @property
    def shard_pages(self) -> Sequence[str]:
        """The address of the page of each shard in their order; nothing where that is not known."""

    def shards_beside(self, name: str) -> Sequence[int]:
        """Return which other shards have servers of a target; none where all of them are here."""

    def absent(self) -> frozenset[str]:
        """Return the targets that other shards have all of, so that there is nothing to show of them here."""

    @property
    def hub(self) -> Hub:
        """What tells clients of changes as they happen."""

    @property
    def desk(self) -> Desk:
        """Who makes the probes that clients ask for."""

    @property
    def is_ready(self) -> bool:
        """Whether the first pass over all endpoints is done."""

    @property
    def started_at(self) -> datetime:
        """When the service started, with its time zone."""

    @property
    def endpoints_total(self) -> int:
        """How many endpoints are watched."""

    @property
    def endpoints_done(self) -> int:
        """How many endpoints have been probed at least once."""

    @property
    def next_pass_at(self) -> datetime | None:
        """When the next endpoint is due, with its time zone; None when nothing is planned."""

    def scrape(self, *, openmetrics: bool) -> Generator[bytes, None, None]:
        """Return the scrape, OpenMetrics 1.0 or the text format 0.0.4, in pieces of about a millisecond.

        Other work may be done between two pieces; some may be empty.
        """

    def observations(self) -> Sequence[Observation]:
        """Return the last observation of every endpoint."""

    def latest_of(self, key: Key) -> Observation | None:
        """Return the last observation of an endpoint; None where it is not watched, or not probed yet."""

    def elsewhere(self, key: Key) -> Sequence[Observation]:
        """Return what other vantages than the main one saw of an endpoint last; mostly there are none."""

    async def history(
        self, key: Key, *, since: datetime | None, before: datetime | None, limit: int
    ) -> Sequence[Observation]:
        """Return the newest observations of an endpoint in a time, newest first.

        Raises:
            StoreError: they cannot be read.
        """

    def targets(self) -> Sequence[str]:
        """Return the names of all that is watched, also of what discovery knows nothing of yet."""

    def domains(self) -> Sequence[DomainFacts]:
        """Return what discovery knows of every target; guesses that have shown nothing are left out.

        It takes milliseconds where there are thousands, and may be called in a thread.
        """

    def domain(self, name: str) -> DomainFacts | None:
        """Return the same of one target; None where nothing is known of it."""

    def advise(self, facts: DomainFacts) -> Advice:
        """Return what a mail program should be set to; it may be called in a thread."""

    def findings(self) -> Sequence[TargetFinding]:
        """Return what was found about targets that have no endpoint."""

    def egress(self) -> Sequence[Verdict]:
        """Return what is wrong with our own network, a verdict a port; nothing where all is well."""

    def accounts(self) -> Sequence[AccountStanding]:
        """Return how the operator's accounts stand; those of one account stand together."""

    def incidents(self) -> Sequence[Incident]:
        """Return the incidents that are open."""

    async def events(self, query: EventQuery) -> Sequence[Event]:
        """Return events, oldest first: those after `after_id` or `since`, or else the newest.

        Raises:
            StoreError: they cannot be read.
        """

    def masked_settings(self) -> str:
        """Return the settings in force as YAML, every secret masked."""

    async def reload(self) -> ReloadOutcome:
        """Read the configuration again; a bad one changes nothing."""


Clock = Callable[[], datetime]


def _monitor_of(request: Request) -> Monitor:
    monitor: Monitor = request.app.state.monitor
    return monitor


def _time_of(request: Request) -> datetime:
    clock: Clock = request.app.state.clock
    return clock()


Watched = Annotated[Monitor, Depends(_monitor_of)]
"""A route's parameter of this type receives the service."""

Now = Annotated[datetime, Depends(_time_of)]
"""A route's parameter of this type receives the time of the request."""
