"""The metrics of the store, read from its status at each scrape."""

from collections.abc import Callable, Iterator
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class StoreStatus(Protocol):
    """What is asked of a store."""

    @property
    def is_up(self) -> bool:
        """Whether the last thing tried succeeded."""

    @property
    def pending(self) -> int:
        """Entries and events that wait to be written."""

    @property
    def written(self) -> int:
        """Entries written."""

    @property
    def dropped(self) -> int:
        """Observations given up since too many waited."""

    @property
    def failures(self) -> int:
        """Attempts to open or to write that failed."""

    @property
    def size_bytes(self) -> int | None:
        """What it takes on disk; None where that cannot be told."""


class StoreCollector(Collector):
    """Shows the status of a store that is handed in as a function."""

    def __init__(self, status: Callable[[], StoreStatus]) -> None:
        self._status = status

    def describe(self) -> Iterator[Metric]:
        """Name nothing beforehand: a store may be opened later."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        now = self._status()
        yield GaugeMetricFamily(
            "mailport_store_up",
            "Whether the store took what was last written to it (1 yes, 0 no); probing goes on without it.",
            now.is_up,
        )
        yield GaugeMetricFamily(
            "mailport_store_pending_entries",
            "Results and events that wait to be written to the store.",
            now.pending,
        )
        yield CounterMetricFamily(
            "mailport_store_written_entries",
            "Results written to the store since the scanner started.",
            now.written,
        )
        yield CounterMetricFamily(
            "mailport_store_failures",
            "Attempts to open the store or to write to it that failed, since the scanner started.",
            now.failures,
        )
        yield CounterMetricFamily(
            "mailport_store_dropped_samples",
            "Results that are missing in the history, since too many waited while the store failed; "
            "baselines and events are kept.",
            now.dropped,
        )
        if now.size_bytes is not None:
            yield GaugeMetricFamily(
                "mailport_store_size_bytes", "What the store takes on disk, in bytes.", now.size_bytes
            )
