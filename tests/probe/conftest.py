"""One pass of the real prober over all scenarios of the farm at once; the tests look at what it found."""

import asyncio
from dataclasses import dataclass

import pytest
import uvloop

from scanner.demo import SCENARIOS, Entry, Farm, Scenario
from scanner.model import Observation
from tests.probe.probing import GREETING_DELAY_SECONDS, MORE, endpoint_of, prober_for


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass over the farm gave: the observations, and the farm's side of it."""

    observations: dict[tuple[str, int], Observation]
    log: tuple[Entry, ...]

    def of(self, scenario: Scenario) -> Observation:
        """Return what was found at a scenario."""
        return self.observations[scenario.key]

    def events(self, scenario: Scenario) -> list[str]:
        """Return the farm's journal of a scenario's port."""
        endpoint = self.of(scenario).endpoint
        return [e.event for e in self.log if (e.address, e.port) == (endpoint.address, endpoint.port)]

    def lines(self, scenario: Scenario) -> list[str]:
        """Return what the client said to a scenario's server."""
        return [e.removeprefix("line ") for e in self.events(scenario) if e.startswith("line ")]


async def _run() -> Pass:
    async with Farm((*SCENARIOS, *MORE), base=None, greeting_delay=GREETING_DELAY_SECONDS) as farm:
        prober = prober_for(farm)
        endpoints = [endpoint_of(farm, scenario) for scenario in farm.scenarios]
        found = await asyncio.gather(*map(prober.probe, endpoints))
        observations = {
            scenario.key: observation for scenario, observation in zip(farm.scenarios, found, strict=True)
        }
    return Pass(observations, tuple(farm.log))


@pytest.fixture(scope="session")
def farm_pass() -> Pass:
    """The pass, made once."""
    return uvloop.run(_run())
