"""The commands that give advice: what a port or an error means, and which servers and settings to use."""

from typing import Annotated

import typer

from scanner.cli.console import ending_quietly
from scanner.cli.memory_commands import Form, FormOption

# What these commands do is imported when one runs, so that the others start as fast as before.


def explain(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar='PORT|"TEXT"|-', help="587, a pasted error or log line; - reads one from stdin."
        ),
    ] = None,
    *,
    form: FormOption = Form.TEXT,
) -> None:
    """Say what a port is for, or what a pasted error means and how to mend it."""
    from scanner.cli.explain import explain_words  # noqa: PLC0415 - see above

    with ending_quietly():
        raise typer.Exit(explain_words(words or [], is_json=form is Form.JSON))
