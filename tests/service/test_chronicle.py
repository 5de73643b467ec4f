"""The chronicle: what is open is probed again soon, a host is looked at whole, incidents are told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from scanner.model import Observation, Reason
from scanner.model.event import Event, EventKind
from scanner.model.incident import Cause, Incident
from scanner.model.observation import Key
from scanner.service.chronicle import CONFIRM_SECONDS, MOST_HASTENED, MOST_SCOUTS, Chronicle
from scanner.verdict import Policy, judge
from scanner.verdict.remember import Patience
from tests.verdict.observations import NOW, ended, healthy

PORTS = (25, 465, 587, 143, 993, 110, 995)


class Scene:
    """A chronicle, and all that it says and asks for."""

    def __init__(self) -> None:
        self.hastened: list[tuple[int, float]] = []
        self.incidents: list[tuple[Incident, ...]] = []
        self.kept: list[tuple[Key, Sequence[Event]]] = []
        self.kept_events: list[Event] = []
        self.forgotten: list[Key] = []
        self.minute = 0
        self.seconds = 0.0
        self.chronicle = Chronicle(
            Policy(),
            Patience(),
            show_incidents=self._show,
            find_others=lambda _: (),
            hasten=lambda key, seconds: self.hastened.append((key[2], seconds)),
            keeper=self,
            clock=lambda: self.seconds,
        )

    def _show(self, incidents: Iterable[Incident]) -> None:
        self.incidents.append(tuple(incidents))

    def keep(self, observation: Observation, memory: str, events: Sequence[Event]) -> None:
        """Keep it."""
        assert memory.startswith("{")
        self.kept.append((observation.endpoint.key, events))

    def keep_events(self, events: Sequence[Event]) -> None:
        """Keep them."""
        self.kept_events.extend(events)

    def keep_incidents(self, changed: Mapping[str, Incident | None], events: Sequence[Event]) -> None:
        """Keep them."""
        self.kept_events.extend(events)

    def forget(self, keys: Iterable[Key]) -> None:
        """Take note."""
        self.forgotten.extend(keys)

    def see(self, *shown: Observation, times: int = 1) -> None:
        """Probe, a quarter of an hour apart."""
        for _ in range(times):
            for observation in shown:
                probed = replace(observation, started_at=NOW + timedelta(minutes=self.minute))
                judged = replace(probed, verdicts=judge(probed, Policy(), probed.started_at))
                self.chronicle.remember(judged)
            self.minute += 15
            self.seconds += 900
            self.chronicle.settle()


def test_what_is_open_is_probed_again_soon_and_what_is_settled_is_not() -> None:
    scene = Scene()
    scene.see(healthy(587), times=4)
    assert scene.hastened == []
    scene.see(ended(587, reason=Reason.CONNECT_TIMEOUT))
    assert scene.hastened == [(587, CONFIRM_SECONDS)]
    scene.see(ended(587, reason=Reason.CONNECT_TIMEOUT))
    assert scene.hastened == [(587, CONFIRM_SECONDS)], "confirmed"
    scene.see(healthy(587))
    assert scene.hastened == [(587, CONFIRM_SECONDS)] * 2, "one good probe of two"
    scene.see(healthy(587), times=5)
    assert len(scene.hastened) == 2


def test_a_port_that_flaps_is_not_probed_sooner_for_ever() -> None:
    scene = Scene()
    scene.see(healthy(587), times=4)
    scene.see(ended(587, reason=Reason.CONNECT_TIMEOUT), healthy(587), times=20)
    assert len(scene.hastened) <= 2 * MOST_HASTENED, "of 40 probes"


def test_a_server_that_turns_us_away_is_left_in_peace() -> None:
    scene = Scene()
    scene.see(healthy(587), times=4)
    scene.see(ended(587, reason=Reason.GREETING_TEMPFAIL, banner="421 later"), times=3)
    assert scene.hastened == []


def test_a_port_that_went_down_has_the_other_ports_of_its_host_looked_at() -> None:
    scene = Scene()
    scene.see(*map(healthy, PORTS), times=4)
    scene.see(*(healthy(port) for port in PORTS if port != 25), ended(25, reason=Reason.CONNECT_TIMEOUT))
    scene.hastened.clear()
    scene.see(ended(25, reason=Reason.CONNECT_TIMEOUT))
    assert sorted(scene.hastened) == sorted((port, 0.0) for port in PORTS if port != 25)


def test_a_host_that_goes_down_port_by_port_ends_as_one_incident() -> None:
    scene = Scene()
    scene.see(*map(healthy, PORTS), times=4)
    silent = [ended(port, reason=Reason.CONNECT_TIMEOUT) for port in PORTS]
    for number in range(1, len(silent) + 1):
        scene.see(*silent[:number], times=2)
    (incident,) = scene.incidents[-1]
    assert (incident.cause, len(incident.keys)) == (Cause.HOST_DOWN, 7)
    scene.see(*map(healthy, PORTS), times=2)
    assert not scene.incidents[-1]
    kinds = [event.kind for event in scene.kept_events]
    assert kinds.count(EventKind.INCIDENT_OPENED) == kinds.count(EventKind.INCIDENT_CLOSED)
    assert scene.chronicle.board.open == {}


def test_an_endpoint_that_is_forgotten_takes_its_incident_along() -> None:
    scene = Scene()
    scene.see(healthy(587), times=4)
    scene.see(ended(587, reason=Reason.CONNECT_TIMEOUT), times=2)
    assert len(scene.incidents[-1]) == 1
    scene.chronicle.forget(healthy(587).endpoint.key)
    assert scene.forgotten == [healthy(587).endpoint.key]
    scene.chronicle.settle()
    assert not scene.incidents[-1]


def test_every_probe_is_kept_with_its_events() -> None:
    scene = Scene()
    scene.see(healthy(587), times=4)
    assert len(scene.kept) == 4
    assert [event.kind for _, events in scene.kept for event in events] == [EventKind.BASELINE_LEARNT]
    assert scene.chronicle.events.latest()[0].kind is EventKind.BASELINE_LEARNT


def test_a_look_at_the_host_leaves_a_port_that_was_just_bad_to_its_confirming_probe() -> None:
    scene = Scene()
    scene.see(*map(healthy, PORTS), times=4)
    scene.see(ended(25, reason=Reason.CONNECT_TIMEOUT))
    scene.hastened.clear()
    scene.see(ended(587, reason=Reason.CONNECT_TIMEOUT), ended(25, reason=Reason.CONNECT_TIMEOUT))
    looked_at = [port for port, seconds in scene.hastened if seconds == 0.0]
    assert sorted(looked_at) == [110, 143, 465, 993, 995]
    assert (587, CONFIRM_SECONDS) in scene.hastened


def at_host(port: int, number: int, **changes: Any) -> Observation:
    seen = ended(port, **changes) if changes else healthy(port)
    return replace(seen, endpoint=replace(seen.endpoint, host=f"mx{number}.example.org"))


def test_one_host_that_is_down_has_a_few_others_of_its_provider_looked_at_and_no_more() -> None:
    scene = Scene()
    hosts = range(MOST_SCOUTS + 12)
    scene.see(*(at_host(25, number) for number in hosts), times=4)
    for _ in range(2):
        scene.see(at_host(25, 0, reason=Reason.CONNECT_TIMEOUT))
    assert [seconds for _, seconds in scene.hastened] == [CONFIRM_SECONDS] + [0.0] * MOST_SCOUTS
    scene.hastened.clear()
    scene.seconds -= 890.0
    scene.see(at_host(25, 1, reason=Reason.CONNECT_TIMEOUT))
    assert [seconds for _, seconds in scene.hastened].count(0.0) == MOST_SCOUTS, "it spreads with the trouble"
