"""Reads a file of entries, one a line, that a key of the configuration names."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from scanner.config.document import Document, KeyPath
from scanner.config.files import FileProblemError, read_file
from scanner.config.keys import problem_at
from scanner.config.problem import Problem, describe_value
from scanner.model.target import escape
from scanner.model.target_lines import TargetFileError

Entry = TypeVar("Entry")
Found = tuple[tuple[Entry, ...], Path | None, list[Problem]]
"""The entries, the file, and what is wrong."""


def read_named_file(
    document: Document,
    key: KeyPath,
    name: object,
    parse: Callable[[Iterable[str]], Iterable[Entry]],
    *,
    noun: str,
    source: str,
    base: Path,
) -> Found[Entry]:
    """Read the file that a key names, relative to `base`; problems are returned, not raised.

    What is wrong in the file names it and the line; what is wrong with the name or the file names the key.
    """
    if document.is_unknown(key):
        return (), None, []
    if not isinstance(name, str) or not name:
        message = f"must be the path of a file with one {noun} a line (got {describe_value(name)})"
        return (), None, [problem_at(document, source, key, message)]
    path = base / name
    try:
        return tuple(parse(read_file(path).split("\n"))), path, []
    except FileProblemError as error:
        where = "" if error.line is None else f" on line {error.line}"
        message = f"cannot read {escape(str(path))}{where}: {error}"
        return (), path, [problem_at(document, source, key, message)]
    except TargetFileError as error:
        return (), path, [Problem(str(path), line, "", message) for line, message in error.found]
