"""What discovery knows of a domain: which endpoints do what for it, and what it has published."""

from dataclasses import dataclass

from scanner.model.observation import Key
from scanner.model.published import Service, Source, StsMode, StsPolicy


@dataclass(frozen=True, slots=True)
class Membership:
    """One endpoint's place in a domain."""

    service: Service
    key: Key
    source: Source


@dataclass(frozen=True, slots=True)
class Part:
    """What of a domain is told here, where several shards share its servers."""

    is_owner: bool
    """Whether this shard tells what is about the domain itself; exactly one does."""
    elsewhere: frozenset[Service]
    """Services that have servers which other shards probe."""


@dataclass(frozen=True, slots=True)
class DomainFacts:
    """The last known discovery of one domain, or of one host that the operator named."""

    domain: str
    members: tuple[Membership, ...] = ()
    is_domain: bool = True
    """False for a host that the operator named with its port."""
    refused: frozenset[Service] = frozenset()
    """What the domain or its provider says that it does not offer."""
    is_implicit: bool = False
    """The domain has no MX record, and takes its mail at its own address."""
    is_found: bool = True
    """Whether the last discovery succeeded; what was known before may stand where it failed."""
    lost: frozenset[Service] = frozenset()
    """Services that servers are named for, and none of these hosts is in the DNS."""
    policy: StsPolicy | None = None
    """The MTA-STS policy; None = none is published, or none could be had."""
    has_secure_mx: bool = True
    """Whether DNSSEC protects the records that name the MX hosts; true of a host that the operator named."""
    dane: bool | None = None
    """Whether every MX host has secure and usable TLSA records; None = there is no MX to ask about."""
    part: Part | None = None
    """None = all of the domain is told here."""

    @property
    def mta_sts(self) -> StsMode | None:
        """The mode of the policy."""
        return self.policy.mode if self.policy is not None else None
