"""What is declared or published about an endpoint or a domain: MTA-STS, DANE, the provider's own word."""

from dataclasses import dataclass
from enum import StrEnum


class Service(StrEnum):
    """What a domain's mail servers do for it."""

    MX = "mx"
    SUBMISSION = "submission"
    IMAP = "imap"
    POP3 = "pop3"


class Source(StrEnum):
    """Where it was learnt that a server serves a domain, highest authority first."""

    OPERATOR = "operator"
    CATALOGUE = "catalogue"
    MX = "mx"
    SRV = "srv"
    AUTOCONFIG = "autoconfig"
    ISPDB = "ispdb"
    INFERRED = "inferred"
    """From the provider that the MX belongs to; of low trust."""
    AUTODISCOVER = "autodiscover"
    GUESS = "guess"


class Login(StrEnum):
    """A way to sign in, in words that users know."""

    OAUTH2 = "oauth2"
    APP_PASSWORD = "app_password"  # noqa: S105 - the name of a way, no secret
    PASSWORD = "password"  # noqa: S105 - likewise
    AUTHORISATION_CODE = "authorisation_code"
    BRIDGE = "bridge"
    """Only through a program on the user's own computer."""


class UserName(StrEnum):
    """What users sign in as."""

    FULL_ADDRESS = "full_address"
    LOCAL_PART = "local_part"
    """What stands before the @."""


class Proof(StrEnum):
    """What a server must show before it counts as one of the domain's; only guesses need any."""

    NONE = "none"
    GREETING = "greeting"
    CERTIFICATE = "certificate"
    """A greeting, and a certificate that names the host: the name exists by a DNS wildcard only."""


class StsMode(StrEnum):
    """The mode of an MTA-STS policy (RFC 8461 section 5)."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """An MTA-STS policy (RFC 8461 section 3.2)."""

    mode: StsMode
    mx: tuple[str, ...]
    """The patterns, lower case: a host name, or `*.` and a domain."""
    max_age: int
    """Seconds that a sender may keep it."""

    def allows(self, host: str) -> bool:
        """Tell whether an MX host matches a pattern; `*` stands for one label (RFC 8461 section 4.1)."""
        parent = "*." + host.partition(".")[2]
        return host in self.mx or parent in self.mx


@dataclass(frozen=True, slots=True)
class StsClaim:
    """A policy and the domains that publish it for a host of theirs."""

    policy: StsPolicy
    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TlsaRecord:
    """A TLSA record (RFC 6698 section 2.1)."""

    usage: int
    selector: int
    matching_type: int
    data: bytes

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching_type} {self.data.hex()}"


class DaneStatus(StrEnum):
    """What the DNS says about DANE for one MX host (RFC 7672 section 2)."""

    SECURE = "secure"
    """Usable TLSA records, DNSSEC-secure like the address and the MX record: TLS is a must."""
    UNUSABLE = "unusable"
    """Secure records of which none is usable for SMTP (RFC 7672 section 3.1.3)."""
    NONE = "none"
    """No TLSA record, or an unsigned zone without any."""
    INSECURE = "insecure"
    """TLSA records that DNSSEC does not protect: of no use."""
    UNTRUSTED = "untrusted"
    """TLSA records whose protection cannot be told: the resolver is not trusted to validate."""
    FAILED = "failed"
    """The look-up failed or did not validate: a sender must not deliver (RFC 7672 section 2.1)."""


class DaneMatch(StrEnum):
    """How the presented chain stands to the usable TLSA records."""

    EE = "dane-ee"
    TA = "dane-ta"
    MISMATCH = "mismatch"


@dataclass(frozen=True, slots=True)
class Dane:
    """What is published for one MX host, with the evidence in words."""

    status: DaneStatus
    records: tuple[TlsaRecord, ...] = ()
    """The usable ones where the status is `secure`, else all."""
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """All that is declared or published about one endpoint."""

    provider: str | None = None
    """Whose endpoint it is, by the catalogue."""
    min_tls: str | None = None
    """The oldest version by the provider's own word, as "TLSv1.2"."""
    starttls: bool = False
    """The provider declares STARTTLS here: a server without is a downgrade."""
    not_offered: bool = False
    """The provider declares that it does not have this port: its absence is no fault."""
    tolerated: frozenset[str] = frozenset()
    """Ids of verdicts that were always so at this provider and are notices there."""
    login: tuple[Login, ...] = ()
    """How the provider lets its users sign in; empty = it does not say, or nobody signs in here."""
    mta_sts: tuple[StsClaim, ...] = ()
    dane: Dane | None = None
