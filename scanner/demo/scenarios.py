"""The table of all scenarios of the farm."""

from typing import Final

from scanner.demo.scenario import Scenario
from scanner.demo.scenarios_failing import BROKEN_TLS, NO_MAIL, NO_WAY_IN, TURNED_AWAY
from scanner.demo.scenarios_good import GOOD
from scanner.demo.scenarios_weak import STRIPPED, WEAK_TLS

SCENARIOS: Final[tuple[Scenario, ...]] = (
    *GOOD,
    *STRIPPED,
    *WEAK_TLS,
    *NO_WAY_IN,
    *TURNED_AWAY,
    *NO_MAIL,
    *BROKEN_TLS,
)


def rows_of(*names: str) -> tuple[Scenario, ...]:
    """Return the rows of these scenario names, in the table's order; raises KeyError for an unknown name."""
    rows = tuple(scenario for scenario in SCENARIOS if scenario.name in names)
    if unknown := set(names) - {row.name for row in rows}:
        raise KeyError(f"no scenario of the farm is called {', '.join(sorted(unknown))}")
    return rows
