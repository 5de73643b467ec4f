"""The probe desk: makes the probes that clients ask for, in their turn like all others, few at a time."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from scanner.config import Settings
from scanner.discovery.merge import Former, Plan
from scanner.model import PORTS, Endpoint, Observation, Reason, TargetFinding
from scanner.model.observation import Key
from scanner.model.target import Target
from scanner.protocol.transcript import Transcript
from scanner.service.admission import Admission
from scanner.service.asking import Errand
from scanner.service.chronicle import CONFIRM_SECONDS
from scanner.service.watch import Watch
from scanner.verdict import is_proven
from scanner.web.asked import Probed, ProbedTarget, ProbeRefusedError

GAP_SECONDS = 30.0
"""Between two requests for one endpoint."""
BURST, REFILL_SECONDS = 10, 2.0
"""So many requests for endpoints at once, and how soon another one is free."""
WAIT_SECONDS = 75.0
"""How long a request may take that names no time of its own: a probe alone may take 60 s."""
MOST_ENDPOINTS = 64
"""Of one target; a scrape has no time for more."""
_REFUSED = frozenset({Reason.ADDRESS_NOT_ALLOWED, Reason.EXCLUDED})
SHARE_KEPT = 0.5
"""Of a scrape's time that is shorter than the offset, so much is left for the probe."""


class ProbeDesk:
    """Probes through the pool of a watch; see `scanner.web.asked.Desk`."""

    def __init__(self, watch: Watch, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._watch = watch
        self._clock = clock
        self._asked: dict[Key, float] = {}
        self._tokens = float(BURST)
        self._refilled_at = clock()
        self._targets = 0
        self._freed = asyncio.Condition()
        self._admission: Admission | None = None

    async def probe_endpoint(self, key: Key) -> Probed:
        """Probe a watched endpoint now; it counts unless a probe was made less than a minute ago."""
        seen = self._watch.latest_of(key)
        if seen is None:
            raise ProbeRefusedError(404, "this endpoint is not watched, or was not probed yet")
        self._refuse_excluded(seen.endpoint)
        self._take_token(key)
        deadline = self._clock() + WAIT_SECONDS
        probed = await self._in_turn(seen.endpoint, deadline, is_kept=True)
        if probed is None:
            raise ProbeRefusedError(503, "its turn did not come in time; try again later", retry_after=60)
        return probed

    async def probe_target(self, target: Target, scrape_seconds: float | None) -> ProbedTarget:
        """Probe what a target leads to, before the time of a scrape is over; nothing is remembered of it."""
        settings, _ = self._watch.parts_in_force
        why = self._admit_by(settings).refuse(target, self._watch.checkpoint.roster.whereabouts)
        if why is not None:
            raise ProbeRefusedError(403, why)
        begun = self._clock()
        deadline = begun + allowed_seconds(scrape_seconds, settings.web.probe.timeout_offset)
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(deadline - begun):
                    await stack.enter_async_context(self._place(settings.web.probe.concurrency))
                    plan = await self._plan(target)
            except TimeoutError:
                raise ProbeRefusedError(503, "its turn did not come in time", retry_after=10) from None
            _check(target, plan)
            plan = replace(plan, endpoints=tuple(filter(self._may_probe, plan.endpoints)))
            # Each ends at the deadline by itself, and tells how far it has come.
            found = await asyncio.gather(*(self._in_turn(endpoint, deadline) for endpoint in plan.endpoints))
        probed = tuple(each for each in found if each is not None)
        unfinished = len(found) - len(probed)
        if unfinished and not probed:
            raise ProbeRefusedError(503, "its turn did not come in time", retry_after=10)
        shown = tuple(each for each in probed if is_proven(each.observation))
        return ProbedTarget(shown, tuple(plan.findings), unfinished, self._clock() - begun)

    async def _plan(self, target: Target) -> Plan:
        """Find out what a target leads to, beside the plan in force and without a trace in it."""
        planner = self._watch.parts_in_force[1].planner
        memory = {domain: known for domain, known in planner.memory.items() if domain == target.host}
        return await replace(planner, memory=memory, former=Former()).plan([target])

    def _may_probe(self, endpoint: Endpoint) -> bool:
        """Whether a port may be probed for a client: an SRV record may name any, and others write it."""
        return endpoint.port in PORTS or self._is_watched_port(endpoint)

    def _is_watched_port(self, endpoint: Endpoint) -> bool:
        admission = self._admit_by(self._watch.parts_in_force[0])
        return (
            admission.is_named(endpoint.host, endpoint.port)
            or self._watch.latest_of(endpoint.key) is not None
        )

    def _admit_by(self, settings: Settings) -> Admission:
        if self._admission is None or self._admission.settings is not settings:
            self._admission = Admission(settings)
        return self._admission

    async def _in_turn(self, endpoint: Endpoint, deadline: float, *, is_kept: bool = False) -> Probed | None:
        """Have an endpoint probed by the pool; None where its turn does not come before the deadline."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Probed] = loop.create_future()
        prober = self._watch.parts_in_force[1].prober

        async def run() -> None:
            left = deadline - self._clock()
            if done.done() or left <= 0:
                return  # nobody waits for it any more
            # Not when it was asked for: its turn may come right behind a probe of the watch.
            is_counted = is_kept and self._is_news(endpoint.key)
            transcript = Transcript(time.perf_counter)
            observation = await prober.probe_aloud(endpoint, transcript, left)
            told = self._tell(observation, is_kept=is_counted)
            if not done.done():
                done.set_result(Probed(told, transcript.lines, is_kept=is_counted))

        errand = Errand(endpoint.address, run)
        self._watch.checkpoint.pool.push(errand, is_urgent=True)
        try:
            # The probe ends at the deadline by itself; the moment more is for what it makes of it.
            async with asyncio.timeout(deadline - self._clock() + 0.1):
                return await done
        except TimeoutError:
            return None
        finally:
            # It would cost its address a turn that the watch needs.
            self._watch.checkpoint.pool.withdraw(errand)

    def _is_news(self, key: Key) -> bool:
        """Whether a probe counts: two within a minute would confirm each other's bad moment."""
        seen = self._watch.latest_of(key)
        return seen is None or (datetime.now(UTC) - seen.started_at).total_seconds() >= CONFIRM_SECONDS

    def _tell(self, observation: Observation, *, is_kept: bool) -> Observation:
        if not is_kept:
            self._watch.checkpoint.leave_alone(observation.endpoint.key, CONFIRM_SECONDS)
            return self._watch.controls.look_at(observation)
        self._watch.checkpoint.take(observation)
        known = self._watch.latest_of(observation.endpoint.key)
        is_told = known is not None and known.started_at == observation.started_at
        return known if known is not None and is_told else self._watch.controls.look_at(observation)

    def _refuse_excluded(self, endpoint: Endpoint) -> None:
        """Refuse an endpoint that was excluded a moment ago, and is still shown."""
        why = self._watch.parts_in_force[0].exclusion.refuse(endpoint.host, endpoint.address)
        if why is not None:
            raise ProbeRefusedError(403, why)

    def _take_token(self, key: Key) -> None:
        """Count a request for an endpoint.

        Raises:
            ProbeRefusedError: there are too many.
        """
        now = self._clock()
        self._asked = {each: at for each, at in self._asked.items() if now - at < GAP_SECONDS}
        if key in self._asked:
            wait = self._asked[key] + GAP_SECONDS - now
            raise ProbeRefusedError(429, "this endpoint was asked for a moment ago", retry_after=wait)
        self._tokens = min(float(BURST), self._tokens + (now - self._refilled_at) / REFILL_SECONDS)
        self._refilled_at = now
        if self._tokens < 1:
            raise ProbeRefusedError(
                429, "too many probes are asked for; wait a moment", retry_after=REFILL_SECONDS
            )
        self._tokens -= 1
        self._asked[key] = now

    @asynccontextmanager
    async def _place(self, most: int) -> AsyncIterator[None]:
        """Wait until there are fewer than so many targets under way."""
        async with self._freed:
            await self._freed.wait_for(lambda: self._targets < most)
            self._targets += 1
        try:
            yield
        finally:
            self._targets -= 1
            async with self._freed:
                self._freed.notify()


def allowed_seconds(scrape_seconds: float | None, offset: float) -> float:
    """Return how long a probe for a scrape may take: never nothing, however short the scrape's time is."""
    if scrape_seconds is None:
        return WAIT_SECONDS
    return min(max(scrape_seconds - offset, scrape_seconds * SHARE_KEPT), WAIT_SECONDS)


def _check(target: Target, plan: Plan) -> None:
    refused = [finding for finding in plan.findings if finding.reason in _REFUSED]
    if refused and not plan.endpoints:
        raise ProbeRefusedError(403, _say(refused[0]))
    if len(plan.endpoints) > MOST_ENDPOINTS:
        text = f"{target} leads to {len(plan.endpoints)} endpoints; name a port, as in &port=25"
        raise ProbeRefusedError(400, text)


def _say(finding: TargetFinding) -> str:
    return finding.detail or f"{finding.host} has no address that may be probed"
