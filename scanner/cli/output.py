"""Writes records: as a table for people, as json, ndjson or csv for programs."""

import csv
import json
import os
import re
import unicodedata
from collections.abc import Callable
from enum import StrEnum
from typing import Any, NoReturn, Protocol, TextIO

from rich.console import Console

from scanner.cli.summary import build_summary
from scanner.cli.table import build_table
from scanner.model.record import Record, to_line


class Format(StrEnum):
    """The forms that results can be written in."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"


class Writer(Protocol):
    """Takes records one by one; `close` completes the document."""

    def write(self, record: Record) -> None:
        """Take one record."""

    def close(self) -> None:
        """Complete what was written."""


class Stream(Protocol):
    """Where text goes."""

    def write(self, text: str, /) -> int:
        """Write some text."""

    def flush(self) -> None:
        """Let what was written be seen."""


class NdjsonWriter:
    """One line a record, at once."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def write(self, record: Record) -> None:
        """Write a line and flush it."""
        self._stream.write(to_line(record) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Do nothing: every line is whole."""


class JsonWriter:
    """One array, written as the records come."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._separator = "[\n"

    def write(self, record: Record) -> None:
        """Write one element."""
        self._stream.write(self._separator + json.dumps(record, ensure_ascii=False, indent=1))
        self._separator = ",\n"

    def close(self) -> None:
        """End the array."""
        self._stream.write("[]\n" if self._separator.startswith("[") else "\n]\n")
        self._stream.flush()


CSV_COLUMNS: tuple[tuple[str, Callable[[Record], Any]], ...] = (
    ("domain", lambda record: record["domain"]),
    ("domains", lambda record: " ".join(record["domains"])),
    *((name, lambda record, name=name: record[name]) for name in ("host", "address", "port", "protocol")),
    *((name, lambda record, name=name: record[name]) for name in ("tls_mode", "role", "source", "vantage")),
    *((name, lambda record, name=name: record[name]) for name in ("state", "reason", "detail", "level")),
    *((name, lambda record, name=name: record[name]) for name in ("started_at", "duration")),
    *((name, lambda record, name=name: record.get(name)) for name in ("banner", "software")),
    ("starttls_offered", lambda record: (record.get("starttls") or {}).get("offered")),
    ("tls_version", lambda record: (record.get("tls") or {}).get("version")),
    ("tls_cipher", lambda record: (record.get("tls") or {}).get("cipher")),
    ("tls_group", lambda record: (record.get("tls") or {}).get("group")),
    ("tls_versions", lambda record: " ".join(_list_accepted(record))),
    ("certificate_not_after", lambda record: (record.get("certificate") or {}).get("not_after")),
    ("certificate_problems", lambda record: " ".join((record.get("certificate") or {}).get("problems", ()))),
    ("verdicts", lambda record: " ".join(verdict["id"] for verdict in record["verdicts"])),
)


def _list_accepted(record: Record) -> list[str]:
    versions = (record.get("tls") or {}).get("versions") or {}
    return [name for name, is_accepted in versions.items() if is_accepted]


_BEGIN_FORMULAS = ("=", "+", "-", "@", "\u2212")
_BEGIN_CELLS = ("\t", "\r", "\n")
_UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
"""Spaces, and signs that take no room, such as a byte order mark."""


class CsvWriter:
    """One row a record under a header (RFC 4180)."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._writer = csv.writer(stream)
        self._writer.writerow([name for name, _ in CSV_COLUMNS])

    def write(self, record: Record) -> None:
        """Write one row."""
        self._writer.writerow([_defused(read(record)) for _, read in CSV_COLUMNS])

    def close(self) -> None:
        """Flush the rows."""
        self._stream.flush()


def _defused(value: object) -> object:
    """Keep a spreadsheet from running a server's text as a formula.

    Programs pass over what stands unseen before the sign, and take its wide and small forms for the sign.
    """
    if not isinstance(value, str):
        return value
    first = next((sign for sign in value if unicodedata.category(sign) not in _UNSEEN), "")
    is_formula = unicodedata.normalize("NFKC", first).startswith(_BEGIN_FORMULAS)
    return "'" + value if is_formula or value.startswith(_BEGIN_CELLS) else value


class _Console(Console):
    """Rich's console, which leaves a closed pipe to the command."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise what Rich would turn into an exit with status 1."""
        raise BrokenPipeError


MAX_TEXT = 300
"""Characters of a finding that a terminal shows; a file and the other formats have all."""


class TableWriter:
    """A table and a summary, at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._longest = MAX_TEXT if stream.isatty() else None
        self._console = make_console(stream)
        self._records: list[Record] = []

    def write(self, record: Record) -> None:
        """Keep a record for the table."""
        self._records.append(record)

    def close(self) -> None:
        """Print everything."""
        if self._records:
            self._console.print(build_table(self._records, self._console.width, self._longest))
            self._console.print()
        self._console.print(build_summary(self._records))


def make_console(stream: TextIO) -> Console:
    """Return a console that writes text as it is; colours only where there is a terminal."""
    return _Console(file=stream, highlight=False, markup=False, width=_width(stream))


WIDE = 160
"""Columns of a table that goes to no terminal, so that little is folded."""
LEAST_WIDTH = 40


def _width(stream: TextIO) -> int | None:
    """Let a terminal have its own width; anything else gets what COLUMNS says, or a wide table."""
    if stream.isatty():
        return None
    columns = re.fullmatch("0*([1-9][0-9]{0,3})", os.environ.get("COLUMNS", ""))
    return max(int(columns[1]), LEAST_WIDTH) if columns else WIDE


def make_writer(form: Format, stream: TextIO, outflow: Stream | None = None) -> Writer:
    """Return the writer for a format; what is written as it comes goes through the outflow, if there is one.

    A table is written at the end, and its console has to know the stream itself.
    """
    if form is Format.TABLE:
        return TableWriter(stream)
    writers: dict[Format, Callable[[Stream], Writer]] = {
        Format.JSON: JsonWriter,
        Format.NDJSON: NdjsonWriter,
        Format.CSV: CsvWriter,
    }
    return writers[form](outflow or stream)
