"""One look at a few targets for advice: plan, probe, and keep what was seen, with the controls of a scan."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace

from scanner.config import Settings
from scanner.discovery import Plan
from scanner.engine import Pool, WaitingRoom
from scanner.model import Endpoint, Observation, TargetFinding
from scanner.model.domain import DomainFacts
from scanner.model.observation import Key
from scanner.model.record import to_record
from scanner.probe import Examiner, Rhythm, Sweep
from scanner.service.asking import MOST_CONTROLS, Errand
from scanner.service.clues import Clues
from scanner.service.controls import Controls, Reports
from scanner.service.parts import Parts, build_rounds
from scanner.service.rounds import Manner
from scanner.service.scan import Listener
from scanner.verdict import is_proven
from scanner.verdict.egress import EGRESS_REASONS


@dataclass(slots=True)
class Look:
    """What was found out; `latest` fills while it goes on."""

    plan: Plan = field(default_factory=lambda: Plan((), ()))
    latest: dict[Key, Observation] = field(default_factory=dict)
    ruled_out: set[Key] = field(default_factory=set)
    """Guesses that were none of the domain's servers."""

    def facts_of(self, domain: str) -> DomainFacts | None:
        """Return what is known of a domain, without the guesses that were wrong."""
        found = next((facts for facts in self.plan.domains if facts.domain == domain), None)
        if found is None:
            return None
        return replace(found, members=tuple(one for one in found.members if one.key not in self.ruled_out))

    def findings_of(self, domain: str) -> tuple[TargetFinding, ...]:
        """Return what there is to tell of a domain itself."""
        return tuple(finding for finding in self.plan.findings if finding.domain == domain)


async def look_at(settings: Settings, parts: Parts, listener: Listener, look: Look) -> None:
    """Probe the targets of the settings once, without sweeps of the TLS versions; fill `look`."""
    try:
        listener.read(len(settings.targets))
        look.plan = await parts.planner.plan(settings.targets, listener.resolved)
        listener.planned(len(look.plan.endpoints))
        await _probe(settings, parts, listener, look)
    finally:
        await parts.close()


async def _probe(settings: Settings, parts: Parts, listener: Listener, look: Look) -> None:
    def deliver(observation: Observation) -> None:
        key = observation.endpoint.key
        # Of a guess that our own network cannot get to nothing is known either.
        if is_proven(observation) or observation.reason in EGRESS_REASONS:
            look.latest[key] = observation
            listener.found(to_record(observation))
        else:
            look.ruled_out.add(key)
            listener.ruled_out()

    async def do(job: Endpoint | Sweep | Errand) -> Observation | None:
        if isinstance(job, Errand):
            await job.run()
            return None
        observation = await examiner.examine(job)
        return None if observation is None else controls.pass_on(observation)

    limits = settings.limits
    examiner = Examiner(parts.prober, Rhythm(None), lambda sweep, _: pool.push(sweep))
    rounds = build_rounds(
        settings, parts, Clues(), lambda errand: pool.push(errand, is_urgent=True), Manner(fresh=None)
    )
    pool: Pool[Endpoint | Sweep | Errand, Observation] = Pool(
        do,
        deliver,
        WaitingRoom(limits.per_address, limits.per_address_gap),
        concurrency=min(limits.concurrency, len(look.plan.endpoints) + MOST_CONTROLS),
        rate=limits.rate,
    )
    controls = Controls(rounds, pool.spawn, parts.prober.judge, Reports(deliver), vantage=settings.vantage)
    await pool.run(_feed(look.plan.endpoints))


async def _feed(endpoints: Iterable[Endpoint]) -> AsyncIterator[Endpoint]:
    for endpoint in endpoints:
        yield endpoint
