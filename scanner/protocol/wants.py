"""What a dialogue can ask of the session that runs it, and how a session interrupts a dialogue."""

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar

from scanner.model import Phase, Reason


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes; the time of `phase` starts now."""

    data: bytes
    phase: Phase
    limit: ClassVar[None] = None


@dataclass(frozen=True, slots=True)
class ReadLine:
    """Give me the next line."""

    phase: Phase
    limit: float | None = None
    """Seconds to wait at most, where the phase's own budget is too generous."""


@dataclass(frozen=True, slots=True)
class ReadReply:
    """Give me the lines at hand, at least one, up to the last of an SMTP reply; newlines are between them."""

    phase: Phase
    limit: ClassVar[None] = None


@dataclass(frozen=True, slots=True)
class ReadBytes:
    """Give me exactly so many bytes (an IMAP literal)."""

    phase: Phase
    count: int
    limit: ClassVar[None] = None


@dataclass(frozen=True, slots=True)
class StartTls:
    """Begin TLS on this connection; resumed when the handshake is complete."""

    phase: ClassVar[Phase] = Phase.TLS
    limit: float | None = None


class End(Enum):
    """Why a session interrupted its dialogue."""

    CLOSED = auto()
    RESET = auto()
    TIMEOUT = auto()
    TOO_MUCH = auto()
    GARBAGE = auto()
    TLS_FAILED = auto()
    TLS_RECORD = auto()
    """A TLS record came where plain text belongs."""
    PLAINTEXT = auto()
    """Plain text came where a TLS record belongs; it can be read as lines now."""


class Interrupted(Exception):
    """Thrown into a dialogue at its `yield`; what leaves the dialogue ends the session."""

    def __init__(self, end: End, detail: str | None = None, *, heard: bool = False) -> None:
        super().__init__(end, detail)
        self.end = end
        self.detail = detail
        self.heard = heard
        """Whether the peer had sent anything in the phase that broke off."""


class Failed(Exception):
    """Raised by a dialogue that knows the reason itself."""

    def __init__(self, reason: Reason, detail: str | None = None) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


Want = Send | ReadLine | ReadReply | ReadBytes | StartTls
Dialogue = Generator[Want, bytes, None]
