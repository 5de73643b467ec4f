"""Reads the key `targets`: a list in the configuration, or a file of its own."""

from dataclasses import dataclass, field
from pathlib import Path

from scanner.config.document import Document, KeyPath
from scanner.config.files import FileProblemError, read_file
from scanner.config.keys import problem_at
from scanner.config.problem import Problem, describe_value
from scanner.model.target import (
    Place,
    Target,
    TargetError,
    escape,
    parse_target,
    quote,
)
from scanner.model.target_lines import TargetFileError, read_target_lines

_WANTED = "a list of targets, or file: PATH"


@dataclass(slots=True)
class TargetList:
    """The targets that could be read, the file they came from, and what is wrong with the others."""

    targets: tuple[Target, ...] = ()
    file: Path | None = None
    problems: list[Problem] = field(default_factory=list)


def read_targets(document: Document, value: object, *, source: str, base: Path) -> TargetList:
    """Read the value of `targets`; a file is relative to `base`. Problems are returned, not raised."""
    if document.is_unknown(("targets",)):
        return TargetList()
    if isinstance(value, list):
        return _read_list(document, value, source)
    if isinstance(value, dict):
        return _read_file(document, value.get("file"), source, base)
    message = f"must be {_WANTED} (got {describe_value(value)})"
    return TargetList(problems=[problem_at(document, source, ("targets",), message)])


def _read_list(document: Document, items: list[object], source: str) -> TargetList:
    """Read the items of a list; a target may come once only, and in one TLS mode."""
    result = TargetList()
    first_at: dict[Place, Target] = {}
    first: dict[Target, KeyPath] = {}
    for index, item in enumerate(items):
        path: KeyPath = ("targets", index)
        if document.is_unknown(path):
            continue
        try:
            target = parse_target(_read_text(item))
        except TargetError as error:
            result.problems.append(problem_at(document, source, path, str(error)))
            continue
        rival = first_at.setdefault(target.place, target)
        if rival != target:
            where = f" on line {document.line_of(first[rival])}"
            result.problems.append(problem_at(document, source, path, target.refuse_beside(rival, where)))
            continue
        earlier = first.setdefault(target, path)
        if earlier != path:
            line = document.line_of(earlier)
            message = f"{quote(target.text)}: duplicate target, first on line {line}; remove one"
            result.problems.append(problem_at(document, source, path, message))
    if not items:
        message = "there is no target; list at least one, such as mx.example.org:25"
        result.problems.append(problem_at(document, source, ("targets",), message))
    result.targets = tuple(first)
    return result


def _read_text(item: object) -> str:
    """Return the text of a list item."""
    if isinstance(item, str):
        return item
    hint = ' in quotes: "[2001:db8::1]"' if isinstance(item, list) else ", such as mx.example.org:25"
    raise TargetError(f"must be one target{hint} (got {describe_value(item)})")


def _read_file(document: Document, name: object, source: str, base: Path) -> TargetList:
    """Read the file of targets; problems in it name that file and its lines."""
    key = ("targets", "file")
    if document.is_unknown(key):
        return TargetList()
    if not isinstance(name, str) or not name:
        message = f"must be the path of a file with one target a line (got {describe_value(name)})"
        return TargetList(problems=[problem_at(document, source, key, message)])
    path = base / name
    result = TargetList(file=path)
    try:
        result.targets = tuple(read_target_lines(read_file(path).split("\n"), duplicates="report"))
    except FileProblemError as error:
        where = "" if error.line is None else f" on line {error.line}"
        message = f"cannot read {escape(str(path))}{where}: {error}"
        result.problems.append(problem_at(document, source, key, message))
    except TargetFileError as error:
        result.problems += [Problem(str(path), line, "", message) for line, message in error.found]
    else:
        if not result.targets:
            message = "there is no target in this file; write one a line, such as mx.example.org:25"
            result.problems.append(Problem(str(path), None, "", message))
    return result
