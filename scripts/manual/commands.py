"""The commands of mailport with their options, read off the command line itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, TypeAlias, get_args, get_origin

import typer

from scanner.cli.app import app

_PATHS = ("FILE", "PEM")
_FromTyper: TypeAlias = Any
"""A command or an option; typer tells no types of them."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option."""

    names: tuple[str, ...]
    value: str
    """What stands for its value; empty where it takes none."""
    choices: tuple[str, ...]
    help: str

    @property
    def is_path(self) -> bool:
        """Whether its value is the name of a file."""
        return self.value.startswith(_PATHS)


@dataclass(frozen=True, slots=True)
class Command:
    """One command: `words` lead to it, the first is `mailport`."""

    words: tuple[str, ...]
    help: str
    arguments: tuple[tuple[str, str], ...]
    """What stands for each, and what it is."""
    options: tuple[Option, ...]
    below: tuple[str, ...]
    """The commands of a group."""

    @property
    def name(self) -> str:
        """The words in one."""
        return " ".join(self.words)

    @property
    def takes_paths(self) -> bool:
        """Whether its arguments are names of files."""
        return any(name.startswith(_PATHS) for name, _ in self.arguments)


def read_commands() -> list[Command]:
    """Every command that is shown, groups before what is in them, each level by name."""
    return list(_walk(typer.main.get_command(app), ("mailport",)))


def _walk(command: _FromTyper, words: tuple[str, ...]) -> Iterator[Command]:
    below = {name: each for name, each in getattr(command, "commands", {}).items() if not each.hidden}
    shown = [each for each in command.params if not getattr(each, "hidden", False)]
    arguments = [each for each in shown if type(each).__name__ == "TyperArgument"]
    options = [_read_option(each) for each in shown if each not in arguments]
    helping = Option(("--help",), "", (), "Show what the command is for, and its options.")
    yield Command(
        words,
        _tidy(command.help),
        tuple((each.metavar or each.name.upper(), _tidy(each.help)) for each in arguments),
        (*options, helping),
        tuple(sorted(below)),
    )
    for name in sorted(below):
        yield from _walk(below[name], (*words, name))


def _read_option(option: _FromTyper) -> Option:
    choices = _read_choices(option.type_descriptor.annotation)
    value = "" if option.is_flag else option.metavar or "|".join(choices) or option.name.upper()
    default = option.default.value if isinstance(option.default, Enum) else option.default
    told = _tidy(option.help)
    if value and default not in (None, ()) and "default" not in told:
        told += f" Default: {default}."
    return Option((*option.opts, *option.secondary_opts), value, choices, told)


def _read_choices(annotation: object) -> tuple[str, ...]:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(str(each.value) for each in annotation)
    if get_origin(annotation) is Literal:
        return tuple(str(each) for each in get_args(annotation))
    return ()


def _tidy(text: str | None) -> str:
    return " ".join((text or "").split())
