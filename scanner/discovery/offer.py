"""What a source answers: the servers that it names, what it rules out, and what it could not tell."""

from dataclasses import dataclass

from scanner.model import Kind, Proof, Protocol, Reason, Service, Severity, Source, TlsMode


@dataclass(frozen=True, slots=True)
class Place:
    """One server that a source names for a service of a domain."""

    service: Service
    host: str
    """Lower-case A-labels without a trailing dot, or an IP address; from outside, so not to be trusted."""
    port: int
    protocol: Protocol
    tls_mode: TlsMode
    proof: Proof = Proof.NONE


@dataclass(frozen=True, slots=True)
class Notice:
    """Something odd that a source saw and that its operator should know; the id is a verdict's."""

    id: str
    summary: str
    advice: str
    kind: Kind = Kind.NOTICE
    severity: Severity = Severity.NOTICE


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a source could not tell: what it lacks is not known to be missing."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Offer:
    """The answer of one source about one domain; an empty one means that the source knows nothing of it."""

    source: Source
    places: tuple[Place, ...] = ()
    """In order of preference."""
    not_offered: frozenset[Service] = frozenset()
    """Services that the domain says it does not have: nobody looks further for them."""
    notices: tuple[Notice, ...] = ()
    trouble: Trouble | None = None
    provider: str | None = None
    """The catalogue's id of whom the servers belong to."""
