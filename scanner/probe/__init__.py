"""Room 3: one dialogue over one connection, with deadlines, becomes one observation."""

from scanner.probe.examiner import Examiner, Rhythm
from scanner.probe.prober import Prober, judged, observe
from scanner.probe.sweep import Sweep

__all__ = ["Examiner", "Prober", "Rhythm", "Sweep", "judged", "observe"]
