"""What the advising commands share: the network options, and one look at what they ask about."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scanner.cli.console import Exit, give_up, run_interruptibly
from scanner.cli.output import Format
from scanner.cli.progress import ScanProgress
from scanner.cli.scan import FailOn, ScanOptions, read_settings
from scanner.config import Settings
from scanner.model.target import Target
from scanner.service.look import Look, look_at
from scanner.service.parts import build_parts


@dataclass(frozen=True, slots=True)
class Network:
    """The options that say how to look."""

    config: Path | None = None
    resolver: str | None = None
    ca_file: Path | None = None
    allow_private: bool = False
    timeout: float | None = None
    exclude: Path | None = None

    def settings(self, targets: Sequence[Target]) -> Settings:
        """Return the settings for one look at these targets; end the command where they are wrong."""
        changes: dict[str, object] = {
            "resolver.servers": None if self.resolver is None else [self.resolver],
            "probe.ca_file": None if self.ca_file is None else str(self.ca_file),
            "probe.allow_private": True if self.allow_private else None,
            "probe.timeout": self.timeout,
        }
        options = ScanOptions(
            targets=(),
            target_file=None,
            config=self.config,
            changes={name: value for name, value in changes.items() if value is not None},
            format=Format.TABLE,
            out=None,
            fail_on=FailOn.NEVER,
            resume=None,
            exclude=self.exclude,
        )
        return read_settings(options, targets)


def survey(settings: Settings) -> Look:
    """Look once at the targets of the settings; a look that is broken off ends the command."""
    try:
        parts = build_parts(settings)
    except ValueError as error:
        give_up(str(error))
    look = Look()
    with ScanProgress(len(settings.targets)) as progress:
        is_whole = run_interruptibly(look_at(settings, parts, progress, look))
    if not is_whole:
        give_up("interrupted; nothing can be said by half of the answers", Exit.INTERRUPTED)
    return look
