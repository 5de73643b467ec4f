"""Room 5: a farm of good, weak, blocked and hostile mail servers on loopback, for demo and tests."""

from scanner.demo.farm import Farm, domains, targets
from scanner.demo.journal import Entry, count_open_at_most
from scanner.demo.layout import FarmError
from scanner.demo.scenario import DOMAIN, Scenario
from scanner.demo.scenarios import SCENARIOS, rows_of

__all__ = [
    "DOMAIN",
    "SCENARIOS",
    "Entry",
    "Farm",
    "FarmError",
    "Scenario",
    "count_open_at_most",
    "domains",
    "rows_of",
    "targets",
]
