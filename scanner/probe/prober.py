"""Drives one dialogue over one connection and makes an observation of it, whatever happens."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache, partial

from scanner.config import ProbeSettings
from scanner.model import (
    DaneMatch,
    DaneStatus,
    Endpoint,
    Observation,
    Phase,
    Protocol,
    Reason,
    Source,
    StartTls,
    TlsMode,
)
from scanner.model.exclusion import NOTHING_EXCLUDED, Exclusion
from scanner.network import Budgets, ConnectFailure, Link, open_connection
from scanner.probe.judgements import REMEMBERED, Judgements
from scanner.protocol import Findings, Session, TlsClient
from scanner.protocol.dane import match_dane
from scanner.protocol.hello_tunnel import HelloClient
from scanner.protocol.recorded import RecordedSession
from scanner.protocol.server_hello import Answer
from scanner.protocol.tls import DomainClient
from scanner.protocol.transcript import Transcript
from scanner.protocol.tunnel import TunnelMaker
from scanner.verdict import Policy, identify, judge, level_of

_UNTOLD = frozenset({Reason.EXCLUDED, Reason.PROBE_RESOURCES})
"""Why a connection was not tried, or could not be."""


class Prober:
    """Probes endpoints, one connection each; holds what all probes share.

    `remembered` says of how many observations the judgement is kept; see `Judgements`.
    """

    def __init__(
        self,
        settings: ProbeSettings,
        *,
        ehlo_name: str,
        tls: TlsClient,
        policy: Policy,
        vantage: str = "default",
        clock: Callable[[], float] = time.perf_counter,
        remembered: int = REMEMBERED,
    ) -> None:
        self._settings = settings
        self._exclusion = NOTHING_EXCLUDED
        self.ehlo_name = ehlo_name
        self._tls = tls
        self._judgements = Judgements(policy, judged, remembered)
        self._vantage = vantage
        self._clock = clock
        self._budgets_of_port = lru_cache(maxsize=None)(self._budgets)

    def exclude(self, exclusion: Exclusion) -> None:
        """Connect to nobody who is excluded, whoever asks for it."""
        self._exclusion = exclusion

    async def probe(self, endpoint: Endpoint) -> Observation:
        """Probe one endpoint. What the network does is data; only cancellation gets out."""
        return await self._probe(endpoint)

    async def probe_aloud(self, endpoint: Endpoint, transcript: Transcript, seconds: float) -> Observation:
        """Probe one endpoint, and put the dialogue into a transcript.

        `seconds` caps the whole probe where its own limit is higher.
        """
        return await self._probe(endpoint, transcript, seconds)

    async def _probe(
        self, endpoint: Endpoint, transcript: Transcript | None = None, seconds: float | None = None
    ) -> Observation:
        started_at = datetime.now(UTC)
        begun = self._clock()
        found = Findings()
        session: Session | None = None
        try:
            session = self._session(endpoint, self._client_for(endpoint), transcript)
            found = session.found
            if endpoint.dns_seconds is not None:
                found.phases[Phase.DNS] = endpoint.dns_seconds
            await self._converse(session, endpoint, begun, seconds)
        except Exception as fault:  # noqa: BLE001 - our own fault must not cost the other probes
            found.fail(Reason.INTERNAL, _told(fault))
        duration = self._clock() - begun
        if transcript is not None:
            transcript.note(_say_end(found))
        bytes_read = session.bytes_read if session is not None else 0
        try:
            observation = observe(endpoint, found, started_at, duration, bytes_read, self._vantage)
            return self.judge(observation)
        except Exception as fault:  # noqa: BLE001 - nor may a fault in judging
            return Observation(
                endpoint=endpoint,
                started_at=started_at,
                duration=duration,
                reason=Reason.INTERNAL,
                detail=_told(fault),
                phases=found.phases,
                bytes_read=bytes_read,
                vantage=self._vantage,
            )

    async def ask(self, endpoint: Endpoint, hello: bytes) -> tuple[Answer | None, Findings]:
        """Send one raw ClientHello where TLS begins on this endpoint, and return the answer.

        There is none where the hello was never sent; the findings say why. What the network does is data.
        """
        client = HelloClient(hello)
        session = self._session(endpoint, client)
        try:
            await self._converse(session, endpoint, self._clock())
        except Exception as fault:  # noqa: BLE001 - our own fault must not cost the other probes
            session.found.fail(Reason.INTERNAL, _told(fault))
        return client.conclude(session.found), session.found

    async def knock(self, host: str, address: str, port: int, seconds: float | None = None) -> bool | None:
        """Tell whether a TCP connection can be made; nothing is sent by it, and it is closed at once.

        None where that cannot be told: it may not be asked, or our own machine could not.
        `seconds` caps the time for connecting where its own limit is higher.
        """
        limit = self._settings.connect_seconds
        try:
            sock = await open_connection(
                address,
                port,
                host=host,
                exclusion=self._exclusion,
                timeout=limit if seconds is None else min(seconds, limit),
                source_address=self._settings.source_address,
            )
        except ConnectFailure as failure:
            if failure.reason in _UNTOLD:
                return None
            return failure.reason is Reason.RESET_BEFORE_GREETING  # so it had been connected
        sock.close()
        return True

    def judge(self, observation: Observation) -> Observation:
        """Judge an observation anew, since more is known than when it was made."""
        return self._judgements.judged(observation)

    async def _converse(
        self, session: Session, endpoint: Endpoint, begun: float, seconds: float | None = None
    ) -> None:
        found = session.found
        budgets = self._budgets_of_port(endpoint.port)
        if seconds is not None:
            budgets = replace(budgets, total=min(seconds, budgets.total))
        # Made before there is a connection: once that stands, only the link holds it.
        link = Link(session, budgets, self._clock, begun)
        try:
            sock = await open_connection(
                endpoint.address,
                endpoint.port,
                host=endpoint.host,
                exclusion=self._exclusion,
                timeout=min(self._settings.connect_seconds, budgets.total),
                source_address=self._settings.source_address,
            )
        except ConnectFailure as failure:
            reason = failure.reason
            if reason is Reason.RESET_BEFORE_GREETING:  # so it had been connected
                found.phases[Phase.CONNECT] = self._clock() - begun
                reason = Reason.TLS_CLOSED if endpoint.tls_mode is TlsMode.IMPLICIT else reason
            found.fail(reason, failure.detail)
        else:
            found.phases[Phase.CONNECT] = self._clock() - begun
            await link.run(sock)

    def _budgets(self, port: int) -> Budgets:
        settings = self._settings
        return Budgets(
            {Phase.GREETING: settings.greeting_seconds(port)},
            other=settings.read_seconds,
            total=settings.total_timeout,
        )

    def _client_for(self, endpoint: Endpoint) -> TunnelMaker:
        """Return the TLS client; a server that SRV records name may show the domain's name (RFC 6186)."""
        sources = endpoint.sources or tuple((domain, endpoint.source) for domain in endpoint.domains)
        domains = tuple(domain for domain, source in sources if source == Source.SRV)
        return DomainClient(self._tls, domains) if domains else self._tls

    def _session(self, endpoint: Endpoint, tls: TunnelMaker, transcript: Transcript | None = None) -> Session:
        make = Session if transcript is None else partial(RecordedSession, transcript=transcript)
        return make(
            endpoint.protocol,
            endpoint.tls_mode,
            endpoint.host,
            ehlo_name=self.ehlo_name,
            tls=tls,
            clock=self._clock,
            # The host too: behind one address, names may have servers and groups of their own.
            peer=f"{endpoint.host} {endpoint.address} {endpoint.port}",
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
        hello=found.hello,
        tls=found.tls,
        certificate=found.certificate,
        dane=_compare_with_dane(endpoint, found),
        bytes_read=bytes_read,
        vantage=vantage,
    )


def _compare_with_dane(endpoint: Endpoint, found: Findings) -> DaneMatch | None:
    """Tell how the presented chain stands to the TLSA records that bind senders, where there are any."""
    dane = endpoint.expectation.dane if endpoint.expectation is not None else None
    if dane is None or dane.status is not DaneStatus.SECURE or not found.chain:
        return None
    return match_dane(dane.records, found.chain, endpoint.host, endpoint.domains)


def _told(fault: Exception) -> str:
    return f"{type(fault).__name__}: {fault}"


def _say_end(found: Findings) -> str:
    if found.reason is None:
        return "done"
    return f"ended: {found.reason.value}{f', {found.detail}' if found.detail else ''}"


def _software(protocol: Protocol, found: Findings) -> str | None:
    if found.reason is Reason.WRONG_PROTOCOL:
        return None
    return _identify(protocol, found.banner, found.capabilities_tls or found.capabilities or ())


# The next probe mostly meets the same greeting.
_identify = lru_cache(maxsize=128)(identify)
