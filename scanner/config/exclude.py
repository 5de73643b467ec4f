"""Reads the key `exclude`: a list in the configuration, or a file of its own."""

from dataclasses import dataclass, field
from pathlib import Path

from scanner.config.document import Document, KeyPath
from scanner.config.files import FileProblemError, read_file
from scanner.config.keys import problem_at
from scanner.config.named_file import read_named_file
from scanner.config.problem import ConfigError, Problem, describe_value
from scanner.model.exclusion import read_exclusion, read_exclusion_lines
from scanner.model.target import TargetError
from scanner.model.target_lines import TargetFileError

_WANTED = "a list of names, addresses and networks, or file: PATH"


@dataclass(slots=True)
class ExcludeList:
    """The entries that could be read, the file they came from, and what is wrong with the others."""

    entries: tuple[str, ...] = ()
    file: Path | None = None
    problems: list[Problem] = field(default_factory=list)


def read_exclude(document: Document, value: object, *, source: str, base: Path) -> ExcludeList:
    """Read the value of `exclude`; a file is relative to `base`. Problems are returned, not raised."""
    if value is None or document.is_unknown(("exclude",)):
        return ExcludeList()
    if isinstance(value, list):
        return _read_list(document, value, source)
    if isinstance(value, dict):
        key, name = ("exclude", "file"), value.get("file")
        found = read_named_file(
            document, key, name, read_exclusion_lines, noun="entry", source=source, base=base
        )
        return ExcludeList(*found)
    message = f"must be {_WANTED} (got {describe_value(value)})"
    return ExcludeList(problems=[problem_at(document, source, ("exclude",), message)])


def read_exclude_file(path: Path) -> tuple[str, ...]:
    """Return the entries of a file, one a line, each once.

    Raises:
        ConfigError: it cannot be read, or holds lines that are no entries.
    """
    try:
        return tuple(read_exclusion_lines(read_file(path).split("\n")))
    except FileProblemError as error:
        raise ConfigError([Problem(str(path), error.line, "", str(error))]) from None
    except TargetFileError as error:
        raise ConfigError([Problem(str(path), line, "", message) for line, message in error.found]) from None


def _read_list(document: Document, items: list[object], source: str) -> ExcludeList:
    """Read the items of a list; what is there twice counts once, since such lists are put together."""
    result = ExcludeList()
    entries: dict[str, None] = {}
    for index, item in enumerate(items):
        path: KeyPath = ("exclude", index)
        if document.is_unknown(path):
            continue
        try:
            entries[read_exclusion(_read_text(item))] = None
        except TargetError as error:
            result.problems.append(problem_at(document, source, path, str(error)))
    result.entries = tuple(entries)
    return result


def _read_text(item: object) -> str:
    if isinstance(item, str):
        return item
    hint = ' in quotes: "[2001:db8::1]"' if isinstance(item, list) else ""
    raise TargetError(f"must be a name, an address or a network{hint} (got {describe_value(item)})")
