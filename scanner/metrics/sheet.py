"""A table of what follows the labels in each line: a row an endpoint, a column a family.

A line of the scrape is a name, the labels of its endpoint and an end such as `} 0.213`. The labels are
kept once for all families, an end once for all endpoints that have the same, and a scrape joins them by
a few calls that work through hundreds of rows each.
"""

from collections.abc import Iterator
from itertools import compress, repeat

from scanner.metrics.families import Family, Sample
from scanner.metrics.labels import number
from scanner.metrics.texts import Texts
from scanner.model import Observation

MARK = "\0"
"""Stands for a family's name and an endpoint's labels where a cell holds several lines. No label has it."""
SPARE = 512
"""How many cells more than twice those of the rows may be remembered."""


class Column:
    """The ends of the lines of one family; an empty one where an endpoint has no line."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self._cells = Texts()
        self._known: dict[tuple[Sample, ...] | str, str] = {}
        """Cells by what they say, so that equal ones are kept once."""

    def write(self, row: int, observation: Observation) -> None:
        """Show what an observation says; a kept family stays as it was where it says nothing."""
        cell = self._write_cell(observation)
        cells = self._cells
        if cell == cells[row] or (not cell and self.family.is_kept):
            return
        cells[row] = cell

    def add_row(self) -> None:
        """Add a row without lines."""
        self._cells.append("")

    def clear(self, row: int) -> None:
        """Drop the lines of a row."""
        self._cells[row] = ""

    def pieces(self, labels: list[list[str]]) -> Iterator[bytes]:
        """Return the lines of all rows in pieces, as they are at this moment; some are empty."""
        write = self._write_several if self.family.is_several else self._write
        return map(write, labels, self._cells.snapshot())

    def _write(self, labels: list[str], cells: list[str]) -> bytes:
        beginnings = list(compress(labels, cells))
        parts = [f"{self.family.name}{{"] * (3 * len(beginnings))
        parts[1::3] = beginnings
        parts[2::3] = filter(None, cells)
        return "".join(parts).encode()

    def _write_several(self, labels: list[str], cells: list[str]) -> bytes:
        beginnings = map(f"{self.family.name}{{".__add__, labels)
        return "".join(map(str.replace, cells, repeat(MARK), beginnings)).encode()

    def _write_cell(self, observation: Observation) -> str:
        samples = tuple(self.family.read(observation))
        if self.family.is_fleeting:
            return self._join(samples)
        # What has several samples has few values; others may be a text of each endpoint's own, kept once.
        known = self._known
        cell = known.get(samples) if self.family.is_several else None
        if cell is None:
            if len(known) > 2 * len(self._cells) + SPARE:
                known.clear()  # what nothing shows any more goes with it
            cell = self._join(samples)
            cell = known.setdefault(samples if self.family.is_several else cell, cell)
        return cell

    def _join(self, samples: tuple[Sample, ...]) -> str:
        mark = MARK if self.family.is_several else ""
        return "".join([f"{mark}{',' if more else ''}{more}}} {number(value)}\n" for more, value in samples])


class Sheet:
    """Labels of the endpoints, and a column for each family."""

    def __init__(self, families: tuple[Family, ...]) -> None:
        self.columns = tuple(Column(family) for family in families)
        self.fleeting = tuple(column for column in self.columns if column.family.is_fleeting)
        self._labels = Texts()
        self._free: list[int] = []

    def add(self, labels: str) -> int:
        """Return the row of a new endpoint."""
        if self._free:
            row = self._free.pop()
            self._labels[row] = labels
            return row
        self._labels.append(labels)
        for column in self.columns:
            column.add_row()
        return len(self._labels) - 1

    def drop(self, row: int) -> str:
        """Free a row, and return the labels that it had."""
        labels = self._labels[row]
        self._labels[row] = ""
        for column in self.columns:
            column.clear(row)
        self._free.append(row)
        return labels

    def labels_of(self, row: int) -> str:
        """Return the labels of a row."""
        return self._labels[row]

    def snapshot(self) -> list[list[str]]:
        """Return the labels of all rows as they are now; an empty text where one is free."""
        return self._labels.snapshot()
