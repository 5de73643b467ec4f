"""A shell in a terminal of its own, into which a test types, and whose screen it reads."""

import os
import pty
import re
import select
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SECONDS = 60.0
_CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x07|.\x08")


@dataclass(slots=True)
class Terminal:
    """The near end of the terminal."""

    handle: int
    seen: bytes = b""

    def type(self, keys: str) -> None:
        """Type keys; what was on the screen until now counts no more."""
        self.seen = b""
        os.write(self.handle, keys.encode())

    def wait_for(self, wanted: str) -> None:
        """Wait until a text stands on the screen."""
        deadline = time.monotonic() + SECONDS
        while wanted not in self.screen:
            left = deadline - time.monotonic()
            assert left > 0, f"no {wanted!r} on the screen: {self.screen!r}"
            if select.select([self.handle], [], [], left)[0]:
                self.seen += os.read(self.handle, 65536)

    @property
    def screen(self) -> str:
        """What was written since the last keys, without colours and movements."""
        return _CONTROL.sub(b"", self.seen).decode("utf-8", "replace")


@contextmanager
def terminal(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Iterator[Terminal]:
    """Run a shell in a terminal while the block runs."""
    child, handle = pty.fork()
    if child == 0:
        try:
            os.chdir(folder)
            os.execvpe(command[0], list(command), {**environ, "TERM": "dumb"})  # noqa: S606 - a shell is wanted
        finally:
            os._exit(127)
    try:
        yield Terminal(handle)
    finally:
        os.kill(child, signal.SIGKILL)
        os.close(handle)
        os.waitpid(child, 0)
