"""Tells whether files have changed, by a stamp of each."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Stamp:
    """What differs once a file is written anew or replaced."""

    path: Path
    inode: int = 0
    size: int = 0
    modified: int = 0


def read_stamps(files: Sequence[Path]) -> tuple[Stamp, ...]:
    """Return the stamps of files; of one that is not there too."""
    found = []
    for path in files:
        try:
            status = os.stat(path)  # noqa: PTH116 - one call, three facts
        except OSError:
            found.append(Stamp(path))
        else:
            found.append(Stamp(path, status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)
