"""What a fleet has to know of who leads: nothing is handed out by a scheduler whose time may be over."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Protocol

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

LOOK_SECONDS = 0.1


class Term(Protocol):
    """The time for which a scheduler leads."""

    @property
    def token(self) -> int:
        """A number that whoever leads later has higher; 0 = nobody else can lead."""

    @property
    def is_fresh(self) -> bool:
        """Whether it cannot be over yet."""

    def lose(self) -> None:
        """Take it that another one leads."""


class Alone:
    """The term of a scheduler that has none beside it."""

    token = 0
    is_fresh = True

    def lose(self) -> None:
        """Nobody else can lead."""


async def until_fresh(term: Term, is_over: Callable[[], bool] = lambda: False) -> None:
    """Wait until it is known that the term is not over, or until nobody needs to know."""
    while not (term.is_fresh or is_over()):  # noqa: ASYNC110 - it grows stale by time alone, which sets no event
        await asyncio.sleep(LOOK_SECONDS)


class LeaderCollector(Collector):
    """Shows in the scrape whether this process leads."""

    def __init__(self, term: Term | None) -> None:
        self._term = term

    def collect(self) -> Iterator[Metric]:
        """Yield the family."""
        about = "Whether this scheduler leads (1) or is a standby, or does not know (0)."
        is_leader = self._term is not None and self._term.is_fresh
        yield GaugeMetricFamily("mailport_cluster_leader", about, float(is_leader))
