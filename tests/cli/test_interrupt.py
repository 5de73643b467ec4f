"""Ctrl-C and SIGTERM end a scan at once and keep what is done."""

import csv
import io
import json
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals

import pytest
import uvloop

from scanner.cli import console
from tests.cli.command import Running, started
from tests.cli.running_farm import RunningFarm
from tests.model.schema_check import check_records

QUICK_SECONDS = 2.0
INTERRUPTED = 130


@contextmanager
def stuck_scan(farm: RunningFarm, folder: Path, form: str) -> Iterator[Running]:
    """Run a scan until seven endpoints are done and only silent ones are left; the output is in `results`."""
    begun = time.monotonic()
    targets = farm.targets("healthy", "mute", "mute-after-ehlo", "tls-mute", "drip")
    with started(
        folder,
        *("scan", *targets, *farm.options, "--no-versions"),
        *("--format", form, "--out", folder / "results"),
    ) as running:

        def is_stuck() -> bool:
            events = [entry for entry in farm.events() if entry.at >= begun]
            done = [entry for entry in events if entry.event == "disconnect"]
            silent = {entry.host for entry in events if entry.event == "connect"} - {"healthy.mail.test"}
            return len(done) == 7 and len(silent) == 4

        running.wait_until(is_stuck)
        yield running


def check_end(running: Running, number: Signals) -> None:
    status, seconds = running.end(number)
    assert status == INTERRUPTED
    assert seconds < QUICK_SECONDS
    assert "mailport: interrupted; what was found until then is kept" in running.stderr


def test_json_is_a_whole_array_all_the_same(farm: RunningFarm, tmp_path: Path) -> None:
    with stuck_scan(farm, tmp_path, "json") as running:
        check_end(running, SIGINT)
    records = json.loads((tmp_path / "results").read_text("utf-8"))
    assert {record["host"] for record in records} == {"healthy.mail.test"}
    assert len(records) == 7
    check_records(records)


@pytest.mark.parametrize("number", [SIGINT, SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_ndjson_has_whole_lines_only(number: Signals, farm: RunningFarm, tmp_path: Path) -> None:
    with stuck_scan(farm, tmp_path, "ndjson") as running:
        check_end(running, number)
    text = (tmp_path / "results").read_text("utf-8")
    assert text.endswith("}\n")
    records = [json.loads(line) for line in text.splitlines()]
    assert len(records) == 7
    check_records(records)


def test_csv_and_table_have_what_was_found(farm: RunningFarm, tmp_path: Path) -> None:
    for form in ("csv", "table"):
        with stuck_scan(farm, tmp_path, form) as running:
            check_end(running, SIGINT)
        text = (tmp_path / "results").read_text("utf-8")
        if form == "csv":
            assert len(list(csv.DictReader(io.StringIO(text)))) == 7
        else:
            assert "7 results: 7 open" in text


def test_an_interrupt_while_names_are_looked_up(farm: RunningFarm, tmp_path: Path) -> None:
    out = tmp_path / "results"
    arguments = ("scan", "silent.mail.test", *farm.options, "--format", "json", "--out", out)
    with started(tmp_path, *arguments) as running:
        running.wait_until(out.exists)
        check_end(running, SIGINT)
        assert running.stderr.splitlines()[0] == "mailport: 0 of 1 target looked up"
    assert json.loads(out.read_text()) == []


def test_a_scan_can_be_interrupted_and_gone_on_with(farm: RunningFarm, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    targets = farm.targets("healthy", "mute", "tls-mute")
    arguments = ("scan", *targets, *farm.options, "--no-versions", "--timeout", "1", "--resume", journal)
    with started(tmp_path, *arguments) as running:
        running.wait_until(lambda: journal.exists() and journal.read_bytes().count(b"\n") >= 7)
        assert running.end(SIGTERM)[0] == INTERRUPTED
    done = journal.read_bytes().count(b"\n")
    assert done < len(targets)
    begun = time.monotonic()
    with started(tmp_path, *arguments, "--format", "ndjson") as running:
        records = [json.loads(line) for line in running.read_all().splitlines()]
        assert running.wait() == 0
    assert len(records) == len(targets)
    assert len(farm.connects(begun)) == len(targets) - done


def test_an_interrupt_before_anything_has_begun_is_one_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> uvloop.Loop:
        signal.raise_signal(SIGINT)
        raise AssertionError("Python raises a KeyboardInterrupt before")

    async def scan() -> None:
        raise AssertionError("there was an interrupt before")

    before = signal.getsignal(SIGINT)
    signal.signal(SIGINT, signal.default_int_handler)
    monkeypatch.setattr(uvloop, "new_event_loop", interrupted)
    try:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            assert not console.run_interruptibly(scan())
    finally:
        signal.signal(SIGINT, before)
    assert not [one for one in heard if "never awaited" in str(one.message)]
