"""The examiner: when versions are listed, what is held back for them, what the limits see of it."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from scanner.config import ProbeSettings
from scanner.demo import Farm
from scanner.demo.scenarios import SCENARIOS
from scanner.model import Endpoint, Observation, Proof, Reason, TlsMode, role_of
from scanner.probe import Examiner, Prober, Rhythm, Sweep
from scanner.probe.examiner import RETRY_SECONDS
from scanner.protocol import Findings, TlsClient
from scanner.protocol.key_shares import KeyShares
from scanner.protocol.server_hello import Alert, Answer, NoHello, ServerHello, Silence
from scanner.verdict import Policy
from tests.network.name_servers import Clock
from tests.probe.sweeping import prober_for
from tests.verdict.observations import healthy

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


async def test_bytes_that_came_instead_of_tls_are_shown_once_and_few_of_them(farm: Farm) -> None:
    pushed = Pushed(farm)
    assert await pushed.examine(endpoint_of(farm, "starttls-garbage")) is None
    observation = await pushed.finish()
    assert observation is not None
    few = r"\x80\x81\x82\x83\x84\x85\x86\x87"
    assert observation.detail == f"plain text instead of TLS: {few} and 248 bytes more"
    assert observation.version_notes == ("no TLS where it belongs TLSv1.3, as the probe has found",)


async def test_a_sweep_is_made_again_when_its_time_has_come(farm: Farm) -> None:
    pushed = Pushed(farm, is_patient=True)
    endpoint = endpoint_of(farm, "tls13-only")
    await pushed.examine(endpoint)
    await pushed.finish()
    for seconds, expected in ((DAY - 1, 0), (2, 1)):
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


class Scripted(Prober):
    """A prober whose server answers hellos as the test says, and greets well on every port."""

    def __init__(self, answers: list[Answer]) -> None:
        super().__init__(ProbeSettings(), ehlo_name="p.test", tls=TlsClient(None), policy=Policy())
        self.answers = answers
        self.seen = healthy(993)

    async def probe(self, endpoint: Endpoint) -> Observation:
        return replace(self.seen, endpoint=endpoint)

    async def ask(self, endpoint: Endpoint, hello: bytes) -> tuple[Answer | None, Findings]:
        return (self.answers.pop(0) if self.answers else NoHello(Silence.RESET)), Findings()


ACCEPTED: list[Answer] = [
    ServerHello("TLSv1.3", 4865, 29, is_retry=True),
    ServerHello("TLSv1.2", 49199),
    Alert(2, 70),
]


class Patient:
    """A patient examiner of one scripted server."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.prober = Scripted([])
        self.steps: list[Sweep] = []
        self.rhythm = Rhythm(DAY, pause=600.0, is_patient=True)
        self.examiner = Examiner(
            self.prober, self.rhythm, lambda sweep, _: self.steps.append(sweep), clock=self.clock
        )

    async def look(self, port: int = 993) -> Observation:
        seen = healthy(port)
        observation = await self.examiner.examine(seen.endpoint)
        assert observation is not None
        return observation

    async def finish(self, answers: list[Answer]) -> int:
        """Do all steps; return how many there were."""
        self.prober.answers = list(answers)
        count = 0
        while self.steps:
            count += 1
            await self.examiner.examine(self.steps.pop(0))
        return count


async def test_what_a_sweep_could_not_tell_stays_as_it_was_known_and_is_asked_for_sooner() -> None:
    patient = Patient()
    await patient.look()
    await patient.finish(ACCEPTED)
    before = (await patient.look()).versions
    patient.clock.now += DAY
    await patient.look()
    await patient.finish([])  # the server resets every hello now
    assert (await patient.look()).versions == before
    assert patient.steps == []
    patient.clock.now += RETRY_SECONDS
    await patient.look()
    assert len(patient.steps) == 1


async def test_one_sweep_after_the_other_is_made_at_an_address() -> None:
    patient = Patient()
    for port in (993, 995, 465):
        await patient.look(port)
    assert len(patient.steps) == 1
    assert await patient.finish(ACCEPTED * 3) == 3 * 4
    for port in (993, 995, 465):
        assert (await patient.look(port)).versions is not None


async def test_other_settings_leave_sweeps_under_way_alone() -> None:
    patient = Patient()
    await patient.look()
    for _ in range(3):
        patient.examiner.adjust(patient.prober, patient.rhythm)
        await patient.look()
    assert len(patient.steps) == 1
    await patient.finish(ACCEPTED)
    assert (await patient.look()).versions is not None


async def test_a_sweep_of_an_endpoint_that_came_back_is_another_one() -> None:
    patient = Patient()
    first = (await patient.look()).endpoint
    patient.examiner.forget(first.key)
    await patient.look()
    assert await patient.finish(ACCEPTED) == 1 + 4  # the first one loses its turn
    assert (await patient.look()).versions is not None


async def test_no_versions_are_shown_where_none_are_wanted_or_nothing_is_there() -> None:
    patient = Patient()
    await patient.look()
    await patient.finish(ACCEPTED)
    patient.prober.seen = replace(healthy(993), reason=Reason.CONNECTION_REFUSED, tls=None)
    assert (await patient.look()).versions is None
    patient.prober.seen = healthy(993)
    assert (await patient.look()).versions is not None
    patient.examiner.adjust(patient.prober, replace(patient.rhythm, interval=None))
    assert (await patient.look()).versions is None


async def test_groups_are_asked_for_once_they_are_wanted() -> None:
    patient = Patient()
    await patient.look()
    await patient.finish(ACCEPTED)
    patient.examiner.adjust(patient.prober, replace(patient.rhythm, with_groups=True))
    await patient.look()
    await patient.finish([*ACCEPTED, ServerHello("TLSv1.3", 4865, 29, is_retry=True)])
    assert (await patient.look()).preferred_group is not None
    assert patient.steps == []


@pytest.mark.parametrize("is_patient", [False, True])
async def test_the_handshake_wins_over_a_filter_that_refuses_unusual_hellos(*, is_patient: bool) -> None:
    prober = Scripted([Alert(2, 70)] * 12)
    steps: list[Sweep] = []
    rhythm = Rhythm(DAY, pause=600.0, is_patient=is_patient)
    examiner = Examiner(prober, rhythm, lambda sweep, _: steps.append(sweep))
    seen = prober.seen
    assert seen.tls is not None
    last = await examiner.examine(seen.endpoint)
    while steps:
        last = await examiner.examine(steps.pop(0))
    observation = await examiner.examine(seen.endpoint) if is_patient else last

    assert observation is not None
    assert observation.versions is not None
    assert {name for name, is_on in observation.versions.items() if is_on} == {seen.tls.version}
    assert False not in observation.versions.values()
    (note,) = observation.version_notes
    assert note.startswith(f"contradicted by the handshake: {seen.tls.version}: ")
    assert "not proven" in note
    assert not {verdict.id for verdict in observation.verdicts} & {
        "tls_version_dropped",
        "legacy_tls_accepted",
    }


async def test_a_handshake_after_the_sweep_wins_over_it_as_well() -> None:
    patient = Patient()
    await patient.look()
    await patient.finish(ACCEPTED)
    tls = patient.prober.seen.tls
    assert tls is not None
    patient.prober.seen = replace(patient.prober.seen, tls=replace(tls, version="TLSv1.1"))

    later = await patient.look()

    assert later.versions is not None
    assert later.versions["TLSv1.1"]
    assert False not in later.versions.values()
    assert any("contradicted" in note for note in later.version_notes)


async def test_names_that_share_an_address_are_remembered_apart(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind one address each name may have a server of its own: what one chose says nothing of another."""
    peers: list[str] = []
    monkeypatch.setattr(KeyShares, "learn", lambda _, peer, *__: peers.append(peer))
    endpoint, prober = endpoint_of(farm, "tls13-only"), prober_for(farm.ca_file, seconds=1.0)
    for host in (endpoint.host, "other.mail.test", endpoint.host):
        await prober.probe(replace(endpoint, host=host))
    first, other, again = peers
    assert first == again != other
