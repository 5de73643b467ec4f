"""Reads a list of targets, one a line, and tells of every bad line."""

import re
from collections.abc import Iterable
from typing import Literal

from scanner.model.target import Place, Target, TargetError, parse_target, quote

_COMMENT = re.compile(r"(?:^|\s)#.*")


class TargetFileError(ValueError):
    """One or more lines of a list of targets cannot be read."""

    def __init__(self, found: Iterable[tuple[int, str]]) -> None:
        self.found = tuple(found)
        """Every bad line: its number, from 1, and what is wrong with it."""
        self.problems = [f"line {line}: {message}" for line, message in self.found]
        super().__init__("\n".join(self.problems))


def text_of_line(line: str, *, is_first: bool) -> str:
    """Return what a line says without its comment, and the first one without a byte order mark."""
    return _COMMENT.sub("", line.removeprefix("\ufeff") if is_first else line).strip()


def read_target_lines(
    lines: Iterable[str], *, duplicates: Literal["drop", "report"] = "drop"
) -> list[Target]:
    """Read one target a line; blank lines and `#` comments are ignored.

    A target that comes again is dropped or reported; one that comes again in another TLS mode is bad.
    Raise `TargetFileError` with every bad line.
    """
    found: list[tuple[int, str]] = []
    first_line: dict[Target, int] = {}
    first_at: dict[Place, Target] = {}
    for number, line in enumerate(lines, start=1):
        text = text_of_line(line, is_first=number == 1)
        if not text:
            continue
        try:
            target = parse_target(text)
        except TargetError as error:
            found.append((number, str(error)))
            continue
        rival = first_at.setdefault(target.place, target)
        if rival != target:
            found.append((number, target.refuse_beside(rival, f" on line {first_line[rival]}")))
            continue
        first = first_line.setdefault(target, number)
        if first != number and duplicates == "report":
            found.append((number, f"{quote(text)}: duplicate target, first on line {first}; remove one"))
    if found:
        raise TargetFileError(found)
    return list(first_line)
