"""The commands of docs/cli.md, as the command line has them."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

import typer

from scanner.cli.app import app

_FIRST = [
    f"mailport {name}"
    for name in ("scan", "serve", "check", "demo", "advise", "explain", "events", "baseline show")
]
PART = re.compile(r"(<!-- commands: [^>]*-->\n)(.*?)(<!-- end of commands -->)", re.DOTALL)


def write_commands(text: str) -> str:
    """Return a document with the commands as the command line has them now."""
    return PART.sub(lambda part: f"{part[1]}\n{''.join(_command(*one) for one in commands())}{part[3]}", text)


# Typer hands its parameters on without a type that could be named here.
def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, with its whole name: those first that one needs first."""
    found = list(_within("mailport", typer.main.get_command(app)))
    yield from sorted(found, key=lambda one: [*_FIRST, one[0]].index(one[0]))


def _within(name: str, command: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - as said above
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for word, one in inner.items():
        yield from _within(f"{name} {word}", one)


def _command(name: str, command: Any) -> str:  # noqa: ANN401 - as said above
    arguments = [one for one in command.params if not one.opts[0].startswith("-")]
    options = [one for one in command.params if one.opts[0].startswith("-") and not one.hidden]
    words = [_argument(one) for one in arguments]
    usage = " ".join([name, *words, *(["[OPTION...]"] if options else [])])
    rows = [f"| `{word}` |  | {_plain(one.help)} |\n" for word, one in zip(words, arguments, strict=True)]
    rows += [f"| `{_shown(one)}` | {_default(one)} | {_plain(one.help)} |\n" for one in options]
    table = "| | Default | |\n|---|---|---|\n" + "".join(rows) + "\n" if rows else ""
    return f"### {name}\n\n{_plain(command.help)}\n\n```\n{usage}\n```\n\n{table}"


def _argument(one: Any) -> str:  # noqa: ANN401 - as said above
    word = str(one.metavar or one.name.upper())
    return word if one.required else f"[{word}]"


def _shown(one: Any) -> str:  # noqa: ANN401 - as said above
    """Return an option as one types it."""
    kind = one.type_descriptor.annotation
    if kind is bool:
        return "/".join([*one.opts, *one.secondary_opts])
    is_choice = isinstance(kind, type) and issubclass(kind, Enum)
    value = one.metavar or ("|".join(str(item.value) for item in kind) if is_choice else one.name.upper())
    # A vertical bar would end the cell of the table, even within code.
    return f"{one.opts[0]} {value}".replace("|", "\\|")


def _default(one: Any) -> str:  # noqa: ANN401 - as said above
    default = one.default.value if isinstance(one.default, Enum) else one.default
    return "" if default in {None, False, ""} else f"`{default}`"


def _plain(text: str | None) -> str:
    """Return a help text as prose of Markdown."""
    words = " ".join((text or "").split())
    return re.sub(r"([<>*_|\[\]])", r"\\\1", words)
