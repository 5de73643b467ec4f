"""Probes that a client asks for: what comes of one, and why there is none."""

from dataclasses import dataclass
from typing import Protocol

from scanner.model import Observation, TargetFinding
from scanner.model.observation import Key
from scanner.model.record import Record
from scanner.model.target import Target
from scanner.protocol.transcript import Line


@dataclass(frozen=True, slots=True)
class Probed:
    """One probe that a client asked for, with its dialogue, redacted and escaped."""

    observation: Observation
    dialogue: tuple[Line, ...]
    is_kept: bool = False
    """Whether it counts like any other probe; one that follows too soon on another does not."""


@dataclass(frozen=True, slots=True)
class ProbedTarget:
    """What came of one target: its endpoints, and what was found about itself."""

    probed: tuple[Probed, ...]
    findings: tuple[TargetFinding, ...]
    unfinished: int
    """Endpoints that did not get their turn in time."""
    seconds: float


class ProbeRefusedError(Exception):
    """A probe is not made; the text says why, the status what kind of refusal it is."""

    def __init__(self, status: int, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """The headers that belong to the answer."""
        return {} if self.retry_after is None else {"Retry-After": str(max(1, round(self.retry_after)))}


class Desk(Protocol):
    """Who makes the probes that clients ask for; all limits hold for them."""

    async def probe_endpoint(self, key: Key) -> Probed:
        """Probe a watched endpoint now.

        Raises:
            ProbeRefusedError: it is not watched, was asked for too soon, or its turn did not come.
        """

    async def probe_target(self, target: Target, scrape_seconds: float | None) -> ProbedTarget:
        """Probe what a target leads to; the answer is there before a scrape's time is over.

        Raises:
            ProbeRefusedError: the target is not allowed, or its turn did not come.
        """


def dialogue_record(lines: tuple[Line, ...]) -> list[Record]:
    """Return a dialogue as JSON."""
    return [{"at": line.at, "speaker": line.speaker, "text": line.text} for line in lines]
