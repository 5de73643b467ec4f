"""Loads settings: from a file, from its text, or by changing some of those in force."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from scanner.config.document import Document, DocumentError, KeyPath, read_document
from scanner.config.exclude import ExcludeList, read_exclude
from scanner.config.files import MAX_BYTES, FileProblemError, read_file
from scanner.config.keys import problem_at, take_unknown, write_key
from scanner.config.problem import ConfigError, Problem, describe_value
from scanner.config.settings import Settings
from scanner.config.targets import TargetList, read_targets


def load_settings(path: Path, environ: Mapping[str, str], *, require_targets: bool = True) -> Settings:
    """Read a configuration file; raise `ConfigError` with everything that is wrong with it.

    Paths in the file are relative to it. `require_targets=False` is for commands that bring their own.
    """
    try:
        text = read_file(path)
    except FileProblemError as error:
        raise ConfigError([Problem(str(path), error.line, "", str(error))]) from None
    return parse_settings(
        text, source=str(path), base=path.parent, environ=environ, require_targets=require_targets
    )


def parse_settings(
    text: str, *, source: str, base: Path, environ: Mapping[str, str], require_targets: bool = True
) -> Settings:
    """Read the text of a configuration; `source` names it in problems, `base` is where its paths begin."""
    document = read_yaml(text, source, environ)
    if document.value is None and not document.problems and require_targets:
        message = "the configuration is empty; it needs at least targets: with a list of them"
        raise ConfigError([Problem(source, None, "", message)])
    values = {} if document.value is None else document.value
    if not isinstance(values, dict):
        message = f"must be a section with keys such as targets: (got {describe_value(values)})"
        raise ConfigError([Problem(source, document.lines[()], "", message)])
    problems = [Problem(source, line, write_key(path), message) for path, line, message in document.problems]
    found = take_unknown(values)
    listed = TargetList()
    if "targets" in values and not any(path[0] == "targets" for path, _ in found):
        listed = read_targets(document, values["targets"], source=source, base=base)
    elif require_targets and "targets" not in values and not document.is_unknown(()):
        found.append((("targets",), "missing; list what to watch, or give file: PATH"))
    left_out = ExcludeList()
    if "exclude" in values and not any(path[0] == "exclude" for path, _ in found):
        left_out = read_exclude(document, values["exclude"], source=source, base=base)
    values |= {"targets": listed.targets, "target_file": listed.file}
    values |= {"exclude": left_out.entries, "exclude_file": left_out.file}
    settings, invalid = _validate(values, base)
    found += [(path, message) for path, message in invalid if not document.is_unknown(path)]
    problems += [problem_at(document, source, path, message) for path, message in found]
    problems += listed.problems + left_out.problems
    if problems or settings is None:
        raise ConfigError(sorted(problems, key=lambda problem: (problem.source != source, problem.line or 0)))
    return settings


def override(settings: Settings, values: Mapping[str, object], *, source: str = "command line") -> Settings:
    """Return settings with some keys changed, each by its dotted name: `{"probe.timeout": 5}`.

    Values may be what the file may have ("5s"); paths are relative to the working directory. Raise
    `ConfigError` for values that the file could not have either, `KeyError` for a name that no setting has.
    """
    document: dict[str, object] = settings.model_dump(exclude={"targets", "target_file"})
    document |= {"targets": settings.targets, "target_file": settings.target_file}
    for name, value in values.items():
        section, _, key = name.rpartition(".")
        place = document[section] if section else document
        if not isinstance(place, dict) or key not in place:
            raise KeyError(name)
        place[key] = value
    changed, invalid = _validate(document, Path())
    if changed is None:
        raise ConfigError(Problem(source, None, write_key(path), message) for path, message in invalid)
    return changed


def read_yaml(text: str, source: str, environ: Mapping[str, str]) -> Document:
    """Read the YAML; what is no YAML at all is one problem."""
    if len(text) > MAX_BYTES:
        raise ConfigError([Problem(source, None, "", f"longer than {MAX_BYTES // 1024 // 1024} MiB")])
    try:
        return read_document(text, environ)
    except DocumentError as error:
        raise ConfigError([Problem(source, error.line, "", str(error))]) from None


def _validate(values: Mapping[str, object], base: Path) -> tuple[Settings | None, list[tuple[KeyPath, str]]]:
    """Make settings of plain values, or say what is wrong with which of them."""
    try:
        return Settings.model_validate(values, context=base), []
    except ValidationError as error:
        return None, [(item["loc"], explain_item(item)) for item in error.errors(include_url=False)]


def explain_item(item: ErrorDetails) -> str:
    """Say in our words what pydantic found."""
    if item["type"] == "value_error":
        return str(item["ctx"]["error"])
    if item["type"] == "missing":
        return "missing; add it"
    if item["type"] == "list_item":
        return item["msg"]
    if item["type"] == "model_type":
        return f"must be a section with keys of its own (got {describe_value(item['input'])})"
    return f"{item['msg'][:1].lower()}{item['msg'][1:]} (got {describe_value(item['input'])})"
