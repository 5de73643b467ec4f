"""`mailport scan` never writes into a file that it reads, nor two things into one, by whatever names."""

import os
from pathlib import Path

import pytest

from tests.cli.command import run, started

OPTIONS = ("--allow-private", "--no-versions", "--format", "ndjson", "--resolver", "127.0.0.1:9")
LINE = "smtp://127.0.0.1:9\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "list").write_text(LINE)
    (tmp_path / "empty").touch()
    (tmp_path / "config.yml").write_text("limits:\n  rate: 0\n")
    for name in ("list", "empty", "config.yml"):
        os.link(tmp_path / name, tmp_path / f"hard-{name}")
        (tmp_path / f"soft-{name}").symlink_to(name)
    (tmp_path / "dangling").symlink_to("new")
    return tmp_path


CASES = {
    "out is the list": (("--targets", "list", "--out", "list"), "list: --out and --targets"),
    "out leads to the list": (("--targets", "list", "--out", "soft-list"), "list: --out and --targets"),
    "out is linked to the list": (
        ("--targets", "hard-list", "--out", "list"),
        "hard-list: --out and --targets",
    ),
    "out is the settings": (
        ("--config", "config.yml", "--out", "hard-config.yml"),
        "config.yml: --out and --config",
    ),
    "the journal is the list": (
        ("--targets", "empty", "--resume", "soft-empty"),
        "empty: --resume and --targets",
    ),
    "the journal is linked to out": (
        ("--out", "empty", "--resume", "hard-empty"),
        "hard-empty: --out and --resume",
    ),
    "both are new": (("--out", "new", "--resume", "dangling"), "dangling: --out and --resume"),
}


@pytest.mark.parametrize("case", CASES)
def test_one_file_for_two_ends_is_refused_and_left_as_it_is(case: str, folder: Path) -> None:
    options, said = CASES[case]
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    outcome = run("scan", LINE.strip(), *options, *OPTIONS, cwd=folder)
    assert outcome.status == 2
    assert outcome.problem == f"{said} name one file; give each its own"
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_standard_output_is_not_the_journal(folder: Path) -> None:
    with (folder / "empty").open("ab") as appended:
        arguments = ("scan", LINE.strip(), "--resume", folder / "empty", *OPTIONS)
        with started(folder, *arguments, stdout=appended.fileno()) as running:
            assert running.wait() == 2
            assert "standard output and --resume name one file" in running.stderr
    assert (folder / "empty").read_bytes() == b""


def test_what_is_no_plain_file_may_be_both(folder: Path) -> None:
    outcome = run("scan", "--targets", "-", "--out", "/dev/null", *OPTIONS, stdin=LINE)
    assert (outcome.status, outcome.stdout) == (0, "")
    outcome = run("scan", "--targets", "/dev/null", "--out", "/dev/null", LINE.strip(), *OPTIONS)
    assert outcome.status == 0
