"""The scanner's own metrics: how busy it is, how late, and what its probes found in sum."""

import platform
from collections.abc import Callable, Iterable
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
)

from scanner.metrics.store import StoreCollector, StoreStatus
from scanner.model import Observation, Phase, Protocol, State
from scanner.model.shard import Shard

PHASE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Upper bounds in seconds: from loopback to the longest polite wait for a greeting."""

Reader = Callable[[], float]


class Telemetry:
    """Our own metrics in a registry handed in; what others know is read from them at each scrape."""

    def __init__(
        self, registry: CollectorRegistry, *, version: str = "unknown", revision: str = "unknown"
    ) -> None:
        self._probes = Counter(
            "mailport_probes_total",
            "Probes finished since the scanner started, by the state they found.",
            ["protocol", "state"],
            registry=registry,
        )
        self._probe_children = {
            (protocol, state): self._probes.labels(protocol, state)
            for protocol in Protocol
            for state in State
        }
        self._phases = Histogram(
            "mailport_phase_duration_seconds",
            "How long the phases of all probes took, in seconds of a monotonic clock.",
            ["protocol", "phase"],
            buckets=PHASE_BUCKETS,
            registry=registry,
        )
        self._phase_children: dict[tuple[Protocol, Phase], Histogram] = {}
        self._sink_errors = Counter(
            "mailport_sink_errors_total",
            "Observations that a sink (metrics: the scrape, latest: the status page) could not take, since "
            "the scanner started.",
            ["sink"],
            registry=registry,
        )
        self._deliveries = Counter(
            "mailport_event_deliveries_total",
            "Events handed to a webhook or to standard output since the scanner started, by how that ended: "
            "delivered, failed (tried again), refused by the receiver, dropped since too many waited.",
            ["outcome"],
            registry=registry,
        )
        self._gauges = {
            name: Gauge(f"mailport_{name}", documentation, registry=registry)
            for name, documentation in _GAUGES.items()
        }
        _describe_build(registry, version, revision)
        self._registry = registry
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

    def observe(self, observation: Observation) -> None:
        """Count one finished probe and add its phases to the histogram."""
        protocol = observation.endpoint.protocol
        self._probe_children[protocol, observation.state].inc()
        for phase, seconds in observation.phases.items():
            child = self._phase_children.get((protocol, phase))
            if child is None:  # a histogram is shown from its first probe on
                child = self._phase_children[protocol, phase] = self._phases.labels(protocol, phase)
            child.observe(seconds)

    def read_from(
        self,
        *,
        pool_workers: Reader | None = None,
        pool_busy: Reader | None = None,
        queue_length: Reader | None = None,
        scheduler_lag_seconds: Reader | None = None,
        endpoints: Reader | None = None,
        domains: Reader | None = None,
    ) -> None:
        """Let gauges be read at each scrape by the callables given; the others stay as they are."""
        readers = {
            "pool_workers": pool_workers,
            "pool_busy": pool_busy,
            "queue_length": queue_length,
            "scheduler_lag_seconds": scheduler_lag_seconds,
            "endpoints": endpoints,
            "domains": domains,
        }
        for name, reader in readers.items():
            if reader is not None:
                self._gauges[name].set_function(reader)

    def show_shard(self, shard: Shard | None) -> None:
        """Show which shard this is; nothing where there is only one."""
        if shard is not None:
            about = (
                "Which of the shards that share the targets this is, counted from 1, and how many there are."
            )
            info = Info("mailport_shard", about, registry=self._registry)
            info.info({"shard": str(shard.index), "shards": str(shard.count)})

    def show_store(self, status: Callable[[], StoreStatus]) -> None:
        """Show the status of a store at each scrape."""
        self._registry.register(StoreCollector(status))

    def record_reload(self, *, is_successful: bool, at: datetime) -> None:
        """Note how loading the configuration ended; the time of the last success stays when it failed."""
        self._gauges["config_last_reload_successful"].set(is_successful)
        if is_successful:
            self._gauges["config_last_reload_success_timestamp_seconds"].set(at.timestamp())

    def declare_sinks(self, sinks: Iterable[str]) -> None:
        """Start the error counters of these sinks at 0, so that the first error is an increase."""
        for sink in sinks:
            self._sink_errors.labels(sink)

    def declare_outcomes(self, outcomes: Iterable[str]) -> None:
        """Start the counters of deliveries at 0."""
        for outcome in outcomes:
            self._deliveries.labels(outcome)

    def count_delivery(self, outcome: str) -> None:
        """Count how the delivery of one event ended."""
        self._deliveries.labels(outcome).inc()

    def count_sink_error(self, sink: str) -> None:
        """Count one observation that a sink could not take."""
        self._sink_errors.labels(sink).inc()


_GAUGES = {
    "pool_workers": "Workers of the probing pool.",
    "pool_busy": "Workers of the probing pool that are probing now.",
    "queue_length": "Endpoints that are due and wait for a worker.",
    "scheduler_lag_seconds": "How late the last probe started against its plan, in seconds.",
    "endpoints": "Endpoints that are watched.",
    "domains": "Domains that are watched.",
    "config_last_reload_successful": "Whether the last loading of the configuration succeeded (1 yes, 0 no).",
    "config_last_reload_success_timestamp_seconds": (
        "When the configuration was last loaded with success, in seconds since 1970; 0 until then."
    ),
}


def _describe_build(registry: CollectorRegistry, version: str, revision: str) -> None:
    build = Info("mailport_build", "The build that is running.", registry=registry)
    build.info({"version": version, "revision": revision, "pythonversion": platform.python_version()})
