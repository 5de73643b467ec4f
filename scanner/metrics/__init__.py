"""Room 4: everything a scrape reads, endpoint series as ready-made lines and our own counters."""

from scanner.metrics.exposition import Exposition
from scanner.metrics.telemetry import Telemetry

__all__ = ["Exposition", "Telemetry"]
