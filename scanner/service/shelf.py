"""A dictionary on disk for one run: exact, in constant memory, and gone with the process."""

import sqlite3
from collections.abc import Iterator

CACHE_KIB = 8192
"""Memory that a shelf uses at most; up to that size nothing is written to disk."""


class ShelfError(Exception):
    """There is no room for temporary files; the text says how to mend it."""


class Shelf:
    """Whole numbers by texts; a million of them take 8 MiB of memory, 60 on disk, and 5 us each.

    It is a temporary database of SQLite, in the folder that TMPDIR names: without a name, without a journal,
    and never flushed, since nobody reads it after a crash. Used from one thread.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._count = 0
        for statement in (
            f"PRAGMA cache_size = -{CACHE_KIB}",
            "PRAGMA journal_mode = OFF",
            "CREATE TABLE kept (name TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID",
            "BEGIN",
        ):
            self._database.execute(statement)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        """Yield the texts by their numbers."""
        for (name,) in self._ask("SELECT name FROM kept ORDER BY number"):
            yield name

    def get(self, name: str) -> int | None:
        """Return the number of a text, or None where it is not kept.

        Raises:
            ShelfError: the disk is full or gone.
        """
        for (number,) in self._ask("SELECT number FROM kept WHERE name = ?", name):
            found: int = number
            return found
        return None

    def add(self, name: str, number: int) -> int:
        """Keep a number unless the text has one; return the one that it has now.

        Raises:
            ShelfError: the disk is full or gone.
        """
        if self._ask("INSERT OR IGNORE INTO kept VALUES (?, ?)", name, number).rowcount:
            self._count += 1
            return number
        known = self.get(name)
        return number if known is None else known

    def put(self, name: str, number: int) -> None:
        """Keep a number in the place of any other of the text.

        Raises:
            ShelfError: the disk is full or gone.
        """
        if self.add(name, number) != number:
            self._ask("UPDATE kept SET number = ? WHERE name = ?", number, name)

    def close(self) -> None:
        """Free what it takes, on disk too."""
        self._database.close()

    def _ask(self, statement: str, *values: str | int) -> sqlite3.Cursor:
        try:
            return self._database.execute(statement, values)
        except sqlite3.OperationalError as error:
            raise ShelfError(
                f"temporary files cannot be written: {error}; set TMPDIR to a folder with room"
            ) from None
