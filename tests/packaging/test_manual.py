"""The manual page and the completions: made of today's command line, without a complaint, and they work."""

import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from scripts.manual.__main__ import FOLDER, render_all
from scripts.manual.commands import read_commands
from tests.cli.command import run_together
from tests.packaging.conftest import Distributions
from tests.packaging.terminal import Terminal, terminal

PAGE = FOLDER / "man" / "mailport.1"
COMPLETIONS = FOLDER / "completions"
COMMANDS = read_commands()
# What is typed, and what has to stand on the line then.
TYPED = [
    ("mailport sc\t", "mailport scan "),
    ("mailport baseline sh\t", "mailport baseline show "),
    ("mailport baseline show --conf\t", "mailport baseline show --config"),
    ("mailport scan --forma\t", "mailport scan --format"),
    ("mailport scan --format nd\t", "mailport scan --format ndjson"),
    ("mailport scan example.org --fail-on cr\t", "mailport scan example.org --fail-on critical"),
    ("mailport serve --config settings-of\t", "mailport serve --config settings-of-mine.yml"),
    ("mailport check settings-of\t", "mailport check settings-of-mine.yml"),
]


def call(*command: str | Path, folder: Path | None = None) -> str:
    environ = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "100", "HOME": str(folder or "/")}
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("path", render_all(), ids=lambda path: path.name)
def test_it_is_made_of_todays_command_line(path: Path) -> None:
    assert path.read_text("utf-8") == render_all()[path], "run: make manual"


def test_mandoc_finds_nothing_wrong_with_the_page(tmp_path: Path) -> None:
    assert call("mandoc", "-Tlint", "-Wwarning", PAGE) == ""
    bad = tmp_path / "mailport.1"
    bad.write_text(PAGE.read_text() + ".TQQ\n.SH\n")
    found = subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning", bad], capture_output=True, text=True, check=False
    )
    assert found.returncode != 0


def test_the_page_tells_of_every_command_option_and_status() -> None:
    text = re.sub(r".\x08", "", call("mandoc", "-Tascii", "-Owidth=100", PAGE))
    words = " ".join(text.split())
    for command in COMMANDS:
        if len(command.words) > 1 and not command.below:
            assert command.name in words
        for option in command.options:
            assert all(name in words for name in option.names), option
    for status in ("0 Done.", "1 There are findings", "2 Wrong usage", "3 mailport itself", "130 Ctrl-C"):
        assert status in words


def test_the_options_are_those_that_help_tells() -> None:
    helped = run_together(*[(*command.words[1:], "--help") for command in COMMANDS[1:]])
    for command, told in zip(COMMANDS[1:], [outcome.stdout for outcome in helped], strict=True):
        # A line of the table begins with the names of one option.
        named = set(re.findall(r"^[│*\s]*(--[a-z0-9-]+)", told, re.MULTILINE))
        assert named == {name for option in command.options for name in option.names if name.startswith("--")}


def complete(line: Terminal, typed: str, wanted: str) -> None:
    line.type(typed)
    line.wait_for(wanted)
    line.type("\x15")  # Ctrl-U: an empty line again


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "settings-of-mine.yml").touch()
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"}


def test_bash_completes(folder: Path) -> None:
    with terminal(["bash", "--noprofile", "--norc", "-i"], folder, environment(folder)) as line:
        line.type(
            f"bind 'set bell-style none'; PS1='> '; source {COMPLETIONS / 'mailport.bash'}; echo re''ady\n"
        )
        line.wait_for("ready\r\n")
        for typed, wanted in TYPED:
            complete(line, typed, wanted)
        complete(line, "mailport scan --format=cs\t", "mailport scan --format=csv")


def test_zsh_completes(folder: Path) -> None:
    with terminal(["zsh", "-f", "-i"], folder, environment(folder)) as line:
        line.type(
            f"PS1='> '; fpath=({COMPLETIONS} $fpath); autoload -U compinit; compinit -D -u; echo re''ady\n"
        )
        line.wait_for("ready\r\n")
        for typed, wanted in TYPED:
            complete(line, typed, wanted)


@pytest.mark.parametrize(("typed", "wanted"), TYPED)
def test_fish_completes(folder: Path, typed: str, wanted: str) -> None:
    line, last = typed.strip("\t"), wanted.rsplit(maxsplit=1)[-1]
    script = f"source {COMPLETIONS / 'mailport.fish'}; complete -C '{line}'"
    found = [
        answer.split("\t")[0]
        for answer in call("fish", "--no-config", "-c", script, folder=folder).splitlines()
    ]
    assert last in found


def test_the_wheel_installs_them_where_shells_and_man_look(distributions: Distributions) -> None:
    with zipfile.ZipFile(distributions.wheel) as archive:
        shared = {name.partition(".data/data/")[2] for name in archive.namelist() if ".data/data/" in name}
    assert shared == {
        "share/man/man1/mailport.1",
        "share/bash-completion/completions/mailport",
        "share/zsh/site-functions/_mailport",
        "share/fish/vendor_completions.d/mailport.fish",
    }
