"""The prober of a scheduler: the connections are made by workers, and judged here as ever."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from time import time_ns
from typing import Any

import structlog

from scanner.cluster.fleet import Fleet
from scanner.cluster.jobs import Knock, job_for
from scanner.cluster.results import Plain, read_answer, read_knock
from scanner.model import Endpoint, Observation, Phase, Reason
from scanner.probe import Prober
from scanner.protocol import Findings
from scanner.protocol.server_hello import Answer
from scanner.store.codec import read_whole

log = structlog.get_logger(__name__)


KNOCK_SECONDS = 75.0
"""How long a knock waits for a worker: as long as a round of the controls may take, and it is no outage."""


class RemoteProber(Prober):
    """Probes through a fleet. What is asked for aloud, with its dialogue, is still made here.

    Args:
        fleet: does the jobs.
        settings, more: as a prober has them.
    """

    def __init__(self, fleet: Fleet, *settings: Any, **more: Any) -> None:  # noqa: ANN401 - handed on as they are
        super().__init__(*settings, **more)
        self._fleet = fleet
        self._place = str(more.get("vantage", "default"))

    async def probe(self, endpoint: Endpoint) -> Observation:
        """Have one endpoint probed; waits for as long as there is no worker to do it."""
        asked = datetime.now(UTC)
        why = self._exclusion.refuse(endpoint.host, endpoint.address)
        if why is not None:
            return Observation(endpoint, asked, 0.0, Reason.EXCLUDED, why, vantage=self._place)
        body = await self._fleet.do(job_for(endpoint, number_for(endpoint)))
        return self.judge(self._read(endpoint, body, asked))

    async def ask(self, endpoint: Endpoint, hello: bytes) -> tuple[Answer | None, Findings]:
        """Have one raw ClientHello sent."""
        if (why := self._exclusion.refuse(endpoint.host, endpoint.address)) is not None:
            found = Findings()
            found.fail(Reason.EXCLUDED, why)
            return None, found
        body = await self._fleet.do(job_for(endpoint, number_for(endpoint), hello))
        try:
            return read_answer(body)
        except ValueError as error:
            found = Findings()
            found.fail(Reason.INTERNAL, f"a worker's answer cannot be read: {error}"[:300])
            return None, found

    async def knock(self, host: str, address: str, port: int, seconds: float | None = None) -> bool | None:
        """Have a worker tell whether a TCP connection can be made; None where it cannot be told.

        Workers of an older version refuse what they do not know: while there are any, nobody is asked.
        """
        tally = self._fleet.tally
        if not tally.all_knock(self._fleet.lease) or self._exclusion.refuse(host, address) is not None:
            return None
        knock = Knock(id=_number(address, port), host=host, address=address, port=port, seconds=seconds)
        try:
            async with asyncio.timeout(KNOCK_SECONDS):
                return read_knock(await self._fleet.do(knock))
        except TimeoutError:
            return None
        except ValueError as error:
            log.error("knock_unreadable", error=str(error)[:300])
            return None

    def _read(self, endpoint: Endpoint, body: Plain, asked: datetime) -> Observation:
        """Return what a worker saw. Only what it saw is taken from it: whose endpoint it is, we know.

        Its clock may be wrong by any amount; the probe was made between the moment when it was asked for and
        this one.
        """
        reason, detail = Reason.INTERNAL, "a worker's result cannot be read"
        match body:
            case {"refused": str() as why}:
                reason, detail = Reason.ADDRESS_NOT_ALLOWED, why[:300]
            case {"excluded": str() as why}:  # while it waited
                reason, detail = Reason.EXCLUDED, why[:300]
            case {"seen": dict() as plain}:
                try:
                    seen = read_whole(plain, endpoint)
                except ValueError as error:
                    log.error("observation_unreadable", error=str(error)[:300])
                else:
                    phases = dict(seen.phases)
                    if endpoint.dns_seconds is not None:
                        phases = {Phase.DNS: endpoint.dns_seconds, **phases}
                    begun = min(max(seen.started_at, asked), datetime.now(UTC))
                    self._fleet.tally.corrected += begun != seen.started_at
                    return replace(seen, phases=phases, vantage=self._place, started_at=begun)
        return Observation(endpoint, datetime.now(UTC), 0.0, reason, detail, vantage=self._place)


def number_for(endpoint: Endpoint) -> str:
    """Return the number of one job: of this endpoint, due now. Its results count once."""
    return _number(*endpoint.key)


def _number(*key: object) -> str:
    digest = blake2b("|".join(map(str, key)).encode(), digest_size=8)
    return f"{digest.hexdigest()}-{time_ns():x}"
