"""The controls: results that our own network may be to blame for wait until control servers were asked."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from scanner.model import Endpoint, Observation, Severity
from scanner.model.control import UNTOLD, Gate, GateStanding, Realm, Standings, Word, gate_of
from scanner.model.event import Event, EventKind
from scanner.model.observation import Key
from scanner.service.rounds import Rounds
from scanner.verdict.egress import blame, is_answered, is_suspicious, tell_gate

RECHECK_SECONDS = 60.0
"""How soon the controls are asked again at the earliest, where our own network is found at fault."""


@dataclass(frozen=True, slots=True)
class Reports:
    """Who is told what comes of it."""

    deliver: Callable[[Observation], None]
    """Takes the results that had to wait."""
    on_change: Callable[[Gate, GateStanding, Event], None] = lambda _gate, _standing, _event: None
    """Told where our own network began or ceased to be at fault."""


@dataclass(frozen=True, slots=True)
class _Known:
    standing: GateStanding
    asked_at: float
    """When the questions began."""
    at: float
    since: float
    """When it was found to stand so first."""


class Controls:
    """The stage between the probes and what is told of them.

    A result in which the server proved itself passes at once. Another one waits until the controls of its
    port were asked; one check is shared by all that wait, and no worker of the pool waits with them.

    Args:
        spawn: lets a coroutine run beside the pool's workers.
        judge: judges an observation anew.
    """

    def __init__(
        self,
        rounds: Rounds,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        judge: Callable[[Observation], Observation],
        reports: Reports,
        *,
        vantage: str = "default",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rounds = rounds
        self._spawn = spawn
        self._judge = judge
        self._reports = reports
        self._vantage = vantage
        self._clock = clock
        self._known: dict[Gate, _Known] = {}
        self._told: dict[str, Word] = {}
        """What was last told as an event, by what the gate is called."""
        self._held: dict[Gate, deque[Observation]] = {}
        self._under_way: set[Gate] = set()
        self._in_use: frozenset[Gate] = frozenset()
        self._changed = asyncio.Event()

    def adjust(
        self, rounds: Rounds, judge: Callable[[Observation], Observation], *, vantage: str = "default"
    ) -> None:
        """Go on with other settings; what is known stands where the same servers are asked."""
        former, self._rounds = self._rounds, rounds
        self._judge = judge
        self._vantage = vantage
        for gate in list(self._known):
            if rounds.lists.get(gate.port) != former.lists.get(gate.port) or not self._has_controls(gate):
                del self._known[gate]
        self._changed.set()

    def restore(self, told: Mapping[str, Word]) -> None:
        """Take over what was told before the process began, by what the gates are called."""
        self._told = {**told, **self._told}

    @property
    def standings(self) -> Standings:
        """What is known of each gate."""
        return MappingProxyType({gate: known.standing for gate, known in self._known.items()})

    def pass_on(self, observation: Observation) -> Observation | None:
        """Return a result as it may be told, or None where it waits for the controls."""
        gate = gate_of(observation.endpoint)
        self._rounds.clues.note(gate, observation)
        if not self._has_controls(gate):
            return observation
        known = self._known.get(gate)
        standing = UNTOLD if known is None else known.standing
        # Where all is intercepted, a result that looks good may mean that it has ended.
        is_doubtful = is_suspicious(observation) or standing.word is Word.INTERCEPTED
        wants_check = self._wants_check(known, observation)
        if is_doubtful and (wants_check or gate in self._under_way):
            self._held.setdefault(gate, deque()).append(observation)
            self._begin(gate)
            return None
        if wants_check and standing.word is Word.BLOCKED and is_answered(observation):
            self._begin(gate)  # it may be open again
        return self._apply(observation, known)

    def look_at(self, observation: Observation) -> Observation:
        """Return a result by what is known of our own network now; it waits for nothing."""
        return self._apply(observation, self._known.get(gate_of(observation.endpoint)))

    def held_back(self) -> list[Observation]:
        """Return the results that still wait, to be handed out when nothing more comes."""
        return [observation for line in self._held.values() for observation in line]

    def forget(self, key: Key) -> None:
        """Forget an endpoint that is probed no more."""
        self._rounds.clues.forget(key)

    def watch(self, endpoints: Iterable[Endpoint]) -> None:
        """Ask the controls of all gates of these endpoints again and again, the new ones soon."""
        self._in_use = frozenset(map(gate_of, endpoints))
        for gate in self._known.keys() - self._in_use:
            del self._known[gate]
        self._changed.set()

    async def run(self) -> None:
        """Ask at the start and at every interval, until cancelled."""
        while True:
            self._changed.clear()
            wait = self._begin_due()
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _begin_due(self) -> float | None:
        """Begin the checks that are due; return the seconds until the next one is."""
        waits = []
        for gate in filter(self._has_controls, self._in_use - self._under_way):
            known = self._known.get(gate)
            wait = 0.0
            if known is not None:
                wait = known.at + self._patience(known) - self._clock()
            if wait <= 0:
                self._begin(gate)
            else:
                waits.append(wait)
        return min(waits, default=None)

    def _patience(self, known: _Known) -> float:
        """Return how long an answer holds: where our network is at fault, as long as it has been so.

        So a short outage is over for all that wait for its end soon after it is over.
        """
        interval = self._rounds.settings.interval
        if not known.standing.is_bad:
            return interval
        return min(interval, max(RECHECK_SECONDS, known.at - known.since))

    def _has_controls(self, gate: Gate) -> bool:
        """Tell whether there is anybody to ask; the built-in controls are all out in the Internet."""
        is_theirs = gate.realm is Realm.PUBLIC or self._rounds.settings.is_own(gate.port)
        return is_theirs and bool(self._rounds.lists.get(gate.port))

    def _wants_check(self, known: _Known | None, observation: Observation) -> bool:
        """Tell whether a result in doubt asks for a check: one that was looked into before can wait.

        What began after the controls were last asked was not: the probe that would confirm it has them asked.
        """
        fresh, interval = self._rounds.manner.fresh, self._rounds.settings.interval
        if fresh is None:
            return known is None
        since = self._rounds.clues.shown_since(observation)
        if known is None:
            return True
        is_news = known.asked_at < since
        return self._clock() - known.at >= (min(fresh, interval) if is_news else interval)

    def _apply(self, observation: Observation, known: _Known | None) -> Observation:
        """Return a result that has come just now by what is known of its gate."""
        if known is None:
            return observation
        began_before = self._clock() - observation.duration < known.since
        return self._blame(observation, known.standing, began_before=began_before)

    def _blame(self, observation: Observation, standing: GateStanding, *, began_before: bool) -> Observation:
        changed = blame(observation, standing, began_before=began_before)
        return observation if changed is observation else self._judge(changed)

    def _begin(self, gate: Gate) -> None:
        if gate not in self._under_way:
            self._under_way.add(gate)
            self._spawn(self._check(gate))

    async def _check(self, gate: Gate) -> None:
        """Find out how a gate stands, and hand out what waited for it."""
        before, rounds, asked_at = self._known.get(gate), self._rounds, self._clock()
        standing = await rounds.find_standing(gate, None if before is None else before.standing.word)
        self._under_way.discard(gate)
        self._changed.set()
        if rounds.lists.get(gate.port) == self._rounds.lists.get(gate.port):
            self._settle(gate, standing, asked_at)
        else:
            standing = UNTOLD  # other settings since: these controls count no more
        was_open = before is None or before.standing.word is not Word.BLOCKED
        waiting = self._held.pop(gate, deque())
        while waiting:
            self._reports.deliver(self._blame(waiting.popleft(), standing, began_before=was_open))

    def _settle(self, gate: Gate, standing: GateStanding, asked_at: float) -> None:
        """Keep what was found, and tell it where it is news."""
        now, before = self._clock(), self._known.get(gate)
        since = now if before is None or before.standing.word is not standing.word else before.since
        self._known[gate] = _Known(standing, asked_at, now, since)
        told = self._told.get(str(gate), Word.FINE)
        # That the controls are silent is no block any more where a target answers.
        word = Word.FINE if standing.has_witness and told is Word.BLOCKED else standing.word
        if word not in {Word.UNTOLD, told}:
            self._told[str(gate)] = word
            self._reports.on_change(gate, standing, _write_event(gate, told, standing, self._vantage))


def one_a_gate(endpoints: Iterable[Endpoint]) -> Generator[None, None, tuple[Endpoint, ...]]:
    """Return an endpoint at each gate that some pass; yields wherever that may be put off."""
    found: dict[Gate, Endpoint] = {}
    for endpoint in endpoints:
        found.setdefault(gate_of(endpoint), endpoint)
        yield
    return tuple(found.values())


def _write_event(gate: Gate, before: Word, after: GateStanding, vantage: str) -> Event:
    verdict, former = tell_gate(gate, after), tell_gate(gate, GateStanding(before))
    return Event(
        at=datetime.now(UTC),
        kind=EventKind.EGRESS_CHANGED,
        subject=str(gate),
        severity=Severity.NOTICE if verdict is None else verdict.severity,
        summary=_tell_end(gate, after) if verdict is None else verdict.summary,
        name=f"egress_{before if verdict is None else after.word}",
        advice=None if verdict is None else verdict.advice,
        before={"standing": before.value},
        after={
            "standing": after.word.value,
            "evidence": list(after.evidence),
            "signatures": list(after.signatures),
        },
        vantage=vantage,
        ended=None if former is None else former.severity,
        port=gate.port,
    )


def _tell_end(gate: Gate, after: GateStanding) -> str:
    if after.has_witness:
        return f"It cannot be told any more that our own network blocks {gate}: {after.text}."
    return f"Our own network lets {gate} through again."
