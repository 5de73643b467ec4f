"""Room 3: one dialogue over one connection, with deadlines, becomes one observation."""

from scanner.probe.prober import Prober, judged, observe

__all__ = ["Prober", "judged", "observe"]
