"""Writes our own counters and histograms as a part of the scrape's one document."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import generate_latest as write_text
from prometheus_client.openmetrics.exposition import generate_latest as write_openmetrics
from prometheus_client.registry import Collector

END = b"# EOF\n"


class WithoutCreated(Collector):
    """A registry seen without its `_created` samples, which only double the number of series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        """Yield every family of the registry, less the `_created` samples."""
        for metric in self._registry.collect():
            seen = Metric(metric.name, metric.documentation, metric.type, metric.unit)
            seen.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield seen


def write_own(registry: CollectorRegistry, *, openmetrics: bool) -> bytes:
    """Return the registry's families in the form asked for, without the end mark."""
    view = WithoutCreated(registry)
    if openmetrics:
        return write_openmetrics(view).removesuffix(END)  # type: ignore[no-untyped-call,no-any-return]
    return write_text(view)
