"""Whatever is asked wrongly is told in one clear line, with exit status 2 and before anything is probed."""

import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from scanner.cli import main
from tests.cli.command import MAILPORT, SECONDS, Outcome, run, run_together

TARGET = "smtp://127.0.0.1:9"

# Arguments of `scan`; the one line said about them. {folder} is where the files of the test are.
SCAN_CASES = {
    "no target": ((), "nothing to scan: name targets, or a file of them with --targets FILE (- for stdin)"),
    "space": (("a b.example",), '"a b.example": there is a space in it; write one target, without spaces'),
    "control": (("a\x07.example",), r'"a\u0007.example": there is a control character in it; remove it'),
    "empty": (("",), "there is no host; write a name such as example.org"),
    "port": (("a.example:70000",), "the port must be a number from 1 to 65535"),
    "scheme": (("ftp://a.example",), '"ftp": unknown scheme; use one of smtp://'),
    "mailbox": (
        ("me:secret@a.example",),
        'a target has no user or mailbox; write only what follows the @: "a.e',
    ),
    "rate negative": ((TARGET, "--rate", "-1"), "--rate: must be a number, 0 or more (got -1.0)"),
    "rate text": ((TARGET, "--rate", "fast"), "invalid value for '--rate': "),
    "rate endless": ((TARGET, "--rate", "inf"), "--rate: must be a number, 0 or more (got inf)"),
    "timeout zero": ((TARGET, "--timeout", "0"), "--timeout: must be a time, more than 0"),
    "timeout negative": ((TARGET, "--timeout", "-3"), "--timeout: must be a time, more than 0"),
    "timeout text": ((TARGET, "--timeout", "soon"), "invalid value for '--timeout': "),
    "timeout nan": ((TARGET, "--timeout", "nan"), "--timeout: must be a time, more than 0"),
    "concurrency zero": ((TARGET, "--concurrency", "0"), "--concurrency: must be a whole number from 1 to"),
    "concurrency negative": ((TARGET, "--concurrency", "-5"), "--concurrency: must be a whole number from 1"),
    "concurrency part": ((TARGET, "--concurrency", "1.5"), "invalid value for '--concurrency': "),
    "ports unknown": ((TARGET, "--ports", "25,26"), "--ports: must be one of the mail ports 25, 465, 587"),
    "ports text": ((TARGET, "--ports", "smtp"), "--ports: must be one of the mail ports 25, 465, 587"),
    "ports empty": ((TARGET, "--ports", ""), "--ports: must be one of the mail ports 25, 465, 587"),
    "ports twice": ((TARGET, "--ports", "25,25"), "--ports: 25 is in the list twice; remove one"),
    "families": ((TARGET, "--ipv4", "--ipv6"), "--ipv4 and --ipv6 exclude each other; leave both out"),
    "resolver": ((TARGET, "--resolver", "dns.example"), "--resolver: must be the address of a resolver: IP"),
    "format": (
        (TARGET, "--format", "xml"),
        "invalid value for '--format': 'xml' is not one of 'table', 'json'",
    ),
    "fail on": (
        (TARGET, "--fail-on", "often"),
        "invalid value for '--fail-on': 'often' is not one of 'never'",
    ),
    "option": ((TARGET, "--retries", "3"), "no such option: --retries"),
    "option without value": ((TARGET, "--out"), "option '--out' requires an argument"),
    "CA missing": (
        (TARGET, "--ca-file", "{folder}/no.pem"),
        "--ca-file: cannot read {folder}/no.pem: there is no",
    ),
    "CA no PEM": (
        (TARGET, "--ca-file", "{folder}/notes"),
        "--ca-file: {folder}/notes has no readable certificate",
    ),
    "CA folder": ((TARGET, "--ca-file", "{folder}"), "--ca-file: cannot read {folder}: this is a directory"),
    "targets missing": (
        ("--targets", "{folder}/no"),
        "{folder}/no: cannot be read: No such file or directory",
    ),
    "targets folder": (("--targets", "{folder}"), "{folder}: cannot be read: Is a directory"),
    "targets empty": (("--targets", "{folder}/empty"), "nothing to scan: name targets"),
    "targets bad": (("--targets", "{folder}/bad"), '{folder}/bad: line 3: "b c": there is a space in it'),
    "targets binary": (("--targets", "{folder}/binary"), "{folder}/binary: line 2: is not UTF-8 text"),
    "out folder missing": (
        (TARGET, "--out", "{folder}/no/x"),
        "{folder}/no/x: cannot be written: No such file",
    ),
    "out is a folder": ((TARGET, "--out", "{folder}"), "{folder}: cannot be written: Is a directory"),
    "resume folder": ((TARGET, "--resume", "{folder}"), "{folder}: cannot be used to resume: Is a directory"),
    "resume device": (
        (TARGET, "--resume", "/dev/zero"),
        "/dev/zero: cannot be used to resume: this is no plain",
    ),
    "resume foreign": (
        (TARGET, "--resume", "{folder}/notes"),
        "{folder}/notes:1: not a record of a scan; name a",
    ),
    "out is resume": (
        (TARGET, "--out", "{folder}/one", "--resume", "{folder}/./one"),
        "{folder}/one: --out and --resume name one file; give each its own",
    ),
    "config missing": ((TARGET, "--config", "{folder}/no.yml"), "{folder}/no.yml: there is no such file"),
    "config unknown key": (
        (TARGET, "--config", "{folder}/unknown.yml"),
        "{folder}/unknown.yml:2: limits.concurency: unknown key; did you mean concurrency?",
    ),
    "config wrong type": (
        (TARGET, "--config", "{folder}/type.yml"),
        '{folder}/type.yml:3: limits.rate: must be a number, 0 or more (got "fast")',
    ),
    "config interval zero": (
        (TARGET, "--config", "{folder}/interval.yml"),
        "{folder}/interval.yml:1: schedule.interval: must be a time, 1 s or more (got 0)",
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("usage")
    (folder / "notes").write_text("not what you look for\n")
    (folder / "empty").write_text("# nothing yet\n")
    (folder / "bad").write_text("a.example\n\nb c\n")
    (folder / "binary").write_bytes(b"a.example\n\xff\xfe\n")
    (folder / "unknown.yml").write_text("limits:\n  concurency: 5\n")
    (folder / "type.yml").write_text("limits:\n  concurrency: 5\n  rate: fast\n")
    (folder / "interval.yml").write_text(f"schedule: {{interval: 0}}\ntargets: ['{TARGET}']\n")
    return folder


Call = Callable[..., Outcome]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """A function that runs the command in this process: what is refused at once needs none of its own."""

    def run_here(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["mailport", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return Outcome(int(end.value.code or 0), *capsys.readouterr())

    return run_here


@pytest.mark.parametrize("name", SCAN_CASES)
def test_one_line_says_what_is_wrong(name: str, folder: Path, call: Call) -> None:
    arguments, said = SCAN_CASES[name]
    outcome = call("scan", *(argument.replace("{folder}", str(folder)) for argument in arguments))
    assert said.replace("{folder}", str(folder)) in outcome.problem
    assert outcome.status == 2


def test_it_is_the_same_in_a_process_of_its_own(folder: Path) -> None:
    names = ("rate text", "config unknown key")
    commands = [
        ["scan", *(argument.replace("{folder}", str(folder)) for argument in SCAN_CASES[name][0])]
        for name in names
    ]
    for name, outcome in zip(names, run_together(*commands), strict=True):
        assert SCAN_CASES[name][1].replace("{folder}", str(folder)) in outcome.problem
        assert outcome.status == 2


def test_files_that_are_refused_stay_as_they_are(folder: Path, call: Call) -> None:
    foreign = folder / "notes"
    before = foreign.read_bytes()
    assert call("scan", TARGET, "--resume", str(foreign)).status == 2
    assert foreign.read_bytes() == before
    both = folder / "both"
    both.write_text("kept\n")
    assert call("scan", TARGET, "--out", str(both), "--resume", str(both)).status == 2
    assert both.read_text() == "kept\n"


def test_every_bad_target_is_told_at_once(call: Call) -> None:
    outcome = call("scan", "a b", "good.example", "x:0", "c\td")
    assert outcome.status == 2
    assert len(outcome.stderr.splitlines()) == 3


def test_targets_on_standard_input_are_told_by_line() -> None:
    commands = [(b"a.example\nb c\n", "standard input: line 2: "), (b"\xff\xfe", "standard input: ")]
    for stdin, said in commands:
        outcome = run("scan", "--targets", "-", stdin=stdin)
        assert outcome.status == 2
        assert outcome.problem.startswith(said)


def test_standard_streams_may_be_closed() -> None:
    for script, said in (
        ('exec "$0" scan --targets - <&-', "standard input: is closed"),
        ('exec "$0" scan smtp://127.0.0.1:9 >&-', "standard output is closed"),
    ):
        done = run_shell(script)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def run_shell(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", script, MAILPORT], capture_output=True, text=True, timeout=SECONDS, check=False
    )


# Arguments of the other commands; the one line said about them. {busy} is an address that is taken.
CASES = {
    "no such command": (("scam",), "no such command 'scam'"),
    "serve: config missing": (
        ("serve", "--config", "{folder}/no.yml"),
        "{folder}/no.yml: there is no such file",
    ),
    "serve: interval": (
        ("serve", "--config", "{folder}/interval.yml"),
        "schedule.interval: must be a time, 1 s or",
    ),
    "serve: listen": (
        ("serve", "--config", "{folder}/good.yml", "--listen", "here"),
        '--listen: must be HOST:PORT, for example "0.0.0.0:9587"',
    ),
    "serve: busy": (
        ("serve", "--config", "{folder}/good.yml", "--listen", "{busy}"),
        "cannot listen on {busy}: the port is in use by another program. Stop that program or choose another",
    ),
    "serve: not ours": (
        ("serve", "--config", "{folder}/good.yml", "--listen", "192.0.2.1:9587"),
        "cannot listen on 192.0.2.1:9587: this machine does not have that address",
    ),
    "serve: log format": (
        ("serve", "--log-format", "xml"),
        "'xml' is not one of 'text', 'json'; see mailport serve",
    ),
    "check: no file": (("check",), "missing argument 'FILE...'; see mailport check --help"),
}


@pytest.mark.parametrize("name", CASES)
def test_other_commands_say_it_in_one_line_too(name: str, folder: Path, call: Call) -> None:
    (folder / "good.yml").write_text(f"targets: ['{TARGET}']\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        places = {"{folder}": str(folder), "{busy}": f"127.0.0.1:{taken.getsockname()[1]}"}
        arguments, said = CASES[name]
        outcome = call(*(fill_in(argument, places) for argument in arguments))
    assert fill_in(said, places) in outcome.problem
    assert outcome.status == 2


def fill_in(text: str, places: Mapping[str, str]) -> str:
    for mark, value in places.items():
        text = text.replace(mark, value)
    return text


def test_without_arguments_the_help_is_shown(call: Call) -> None:
    nothing, asked, of_scan = call(), call("--help"), call("scan", "--help")
    assert (nothing.status, asked.status, of_scan.status) == (2, 0, 0)
    assert nothing.stdout == asked.stdout
    for command in ("scan", "serve", "check", "demo"):
        assert command in asked.stdout
    for option in ("--targets", "--resume", "--fail-on", "--ca-file", "--resolver", "--format"):
        assert option in of_scan.stdout


def test_the_version_is_told() -> None:
    outcome = run("--version")
    assert outcome.status == 0
    assert outcome.stdout.startswith("mailport ")
