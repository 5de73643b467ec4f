"""An observation: everything one probe learnt about one endpoint, kept even when the probe broke off."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from scanner.model.ports import Protocol, Role, TlsMode
from scanner.model.published import DaneMatch, Expectation, Proof
from scanner.model.reason import STATE_OF, Phase, Reason, State
from scanner.model.verdict import Verdict

Key = tuple[str, str, int, str, str]
"""The identity of an endpoint: host, address, port, protocol, TLS mode."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing to probe: a port of one address. Its identity is its `key`."""

    host: str
    address: str
    port: int
    protocol: Protocol
    tls_mode: TlsMode
    role: Role
    source: str
    domains: tuple[str, ...]
    dns_seconds: float | None = None
    expectation: Expectation | None = None
    proof: Proof = Proof.NONE

    @property
    def key(self) -> Key:
        """The identity that limits, metrics and resumption go by."""
        return (self.host, self.address, self.port, self.protocol, self.tls_mode)


@dataclass(frozen=True, slots=True)
class StartTls:
    """What the server said about STARTTLS or STLS."""

    offered: bool
    reply: str | None = None
    masked: bool = False
    extra_plaintext: int = 0
    """Bytes that came in clear behind the go-ahead: a sign of injection."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The leaf certificate as presented, and what is wrong with it (empty `problems` = nothing)."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    fingerprint_sha256: str
    key: str
    chain_length: int
    trusted: bool
    name_matches: bool
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tls:
    """The negotiated TLS parameters, by OpenSSL's names."""

    version: str
    cipher: str
    group: str | None


@dataclass(frozen=True, slots=True)
class Observation:
    """The result of one probe. `reason is None` means the service speaks its protocol."""

    endpoint: Endpoint
    started_at: datetime
    duration: float
    reason: Reason | None = None
    detail: str | None = None
    """The raw evidence for the reason: an errno, an alert, the refusing reply."""
    phases: Mapping[Phase, float] = field(default_factory=dict)
    banner: str | None = None
    software: str | None = None
    capabilities: tuple[str, ...] | None = None
    capabilities_tls: tuple[str, ...] | None = None
    starttls: StartTls | None = None
    auth_before_tls: tuple[str, ...] | None = None
    auth_after_tls: tuple[str, ...] | None = None
    preauth: bool = False
    ehlo_reply: str | None = None
    """The reply that refused EHLO, where HELO had to be used."""
    tls: Tls | None = None
    certificate: Certificate | None = None
    dane: DaneMatch | None = None
    """None where no usable TLSA record is published or no certificate was seen."""
    bytes_read: int = 0
    vantage: str = "default"
    level: int = 0
    verdicts: tuple[Verdict, ...] = ()

    @property
    def state(self) -> State:
        """The state that belongs to the reason."""
        return State.OPEN if self.reason is None else STATE_OF[self.reason]


@dataclass(frozen=True, slots=True)
class TargetFinding:
    """Something found about a target and not about an endpoint: no such name, no address, not allowed.

    `reason is None` where nothing is wrong with the target as such and only `verdicts` say something.
    """

    domain: str
    host: str
    started_at: datetime
    duration: float
    reason: Reason | None
    detail: str | None = None
    source: str = "operator"
    vantage: str = "default"
    verdicts: tuple[Verdict, ...] = ()

    @property
    def state(self) -> State:
        """The state that belongs to the reason."""
        return State.OPEN if self.reason is None else STATE_OF[self.reason]
