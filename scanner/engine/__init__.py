"""Room 4: when to probe what, how many at once, and where the results go."""

from scanner.engine.pipeline import Pipeline, Sink
from scanner.engine.pool import Pool
from scanner.engine.restraint import Restraint
from scanner.engine.schedule import Schedule
from scanner.engine.waiting import WaitingRoom

__all__ = ["Pipeline", "Pool", "Restraint", "Schedule", "Sink", "WaitingRoom"]
