"""What probes say in passing about our own network: which ports answer, how near who answers is."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from scanner.model import Endpoint, Observation, Phase
from scanner.model.control import Control, Gate, Realm, gate_of
from scanner.model.observation import Key
from scanner.verdict.egress import is_answered
from scanner.verdict.interception import Asked

RECENT_SECONDS = 60.0
"""How long an answer on another port shows that the network works."""
MOST_WITNESSES = 3
"""Targets of a gate that are asked anew where no control answers: those that answered last."""


class Clues:
    """Remembers little and of few: ports that answered, targets that are controls, addresses of controls."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.is_store_proven = False
        """Whether any control's certificate ever verified, so that ours is a store of the public CAs."""
        self._clock = clock
        self._names: frozenset[tuple[str, int]] = frozenset()
        self._shown: dict[Key, tuple[object, float]] = {}
        self._seen: dict[tuple[str, Gate], tuple[float, Observation]] = {}
        self._witnesses: dict[Gate, OrderedDict[Key, Endpoint]] = {}
        self._answered: dict[tuple[Realm, int], dict[int, float]] = {}
        self._connects: dict[str, dict[int, float]] = {}

    def expect(self, controls: Iterable[Control]) -> None:
        """Remember the results of targets that are these controls."""
        self._names = frozenset((control.host, control.port) for control in controls)
        self._seen.clear()

    def note(self, gate: Gate, observation: Observation) -> None:
        """Take in the result of a target."""
        endpoint = observation.endpoint
        if is_answered(observation):
            self._answered.setdefault((gate.realm, gate.family), {})[gate.port] = self._clock()
        self._note_witness(gate, observation)
        if endpoint.address in self._connects:
            self._note_connect(observation)
        if (endpoint.host, endpoint.port) in self._names:
            self._seen[endpoint.host, gate] = (self._clock(), observation)

    def shown_since(self, observation: Observation) -> float:
        """Return when a target began to show what it shows, by the clock, as far as was asked here."""
        key, starttls = observation.endpoint.key, observation.starttls
        shows = (observation.reason, starttls and (starttls.offered, starttls.masked))
        shown, since = self._shown.get(key, (None, 0.0))
        if shown != shows:
            since = self._clock()
            self._shown[key] = (shows, since)
        return since

    def learn(self, gate: Gate, asked: Iterable[Asked]) -> None:
        """Take in what probes of controls have seen."""
        for one in asked:
            self._note_connect(one.seen)
            self.is_store_proven |= one.is_proven
            if one.has_answered:
                self._answered.setdefault((gate.realm, gate.family), {})[gate.port] = self._clock()

    def forget(self, key: Key) -> None:
        """Forget an endpoint that is probed no more."""
        self._shown.pop(key, None)
        for known in self._witnesses.values():
            known.pop(key, None)

    def witnesses(self, gate: Gate) -> tuple[Endpoint, ...]:
        """Return targets whose last probes had an answer at a gate: worth asking whether they have still."""
        return tuple(self._witnesses.get(gate, {}).values())

    def recall(self, control: Control, gate: Gate, fresh: float | None) -> Observation | None:
        """Return what a probe of a target that is this control saw in the last seconds (None = ever)."""
        at, seen = self._seen.get((control.host, gate), (0.0, None))
        if seen is None or gate_of(seen.endpoint) != gate:
            return None
        return seen if fresh is None or self._clock() - at < fresh else None

    def has_other_answers(self, gate: Gate) -> bool:
        """Tell whether a server answered on another port a moment ago."""
        now = self._clock()
        ports = self._answered.get((gate.realm, gate.family), {})
        return any(port != gate.port and now - at < RECENT_SECONDS for port, at in ports.items())

    def connect_elsewhere(self, gate: Gate, asked: Iterable[Asked]) -> dict[str, float]:
        """Return how long other ports of the controls' addresses took to connect, in seconds, at best."""
        found = {}
        for address in {one.seen.endpoint.address for one in asked}:
            ports = self._connects.get(address, {})
            others = [seconds for port, seconds in ports.items() if port != gate.port]
            if others:
                found[address] = min(others)
        return found

    def _note_witness(self, gate: Gate, observation: Observation) -> None:
        endpoint = observation.endpoint
        known = self._witnesses.setdefault(gate, OrderedDict())
        known.pop(endpoint.key, None)
        if is_answered(observation) and (endpoint.host, endpoint.port) not in self._names:
            known[endpoint.key] = endpoint
            if len(known) > MOST_WITNESSES:
                known.popitem(last=False)

    def _note_connect(self, observation: Observation) -> None:
        seconds = observation.phases.get(Phase.CONNECT)
        if seconds is not None:
            ports = self._connects.setdefault(observation.endpoint.address, {})
            ports[observation.endpoint.port] = seconds
