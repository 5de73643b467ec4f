"""The controls of a watch: every result passes here on its way from the probe to what is told."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

import structlog

from scanner.config import Settings
from scanner.engine import Pool, WaitingRoom
from scanner.model import Endpoint, Observation, Reason
from scanner.model.control import Gate, GateStanding
from scanner.model.event import Event
from scanner.model.observation import Key
from scanner.probe import Examiner, Sweep
from scanner.service.agenda import Agenda
from scanner.service.asking import Errand
from scanner.service.clues import Clues
from scanner.service.controls import Controls, Reports
from scanner.service.governor import Governor
from scanner.service.machine import make_room
from scanner.service.parts import Parts, build_rounds
from scanner.service.roster import Roster
from scanner.service.rounds import FRESH_SECONDS, Manner, Rounds

log = structlog.get_logger(__name__)

WatchJob: TypeAlias = Endpoint | Sweep | Errand


@dataclass(frozen=True, slots=True)
class Ties:
    """What of a watch the checkpoint has to do with."""

    probe: Callable[[Endpoint | Sweep], Awaitable[Observation | None]]
    deliver: Callable[[Observation], None]
    agenda: Agenda
    roster: Roster
    examiner: Examiner
    on_change: Callable[[Event], None]
    """Told where our own network began or ceased to be at fault."""


class Checkpoint:
    """Owns the pool and does its jobs: those for the controls itself, all others by `ties.probe`.

    Results of those pass the controls before they are told.
    """

    def __init__(self, settings: Settings, parts: Parts, waiting: WaitingRoom[WatchJob], ties: Ties) -> None:
        size = _fit(settings)
        self._ties = ties
        self._clues = Clues()
        self.hand_on = ties.deliver
        """Who takes the results that can be told: other vantages may have to look first."""
        self.pool: Pool[WatchJob, Observation] = Pool(
            self._do, self._pass_on, waiting, concurrency=size, rate=settings.limits.rate
        )
        self._governor = Governor(self.pool, size, lambda: False, _tell_size)
        self.controls = Controls(
            self._build_rounds(settings, parts),
            self.pool.spawn,
            parts.prober.judge,
            Reports(self._hand_out, self._take_change),
            vantage=settings.vantage,
        )

    @property
    def roster(self) -> Roster:
        """What is known of the endpoints and domains now."""
        return self._ties.roster

    def take(self, observation: Observation) -> None:
        """Take a result that a client asked for: it passes the controls and counts like any other.

        The next probe of the watch comes an interval after it.
        """
        if observation.endpoint.key in self._ties.agenda:
            self._ties.agenda.count(observation.endpoint.key, observation.state)
        observation = self._ties.examiner.complete(observation)
        told = self.controls.pass_on(observation)
        if told is not None:
            self._hand_out(told)

    def leave_alone(self, key: Key, seconds: float) -> None:
        """Keep the next probe of the watch apart from one that a client asked for and that does not count."""
        self._ties.agenda.postpone(key, seconds)

    def adjust(self, settings: Settings, parts: Parts) -> None:
        """Go on with other settings."""
        size = _fit(settings)
        self._governor.adjust(size)
        self.pool.adjust(concurrency=size, rate=settings.limits.rate)
        rounds = self._build_rounds(settings, parts)
        self.controls.adjust(rounds, parts.prober.judge, vantage=settings.vantage)

    async def _do(self, job: WatchJob) -> Observation | None:
        """Do one job of the pool; return a result that can be told now."""
        if isinstance(job, Errand):
            if not self._ties.agenda.is_closed:
                await job.run()
            return None
        observation = await self._ties.probe(job)
        pause = None if observation is None else self._governor.look_at(observation)
        if observation is not None and pause is not None:
            self._ties.agenda.hasten(observation.endpoint.key, pause)
        self._governor.tick()
        told = None if observation is None else self.controls.pass_on(observation)
        return None if told is None else self._without_sweep(told)

    def _pass_on(self, observation: Observation) -> None:
        self.hand_on(observation)

    def _build_rounds(self, settings: Settings, parts: Parts) -> Rounds:
        def push(errand: Errand) -> None:
            self.pool.push(errand, is_urgent=True)

        # A target is probed again after half an interval at the soonest, unless something else makes it due.
        fresh = min(FRESH_SECONDS, settings.schedule.interval / 2)
        return build_rounds(settings, parts, self._clues, push, Manner(fresh=fresh))

    def _hand_out(self, observation: Observation) -> None:
        """Tell a result that had to wait, unless its endpoint has gone meanwhile."""
        if observation.endpoint.key in self._ties.agenda:
            self.hand_on(self._without_sweep(observation))

    def tell(self, observation: Observation) -> None:
        """Tell a result that other vantages have looked at, unless its endpoint has gone meanwhile."""
        if observation.endpoint.key in self._ties.agenda:
            self._ties.deliver(observation)

    def ask(self, endpoint: Endpoint) -> bool:
        """Probe an endpoint again now, since another vantage sees it otherwise; False where it is unknown."""
        if endpoint.key not in self._ties.agenda:
            return False
        self._ties.agenda.hasten(endpoint.key)
        return True

    def _without_sweep(self, observation: Observation) -> Observation:
        """Let a sweep through a port that is intercepted count for nothing."""
        if observation.reason is Reason.EGRESS_INTERCEPTED:
            self._ties.examiner.forget(observation.endpoint.key)
        return observation

    def _take_change(self, gate: Gate, standing: GateStanding, event: Event) -> None:
        """Tell that our own network changed, and probe again soon what is judged otherwise by that."""
        self._ties.on_change(event)
        for key in self._ties.roster.judged_otherwise(gate, standing):
            self._ties.agenda.hasten(key)


def _fit(settings: Settings) -> int:
    """Return how many connections at once this machine bears of those that are wanted; log what it lacks."""
    room = make_room(settings.limits.concurrency)
    if room.why is not None:
        log.warning("limits_lowered", reason=room.why)
    return room.connections


def _tell_size(connections: int) -> None:
    log.info("pool_resized", connections=connections)
