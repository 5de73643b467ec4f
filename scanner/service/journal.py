"""The journal of a scan: every finished endpoint's record on disk at once, so that a killed scan goes on."""

import errno
import fcntl
import json
import os
import stat
from pathlib import Path
from typing import BinaryIO

from scanner.model import Endpoint, Observation
from scanner.model.record import Record, record_key, to_line
from scanner.service.lens import Lens
from scanner.service.likeness import asked_of
from scanner.service.recorded import read_observation, rest_of
from scanner.service.shelf import Shelf

MAX_LINE = 64 * 1024 * 1024
"""Bytes; a record is a few thousand, and names every domain that uses the server."""

_BEGINNING = b'{"domain":'
"""How the line of every record begins: by this a torn one is told from what is no journal."""
_WANTED = frozenset({"domain", "domains", "state", "reason", "level", "duration", "phases", "verdicts"})
_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS})
_NOTE = "resume"
"""Where a line has what a scan needs to go on, beside the record."""


class JournalError(Exception):
    """The journal cannot be used; the text says why and how to mend it."""


class Journal:
    """An append-only file of records, one a line; a last line torn by a kill is dropped and redone.

    Each record stands as it was told first. What its server showed is told again as it is for whoever asks:
    for other domains, by what is published of them now. Where each begins is kept on disk, so that a journal
    of a million endpoints takes little memory. Of two records of one endpoint the later counts.

    Args:
        lens: through what this scan looks; what another one saw is used where it shows the same.

    Raises:
        JournalError: the file cannot be read or written, is in use or something else; it is left as it was.
        ShelfError: there is no room for temporary files.
    """

    def __init__(self, path: Path, lens: Lens) -> None:
        self._lens = lens
        try:
            self._file = path.open("ab+", buffering=0)
        except OSError as error:
            raise JournalError(f"{path}: cannot be used to resume: {error.strerror}") from None
        self._places = Shelf()
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise JournalError(f"{path}: cannot be used to resume: this is no plain file")  # noqa: TRY301
            self._lock(path)
            with path.open("rb") as lines:
                good = self._load(path, lines)
            self._file.truncate(good)
        except OSError as error:
            self.close()
            raise JournalError(f"{path}: cannot be used to resume: {error.strerror}") from None
        except BaseException:
            self.close()
            raise

    def recall(self, endpoint: Endpoint) -> Observation | None:
        """Return what an endpoint showed when it was probed before, to be judged again; None = to be probed.

        Raises:
            ShelfError: there is no room for temporary files.
        """
        place = self._places.get(_name(endpoint.key, asked_of(endpoint)))
        if place is None:
            return None
        try:
            record = json.loads(self._read_line(place))
            note = record[_NOTE]
            seen = read_observation(record, note, endpoint)
            return seen if self._lens.covers(seen, note) else None
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def keep(self, observation: Observation, record: Record) -> None:
        """Write what was observed, and what is told of it, through to the operating system.

        Raises:
            JournalError: the disk is full or gone.
        """
        note = {"asked": asked_of(observation.endpoint), **self._lens.note(), **rest_of(observation)}
        line = to_line({**record, _NOTE: note}).encode() + b"\n"
        try:
            written = self._file.write(line)
        except OSError as error:
            raise JournalError(f"{self._file.name}: cannot be written: {error.strerror}") from None
        if written != len(line):
            raise JournalError(f"{self._file.name}: cannot be written: the disk is full")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._places.close()

    def _lock(self, path: Path) -> None:
        """Keep another scan from writing between our lines, or cutting one of them off.

        Where the file system has no locks there is none.
        """
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalError(
                f"{path}: another scan is writing to it; wait for its end, or give this one a file of its own"
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise

    def _load(self, path: Path, lines: BinaryIO) -> int:
        """Note where all records begin; return how many bytes of the file are whole lines."""
        good = 0
        for number, line in enumerate(iter(lambda: lines.readline(MAX_LINE), b""), start=1):
            is_whole = line.endswith(b"\n")
            if not is_whole and len(line) < MAX_LINE and _may_be_torn(line):
                break
            name = _read_name(line) if is_whole else None
            if name is None:
                raise JournalError(
                    f"{path}:{number}: not a record of a scan; name a file that --resume wrote, or a new one"
                )
            self._places.put(name, good)
            good += len(line)
        return good

    def _read_line(self, place: int) -> bytes:
        line = b""
        while b"\n" not in line:
            piece = os.pread(self._file.fileno(), max(8192, len(line)), place + len(line))
            if not piece:
                break
            line += piece
        return line.partition(b"\n")[0]


def _name(key: object, asked: str) -> str:
    return json.dumps(key, ensure_ascii=False) + asked


def _may_be_torn(line: bytes) -> bool:
    return line.startswith(_BEGINNING) or _BEGINNING.startswith(line)


def _read_name(line: bytes) -> str | None:
    """Return by what an endpoint's record is found again, or None for anything else than a record.

    One of an earlier version has no note, and is found by nobody: its endpoint is probed again.
    """
    try:
        record = json.loads(line)
        key = record_key(record)
        if key is None or not record.keys() >= _WANTED:
            return None
        hash(key)  # no lists in it
        note = record.get(_NOTE)
        name = _name(key, note["asked"] if note else "-")
        name.encode()  # halves of surrogate pairs, which no shelf takes
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return None
    return name
