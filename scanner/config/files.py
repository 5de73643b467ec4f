"""Reads the small text files that a configuration consists of, within bounds."""

import os
import stat
from pathlib import Path

MAX_BYTES = 16 * 1024 * 1024
"""No configuration or list of targets is larger (a domain takes about 20 bytes)."""


class FileProblemError(Exception):
    """A file that cannot be read; the text says why, without the file's name."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def read_file(path: Path, most: int = MAX_BYTES) -> str:
    """Read a UTF-8 text file of at most so many octets; raise `FileProblemError` with the reason."""
    try:
        # Without blocking: a named pipe would hold us up until somebody writes to it.
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise FileProblemError("this is no plain file")
            content = file.read(most + 1)
    except FileNotFoundError:
        raise FileProblemError("there is no such file") from None
    except IsADirectoryError:
        raise FileProblemError("this is a directory, not a file") from None
    except PermissionError:
        raise FileProblemError("no permission to read it; mend its owner or mode") from None
    except OSError as error:
        raise FileProblemError(f"it cannot be read ({error.strerror or error})") from None
    except ValueError:
        raise FileProblemError("this is no file name") from None
    if len(content) > most:
        size = f"{most // 1024} KiB" if most < 1024 * 1024 else f"{most // 1024 // 1024} MiB"
        raise FileProblemError(f"larger than {size}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"not UTF-8 text (byte 0x{content[error.start]:02x}); save the file as UTF-8"
        raise FileProblemError(problem, line) from None


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
