"""Examines endpoints: an ordinary probe each time, and now and then a sweep of the versions behind it."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from scanner.model import Endpoint, Observation, Reason, State
from scanner.model.observation import Key
from scanner.probe.prober import Prober
from scanner.probe.sweep import Sweep, Swept
from scanner.verdict import is_proven

RETRY_SECONDS = 3600.0
"""How soon a sweep that found nothing, or was cut short, is made again where the interval is longer."""

_TLS_FAILED = frozenset({Reason.TLS_HANDSHAKE_FAILED, Reason.TLS_TIMEOUT, Reason.TLS_CLOSED})


@dataclass(frozen=True, slots=True)
class Known:
    """What the last sweeps of an endpoint found, and when the next one is due (seconds, monotonic)."""

    swept: Swept
    due: float
    has_groups: bool


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When sweeps are made, and how."""

    interval: float | None
    """Seconds between two sweeps of an endpoint; None = none are made."""
    with_groups: bool = False
    pause: float = 0.0
    """Seconds between two connections that sweeps make to an address, beyond what the limits ask."""
    is_patient: bool = False
    """Whether observations are handed out before their sweep is done."""


class Examiner:
    """Does the pool's jobs: probes of endpoints, and the single steps of sweeps.

    A sweep goes through the pool a connection at a time, so that every limit holds for it too. It begins
    where a probe came as far as TLS. An impatient examiner holds the observation back until the sweep is
    done. A patient one hands it out at once, makes one sweep after the other at an address, and adds what
    a sweep found to all later observations.

    Args:
        push: puts the next step of a sweep into the pool, after so many seconds.
    """

    def __init__(
        self,
        prober: Prober,
        rhythm: Rhythm,
        push: Callable[[Sweep, float], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prober = prober
        self._rhythm = rhythm
        self._push = push
        self._clock = clock
        self._known: dict[Key, Known] = {}
        self._under_way: dict[Key, Sweep] = {}
        self._lines: dict[str, deque[Sweep]] = {}
        """The sweeps that wait for their turn at an address; the first of each has it."""

    def adjust(self, prober: Prober, rhythm: Rhythm) -> None:
        """Go on with another prober and rhythm; sweeps under way go on, and what is known is kept."""
        self._prober = prober
        self._rhythm = rhythm

    async def examine(self, job: Endpoint | Sweep) -> Observation | None:
        """Do a job; return an observation where one is complete by it."""
        if isinstance(job, Sweep):
            return await self._go_on(job)
        observation = await self._prober.probe(job)
        if self._is_due(observation):
            self._begin(Sweep(observation, with_groups=self._rhythm.with_groups))
            if not self._rhythm.is_patient:
                return None
        return self.complete(observation)

    def complete(self, observation: Observation) -> Observation:
        """Add what sweeps found, and judge anew; nothing where the probe saw no TLS or none are wanted."""
        known = self._known.get(observation.endpoint.key)
        if known is None or self._rhythm.interval is None or not _came_to_tls(observation):
            return observation
        return self._prober.judge(known.swept.add_to(observation))

    def has_more(self, observation: Observation) -> bool:
        """Tell whether sweeps have found what an observation that is handed out does not say."""
        known = self._known.get(observation.endpoint.key)
        return known is not None and known.swept.add_to(observation) != observation

    def held_back(self) -> list[Observation]:
        """Return the observations whose sweeps are not done, to be handed out when nothing more comes."""
        return [sweep.observation for sweep in self._under_way.values()]

    def forget(self, key: Key) -> None:
        """Forget an endpoint that is examined no more; a sweep of it that is under way ends."""
        self._known.pop(key, None)
        self._under_way.pop(key, None)

    def _begin(self, sweep: Sweep) -> None:
        self._under_way[sweep.key] = sweep
        if not self._rhythm.is_patient:
            self._push(sweep, self._rhythm.pause)
            return
        line = self._lines.setdefault(sweep.address, deque())
        line.append(sweep)
        if len(line) == 1:
            self._push(sweep, self._rhythm.pause)

    async def _go_on(self, sweep: Sweep) -> Observation | None:
        if self._is_valid(sweep) and await sweep.step(self._prober):
            self._push(sweep, self._rhythm.pause)
            return None
        self._pass_turn(sweep)
        if not self._is_valid(sweep):
            return None  # forgotten, meanwhile perhaps
        del self._under_way[sweep.key]
        if not self._rhythm.is_patient:
            return self._prober.judge(sweep.finish().add_to(sweep.observation))
        self._learn(sweep)
        return None

    def _is_valid(self, sweep: Sweep) -> bool:
        return self._under_way.get(sweep.key) is sweep

    def _pass_turn(self, sweep: Sweep) -> None:
        """Let the next sweep at this address begin; those that were forgotten have lost their turn."""
        line = self._lines.get(sweep.address)
        if line is None or line[0] is not sweep:
            return
        line.popleft()
        while line and not self._is_valid(line[0]):
            line.popleft()
        if line:
            self._push(line[0], self._rhythm.pause)
        else:
            del self._lines[sweep.address]

    def _learn(self, sweep: Sweep) -> None:
        """Keep what a sweep found; what it could not tell stays as it was known, and is asked for sooner."""
        before = self._known.get(sweep.key)
        swept = sweep.finish()
        interval = self._rhythm.interval or 0.0
        wait = interval if swept.is_whole else min(interval, RETRY_SECONDS)
        if before is not None:
            swept = swept.supplemented_by(before.swept)
        self._known[sweep.key] = Known(swept, self._clock() + wait, sweep.wants_groups)

    def _is_due(self, observation: Observation) -> bool:
        key = observation.endpoint.key
        if self._rhythm.interval is None or key in self._under_way or not _came_to_tls(observation):
            return False
        known = self._known.get(key)
        lacks_groups = self._rhythm.with_groups and known is not None and not known.has_groups
        is_due = known is None or lacks_groups or self._clock() >= known.due
        return is_due and is_proven(observation)


def _came_to_tls(observation: Observation) -> bool:
    if observation.state is State.OPEN:
        return observation.tls is not None
    return observation.reason in _TLS_FAILED
