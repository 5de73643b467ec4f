"""Reads the key `targets`: a list in the configuration, or a file of its own."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from scanner.config.document import Document, KeyPath
from scanner.config.keys import problem_at
from scanner.config.named_file import read_named_file
from scanner.config.problem import Problem, describe_value
from scanner.model.target import (
    Place,
    Target,
    TargetError,
    parse_target,
    quote,
)
from scanner.model.target_lines import read_target_lines

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
    """Read the file of targets; one without any is a mistake."""
    parse = partial(read_target_lines, duplicates="report")
    key = ("targets", "file")
    result = TargetList(*read_named_file(document, key, name, parse, noun="target", source=source, base=base))
    if result.file is not None and not result.targets and not result.problems:
        message = "there is no target in this file; write one a line, such as mx.example.org:25"
        result.problems.append(Problem(str(result.file), None, "", message))
    return result
