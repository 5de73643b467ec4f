"""The files of a scan: the list that it reads, the journal that it goes on by, and where its results go."""

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TextIO, TypeAlias

from scanner.cli.console import Exit, give_up, mute_stdout, say
from scanner.cli.outflow import descriptor_of
from scanner.config import Settings
from scanner.model.target import Target
from scanner.service.intake import Intake, IntakeError
from scanner.service.journal import Journal, JournalError
from scanner.service.lens import Lens

_Place: TypeAlias = Path | str | int | None
_File: TypeAlias = tuple[str, _Place]
"""How it was named, and what it is."""


def keep_apart(out: Path | None, resume: Path | None, *read: _File) -> None:
    """End the command where it would write into a file that it reads, or into one file twice.

    `read` names what is read: the option and its file.
    """
    where = descriptor_of(sys.stdout) if out is None and sys.stdout is not None else out
    output: _File = ("--out" if out is not None else "standard output", where)
    journal: _File = ("--resume", resume)
    for one, other in [(output, journal), *((mine, each) for mine in (output, journal) for each in read)]:
        if _is_one_file(one[1], other[1]):
            give_up(f"{other[1]}: {one[0]} and {other[0]} name one file; give each its own")


def _is_one_file(first: _Place, second: _Place) -> bool:
    if first is None or second is None:
        return False
    try:
        one, other = os.stat(first), os.stat(second)  # noqa: PTH116 - it may be a descriptor
    except FileNotFoundError:
        names = [os.path.realpath(place) for place in (first, second) if not isinstance(place, int)]
        return len(names) == 2 and names[0] == names[1]
    except OSError:
        return False  # who opens it says why
    return stat.S_ISREG(one.st_mode) and os.path.samestat(one, other)


@contextmanager
def open_list(name: str | None, named: Sequence[Target]) -> Iterator[Intake | None]:
    """Open a list of targets, which is read as far as it is needed."""
    if name is None:
        yield None
        return
    if name == "-" and sys.stdin is None:
        give_up("standard input: is closed; name a file with --targets FILE")
    title = tell_list(name)
    try:
        descriptor = sys.stdin.fileno() if name == "-" else os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        give_up(f"{title}: cannot be read: {error.strerror}")
    intake = Intake(descriptor, named, lambda problem: say(f"mailport: {title}: {problem}; left out"))
    try:
        yield intake
    except IntakeError as error:
        give_up(f"{title}: {problem}" for problem in error.problems)
    finally:
        intake.close()
        if name != "-":
            os.close(descriptor)


def tell_list(name: str) -> str:
    """Return what a list of targets is called."""
    return "standard input" if name == "-" else name


@contextmanager
def open_output(path: Path | None) -> Iterator[TextIO]:
    """Open where the results go, before anything is probed."""
    if path is None:
        if sys.stdout is None:
            give_up("standard output is closed; write to a file with --out FILE")
        yield sys.stdout
        return
    try:
        stream = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        give_up(f"{path}: cannot be written: {error.strerror}")
    with stream:
        yield stream


def open_journal(path: Path | None, settings: Settings) -> Journal | None:
    """Open what --resume names, before the output is emptied."""
    if path is None:
        return None
    try:
        return Journal(path, Lens.of(settings))
    except JournalError as error:
        give_up(str(error))
    except OSError as error:
        give_up(f"{settings.probe.ca_file}: cannot be read: {error.strerror}")


def fail_to_write(path: Path | None, error: OSError) -> NoReturn:
    """End the command because the results cannot be written any more."""
    if path is None:
        mute_stdout()
    name = "standard output" if path is None else path
    give_up(f"{name}: cannot be written: {error.strerror or error}", Exit.CANNOT_WORK)
