"""Shows on standard error how a scan goes on: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from scanner.cli.console import say
from scanner.model import State
from scanner.model.record import Record

SECONDS_BETWEEN_LINES = 5.0


class ScanProgress:
    """Counts results and tells about them; enter it before the scan starts.

    Args:
        targets: how many there are, None where that is known only when all are read.
    """

    def __init__(self, targets: int | None) -> None:
        self._targets = targets
        self._connections: int | None = None
        self._looked_up = 0
        self._total: int | None = None
        self._done = 0
        self._blocked = 0
        self._downgraded = 0
        self._started = time.monotonic()
        self._told_at = self._started
        self._told: tuple[int, int | None, int] | None = None
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[news]}"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task("looking up names", total=targets, news="")

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._told != self._count():
            self._tell()

    def resolved(self, done: int) -> None:
        """Show how many targets are looked up."""
        self._looked_up = done
        if self._bar is not None and self._total is None:
            self._bar.update(self._task, completed=done)
        elif self._bar is None and self._is_time():
            self._tell()

    def read(self, targets: int) -> None:
        """Take how many targets there are."""
        self._targets = targets
        if self._bar is not None and self._total is not None:
            self._bar.update(self._task, description="probing")

    def planned(self, total: int) -> None:
        """Show how many results will come of the targets that are looked up."""
        if self._total is None:
            self._started = time.monotonic()
        self._total = total
        if self._bar is not None:
            more = "" if self._is_whole else " (more to look up)"
            self._bar.update(self._task, description=f"probing{more}", completed=self._done, total=total)

    def resized(self, connections: int) -> None:
        """Show that so many connections are made at once from now on."""
        self._connections = connections

    def found(self, record: Record) -> None:
        """Count one result."""
        self._done += 1
        if self._total is not None:
            self._total = max(self._total, self._done)  # some findings come of the others
        self._blocked += record["state"] == State.BLOCKED
        self._downgraded += any(verdict["kind"] == "downgrade" for verdict in record["verdicts"])
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, news=self._news())
        elif self._is_time():
            self._tell()

    def ruled_out(self) -> None:
        """Expect one result less."""
        if self._total is not None:
            self._total -= 1
            if self._bar is not None:
                self._bar.update(self._task, total=self._total)

    def _news(self) -> str:
        elapsed = time.monotonic() - self._started
        # The rate of less than a second says nothing.
        rate = f"{self._done / elapsed:.0f}/s, " if elapsed >= 1 else ""
        size = "" if self._connections is None else f", {self._connections} connections at once"
        return f"{rate}{self._blocked} blocked, {self._downgraded} downgraded{size}"

    @property
    def _is_whole(self) -> bool:
        """Whether all targets are looked up."""
        return self._targets is not None and self._looked_up >= self._targets

    def _line(self) -> str:
        of = "" if self._targets is None else f" of {self._targets}"
        looked_up = f"{self._looked_up}{of} {'target' if self._targets == 1 else 'targets'} looked up"
        if self._total is None:
            return f"mailport: {looked_up}"
        if not self._is_whole:
            return f"mailport: {self._done} done, {looked_up}, {self._news()}"
        return f"mailport: {self._done} of {self._total} done, {self._news()}"

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        self._told = self._count()
        if self._total != 0:  # nothing was to be done
            say(self._line())

    def _count(self) -> tuple[int, int | None, int]:
        return (self._looked_up, self._total, self._done)

    def _is_time(self) -> bool:
        return time.monotonic() - self._told_at >= SECONDS_BETWEEN_LINES
