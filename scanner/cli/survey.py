"""What the advising commands share: the network options, and one look at what they ask about."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from scanner.cli.console import Exit, give_up, run_interruptibly
from scanner.cli.options import leave_alone, list_problems
from scanner.cli.output import Format
from scanner.cli.progress import ScanProgress
from scanner.cli.scan import FailOn, ScanOptions, read_settings
from scanner.config import ConfigError, Settings
from scanner.model import Reason, TargetFinding
from scanner.model.exclusion import build_exclusion
from scanner.model.target import Target
from scanner.service.look import Look, look_at
from scanner.service.parts import build_parts


@dataclass(slots=True)
class Network:
    """The options that say how to look."""

    config: Path | None = None
    resolver: str | None = None
    ca_file: Path | None = None
    allow_private: bool = False
    timeout: float | None = None
    exclude: Path | None = None
    _lists: tuple[tuple[str, tuple[str, ...]], ...] = field(default=(), init=False)
    """The entries of each exclude list that counts, behind where it stands; filled by `settings`."""

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
            exclude=None,
        )
        own = read_settings(options, targets)
        try:
            settings = leave_alone(own, self.exclude)
        except ConfigError as error:
            give_up(list_problems(error))
        place = own.exclude_file or f"the key exclude of {self.config}"
        lists = ((str(place), own.exclude), (str(self.exclude), settings.exclude[len(own.exclude) :]))
        self._lists = tuple((name, entries) for name, entries in lists if entries)
        return settings

    def name_list(self, finding: TargetFinding) -> TargetFinding:
        """Return a finding; where it is the exclude list's doing, with the file that has the entry."""
        if finding.reason is not Reason.EXCLUDED or not finding.detail:
            return finding
        excluded = finding.detail.partition(" is on the exclude list")[0].rpartition(" ")[2]
        files = [name for name, entries in self._lists if build_exclusion(entries).refuse_host(excluded)]
        return replace(finding, detail=f"{finding.detail}, in {' and '.join(files)}") if files else finding


def survey(settings: Settings, network: Network) -> Look:
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
    look.plan = replace(look.plan, findings=tuple(map(network.name_list, look.plan.findings)))
    return look
