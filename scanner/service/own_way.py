"""A worker's own way out: where its probe meets silence, it asks its own controls before it says so."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

import structlog

from scanner.config import Settings
from scanner.model import Observation, State
from scanner.model.control import Gate, GateStanding, Realm, gate_of
from scanner.model.exclusion import Exclusion
from scanner.network import Resolver
from scanner.probe import Prober
from scanner.service.asking import Asker, Errand
from scanner.service.clues import Clues
from scanner.service.rounds import FRESH_SECONDS, Manner, Rounds
from scanner.verdict.egress import blame, is_suspicious

log = structlog.get_logger(__name__)


class OwnWay:
    """Knows which gates are closed from here.

    A whole cluster's controls may be asked from another machine, and would say that all is well.
    """

    def __init__(
        self,
        settings: Settings,
        prober: Prober,
        resolver: Resolver,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fresh = min(FRESH_SECONDS, settings.schedule.interval / 2)
        self._resolver = resolver
        self._asker = asker = Asker(settings.controls, prober, resolver, self._push)
        self.exclude(settings.exclusion)
        self._clues = Clues(clock)
        self._rounds = Rounds(settings.controls, asker, self._clues, Manner(fresh=self._fresh))
        self._clock = clock
        self._known: dict[Gate, tuple[float, GateStanding]] = {}
        self._under_way: dict[Gate, asyncio.Task[GateStanding]] = {}
        self._errands: set[asyncio.Future[None]] = set()

    def exclude(self, exclusion: Exclusion) -> None:
        """Ask no control that is excluded."""
        self._resolver.exclude(exclusion)
        self._asker.exclude(exclusion)

    async def look_at(self, seen: Observation) -> tuple[Observation, str | None]:
        """Return what a probe saw as our own way out makes it, and what is wrong with that way."""
        gate = gate_of(seen.endpoint)
        self._clues.note(gate, seen)
        if seen.state is State.OPEN or not is_suspicious(seen) or not self._has_controls(gate):
            return seen, None
        before = self._known.get(gate)
        standing = await self._find(gate)
        # A way that was closed under a dialogue has cut it off.
        changed = blame(seen, standing, began_before=before is None or not before[1].is_bad)
        return (seen, None) if changed.state is seen.state else (changed, f"{gate}: {standing.text}")

    async def find_fault(self, gate: Gate) -> str | None:
        """Say why nothing passes a gate from here; None where nothing speaks against it.

        What was found closed is asked again when that is long enough ago, and until it is open.
        """
        if gate not in self._known or not self._known[gate][1].is_bad:
            return None
        standing = await self._find(gate)
        return f"{gate}: {standing.text}" if standing.is_bad else None

    @property
    def fault(self) -> str | None:
        """What is wrong with our way out, by what was found last."""
        bad = [f"{gate}: {known.text}" for gate, (_, known) in sorted(self._known.items()) if known.is_bad]
        return "; ".join(bad)[:500] or None

    async def _find(self, gate: Gate) -> GateStanding:
        at, known = self._known.get(gate, (0.0, None))
        if known is not None and self._clock() - at < self._fresh:
            return known
        task = self._under_way.get(gate)
        if task is None:
            former = None if known is None else known.word
            task = asyncio.create_task(self._rounds.find_standing(gate, former))
            self._under_way[gate] = task
            task.add_done_callback(partial(self._settle, gate))
        return await asyncio.shield(task)

    def _settle(self, gate: Gate, task: "asyncio.Task[GateStanding]") -> None:
        del self._under_way[gate]
        if task.cancelled():
            return
        standing, (_, former) = task.result(), self._known.get(gate, (0.0, None))
        self._known[gate] = self._clock(), standing
        if standing.is_bad and (former is None or not former.is_bad):
            log.error("way_out_closed", gate=str(gate), why=standing.text)
        elif former is not None and former.is_bad and not standing.is_bad:
            log.info("way_out_open", gate=str(gate))

    def _has_controls(self, gate: Gate) -> bool:
        settings = self._rounds.settings
        is_theirs = gate.realm is Realm.PUBLIC or settings.is_own(gate.port)
        return is_theirs and bool(self._rounds.lists.get(gate.port))

    def _push(self, errand: Errand) -> None:
        task = asyncio.ensure_future(errand.run())
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
