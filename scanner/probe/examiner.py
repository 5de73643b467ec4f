"""Examines endpoints: an ordinary probe each time, and now and then a sweep of the versions behind it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from scanner.model import Endpoint, Observation, Reason, State
from scanner.model.observation import Key
from scanner.probe.prober import Prober
from scanner.probe.sweep import Sweep, Swept
from scanner.verdict import is_proven


@dataclass(frozen=True, slots=True)
class Known:
    """The last sweep of an endpoint, and when it was (seconds, monotonic)."""

    swept: Swept
    at: float


Memory = dict[Key, Known]

_TLS_FAILED = frozenset({Reason.TLS_HANDSHAKE_FAILED, Reason.TLS_TIMEOUT, Reason.TLS_CLOSED})


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When sweeps are made, and how."""

    interval: float | None
    """Seconds between two sweeps of an endpoint; None = none are made."""
    with_groups: bool = False
    pause: float = 0.0
    """Seconds between two connections of a sweep, beyond what the limits ask."""
    is_patient: bool = False
    """Whether observations are handed out before their sweep is done."""


class Examiner:
    """Does the pool's jobs: probes of endpoints, and the single steps of sweeps.

    A sweep goes through the pool a connection at a time, so that every limit holds for it too. It begins
    where a probe came as far as TLS. An impatient examiner holds the observation back until the sweep is
    done; a patient one hands it out at once and adds what the sweep found to the next.

    Args:
        push: puts the next step of a sweep into the pool, after so many seconds.
        memory: what earlier sweeps found; filled here.
    """

    def __init__(
        self,
        prober: Prober,
        rhythm: Rhythm,
        push: Callable[[Sweep, float], None],
        *,
        memory: Memory | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prober = prober
        self._rhythm = rhythm
        self._push = push
        self._memory: Memory = {} if memory is None else memory
        self._clock = clock
        self._under_way: dict[Key, Sweep] = {}

    async def examine(self, job: Endpoint | Sweep) -> Observation | None:
        """Do a job; return an observation where one is complete by it."""
        if isinstance(job, Sweep):
            return await self._go_on(job)
        observation = await self._prober.probe(job)
        if self._is_due(observation):
            sweep = Sweep(observation, with_groups=self._rhythm.with_groups)
            self._under_way[sweep.key] = sweep
            self._push(sweep, self._rhythm.pause)
            if not self._rhythm.is_patient:
                return None
        return self._complete(observation)

    def held_back(self) -> list[Observation]:
        """Return the observations whose sweeps are not done, to be handed out when nothing more comes."""
        return [sweep.observation for sweep in self._under_way.values()]

    def forget(self, key: Key) -> None:
        """Forget an endpoint that is examined no more; a sweep of it that is under way ends."""
        self._memory.pop(key, None)
        self._under_way.pop(key, None)

    async def _go_on(self, sweep: Sweep) -> Observation | None:
        if sweep.key not in self._under_way:
            return None
        if await sweep.step(self._prober):
            self._push(sweep, self._rhythm.pause)
            return None
        if self._under_way.pop(sweep.key, None) is None:
            return None  # forgotten meanwhile
        self._memory[sweep.key] = Known(sweep.finish(), self._clock())
        return None if self._rhythm.is_patient else self._complete(sweep.observation)

    def _is_due(self, observation: Observation) -> bool:
        interval, key = self._rhythm.interval, observation.endpoint.key
        if interval is None or key in self._under_way:
            return False
        has_tls = observation.state is State.OPEN and observation.tls is not None
        if not has_tls and observation.reason not in _TLS_FAILED:
            return False
        known = self._memory.get(key)
        return (known is None or self._clock() >= known.at + interval) and is_proven(observation)

    def _complete(self, observation: Observation) -> Observation:
        """Add what the last sweep found."""
        known = self._memory.get(observation.endpoint.key)
        return observation if known is None else self._prober.judge(known.swept.add_to(observation))
