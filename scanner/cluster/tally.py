"""What a scheduler counts of its cluster."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

OUTCOMES = ("taken", "late", "unreadable")
"""What becomes of results: somebody waited for it; nobody does (any more: a duplicate); it is no result."""


@dataclass(slots=True)
class Tally:
    """Counted since the scheduler started."""

    clock: Callable[[], float] = time.monotonic
    results: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    sent: int = 0
    resent: int = 0
    in_flight: int = 0
    unread: int = 0
    is_broker_up: bool = False
    seen: dict[str, float] = field(default_factory=dict)
    """When each worker last delivered something, by the clock."""

    def workers(self, within: float) -> int:
        """Return how many workers delivered something in the last so many seconds, and forget the others."""
        oldest = self.clock() - within
        self.seen = {name: at for name, at in self.seen.items() if at >= oldest}
        return len(self.seen)


class TallyCollector(Collector):
    """Shows a tally in the scrape; workers count that delivered within `lease` seconds."""

    def __init__(self, tally: Tally, lease: float) -> None:
        self._tally = tally
        self._lease = lease

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        tally = self._tally
        gauges = {
            "broker_up": ("Whether the broker of the cluster answers (1 yes, 0 no).", tally.is_broker_up),
            "workers": (
                "Workers that delivered a result within the lease.",
                tally.workers(self._lease),
            ),
            "jobs_in_flight": ("Probes that were handed out and have no result yet.", tally.in_flight),
            "batches_unread": ("Batches in the broker that no worker has taken yet.", tally.unread),
        }
        for name, (about, value) in gauges.items():
            yield GaugeMetricFamily(f"mailport_cluster_{name}", about, value)
        counters = {
            "jobs_sent": ("Probes handed to the broker since the scheduler started.", tally.sent),
            "jobs_resent": (
                "Those of them that were handed out again, since the broker lost them.",
                tally.resent,
            ),
        }
        for name, (about, count) in counters.items():
            yield CounterMetricFamily(f"mailport_cluster_{name}", about, count)
        results = CounterMetricFamily(
            "mailport_cluster_results",
            "Results that workers delivered: taken, late (nobody waits for it: a duplicate) or unreadable.",
            labels=["outcome"],
        )
        for outcome, count in tally.results.items():
            results.add_metric([outcome], count)
        yield results
