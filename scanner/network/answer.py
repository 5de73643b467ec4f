"""Answers of the DNS as frozen values: what was found, how sure it is, and why there is nothing."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from scanner.model import Reason

Record_co = TypeVar("Record_co", covariant=True)


class Status(StrEnum):
    """How a look-up ended."""

    FOUND = "found"
    NO_DATA = "no_data"
    """The name exists, and has no record of this type (RFC 2308 section 2.2)."""
    NO_NAME = "no_name"
    """The name does not exist (NXDOMAIN)."""
    FAILED = "failed"
    """A server answered that it could not tell: SERVFAIL, REFUSED, or nonsense."""
    TIMEOUT = "timeout"
    """No server answered, in time or at all."""
    BOGUS = "bogus"
    """DNSSEC says that the answer is not to be believed."""
    EXCLUDED = "excluded"
    """Nobody was asked: the name, or the one that it is an alias of, is on the exclude list."""


_DEFINITE = frozenset({Status.FOUND, Status.NO_DATA, Status.NO_NAME, Status.EXCLUDED})


@dataclass(frozen=True, slots=True)
class MxRecord:
    """A mail exchanger; host "" is the null MX (RFC 7505)."""

    preference: int
    host: str


@dataclass(frozen=True, slots=True)
class SrvRecord:
    """A service's place (RFC 2782); host "" means that the service is not available."""

    priority: int
    weight: int
    port: int
    host: str


@dataclass(frozen=True, slots=True)
class Answer(Generic[Record_co]):
    """What the DNS said about one name and type. Host names are lower case, without trailing dot."""

    name: str
    status: Status
    records: tuple[Record_co, ...] = ()
    ttl: float = 0.0
    """Seconds that it may be kept from now on; of the negative answer and of a failure too (RFC 2308)."""
    is_authentic: bool = False
    """DNSSEC-secure by the AD bit of a resolver that the settings trust."""
    is_stale: bool = False
    """Records from an earlier answer, since the servers fail now (RFC 8767); `detail` says how.

    They are as authentic as they were then.
    """
    aliases: tuple[str, ...] = ()
    """The names that the one asked for leads to by CNAMEs, in their order."""
    detail: str | None = None
    """In words: why there is nothing, why it is old, or what is missing from it."""
    seconds: float = 0.0
    """How long the servers took for the look-up that this comes from."""

    @property
    def alias(self) -> str | None:
        """The name that the records are really at, where the one asked for is a CNAME."""
        return self.aliases[-1] if self.aliases else None

    @property
    def is_definite(self) -> bool:
        """Whether the DNS said so itself: something, no data or no name, and now."""
        return not self.is_stale and self.status in _DEFINITE

    @property
    def reason(self) -> Reason:
        """The reason that belongs to a look-up without records."""
        if self.status is Status.NO_NAME:
            return Reason.NAME_NOT_FOUND
        if self.status is Status.EXCLUDED:
            return Reason.EXCLUDED
        return Reason.NO_ADDRESS if self.status is Status.NO_DATA else Reason.DNS_FAILURE
