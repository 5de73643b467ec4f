"""The journal of a scan: every finished endpoint's record on disk at once, so that a killed scan goes on."""

import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from scanner.model import Reason, Severity, State
from scanner.model.observation import Key
from scanner.model.record import Record, record_key, to_line
from scanner.service.shelf import Shelf

MAX_LINE = 64 * 1024 * 1024
"""Bytes; a record is a few thousand, and names every domain that uses the server."""

_BEGINNING = b'{"domain":'
"""How the line of every record begins: by this a torn one is told from what is no journal."""
_WANTED = frozenset({"domain", "domains", "state", "reason", "level", "duration", "phases", "verdicts"})


class JournalError(Exception):
    """The journal cannot be used; the text says why and how to mend it."""


class Records(Mapping[Key, Record]):
    """The records of a journal by their endpoints, read from the file when asked for.

    Only where each begins is kept, so that a journal of a million endpoints takes little memory. Of two
    records of one endpoint the later counts.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._places = Shelf()

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Key]:
        for name in self._places:
            host, address, port, protocol, tls_mode = json.loads(name)
            yield host, address, port, protocol, tls_mode

    def __contains__(self, key: object) -> bool:
        return self._places.get(_name(key)) is not None

    def __getitem__(self, key: Key) -> Record:
        place = self._places.get(_name(key))
        if place is None:
            raise KeyError(key)
        record: Record = json.loads(self._read_line(place))
        return record

    def note(self, key: Key, place: int) -> None:
        """Take where the record of an endpoint begins (bytes)."""
        self._places.put(_name(key), place)

    def close(self) -> None:
        """Forget everything."""
        self._places.close()

    def _read_line(self, place: int) -> bytes:
        line = b""
        while b"\n" not in line:
            piece = os.pread(self._descriptor, max(8192, len(line)), place + len(line))
            if not piece:
                break
            line += piece
        return line.partition(b"\n")[0]


class Journal:
    """An append-only file of records, one a line; a last line torn by a kill is dropped and redone.

    Raises:
        JournalError: the file cannot be read or written, or is something else; it is left as it was then.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("ab+", buffering=0)
        except OSError as error:
            raise JournalError(f"{path}: cannot be used to resume: {error.strerror}") from None
        self.records = Records(self._file.fileno())
        """What it held when it was opened."""
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise JournalError(f"{path}: cannot be used to resume: this is no plain file")  # noqa: TRY301
            with path.open("rb") as lines:
                good = self._load(path, lines)
            self._file.truncate(good)
        except OSError as error:
            self.close()
            raise JournalError(f"{path}: cannot be used to resume: {error.strerror}") from None
        except BaseException:
            self.close()
            raise

    def append(self, record: Record) -> None:
        """Write one record through to the operating system.

        Raises:
            JournalError: the disk is full or gone.
        """
        line = to_line(record).encode() + b"\n"
        try:
            written = self._file.write(line)
        except OSError as error:
            raise JournalError(f"{self._file.name}: cannot be written: {error.strerror}") from None
        if written != len(line):
            raise JournalError(f"{self._file.name}: cannot be written: the disk is full")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self.records.close()

    def _load(self, path: Path, lines: BinaryIO) -> int:
        """Read all records; return how many bytes of the file are whole lines."""
        good = 0
        for number, line in enumerate(iter(lambda: lines.readline(MAX_LINE), b""), start=1):
            is_whole = line.endswith(b"\n")
            if not is_whole and len(line) < MAX_LINE and _may_be_torn(line):
                break
            key = _read_key(line) if is_whole else None
            if key is None:
                raise JournalError(
                    f"{path}:{number}: not a record of a scan; name a file that --resume wrote, or a new one"
                )
            self.records.note(key, good)
            good += len(line)
        return good


def _name(key: object) -> str:
    return json.dumps(key, ensure_ascii=False)


def _may_be_torn(line: bytes) -> bool:
    return line.startswith(_BEGINNING) or _BEGINNING.startswith(line)


def _read_key(line: bytes) -> Key | None:
    """Return the key of an endpoint's record, or None for anything else."""
    try:
        record = json.loads(line)
        key = record_key(record)
        is_ours = key is not None and record.keys() >= _WANTED and hash(key) is not None
        is_ours = is_ours and _is_sound(record)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return None
    return key if is_ours else None


def _is_sound(record: dict[str, Any]) -> bool:
    """Whether what the output formats read is of the right kind."""
    names = {severity.label for severity in Severity}
    verdicts = all(
        verdict["severity"] in names
        and all(isinstance(verdict[key], str) for key in ("id", "kind", "summary"))
        for verdict in record["verdicts"]
    )
    State(record["state"])
    if record["reason"] is not None:
        Reason(record["reason"])
    return verdicts and isinstance(record["duration"], int | float) and isinstance(record["host"], str)
