"""What discovery knows of a domain: which endpoints do what for it, and what it has published."""

from dataclasses import dataclass

from scanner.model.observation import Key
from scanner.model.published import Service, Source, StsMode


@dataclass(frozen=True, slots=True)
class Membership:
    """One endpoint's place in a domain."""

    service: Service
    key: Key
    source: Source


@dataclass(frozen=True, slots=True)
class DomainFacts:
    """The last known discovery of one domain, or of one host that the operator named."""

    domain: str
    members: tuple[Membership, ...] = ()
    is_domain: bool = True
    """False for a host that the operator named with its port."""
    is_implicit: bool = False
    """The domain has no MX record, and takes its mail at its own address."""
    is_found: bool = True
    """Whether the last discovery succeeded; what was known before may stand where it failed."""
    mta_sts: StsMode | None = None
    """None = no policy is published, or none could be had."""
    dane: bool | None = None
    """Whether every MX host has secure and usable TLSA records; None = there is no MX to ask about."""
