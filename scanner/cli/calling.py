"""Runs a command line made with typer: whatever is wrong with its arguments is one line and a status."""

import sys
from typing import NoReturn

import typer

from scanner.cli.console import Exit, say
from scanner.model.target import escape


def call(app: typer.Typer) -> NoReturn:
    """Run what the arguments of this process ask for and end with its status."""
    arguments = sys.argv[1:]
    try:
        status = app(arguments or ["--help"], prog_name="mailport", standalone_mode=False)
    except typer.TyperException as error:
        say(f"mailport: {_explain(error)}")
        raise SystemExit(Exit.USAGE) from None
    raise SystemExit(status if arguments else Exit.USAGE)


def _explain(error: typer.TyperException) -> str:
    """Say in one line what is wrong with the arguments, and where to read on."""
    # Typer hands on what pydantic says of a value, with pydantic's own prefix.
    message = escape(" ".join(error.format_message().replace("Value error, ", "").split())).rstrip(".")
    context = getattr(error, "ctx", None)
    command = "mailport" if context is None else context.command_path
    return f"{message[:1].lower()}{message[1:]}; see {command} --help"
