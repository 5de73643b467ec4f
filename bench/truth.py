"""How right are the alerts: the scenarios of tests/scenarios, what they have to lead to, what they led to.

Weeks of a small world pass in milliseconds: its servers, name servers, our own network, restarts and clocks.
The own parts of the scanner judge, remember, ask controls and join incidents; 3 minutes make alerts of them.
"""

import argparse
import time
from collections.abc import Iterable

import structlog

from tests.scenarios.matrix import MATRIX
from tests.scenarios.scenario import Outcome, Scenario

WIDTH = 64


def say(names: Iterable[str]) -> str:
    """Join names for a cell; nothing is a dash."""
    return ", ".join(names) or "-"


def line(outcome: Outcome) -> str:
    """Return a line of the table."""
    expected = say(f"{one.name} ({one.severity.label})" for one in outcome.scenario.expected)
    found = say(f"{alert.name} ({alert.severity.label})" for alert in outcome.alerts)
    delays = say(f"{delay / 60:.0f}" for delay in outcome.delays)
    mark = "  " if outcome.is_right else "! "
    return f"{mark}{outcome.scenario.name[:WIDTH]:<{WIDTH}} {expected:<44} {found:<44} {delays:>6}"


def chosen(part: str, scenarios: Iterable[Scenario], word: str) -> list[Scenario]:
    """Return the scenarios with a word in their name or their part's."""
    return [each for each in scenarios if word.lower() in f"{part} {each.name}".lower()]


def main() -> int:
    """Play the scenarios and print the table; the exit status says whether all came out right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="play the scenarios that have this word in their name")
    parser.add_argument("--wrong", action="store_true", help="show only the scenarios that came out wrong")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    begun, outcomes = time.perf_counter(), list[Outcome]()
    print(f"  {'scenario':<{WIDTH}} {'expected':<44} {'found':<44} {'min':>6}")
    for part, scenarios in MATRIX.items():
        todo = chosen(part, scenarios, arguments.only)
        if todo and not arguments.wrong:
            print(f"{part}:")
        for scenario in todo:
            outcome = scenario.play()
            outcomes.append(outcome)
            if not (arguments.wrong and outcome.is_right):
                print(line(outcome), flush=True)
            for fault in (*outcome.misses, *outcome.false_alarms, *outcome.faults):
                print(f"    {fault}")
    print(sum_up(outcomes, time.perf_counter() - begun))
    return 0 if all(outcome.is_right for outcome in outcomes) else 1


def sum_up(outcomes: list[Outcome], seconds: float) -> str:
    """Return the totals."""
    told = sum(len(outcome.scenario.expected) for outcome in outcomes)
    fired = sum(len(outcome.alerts) for outcome in outcomes if outcome.scenario.expected)
    delays = sorted(delay / 60 for outcome in outcomes for delay in outcome.delays) or [0.0]
    probes = sum(outcome.probes for outcome in outcomes)
    rows = {
        "false alarms": sum(len(outcome.false_alarms) for outcome in outcomes),
        "misses": f"{sum(len(outcome.misses) for outcome in outcomes)} of {told}",
        "otherwise wrong": sum(len(outcome.faults) for outcome in outcomes),
        "alerts per cause": f"{fired / max(told, 1):.2f}",
        "minutes to alert": f"{delays[len(delays) // 2]:.0f} in the middle, {delays[-1]:.0f} at most",
    }
    head = f"\n{len(outcomes)} scenarios, {probes} probes, {seconds:.1f} s"
    return "\n".join([head, *(f"{name:<18}{value}" for name, value in rows.items())])


if __name__ == "__main__":
    raise SystemExit(main())
