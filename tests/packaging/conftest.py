"""mailport as its users get it: the wheel and the source distribution, and the wheel in an environment."""

import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import farm

__all__ = ["distributions", "farm", "installed"]

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".cache", "__pycache__", ".*_cache", ".hypothesis", "dist")
SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Distributions:
    """The two files that a release consists of, and the source distribution unpacked."""

    wheel: Path
    sdist: Path
    unpacked: Path


def call(*command: object, folder: Path, **environment: str) -> str:
    """Run a command that has to succeed; return what it wrote to standard output."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def build(tree: Path, out: Path, kind: str, **environment: str) -> Path:
    """Build a distribution with the pinned backend, without a network: `kind` is wheel or sdist."""
    out.mkdir(parents=True, exist_ok=True)
    code = f"import hatchling.build as b; print(b.build_{kind}({str(out)!r}))"
    return out / call(sys.executable, "-c", code, folder=tree, **environment).splitlines()[-1]


def copy_tree(to: Path) -> Path:
    """Copy what a release is made from."""
    return Path(shutil.copytree(ROOT, to, ignore=LEFT_OUT))


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """Built once, from this tree."""
    folder = tmp_path_factory.mktemp("dist")
    wheel, sdist = build(ROOT, folder, "wheel"), build(ROOT, folder, "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    return Distributions(wheel, sdist, unpacked)


@pytest.fixture(scope="session")
def installed(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder of programs of a fresh environment with the wheel in it.

    What mailport depends on is that of the tests, by a line in a .pth file: the editable mailport beside it
    stays out, because such lines count in an environment's own folder alone.
    """
    place = tmp_path_factory.mktemp("environment") / "venv"
    call(sys.executable, "-m", "venv", "--without-pip", place, folder=ROOT)
    (packages,) = place.glob("lib/python3*/site-packages")
    (ours,) = Path(sys.prefix).glob("lib/python3*/site-packages")
    (packages / "dependencies.pth").write_text(f"{ours}\n")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", place / "bin" / "python")
    call(*pip, "install", "--quiet", "--no-index", "--no-deps", distributions.wheel, folder=place)
    yield place / "bin"
    shutil.rmtree(place)
