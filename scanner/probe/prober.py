"""Drives one dialogue over one connection and makes an observation of it, whatever happens."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

from scanner.config import ProbeSettings
from scanner.model import Endpoint, Observation, Phase, Protocol, Reason, StartTls
from scanner.network import Budgets, ConnectFailure, Link, open_connection
from scanner.protocol import Findings, Session, TlsClient
from scanner.verdict import Policy, identify, judge, level_of


class Prober:
    """Probes endpoints, one connection each; holds what all probes share."""

    def __init__(
        self,
        settings: ProbeSettings,
        *,
        ehlo_name: str,
        tls: TlsClient,
        policy: Policy,
        vantage: str = "default",
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._settings = settings
        self._ehlo_name = ehlo_name
        self._tls = tls
        self._policy = policy
        self._vantage = vantage
        self._clock = clock

    async def probe(self, endpoint: Endpoint) -> Observation:
        """Probe one endpoint. What the network does is data; only cancellation gets out."""
        started_at = datetime.now(UTC)
        begun = self._clock()
        found = Findings()
        if endpoint.dns_seconds is not None:
            found.phases[Phase.DNS] = endpoint.dns_seconds
        session: Session | None = None
        try:
            sock = await open_connection(
                endpoint.address,
                endpoint.port,
                timeout=self._settings.connect_seconds,
                source_address=self._settings.source_address,
            )
            connected = self._clock()
            session = self._session(endpoint)
            session.found.phases.update(found.phases)
            session.found.phases[Phase.CONNECT] = connected - begun
            found = session.found
            await Link(session, self._budgets(endpoint.port), self._clock).run(sock)
        except ConnectFailure as failure:
            found.fail(failure.reason, failure.detail)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - our own fault must not cost the other probes
            found.fail(Reason.INTERNAL, f"{type(error).__name__}: {error}")
        duration = self._clock() - begun
        bytes_read = session.bytes_read if session is not None else 0
        observation = observe(endpoint, found, started_at, duration, bytes_read, self._vantage)
        return judged(observation, self._policy)

    def _budgets(self, port: int) -> Budgets:
        settings = self._settings
        return Budgets(
            {Phase.GREETING: settings.greeting_seconds(port)},
            other=settings.read_seconds,
            total=settings.total_timeout,
        )

    def _session(self, endpoint: Endpoint) -> Session:
        return Session(
            endpoint.protocol,
            endpoint.tls_mode,
            endpoint.host,
            ehlo_name=self._ehlo_name,
            tls=self._tls,
            clock=self._clock,
        )


def judged(observation: Observation, policy: Policy) -> Observation:
    """Return the observation with its level and verdicts."""
    return replace(
        observation,
        level=level_of(observation),
        verdicts=judge(observation, policy, observation.started_at),
    )


def observe(
    endpoint: Endpoint,
    found: Findings,
    started_at: datetime,
    duration: float,
    bytes_read: int,
    vantage: str,
) -> Observation:
    """Freeze what a conversation found."""
    starttls = None
    if found.starttls_offered is not None or found.starttls_reply is not None:
        starttls = StartTls(
            offered=bool(found.starttls_offered),
            reply=found.starttls_reply,
            masked=found.starttls_masked,
            extra_plaintext=found.extra_plaintext,
        )
    return Observation(
        endpoint=endpoint,
        started_at=started_at,
        duration=duration,
        reason=found.reason,
        detail=found.detail,
        phases=found.phases,
        banner=found.banner,
        software=_software(endpoint.protocol, found),
        capabilities=found.capabilities,
        capabilities_tls=found.capabilities_tls,
        starttls=starttls,
        auth_before_tls=found.auth_before_tls,
        auth_after_tls=found.auth_after_tls,
        preauth=found.preauth,
        ehlo_reply=found.ehlo_reply,
        tls=found.tls,
        certificate=found.certificate,
        bytes_read=bytes_read,
        vantage=vantage,
    )


def _software(protocol: Protocol, found: Findings) -> str | None:
    if found.reason is Reason.WRONG_PROTOCOL:
        return None
    return _identify(protocol, found.banner, found.capabilities_tls or found.capabilities or ())


# The next probe mostly meets the same greeting.
_identify = lru_cache(maxsize=4096)(identify)
