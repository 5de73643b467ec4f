"""Each scenario leads to its alerts and to no other: no false alarm, no miss, one alert a cause."""

import pytest

from tests.engine.clockwork import run
from tests.scenarios import faults as f
from tests.scenarios.life import SMALL
from tests.scenarios.matrix import MATRIX
from tests.scenarios.scenario import HOST, Scenario
from tests.scenarios.station import play
from tests.scenarios.world import BEGINS, Fault, World, on

SCENARIOS = [scenario for part in MATRIX.values() for scenario in part]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_scenario(scenario: Scenario) -> None:
    outcome = scenario.play()
    assert outcome.misses == []
    assert outcome.false_alarms == []
    assert outcome.faults == []
    assert outcome.repeats == []


def test_an_incident_is_open_again_as_soon_as_the_scanner_is_back() -> None:
    restarts = ((BEGINS + 1500.0, 5.0), (BEGINS + 1700.0, 60.0))
    world = World(SMALL, faults=(Fault(f.silent, on(587)),), restarts=restarts)
    times = run(play(world)).times_open(("verdict", "port_blocked", HOST))
    assert len(times) == 3
    for (stopped, pause), (opened, _) in zip(restarts, times[1:], strict=True):
        assert opened - stopped - pause <= 2.0, "by what was remembered, before the first probe"


def test_every_name_of_a_scenario_is_its_own() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert sorted(set(names)) == sorted(names)
