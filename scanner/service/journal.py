"""The journal of a scan: every finished endpoint's record on disk at once, so that a killed scan goes on."""

import json
from pathlib import Path
from typing import Any

from scanner.model.observation import Key
from scanner.model.record import record_key, to_line


class JournalError(Exception):
    """The journal cannot be used; the text says why and how to mend it."""


class Journal:
    """An append-only file of records, one a line; a last line torn by a kill is dropped and redone.

    Raises:
        JournalError: the file cannot be read or written, or is something else.
    """

    def __init__(self, path: Path) -> None:
        self.records: dict[Key, dict[str, Any]] = {}
        try:
            self._file = path.open("a+b", buffering=0)
        except OSError as error:
            raise JournalError(f"{path}: cannot be used to resume: {error.strerror}") from None
        try:
            self._load(path)
        except BaseException:
            self._file.close()
            raise

    def append(self, record: dict[str, Any]) -> None:
        """Write one record through to the operating system.

        Raises:
            JournalError: the disk is full or gone.
        """
        try:
            self._file.write(to_line(record).encode() + b"\n")
        except OSError as error:
            raise JournalError(f"{self._file.name}: cannot be written: {error.strerror}") from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _load(self, path: Path) -> None:
        self._file.seek(0)
        good = 0
        for number, line in enumerate(iter(self._file.readline, b""), start=1):
            if not line.endswith(b"\n"):
                break
            try:
                record = json.loads(line)
                key = record_key(record)
            except (ValueError, KeyError, AttributeError, TypeError):
                raise JournalError(
                    f"{path}:{number}: not a record of a scan; name a file that --resume wrote, or a new one"
                ) from None
            if key is not None:
                self.records[key] = record
            good += len(line)
        self._file.truncate(good)
        self._file.seek(0, 2)
