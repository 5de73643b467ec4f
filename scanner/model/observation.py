"""An observation: everything one probe learnt about one endpoint, kept even when the probe broke off."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from scanner.model.ports import Protocol, Role, TlsMode
from scanner.model.published import Dane, DaneMatch, Expectation, Proof
from scanner.model.reason import STATE_OF, Phase, Reason, State
from scanner.model.verdict import StandingVerdict, Verdict

Key = tuple[str, str, int, str, str]
"""The identity of an endpoint: host, address, port, protocol, TLS mode."""
DOWNGRADE_SENTINEL = "downgrade sentinel"
"""How a note in `Observation.version_notes` begins that proves tampering (RFC 8446 section 4.1.3)."""

TrustFault: TypeAlias = Literal[
    "self_signed", "incomplete_chain", "incomplete_or_unknown_ca", "unknown_ca", "chain_too_long", "other"
]
"""Why a chain leads to no trusted CA: the leaf signed itself; it came alone and its issuer is not known;
the CA above those sent is neither sent nor known; the chain ends in a root nobody knows; it goes on beyond
where it is followed; anything else."""


class _Keyed:
    """Room for a key that is made once: a dozen tables go by it, and all of them then share one tuple."""

    __slots__ = ("_key",)
    _key: Key


@dataclass(frozen=True, slots=True)
class Endpoint(_Keyed):
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
    sources: tuple[tuple[str, str], ...] = ()
    """Domain and source, where several domains lead here; `source` is the one of highest authority."""
    expectation: Expectation | None = None
    proof: Proof = Proof.NONE

    @property
    def key(self) -> Key:
        """The identity that limits, metrics and resumption go by."""
        try:
            return self._key
        except AttributeError:
            key = (self.host, self.address, self.port, self.protocol, self.tls_mode)
            object.__setattr__(self, "_key", key)
            return key

    @property
    def dane(self) -> Dane | None:
        """What is published about it for DANE, where that was looked up."""
        return self.expectation.dane if self.expectation is not None else None


@dataclass(frozen=True, slots=True)
class StartTls:
    """What the server said about STARTTLS or STLS."""

    offered: bool
    reply: str | None = None
    masked: bool = False
    extra_plaintext: int = 0
    """Bytes that came in clear behind the go-ahead: a sign of injection."""


@dataclass(frozen=True, slots=True)
class ChainMember:
    """One certificate of the presented chain, as far as it can be read."""

    subject: str
    issuer: str
    not_after: datetime | None
    key: str
    signature: str
    """The digest it is signed with, such as `SHA256`; `Ed25519` where the key brings its own."""
    fingerprint_sha256: str


@dataclass(frozen=True, slots=True)
class CertificateProblem:
    """One thing wrong with a chain, in words.

    `problem` is a word of `Certificate.problems`, or one that only stands here (`staple_missing`).
    `depth` counts from the leaf (0) along the verified path; None where it is no place on that path.
    """

    problem: str
    depth: int | None
    text: str


@dataclass(frozen=True, slots=True)
class OcspStaple:
    """The OCSP response that came with the handshake (RFC 6066 section 8), and what it says of the leaf."""

    status: str
    """`good`, `revoked`, `unknown`, or `unreadable` where it says nothing of this certificate."""
    this_update: datetime | None = None
    next_update: datetime | None = None
    is_stale: bool = False
    is_verified: bool | None = None
    """Whether the issuer or one it empowered signed it; None where that cannot be checked."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
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
    """Whether it names the host."""
    problems: tuple[str, ...] = ()
    matched_name: Literal["host", "domain"] | None = None
    """What it names: the host, or at least every mail domain that may stand in its place (RFC 6186)."""
    trust_fault: TrustFault | None = None
    missing_intermediate: bool | None = False
    """Whether the server kept an intermediate back; None where its CA may as well be one nobody knows."""
    chain: tuple[ChainMember, ...] = ()
    """The first 10 of the presented chain."""
    problem_details: tuple[CertificateProblem, ...] = ()
    ocsp: OcspStaple | None = None
    """None where the server stapled nothing."""
    demands_staple: bool = False
    """Whether it demands that the server staples one (RFC 7633)."""


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
    hello: str | None = None
    """The first line of the reply to EHLO: the server's name, and often the address that it sees us at."""
    tls: Tls | None = None
    versions: Mapping[str, bool | None] | None = None
    """What the sweep says of SSLv2, SSLv3 and TLSv1.0 to TLSv1.3: accepted, not, or None = could not be told.

    None as a whole where no sweep ran.
    """
    version_notes: tuple[str, ...] = ()
    """The sweep's evidence in words; see `DOWNGRADE_SENTINEL`."""
    post_quantum: bool | None = None
    """Whether the server takes X25519MLKEM768; None = not asked, or could not be told."""
    preferred_group: str | None = None
    """The key exchange group that the server chooses where it may choose freely."""
    certificate: Certificate | None = None
    dane: DaneMatch | None = None
    """None where no usable TLSA record is published or no certificate was seen."""
    bytes_read: int = 0
    is_egress_clear: bool | None = None
    """Whether control servers showed that our own network lets this port through; None = not known."""
    vantage: str = "default"
    level: int = 0
    verdicts: tuple[Verdict, ...] = ()
    """What this probe shows."""
    standing: tuple[StandingVerdict, ...] | None = None
    """What is confirmed over several probes; None where nothing is remembered, as in a scan."""

    @property
    def counting(self) -> tuple[Verdict, ...]:
        """The verdicts that count: those that stand, or all of this probe where nothing is remembered."""
        return self.verdicts if self.standing is None else tuple(each.verdict for each in self.standing)

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
        """The state that belongs to the reason; a notice about the domain says nothing of a service."""
        return State.UNKNOWN if self.reason is None else STATE_OF[self.reason]
