"""A desk for probes in tests: it answers what a test says, and notes what it was asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from scanner.model import TargetFinding
from scanner.model.observation import Key
from scanner.model.target import Target
from scanner.protocol.transcript import Line
from scanner.web.asked import Probed, ProbedTarget, ProbeRefusedError
from tests.web.samples import WORLD

DIALOGUE = (
    Line(0.0, "note", "connected"),
    Line(0.01, "server", "220 mx.example.org <script>\\x1b[31m"),
    Line(0.02, "client", "EHLO probe.example.net"),
)


@dataclass
class FakeDesk:
    """Gives the same dialogue to everybody."""

    probed: Sequence[Probed] = (Probed(WORLD[0], DIALOGUE, is_kept=True),)
    findings: Sequence[TargetFinding] = ()
    unfinished: int = 0
    refusal: ProbeRefusedError | None = None
    keys: list[Key] = field(default_factory=list)
    targets: list[tuple[Target, float | None]] = field(default_factory=list)

    async def probe_endpoint(self, key: Key) -> Probed:
        self.keys.append(key)
        if self.refusal is not None:
            raise self.refusal
        return self.probed[0]

    async def probe_target(self, target: Target, scrape_seconds: float | None) -> ProbedTarget:
        self.targets.append((target, scrape_seconds))
        if self.refusal is not None:
            raise self.refusal
        return ProbedTarget(tuple(self.probed), tuple(self.findings), self.unfinished, 0.25)
