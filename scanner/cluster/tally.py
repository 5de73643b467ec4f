"""What a scheduler counts of its cluster."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import structlog
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

log = structlog.get_logger(__name__)

OUTCOMES = ("taken", "late", "unreadable", "returned")
"""What becomes of results: somebody waited for it; nobody does (any more: a duplicate); it is no result;
another worker makes it, since the way out of this one is closed."""
MOST_HEARD = 10_000
"""Workers that are known; of more those that were heard of first are forgotten."""


@dataclass(slots=True)
class Tally:
    """Counted since the scheduler started."""

    clock: Callable[[], float] = time.monotonic
    results: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    sent: int = 0
    resent: int = 0
    corrected: int = 0
    in_flight: int = 0
    unread: int = 0
    is_broker_up: bool = False
    seen: dict[str, float] = field(default_factory=dict)
    """When each worker last delivered something, by the clock."""
    faults: dict[str, str] = field(default_factory=dict)
    """What is wrong with the way out of workers."""
    knocking: set[str] = field(default_factory=set)
    """Workers that make bare connections, as those of this version do."""

    _heard: dict[str, tuple[float, int]] = field(default_factory=dict)
    """When each worker last delivered something, and how many jobs had been sent by then."""
    _gone: set[str] = field(default_factory=set)

    def hear(self, worker: str, fault: str | None, *, knows_knocks: bool = True) -> None:
        """Take note of a worker that has delivered something."""
        self.seen[worker] = now = self.clock()
        self._greet(worker, now)
        (self.knocking.add if knows_knocks else self.knocking.discard)(worker)
        former = self.faults.pop(worker, None)
        if fault is not None:
            self.faults[worker] = fault
        if fault is not None and former is None:
            log.error("worker_cut_off", worker=worker, why=fault)
        elif fault is None and former is not None:
            log.info("worker_has_way_out", worker=worker)

    def silent(self, within: float) -> list[str]:
        """Return the workers that delivered nothing for so many seconds although there was work since."""
        oldest = self.clock() - within
        return [
            name
            for name, (at, sent) in self._heard.items()
            if at < oldest and sent < self.sent and name not in self._gone
        ]

    def miss(self, worker: str) -> None:
        """Say that a worker is gone, once."""
        self._gone.add(worker)
        silence = self.clock() - self._heard[worker][0]
        log.warning(
            "worker_gone",
            worker=worker,
            why=f"it has delivered nothing for {silence:.0f} s, while there was work, and given no sign of "
            "life: it died, stands still, or does not reach the broker; what it had goes to another one",
        )

    def forget(self, worker: str) -> None:
        """Take note that a worker has left."""
        self._heard.pop(worker, None)
        self._gone.discard(worker)

    def _greet(self, worker: str, now: float) -> None:
        """Say that a worker is there for the first time, or again."""
        if worker in self._gone:
            silence = now - self._heard[worker][0]
            log.info("worker_back", worker=worker, why=f"it delivers again, after {silence:.0f} s")
        elif worker not in self._heard:
            log.info("worker_seen", worker=worker)
        self.forget(worker)
        self._heard[worker] = now, self.sent
        if len(self._heard) > MOST_HEARD:
            self.forget(next(iter(self._heard)))

    def has_sound(self, within: float) -> bool:
        """Tell whether a worker whose way out is open delivered something lately."""
        self.workers(within)
        return bool(self.seen.keys() - self.faults.keys())

    def all_knock(self, within: float) -> bool:
        """Tell whether there are workers, and each makes bare connections."""
        return self.workers(within) > 0 and self.seen.keys() <= self.knocking

    def workers(self, within: float) -> int:
        """Return how many workers delivered something in the last so many seconds, and forget the others."""
        oldest = self.clock() - within
        self.seen = {name: at for name, at in self.seen.items() if at >= oldest}
        self.faults = {name: fault for name, fault in self.faults.items() if name in self.seen}
        self.knocking &= self.seen.keys()
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
        cut_off = GaugeMetricFamily(
            "mailport_cluster_worker_cut_off",
            "Whether the way out of a worker is closed at a port, by its own controls (1 yes, 0 no).",
            labels=["worker"],
        )
        for worker in sorted(tally.seen):
            cut_off.add_metric([worker], float(worker in tally.faults))
        yield cut_off
        counters = {
            "jobs_sent": ("Probes handed to the broker since the scheduler started.", tally.sent),
            "jobs_resent": (
                "Those of them that were handed out again, since the broker lost them.",
                tally.resent,
            ),
            "dates_corrected": (
                "Probes that a worker's clock dated before they were asked for, or after they were told.",
                tally.corrected,
            ),
        }
        for name, (about, count) in counters.items():
            yield CounterMetricFamily(f"mailport_cluster_{name}", about, count)
        results = CounterMetricFamily(
            "mailport_cluster_results",
            "Results that workers delivered: taken, late (a duplicate), unreadable, returned (made again).",
            labels=["outcome"],
        )
        for outcome, count in tally.results.items():
            results.add_metric([outcome], count)
        yield results
