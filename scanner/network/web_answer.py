"""What a fetch from the web ends in, as frozen values: a page, or a failure with its kind and evidence."""

from dataclasses import dataclass
from enum import StrEnum

from scanner.model import Reason

_OURS = frozenset({Reason.PROBE_RESOURCES, Reason.EGRESS_BLOCKED, Reason.SKIPPED})


class Fault(StrEnum):
    """What kept a page from us."""

    DNS = "dns"
    REFUSED_ADDRESS = "refused_address"
    """Every address of the host is private, excluded, or of a family that is not wanted."""
    CONNECT = "connect"
    """No connection, or it was lost before the answer."""
    TLS = "tls"
    TIMEOUT = "timeout"
    STATUS = "status"
    TOO_LARGE = "too_large"
    REDIRECT = "redirect"
    """A redirect that is not followed: too many, to http, to an odd address, or not wanted at all."""
    MALFORMED = "malformed"
    """The address, or what the server sent, cannot be read or was not asked for."""
    CLOSED = "closed"
    """Our own client was closed before there was an answer."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page that came with status 200."""

    url: str
    """Where it was in the end, after redirects."""
    body: bytes
    content_type: str
    """Lower case, without parameters; "" where the server said none."""
    is_secure: bool
    """Whether every hop to it was https with a certificate that verifies."""


@dataclass(frozen=True, slots=True)
class WebFailure:
    """Why there is no page."""

    fault: Fault
    url: str
    """The address that failed; after redirects not the one asked for."""
    detail: str
    """In words, safe to show."""
    reason: Reason
    """The nearest reason of the closed vocabulary."""
    status: int | None = None
    challenge: str | None = None
    """The WWW-Authenticate header of a server that wants us to sign in, escaped and cut."""
    location: str | None = None
    """Where a redirect led that was not followed; only if it could be read."""
    was_asked: bool = True
    """Whether this comes from asking; else it says why nobody was asked just now, and is not kept."""

    def __str__(self) -> str:
        return f"{self.url}: {self.detail}"

    @property
    def is_ours(self) -> bool:
        """Whether our own machine or network is behind it: then it says nothing of the server."""
        return self.reason in _OURS

    @property
    def is_definite(self) -> bool:
        """Whether the answer would hardly be another in some minutes: no such name, 404, a broken answer."""
        if self.is_ours:
            return False
        if self.fault is Fault.DNS:
            return self.reason is not Reason.DNS_FAILURE
        if self.fault is Fault.STATUS:
            return self.status is not None and _is_final(self.status)
        return self.fault not in {Fault.CONNECT, Fault.TLS, Fault.TIMEOUT, Fault.CLOSED}


def _is_final(status: int) -> bool:
    """Tell whether a status stands for itself; 408, 425 and 429 ask to come again (RFC 9110, RFC 6585)."""
    return status < 500 and status not in {408, 425, 429}
