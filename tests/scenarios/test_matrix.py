"""Each scenario leads to its alerts and to no other: no false alarm, no miss, one alert a cause."""

import pytest
import structlog

from tests.scenarios.matrix import MATRIX
from tests.scenarios.scenario import Scenario

SCENARIOS = [scenario for part in MATRIX.values() for scenario in part]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_scenario(scenario: Scenario) -> None:
    with structlog.testing.capture_logs():
        outcome = scenario.play()
    assert outcome.misses == []
    assert outcome.false_alarms == []
    assert outcome.faults == []


def test_every_name_of_a_scenario_is_its_own() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert sorted(set(names)) == sorted(names)
