"""Problems of a configuration: each with its file, line and key, and the error that carries them all."""

from collections.abc import Iterable
from dataclasses import dataclass

from scanner.model.target import escape, quote


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where it is (lines count from 1) and what to do about it."""

    source: str
    line: int | None
    key: str
    """Dotted, with list items counted from 0: `limits.rate`, `targets[2]`; empty for the whole file."""
    message: str

    def __str__(self) -> str:
        source = escape(self.source)
        place = source if self.line is None else f"{source}:{self.line}"
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class ConfigError(Exception):
    """A configuration that cannot be used; `problems` holds everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def describe_value(value: object) -> str:
    """Show a value of a configuration in an error message, in one short line."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, dict):
        return "a section"
    return "a list" if isinstance(value, list | tuple) else "something else"
