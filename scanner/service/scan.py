"""One scan from targets to records: plan, probe, hand out each result as soon as it is there."""

from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from scanner.config import Settings
from scanner.engine import Pool, WaitingRoom
from scanner.model import Endpoint, Observation, State
from scanner.model.record import Record, to_membership, to_record
from scanner.probe import Examiner, Rhythm, Sweep
from scanner.service.aftermath import Aftermath
from scanner.service.asking import MOST_CONTROLS, Errand
from scanner.service.clues import Clues
from scanner.service.controls import Controls, Reports
from scanner.service.journal import Journal
from scanner.service.parts import Parts, build_rounds
from scanner.service.rounds import Manner
from scanner.verdict import is_proven, sight, sight_record
from scanner.verdict.egress import EGRESS_REASONS


class Listener(Protocol):
    """Who wants to know how a scan goes on."""

    def resolved(self, done: int) -> None:
        """So many targets are looked up."""

    def planned(self, total: int) -> None:
        """So many results will come."""

    def found(self, record: Record) -> None:
        """One result is there."""

    def ruled_out(self) -> None:
        """A guessed server showed nothing: it is no result."""


async def run_scan(
    settings: Settings, parts: Parts, listener: Listener, journal: Journal | None = None
) -> None:
    """Scan the targets of the settings, each endpoint once.

    Results that the journal holds are handed out from it; new ones are written to it first.

    Raises:
        JournalError: a result could not be kept.
    """
    try:
        await _run(settings, parts, listener, journal)
    finally:
        await parts.close()


async def _run(settings: Settings, parts: Parts, listener: Listener, journal: Journal | None) -> None:
    plan = await parts.planner.plan(settings.targets, listener.resolved)
    listener.planned(len(plan.endpoints) + len(plan.findings))
    for finding in plan.findings:
        listener.found(to_record(finding))
    aftermath = Aftermath(plan.domains, settings.ports, settings.vantage)
    known = journal.records if journal is not None else {}
    todo = []
    for endpoint in plan.endpoints:
        if endpoint.key in known and _has_all(known[endpoint.key], settings):
            record = known[endpoint.key] | to_membership(endpoint)
            aftermath.note(endpoint.key, State(record["state"]), sight_record(endpoint, record))
            listener.found(record)
        else:
            todo.append(endpoint)

    def deliver(observation: Observation) -> None:
        if not _is_result(observation):
            listener.ruled_out()
            return
        record = to_record(observation)
        if journal is not None:
            journal.append(record)
        aftermath.note(observation.endpoint.key, observation.state, sight(observation))
        listener.found(record)

    limits = settings.limits
    rhythm = Rhythm(settings.probe.versions_interval, with_groups=settings.probe.groups)
    examiner = Examiner(parts.prober, rhythm, lambda sweep, _: pool.push(sweep))
    rounds = build_rounds(
        settings, parts, Clues(), lambda errand: pool.push(errand, is_urgent=True), Manner(fresh=None)
    )
    pool: Pool[Endpoint | Sweep | Errand, Observation] = Pool(
        lambda job: _do(job, examiner, controls),
        deliver,
        WaitingRoom(limits.per_address, limits.per_address_gap),
        concurrency=min(limits.concurrency, len(todo) + MOST_CONTROLS),
        rate=limits.rate,
    )
    controls = Controls(rounds, pool.spawn, parts.prober.judge, Reports(deliver), vantage=settings.vantage)
    try:
        await pool.run(_feed(todo))
    finally:
        # Broken off: what is known of them is shown, and they are probed again when the scan is resumed.
        for observation in (*examiner.held_back(), *controls.held_back()):
            listener.found(to_record(observation))
    for finding in aftermath.find():
        listener.found(to_record(finding))


async def _do(job: Endpoint | Sweep | Errand, examiner: Examiner, controls: Controls) -> Observation | None:
    """Do one job; return a result that can be told now."""
    if isinstance(job, Errand):
        await job.run()
        return None
    observation = await examiner.examine(job)
    return None if observation is None else controls.pass_on(observation)


def _is_result(observation: Observation) -> bool:
    """Tell whether a result is one: of a guess that our own network cannot get to nothing is known either."""
    return is_proven(observation) or observation.reason in EGRESS_REASONS


def _has_all(record: Record, settings: Settings) -> bool:
    """Tell whether a record of an earlier scan has the versions, where they are wanted now."""
    tls = record.get("tls")
    wants_versions = settings.probe.versions_interval is not None
    return not (wants_versions and record["state"] == State.OPEN and tls and "versions" not in tls)


async def _feed(endpoints: Iterable[Endpoint]) -> AsyncIterator[Endpoint]:
    for endpoint in endpoints:
        yield endpoint
