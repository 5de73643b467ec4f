"""A disk of its own for a test: small, and read-only when the test says so. Mounting needs root."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, timeout=30)


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted tmpfs."""

    folder: Path

    def fill(self) -> None:
        """Leave no byte free."""
        with (self.folder / "ballast").open("wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    continue
            except OSError:
                return

    def free(self) -> None:
        """Give the space back."""
        (self.folder / "ballast").unlink()

    def make(self, mode: str) -> None:
        """Make it `ro` or `rw`."""
        _run("mount", "-o", f"remount,{mode}", str(self.folder))


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Disk]:
    """Mount a disk until the block ends."""
    folder.mkdir(exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield Disk(folder)
    finally:
        _run("umount", "--lazy", str(folder))
