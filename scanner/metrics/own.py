"""Writes our own counters and histograms as parts of the scrape's one document."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import generate_latest as write_text
from prometheus_client.openmetrics.exposition import generate_latest as write_openmetrics
from prometheus_client.registry import Collector

END = b"# EOF\n"


_UNITS = ("seconds", "bytes")


class _One(Collector):
    """A registry of one family."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        """Yield the family."""
        yield self._metric


def write_own(registry: CollectorRegistry, *, openmetrics: bool) -> Iterator[bytes]:
    """Return the registry's families in the form asked for, one by one and without the end mark.

    The `_created` samples are left out: they only double the number of series.
    """
    for metric in registry.collect():
        unit = metric.unit or next((unit for unit in _UNITS if metric.name.endswith(f"_{unit}")), "")
        shown = Metric(metric.name, metric.documentation, metric.type, unit)
        shown.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
        if openmetrics:
            yield write_openmetrics(_One(shown)).removesuffix(END)  # type: ignore[no-untyped-call]
        else:
            yield write_text(_One(shown))
