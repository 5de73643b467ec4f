"""Takes a list of targets in as it is needed: from a file or a pipe, of any length, each target once."""

import asyncio
import os
import select
import stat
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from dataclasses import replace

from scanner.model import TlsMode
from scanner.model.target import Target, TargetError, parse_target
from scanner.model.target_lines import text_of_line
from scanner.service.sections import TARGETS_AT_ONCE
from scanner.service.shelf import Shelf

MAX_LINE = 1024 * 1024
"""Bytes; a longer line is no target, and what has one no list."""
PIECE = 65_536
IDLE_SECONDS, LONGEST_WAIT = 2.0, 10.0
"""How long more lines are waited for before those that are there are begun with: a pipe may be slow."""
FIRST_TARGETS = 125
"""Targets that a long file brings first, and half as many more each time: so probing begins soon."""
MOST_PROBLEMS = 100
"""Bad lines that are told one by one."""


class IntakeError(ValueError):
    """The list cannot be used; every problem in words, most with the number of their line."""

    def __init__(self, problems: Collection[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Intake:
    """One list of targets.

    A plain file is looked through before anything is done, so that a bad line is told at once, and read again
    for its targets. Of a pipe only the beginning is: bad lines that come later are told and left out.

    Args:
        descriptor: of the file or pipe; it is not closed.
        named: targets that are taken already.
        on_problem: told of bad lines that come late.

    Raises:
        ShelfError: from every method, where there is no room for temporary files.
    """

    def __init__(
        self,
        descriptor: int,
        named: Collection[Target] = (),
        on_problem: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._descriptor = descriptor
        self._named = frozenset(named)
        self._on_problem = on_problem
        self._seen = Shelf()
        self._cutter = _Cutter()
        mode = os.fstat(descriptor).st_mode
        self._is_plain = stat.S_ISREG(mode)
        self._is_pollable = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)
        self._early: list[Target] = []
        """Targets that were read with others of their piece and belong to a later section."""
        self._is_ended = False
        self._size = TARGETS_AT_ONCE
        """How many targets come next."""
        self.total: int | None = None
        """How many targets there are, where that is known."""
        self.late_problems = 0

    def begin(self) -> list[Target]:
        """Return the first targets; of a plain file it is known now whether all lines are good.

        Raises:
            IntakeError: bad lines, or no list at all.
        """
        return self._look_through() if self._is_plain else self._read_beginning()

    async def rest(self) -> AsyncIterator[list[Target]]:
        """Yield the other targets, some at a time.

        Raises:
            IntakeError: the list cannot be read any more.
        """
        while not self._is_ended or self._early:
            targets = self._take_early()
            until = None
            while len(targets) < self._size and not self._is_ended:
                now = time.monotonic()
                if targets and until is None:
                    until = now + LONGEST_WAIT
                wait = None if until is None else min(IDLE_SECONDS, until - now)
                piece = await self._wait_for_piece(wait)
                if piece is None:
                    break
                targets += self._targets_in(piece, self._tell_late)
            size = self._size
            self._early = targets[size:] + self._early
            self._size = min(size * 3 // 2, TARGETS_AT_ONCE)
            if targets:
                yield targets[:size]

    @property
    def has_more(self) -> bool:
        """Whether there may be more targets than `begin` returned."""
        return bool(self._early) or not self._is_ended

    def close(self) -> None:
        """Forget what was read."""
        self._seen.close()

    def _look_through(self) -> list[Target]:
        """Read a whole file once; keep its first targets, and go back for the others."""
        problems = _Problems()
        start = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        first: list[Target] = []
        count = 0
        while not self._is_ended:
            found = self._targets_in(self._next_piece(), problems.add)
            count += len(found)
            first += found[: TARGETS_AT_ONCE - len(first)]
        problems.refuse()
        self.total = count
        if count > len(first):
            os.lseek(self._descriptor, start, os.SEEK_SET)
            self._size = FIRST_TARGETS
            self._cutter, self._is_ended = _Cutter(), False
            return []
        return first

    def _read_beginning(self) -> list[Target]:
        problems = _Problems()
        targets: list[Target] = []
        until = None
        while len(targets) < TARGETS_AT_ONCE and not self._is_ended:
            now = time.monotonic()
            if (targets or problems.count) and until is None:
                until = now + LONGEST_WAIT
            wait = None if until is None else max(0.0, min(IDLE_SECONDS, until - now))
            if not select.select([self._descriptor], [], [], wait)[0]:
                break
            targets += self._targets_in(self._next_piece(), problems.add)
            if until is not None and now >= until:
                break
        problems.refuse()
        self._early = targets[TARGETS_AT_ONCE:]
        if self._is_ended:
            self.total = len(targets)
        return targets[:TARGETS_AT_ONCE]

    def _take_early(self) -> list[Target]:
        early, self._early = self._early[: self._size], self._early[self._size :]
        return early

    async def _wait_for_piece(self, seconds: float | None) -> bytes | None:
        """Return what comes next, nothing at the end; None where nothing came in time."""
        if not self._is_pollable:
            await asyncio.sleep(0)
            return self._next_piece()
        if seconds is not None and seconds <= 0:
            return None
        loop = asyncio.get_running_loop()
        readable: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._descriptor, _settle, readable)
        try:
            async with asyncio.timeout(seconds):
                await readable
        except TimeoutError:
            return None
        finally:
            loop.remove_reader(self._descriptor)
        return self._next_piece()

    def _next_piece(self) -> bytes:
        try:
            return os.read(self._descriptor, PIECE)
        except OSError as error:
            raise IntakeError([f"cannot be read: {error.strerror}"]) from None

    def _tell_late(self, problem: str) -> None:
        self.late_problems += 1
        if self.late_problems <= MOST_PROBLEMS:
            self._on_problem(problem)

    def _targets_in(self, piece: bytes, tell: Callable[[str], None]) -> list[Target]:
        """Return the targets of a piece that did not come before; an empty piece is the end."""
        found = []
        self._is_ended = not piece
        for number, line in self._cutter.cut(piece):
            try:
                target = self._read(number, line)
            except TargetError as error:
                tell(f"line {number}: {error}")
            else:
                if target is not None:
                    found.append(target)
        return found

    def _read(self, number: int, line: str | None) -> Target | None:
        """Return a line's target; None where there is none, or it came before."""
        if line is None:
            raise TargetError("is not UTF-8 text; a list of targets has one target a line")
        text = text_of_line(line, is_first=number == 1)
        if not text:
            return None
        target = parse_target(text)
        # What is kept is the line that a place first stood on, and which of the two TLS modes it had there.
        mark = 2 * number + (target.tls_mode is TlsMode.IMPLICIT)
        first = self._seen.add(" ".join(map(str, target.place)), mark)
        if first % 2 != mark % 2:
            other = TlsMode.STARTTLS if target.tls_mode is TlsMode.IMPLICIT else TlsMode.IMPLICIT
            rival = replace(target, tls_mode=other)
            raise TargetError(target.refuse_beside(replace(rival, text=str(rival)), f" on line {first // 2}"))
        return target if first == mark and target not in self._named else None


class _Cutter:
    """Cuts pieces into lines, and counts them."""

    def __init__(self) -> None:
        self._tail = b""
        self._number = 0

    def cut(self, piece: bytes) -> Iterator[tuple[int, str | None]]:
        """Yield the number and the text of each line that ends here; no text where it is none."""
        *lines, self._tail = (self._tail + piece).split(b"\n")
        if len(self._tail) > MAX_LINE:
            raise IntakeError(
                [f"line {self._number + 1} is longer than a million bytes: this is no list of targets"]
            )
        if not piece and self._tail:
            lines, self._tail = [self._tail], b""
        for line in lines:
            try:
                texts = line.decode().splitlines() or [""]
            except UnicodeDecodeError:
                self._number += 1
                yield self._number, None
                continue
            for text in texts:
                self._number += 1
                yield self._number, text


class _Problems:
    """Counts bad lines, and keeps the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[str] = []

    def add(self, problem: str) -> None:
        self.count += 1
        if len(self._first) < MOST_PROBLEMS:
            self._first.append(problem)

    def refuse(self) -> None:
        """Raise what is wrong, unless that is nothing."""
        if self.count > MOST_PROBLEMS:
            self._first.append(f"and {self.count - MOST_PROBLEMS} more bad lines")
        if self.count:
            raise IntakeError(self._first)


def _settle(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)
