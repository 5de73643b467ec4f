"""The command `scan`: reads what to do, scans, writes, and says how it ended."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from scanner.cli.console import Exit, give_up, run_interruptibly, say
from scanner.cli.logs import silence_logging
from scanner.cli.options import COMMAND_LINE, leave_alone, list_problems
from scanner.cli.outflow import Outflow
from scanner.cli.output import Format, Writer, make_writer
from scanner.cli.progress import ScanProgress
from scanner.cli.scan_files import fail_to_write, keep_apart, open_journal, open_list, open_output
from scanner.cli.starting import check_lease
from scanner.cli.weight import is_excluded, is_notice, is_our_own_fault, is_refused_by_rule, weight_of
from scanner.config import (
    ConfigError,
    Settings,
    default_settings,
    load_settings,
    override,
)
from scanner.config.files import FileProblemError
from scanner.model import Severity
from scanner.model.record import Record
from scanner.model.target import Target, TargetError, parse_target
from scanner.probe import Prober
from scanner.service.borrowed import Borrowed, BorrowError, check_workers
from scanner.service.intake import Intake
from scanner.service.journal import Journal, JournalError
from scanner.service.long_lived import set_aside
from scanner.service.machine import make_room
from scanner.service.parts import Parts, build_parts
from scanner.service.scan import run_scan
from scanner.service.shelf import ShelfError

# A single look may be brisker than a watch that comes back every quarter of an hour: no pause between
# the few connections to one address, but still one at a time.
SCAN_DEFAULTS: Mapping[str, object] = {
    "limits.concurrency": 200,
    "limits.rate": 50,
    "limits.per_address_gap": 0,
}

MOST_CACHED = 20_000
"""Answers of name servers that are kept: a list is gone through once, a section after the other."""


class FailOn(StrEnum):
    """From which weight of findings on the exit status is 1."""

    NEVER = "never"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """The options of `scan` as read; `changes` are settings by their dotted names."""

    targets: tuple[str, ...]
    target_file: str | None
    config: Path | None
    changes: Mapping[str, object]
    format: Format
    out: Path | None
    fail_on: FailOn
    resume: Path | None
    exclude: Path | None = None
    """Beside what the file excludes."""
    cluster: str | None = None
    """The broker whose workers make the probes; None = they are made here."""


def scan_targets(options: ScanOptions) -> Exit:
    """Scan and return the exit status."""
    named = read_named(options)
    targets = None if options.target_file == "-" else options.target_file
    read = ("--targets", targets), ("--config", options.config), ("--exclude", options.exclude)
    keep_apart(options.out, options.resume, *read)
    try:
        with open_list(options.target_file, named) as intake:
            first = [] if intake is None else intake.begin()
            has_more = intake is not None and intake.has_more
            settings = read_settings(options, [*named, *first], has_more=has_more)
            if options.cluster is None:
                settings = fit(settings)
            else:
                find_workers(settings)
            tally = scan_settings(options, settings, intake)
    except (JournalError, ShelfError) as error:
        give_up(str(error), Exit.CANNOT_WORK)
    if not tally.is_whole:
        say("mailport: interrupted; what was found until then is kept")
        return Exit.INTERRUPTED
    status = tally.status(options.fail_on)
    if intake is not None and intake.late_problems:
        count = intake.late_problems
        say(f"mailport: {count} {'line' if count == 1 else 'lines'} of the list could not be read")
        return max(status, Exit.USAGE)
    return status


def scan_settings(options: ScanOptions, settings: Settings, intake: Intake | None) -> "Tally":
    """Scan by the settings, and whatever else the list has."""
    borrowed = None
    try:
        if options.cluster is not None:
            borrowed = Borrowed(settings, lambda text: say(f"mailport: {text}"))
        make_prober = Prober if borrowed is None else borrowed.make_prober
        parts = build_parts(settings, cached=MOST_CACHED, make_prober=make_prober)
    except ValueError as error:
        give_up(str(error))
    with ExitStack() as stack:
        journal = open_journal(options.resume, settings)
        if journal is not None:
            stack.callback(journal.close)
        try:
            with open_output(options.out) as stream, Outflow(stream) as outflow:
                writer = make_writer(options.format, stream, outflow)
                scanning = Scanning(settings, parts, journal, intake, lambda: outflow.is_behind, borrowed)
                tally = run(scanning, writer)
                outflow.is_broken_off = not tally.is_whole
                return tally
        except BrokenPipeError:
            raise
        except OSError as error:
            fail_to_write(options.out, error)


def fit(settings: Settings) -> Settings:
    """Return the settings with no more connections at once than this machine can bear, and say so."""
    room = make_room(settings.limits.concurrency)
    if room.why is None:
        return settings
    say(f"mailport: {room.why}")
    return override(settings, {"limits.concurrency": room.connections})


def find_workers(settings: Settings) -> None:
    """See that the cluster is there before anything is written; end the command where it is not."""
    silence_logging()
    try:
        asyncio.run(check_workers(settings))
    except FileProblemError as error:
        give_up(f"{settings.cluster.password_file}: cannot be read: {error}")
    except BorrowError as error:
        give_up(str(error), Exit.USAGE if error.is_configuration else Exit.CANNOT_WORK)


class Tally:
    """Passes records on to the writer and the progress display, and weighs them."""

    def __init__(self, writer: Writer, progress: ScanProgress) -> None:
        self._writer = writer
        self._progress = progress
        self._heaviest = 0
        self._count = 0
        self._own_faults = 0
        self._refused = 0
        self._excluded = 0
        self.is_whole = False
        self.resolved = progress.resolved
        self.read = progress.read
        self.planned = progress.planned
        self.ruled_out = progress.ruled_out
        self.resized = progress.resized

    def found(self, record: Record) -> None:
        """Take one record; a notice about a domain does not say whether we could work."""
        self._count += not is_notice(record)
        self._heaviest = max(self._heaviest, weight_of(record) or 0)
        self._own_faults += is_our_own_fault(record)
        self._refused += is_refused_by_rule(record)
        self._excluded += is_excluded(record)
        self._writer.write(record)
        self._progress.found(record)

    def status(self, fail_on: FailOn) -> Exit:
        """Return the exit status of a whole scan."""
        if self._count and self._refused + self._excluded == self._count:
            # Results like others: what of them counts as a finding, --fail-on says.
            say(f"mailport: nothing was probed: {self._say_why_nothing()}")
        if self._count and self._own_faults == self._count:
            say("mailport: no target could be judged: our own network or machine failed every probe")
            return Exit.CANNOT_WORK
        if fail_on is not FailOn.NEVER and self._heaviest >= Severity[fail_on.name]:
            return Exit.FINDINGS
        return Exit.DONE

    def _say_why_nothing(self) -> str:
        if not self._excluded:
            return "no address of these targets is allowed; see --allow-private"
        if not self._refused:
            return "all of these targets are on the exclude list (--exclude, or the key exclude)"
        return "each of these targets is excluded, or at an address that is not allowed; see --allow-private"


@dataclass(frozen=True, slots=True)
class Scanning:
    """All that one scan needs but for who takes its results."""

    settings: Settings
    parts: Parts
    journal: Journal | None
    intake: Intake | None
    is_behind: Callable[[], bool]
    borrowed: Borrowed | None = None

    @property
    def targets(self) -> int | None:
        """How many there are, where that is known."""
        count = len(self.settings.targets)
        if self.intake is None or not self.intake.has_more:
            return count
        return None if self.intake.total is None else count + self.intake.total

    async def run(self, tally: "Tally") -> None:
        """Scan."""
        more = None
        if self.intake is not None and self.intake.has_more:
            more = self.intake.rest()
            set_aside()
        scan = run_scan(
            *(self.settings, self.parts, tally, self.journal), more=more, is_behind=self.is_behind
        )
        await (scan if self.borrowed is None else self.borrowed.lend_to(scan))


def run(scanning: Scanning, writer: Writer) -> Tally:
    """Run the scan with its progress display; complete the output whatever happens.

    Raises:
        JournalError: a result could not be kept.
        IntakeError: the list of targets could not be read to its end.
        OSError: a result could not be written.
    """
    try:
        with ScanProgress(scanning.targets) as progress:
            tally = Tally(writer, progress)
            tally.is_whole = run_interruptibly(scanning.run(tally))
    finally:
        writer.close()
    return tally


def read_settings(options: ScanOptions, targets: Sequence[Target], *, has_more: bool = False) -> Settings:
    """Return the settings that file, options and targets make; end the command where they are wrong."""
    try:
        if options.config is None:
            settings = override(default_settings(()), SCAN_DEFAULTS)
        else:
            settings = load_settings(options.config, os.environ, require_targets=False)
        if targets or has_more:
            settings = settings.model_copy(update={"targets": tuple(targets), "target_file": None})
        settings = leave_alone(override(settings, options.changes, source=COMMAND_LINE), options.exclude)
        if options.cluster is not None:
            check_lease(settings)
    except ConfigError as error:
        give_up(list_problems(error))
    if not settings.targets and not has_more:
        give_up("nothing to scan: name targets, or a file of them with --targets FILE (- for stdin)")
    return settings


def read_named(options: ScanOptions) -> list[Target]:
    """Return the targets named as arguments, each once, in their order."""
    found: list[Target] = []
    problems: list[str] = []
    for text in options.targets:
        try:
            found.append(parse_target(text))
        except TargetError as error:
            problems.append(str(error))
    if problems:
        give_up(problems)
    return list(dict.fromkeys(found))
