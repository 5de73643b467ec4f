"""Prints prose for people: paragraphs and lists, never wider than reads well."""

import sys
from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scanner.cli.cells import QUIET
from scanner.cli.console import give_up
from scanner.cli.output import make_console

WIDEST = 96
"""Columns of a line of prose, however wide the terminal is."""


def print_prose(parts: Iterable[RenderableType]) -> None:
    """Print what belongs together, to standard output."""
    if sys.stdout is None:
        give_up("standard output is closed; there is nowhere to write to")
    console = make_console(sys.stdout)
    prose = Constrain(Group(*parts), min(console.width, WIDEST))
    if console.is_terminal:
        console.print(prose)
        return
    with console.capture() as captured:
        console.print(prose)
    # Rich fills lines with spaces, which is of no use in a file.
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
    sys.stdout.flush()


def indent(part: RenderableType, columns: int = 2) -> RenderableType:
    """Return a part set in from the left."""
    return Padding(part, (0, 0, 0, columns))


def pairs(rows: Iterable[tuple[str, RenderableType]]) -> Table:
    """Return labels with what belongs to each, in two columns."""
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True, style=QUIET)
    table.add_column(overflow="fold", ratio=1)
    for label, part in rows:
        table.add_row(label, part)
    return table


def numbered(items: Iterable[Iterable[RenderableType]]) -> Iterator[RenderableType]:
    """Yield items with their numbers, each of several parts."""
    for number, parts in enumerate(items, 1):
        table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
        table.add_column(no_wrap=True, width=2, justify="right")
        table.add_column(overflow="fold", ratio=1)
        table.add_row(Text(f"{number}.", QUIET), Group(*parts))
        yield indent(table, 1)
