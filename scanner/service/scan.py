"""One scan from targets to records: plan, probe, hand out each result as soon as it is there.

A long list is read and planned a section at a time, while the section before is being probed.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol, TypeAlias

from scanner.config import Settings
from scanner.discovery import Plan
from scanner.engine import Pool, WaitingRoom
from scanner.model import Endpoint, Observation
from scanner.model.record import Record, to_record
from scanner.model.target import Target
from scanner.probe import Examiner, Rhythm, Sweep
from scanner.service.aftermath import Aftermath
from scanner.service.asking import Errand
from scanner.service.clues import Clues
from scanner.service.controls import Controls, Reports
from scanner.service.governor import Governor
from scanner.service.journal import Journal
from scanner.service.parts import Parts, build_rounds
from scanner.service.rounds import Manner
from scanner.service.sections import Section, Sections, in_sections
from scanner.service.sharing import Sharing
from scanner.verdict import is_proven, sight
from scanner.verdict.egress import EGRESS_REASONS

AHEAD = 8
"""Addresses for each worker whose turn has come before it has time; the rest of the list is left until they
are fewer. They are what there is to do in the end, beside dead hosts that came last."""

ScanJob: TypeAlias = Endpoint | Sweep | Errand


class Listener(Protocol):
    """Who wants to know how a scan goes on."""

    def resolved(self, done: int) -> None:
        """So many targets are looked up."""

    def read(self, targets: int) -> None:
        """All targets are read: there are so many."""

    def planned(self, total: int) -> None:
        """So many results will come of the targets that are looked up."""

    def found(self, record: Record) -> None:
        """One result is there."""

    def ruled_out(self) -> None:
        """A guessed server showed nothing: it is no result."""

    def resized(self, connections: int) -> None:
        """So many connections are made at once from now on."""


async def run_scan(
    settings: Settings,
    parts: Parts,
    listener: Listener,
    journal: Journal | None = None,
    *,
    more: AsyncIterator[Sequence[Target]] | None = None,
    is_behind: Callable[[], bool] = lambda: False,
) -> None:
    """Scan the targets of the settings, each endpoint once.

    Results that the journal holds are handed out from it; new ones are written to it first.

    Args:
        more: targets beyond those of the settings, as they are read.
        is_behind: tells whether the listener has more than it can take just now.

    Raises:
        JournalError: a result could not be kept.
        ShelfError: there is no room for temporary files.
    """
    try:
        await _Scan(settings, parts, listener, journal, is_behind).run(in_sections(settings.targets, more))
    finally:
        await parts.close()


class _Scan:
    """The parts of one scan, joined."""

    def __init__(
        self,
        settings: Settings,
        parts: Parts,
        listener: Listener,
        journal: Journal | None,
        is_behind: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._parts = parts
        self._listener = listener
        self._journal = journal
        self._is_behind = is_behind
        self._sections = Sections(lambda finding: listener.found(to_record(finding)))
        self._sharing = Sharing()
        self._targets = 0
        self._results = 0
        self._is_read = False
        limits = settings.limits
        self._pool: Pool[ScanJob, Observation] = Pool(
            self._do,
            self._deliver,
            WaitingRoom(limits.per_address, limits.per_address_gap, longest_first=True),
            concurrency=limits.concurrency,
            rate=limits.rate,
            ahead=AHEAD * limits.concurrency,
        )
        rhythm = Rhythm(settings.probe.versions_interval, with_groups=settings.probe.groups)
        self._examiner = Examiner(parts.prober, rhythm, lambda sweep, _: self._pool.push(sweep))
        rounds = build_rounds(
            settings,
            parts,
            Clues(),
            lambda errand: self._pool.push(errand, is_urgent=True),
            Manner(fresh=None),
        )
        self._controls = Controls(
            rounds, self._pool.spawn, parts.prober.judge, Reports(self._deliver), vantage=settings.vantage
        )
        self._governor = Governor(self._pool, limits.concurrency, is_behind, listener.resized)

    async def run(self, sections: AsyncIterator[Sequence[Target]]) -> None:
        """Scan everything; what is known when it is broken off is told."""
        governing = asyncio.ensure_future(self._governor.run())
        try:
            async with aclosing(self._feed(sections)) as feed:
                await self._pool.run(feed)
        finally:
            governing.cancel()
            # Broken off: what is known of them is shown, and they are probed again when the scan is resumed.
            for observation in (*self._examiner.held_back(), *self._controls.held_back()):
                self._listener.found(to_record(observation))

    async def _feed(self, sections: AsyncIterator[Sequence[Target]]) -> AsyncGenerator[Endpoint, None]:
        """Yield what is to be probed; the next section is planned meanwhile, and no more than that one."""
        planning = asyncio.ensure_future(self._plan_next(sections))
        try:
            while (plan := await planning) is not None:
                planning = asyncio.ensure_future(self._plan_next(sections))
                aftermath = Aftermath(plan.domains, self._settings.ports, self._settings.vantage)
                section = self._sections.open(aftermath, (endpoint.key for endpoint in plan.endpoints))
                for finding in plan.findings:
                    self._listener.found(to_record(finding))
                for endpoint in plan.endpoints:
                    if self._is_known(section, endpoint):
                        await self._governor.until_free()
                    elif self._sharing.claim(section, endpoint):
                        yield endpoint
                self._sections.check(section)
            self._is_read = True
        finally:
            planning.cancel()
            await asyncio.gather(planning, return_exceptions=True)

    async def _plan_next(self, sections: AsyncIterator[Sequence[Target]]) -> Plan | None:
        """Plan the next section; None where all are planned."""
        targets = await anext(sections, None)
        if targets is None:
            self._listener.read(self._targets)
            return None
        before = self._targets
        self._targets += len(targets)
        plan = await self._parts.planner.plan(targets, lambda done: self._listener.resolved(before + done))
        self._results += len(plan.endpoints) + len(plan.findings)
        self._listener.planned(self._results)
        return plan

    def _is_known(self, section: Section, endpoint: Endpoint) -> bool:
        """Tell an endpoint from the journal, or as it was seen for another section, where that can be."""
        seen = self._sharing.recall(endpoint)
        if seen is not None:
            told = self._as_seen_for(endpoint, seen)
        else:
            kept = None if self._journal is None else self._journal.recall(endpoint)
            if kept is None:
                return False
            # What was published may have changed since, and the policy to judge by.
            told = self._parts.prober.judge(kept)
        self._tell(section, told, is_kept=True)
        return True

    async def _do(self, job: ScanJob) -> Observation | None:
        """Do one job; return a result that can be told now."""
        if isinstance(job, Errand):
            await job.run()
            return None
        observation = await self._examiner.examine(job)
        if observation is None:
            return None
        pause = self._governor.look_at(observation)
        if pause is not None:
            self._pool.spawn(self._try_again(observation.endpoint, pause))
            return None
        return self._controls.pass_on(observation)

    async def _try_again(self, endpoint: Endpoint, pause: float) -> None:
        await asyncio.sleep(pause)
        self._pool.push(endpoint)

    def _deliver(self, observation: Observation) -> None:
        """Hand out a result for every section that waits for it."""
        is_kept = False
        for section, endpoint in self._sharing.settle(observation, is_last=self._is_read):
            seen = self._as_seen_for(endpoint, observation)
            is_kept |= self._tell(section, seen, is_kept=is_kept)
            self._sections.check(section)
        behind = self._sharing.next_of(observation.endpoint.key)
        if behind is not None:
            self._pool.push(behind)

    def _as_seen_for(self, endpoint: Endpoint, observation: Observation) -> Observation:
        if endpoint is observation.endpoint:
            return observation
        return self._parts.prober.judge(replace(observation, endpoint=endpoint))

    def _tell(self, section: Section, observation: Observation, *, is_kept: bool) -> bool:
        """Tell one result, kept in the journal first; return whether it is one."""
        key = observation.endpoint.key
        if not _is_result(observation):
            section.rule_out(key)
            self._listener.ruled_out()
            return False
        record = to_record(observation)
        if self._journal is not None and not is_kept:
            self._journal.keep(observation, record)
        section.take(key, observation.state, sight(observation) if section.is_open else None)
        self._listener.found(record)
        return True


def _is_result(observation: Observation) -> bool:
    """Tell whether a result is one: of a guess that our own network cannot get to nothing is known either."""
    return is_proven(observation) or observation.reason in EGRESS_REASONS
