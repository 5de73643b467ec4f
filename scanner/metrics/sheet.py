"""A table of what follows the labels in each line: a row an endpoint, a column a family.

A line of the scrape is a name, the labels of its endpoint and an end such as `} 0.213`. The labels are
kept once for all families, an end once for all endpoints that have the same, and a scrape joins them by
a few calls that work through hundreds of rows each.
"""

from collections.abc import Iterator
from itertools import compress, repeat

from scanner.metrics.families import Family, Sample
from scanner.metrics.labels import number
from scanner.model import Observation

MARK = "\0"
"""Stands for a family's name and an endpoint's labels where a cell holds several lines. No label has it."""
PIECE_ROWS = 512
"""How many rows of one line each are written at once: well below a millisecond."""
SEVERAL_ROWS = 128
"""The same of rows with several lines."""


class Column:
    """The ends of the lines of one family; an empty one where an endpoint has no line."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self._cells: list[str] = []
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

    def pieces(self, labels: list[str]) -> Iterator[bytes]:
        """Return the lines of all rows in pieces, as they are at this moment."""
        cells = self._cells.copy()
        return self._write_several(labels, cells) if self.family.is_several else self._write(labels, cells)

    def _write(self, labels: list[str], cells: list[str]) -> Iterator[bytes]:
        name = f"{self.family.name}{{"
        for start in range(0, len(cells), PIECE_ROWS):
            ends = cells[start : start + PIECE_ROWS]
            beginnings = list(compress(labels[start : start + PIECE_ROWS], ends))
            count = len(beginnings)
            if count:
                parts = [name] * (3 * count)
                parts[1::3] = beginnings
                parts[2::3] = filter(None, ends)
                yield "".join(parts).encode()

    def _write_several(self, labels: list[str], cells: list[str]) -> Iterator[bytes]:
        begin = f"{self.family.name}{{".__add__
        for start in range(0, len(cells), SEVERAL_ROWS):
            rows = slice(start, start + SEVERAL_ROWS)
            lines = "".join(map(str.replace, cells[rows], repeat(MARK), map(begin, labels[rows])))
            if lines:
                yield lines.encode()

    def _write_cell(self, observation: Observation) -> str:
        samples = tuple(self.family.read(observation))
        if self.family.is_fleeting:
            return self._join(samples)
        # What has several samples has few values; others may be a text of each endpoint's own, kept once.
        known = self._known
        cell = known.get(samples) if self.family.is_several else None
        if cell is None:
            if len(known) > 2 * len(self._cells) + PIECE_ROWS:
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
        self._labels: list[str] = []
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
        labels, self._labels[row] = self._labels[row], ""
        for column in self.columns:
            column.clear(row)
        self._free.append(row)
        return labels

    def snapshot(self) -> list[str]:
        """Return the labels of all rows as they are now; an empty text where a row is free."""
        return self._labels.copy()
