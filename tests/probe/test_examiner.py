"""The examiner: when versions are listed, what is held back for them, what the limits see of it."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from scanner.demo import Farm
from scanner.demo.scenarios import SCENARIOS
from scanner.model import Endpoint, Observation, Proof, Reason, TlsMode, role_of
from scanner.probe import Examiner, Rhythm, Sweep
from tests.network.name_servers import Clock
from tests.probe.sweeping import prober_for

DAY = 86400.0


@pytest.fixture
async def farm() -> AsyncIterator[Farm]:
    async with Farm(base=None) as running:
        yield running


def endpoint_of(farm: Farm, name: str, *, tls_mode: TlsMode | None = None) -> Endpoint:
    scenario = next(
        one
        for one in SCENARIOS
        if one.host == f"{name}.mail.test" and (tls_mode is None or one.tls_mode is tls_mode)
    )
    return Endpoint(
        scenario.host,
        farm.address_of(scenario),
        farm.port_of(scenario),
        scenario.protocol,
        scenario.tls_mode,
        role_of(scenario.protocol, scenario.port),
        "operator",
        (scenario.host,),
    )


class Pushed:
    """An examiner and the steps that it asked for, done one by one."""

    def __init__(self, farm: Farm, *, is_patient: bool = False, interval: float | None = DAY) -> None:
        self.clock = Clock()
        self.steps: list[tuple[Sweep, float]] = []
        rhythm = Rhythm(interval, pause=180.0, is_patient=is_patient)
        self.examiner = Examiner(
            prober_for(farm.ca_file, seconds=1.0),
            rhythm,
            lambda sweep, seconds: self.steps.append((sweep, seconds)),
            clock=self.clock,
        )

    async def examine(self, endpoint: Endpoint) -> Observation | None:
        return await self.examiner.examine(endpoint)

    async def finish(self) -> Observation | None:
        """Do all steps; return what the last one gives."""
        given = None
        while self.steps:
            sweep, _ = self.steps.pop(0)
            given = await self.examiner.examine(sweep)
        return given


async def test_an_impatient_one_holds_the_observation_back_until_the_versions_are_there(farm: Farm) -> None:
    pushed = Pushed(farm)
    assert await pushed.examine(endpoint_of(farm, "tls12-only")) is None
    assert [held.endpoint.host for held in pushed.examiner.held_back()] == ["tls12-only.mail.test"]
    observation = await pushed.finish()
    assert observation is not None
    assert observation.versions is not None
    assert {name for name, is_on in observation.versions.items() if is_on} == {"TLSv1.2"}
    assert pushed.examiner.held_back() == []


async def test_a_patient_one_hands_it_out_and_adds_the_versions_to_the_next(farm: Farm) -> None:
    pushed = Pushed(farm, is_patient=True)
    endpoint = endpoint_of(farm, "tls13-only")
    first = await pushed.examine(endpoint)
    assert first is not None
    assert first.versions is None
    assert [seconds for _, seconds in pushed.steps] == [180.0]
    assert await pushed.finish() is None
    second = await pushed.examine(endpoint)
    assert second is not None
    assert second.versions is not None
    assert second.versions["TLSv1.3"] is True
    assert pushed.steps == []


async def test_a_sweep_is_made_again_when_its_time_has_come(farm: Farm) -> None:
    pushed = Pushed(farm, is_patient=True)
    endpoint = endpoint_of(farm, "tls13-only")
    await pushed.examine(endpoint)
    await pushed.finish()
    for seconds, expected in ((DAY - 1, 0), (1, 1)):
        pushed.clock.now += seconds
        await pushed.examine(endpoint)
        assert len(pushed.steps) == expected


async def test_one_sweep_of_an_endpoint_is_under_way_at_once(farm: Farm) -> None:
    pushed = Pushed(farm, is_patient=True)
    endpoint = endpoint_of(farm, "tls13-only")
    for _ in range(3):
        await pushed.examine(endpoint)
    assert len(pushed.steps) == 1


async def test_a_forgotten_endpoint_is_asked_nothing_more(farm: Farm) -> None:
    pushed = Pushed(farm)
    endpoint = endpoint_of(farm, "tls13-only")
    await pushed.examine(endpoint)
    pushed.examiner.forget(endpoint.key)
    assert await pushed.finish() is None
    assert pushed.steps == []


@pytest.mark.parametrize("name", ["starttls-missing", "greeting-554", "mute", "refused"])
async def test_without_tls_nothing_is_listed(farm: Farm, name: str) -> None:
    pushed = Pushed(farm)
    assert await pushed.examine(endpoint_of(farm, name)) is not None
    assert pushed.steps == []


async def test_where_none_are_wanted_none_are_listed(farm: Farm) -> None:
    pushed = Pushed(farm, interval=None)
    observation = await pushed.examine(endpoint_of(farm, "tls13-only"))
    assert observation is not None
    assert pushed.steps == []


async def test_a_guess_that_is_not_proven_is_asked_nothing_more(farm: Farm) -> None:
    pushed = Pushed(farm)
    guess = replace(endpoint_of(farm, "cert-other"), proof=Proof.CERTIFICATE)
    observation = await pushed.examine(guess)
    assert observation is not None
    assert pushed.steps == []


async def test_a_failed_handshake_is_looked_into(farm: Farm) -> None:
    pushed = Pushed(farm)
    assert await pushed.examine(endpoint_of(farm, "tls-alert")) is None
    observation = await pushed.finish()
    assert observation is not None
    assert observation.reason is Reason.TLS_HANDSHAKE_FAILED
    assert observation.versions is not None
    assert True not in observation.versions.values()


async def test_a_silent_server_is_not_asked_version_by_version(farm: Farm) -> None:
    pushed = Pushed(farm)
    assert await pushed.examine(endpoint_of(farm, "tls-mute")) is None
    sweep, _ = pushed.steps[0]
    observation = await pushed.finish()
    assert observation is not None
    assert observation.versions is not None
    assert set(observation.versions.values()) == {None}
    assert sweep.connections == 1
    assert any("silent" in note for note in observation.version_notes)
