"""`mailport scan` with long lists: from a pipe, interrupted, killed, and gone on with by another list."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT, SIGKILL

from scanner.model.record import record_key
from tests.cli.command import Outcome, Running, run, started

OPTIONS = (
    "--allow-private",
    "--rate",
    "0",
    "--no-versions",
    "--format",
    "ndjson",
    "--resolver",
    "127.0.0.1:9",
)
QUICK_SECONDS = 2.0
INTERRUPTED = 130


def line(number: int) -> str:
    """A port of loopback where nobody listens, each at an address of its own."""
    return f"smtp://127.{90 + number // 62500}.{number // 250 % 250}.{1 + number % 250}:9\n"


def lines(*numbers: int) -> bytes:
    return "".join(map(line, numbers)).encode()


def hosts(outcome: Outcome) -> Counter[str]:
    return Counter(record["host"] for record in outcome.records)


def of(*numbers: int) -> Counter[str]:
    return Counter(line(number)[len("smtp://") :].partition(":")[0] for number in numbers)


@contextmanager
def begun(folder: Path, count: int, *more: object) -> Iterator[Running]:
    """A scan of a list of so many lines, some of which are done."""
    (folder / "list").write_bytes(lines(*range(count)))
    out = folder / "out"
    arguments = ("scan", "--targets", folder / "list", *OPTIONS, "--out", out, *more)
    with started(folder, *arguments) as running:
        running.wait_until(lambda: out.exists() and out.read_bytes().count(b"\n") > 200)
        yield running


def test_a_pipe_brings_each_target_once_and_a_late_bad_line_is_left_out() -> None:
    numbers = range(4000)
    text = lines(*numbers) + b"b c\n" + lines(*numbers, 4000)
    outcome = run("scan", "--targets", "-", *OPTIONS, stdin=text)
    assert hosts(outcome) == of(*range(4001))
    assert {record["state"] for record in outcome.records} == {"closed"}
    assert 'standard input: line 4001: "b c": there is a space in it' in outcome.stderr
    assert "mailport: 1 line of the list could not be read" in outcome.stderr
    assert outcome.status == 2


def test_a_file_with_a_bad_line_at_its_end_is_refused_before_anything_is_probed(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(lines(*range(2500)) + b"b c\n")
    outcome = run("scan", "--targets", tmp_path / "list", *OPTIONS)
    assert outcome.status == 2
    assert outcome.problem.startswith(f"{tmp_path}/list: line 2501: ")


def test_an_interrupt_in_the_middle_of_a_long_list_is_quick_and_keeps_what_is_done(tmp_path: Path) -> None:
    with begun(tmp_path, 200_000) as running:
        status, seconds = running.end(SIGINT)
    assert status == INTERRUPTED
    assert seconds < QUICK_SECONDS
    text = (tmp_path / "out").read_text("utf-8")
    assert text.endswith("}\n")
    records = [json.loads(row) for row in text.splitlines()]
    assert 200 < len(records) < 200_000
    assert set(Counter(map(record_key, records)).values()) == {1}


def test_a_killed_scan_of_a_long_list_goes_on_with_another_one(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    with begun(tmp_path, 200_000, "--resume", journal) as running:
        running.send(SIGKILL)
        assert running.process.wait() == -SIGKILL
    done = journal.read_bytes()
    done = done[: done.rfind(b"\n") + 1]
    assert done.count(b"\n") > 200
    # Lines are gone, others are new, all stand in another order.
    numbers = [*range(1500, 50, -1), *range(300_000, 300_020)]
    outcome = run("scan", "--targets", "-", *OPTIONS, "--resume", journal, stdin=lines(*numbers))
    assert outcome.status == 0
    assert hosts(outcome) == of(*numbers)
    after = journal.read_bytes()
    assert after.startswith(done)
    keys = Counter(record_key(json.loads(row)) for row in after.splitlines())
    assert set(keys.values()) == {1}
    assert {key[0] for key in keys if key is not None} >= set(of(*numbers))
