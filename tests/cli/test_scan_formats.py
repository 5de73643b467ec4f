"""What `mailport scan` writes: a table for people; json, ndjson and csv for programs; progress aside."""

import csv
import io
import itertools
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from scanner.cli.output import CSV_COLUMNS, CsvWriter
from scanner.demo import SCENARIOS, Scenario
from scanner.model.record import to_record
from tests.cli.command import Outcome, run, run_together, started
from tests.cli.running_farm import RunningFarm
from tests.metrics.samples import GOOD
from tests.model.schema_check import check_records

QUICK = ("healthy", "auth-in-clear", "banner-odd", "cert-expired", "garbage", "greeting-554", "refused")
FORMS = ("table", "json", "ndjson", "csv")
SLOW = "mute"
"""Accepts and says nothing, so that its probe takes as long as --timeout says."""


def rows(*names: str) -> list[Scenario]:
    return [row for row in SCENARIOS if row.name in names]


@pytest.fixture(scope="module")
def all_at_once(farm: RunningFarm) -> Outcome:
    """Every scenario; four on one address that each wait for their time make it last for five seconds."""
    return run("scan", *farm.targets(), *farm.options, "--timeout", 1.4, "--format", "json")


@pytest.mark.parametrize("row", SCENARIOS, ids=lambda row: f"{row.name}-{row.port}")
def test_every_scenario_is_told_as_the_table_of_the_farm_says(
    row: Scenario, farm: RunningFarm, all_at_once: Outcome
) -> None:
    records = {(record["host"], record["port"]): record for record in json.loads(all_at_once.stdout)}
    record = records[farm.place(row)]
    assert (record["state"], record["reason"]) == (row.state, row.reason)
    assert row.verdicts <= {verdict["id"] for verdict in record["verdicts"]}
    assert (record["protocol"], record["tls_mode"]) == (row.protocol, row.tls_mode)


def test_json_is_one_array_of_valid_records(farm: RunningFarm, all_at_once: Outcome) -> None:
    records = json.loads(all_at_once.stdout)
    check_records(records)
    assert sorted((record["host"], record["port"]) for record in records) == sorted(
        farm.place(row) for row in SCENARIOS
    )
    assert all_at_once.status == 0


def test_progress_goes_to_standard_error_alone(all_at_once: Outcome) -> None:
    number = len(SCENARIOS)
    lines = all_at_once.stderr.splitlines()
    done = [int(found) for found in re.findall(rf"mailport: (\d+) of {number} done", all_at_once.stderr)]
    assert len(done) == len(lines) >= 1  # how many is a matter of seconds: test_progress.py
    assert len(set(done)) == len(done)
    assert done[-1] == number
    assert "2 blocked" in lines[-1]
    assert "done," not in all_at_once.stdout


def test_the_table_can_be_read_without_colours(farm: RunningFarm) -> None:
    outcome = run("scan", *farm.targets(*QUICK), *farm.options)
    assert "\x1b" not in outcome.stdout
    words = [" ".join(line.split()) for line in outcome.stdout.splitlines() if line.strip()]
    assert words[0].startswith("port state TLS cert time software")
    assert words[0].endswith("what we saw")
    below = dict(itertools.pairwise(words))
    hosts = {line.split()[0]: line for line in words if line.split()[0].endswith(".mail.test")}
    rows = {host: below[line] for host, line in hosts.items()}
    assert re.fullmatch(r"refused\.mail\.test [\d.]+", hosts["refused.mail.test"])
    assert re.fullmatch(
        r"\d*587 closed \d+ ms ! Nothing listens on port \d*587: .*", rows["refused.mail.test"]
    )
    assert re.fullmatch(
        r"\d*993 open 1\.3 1\.2 expired \d+ ms X25519MLKEM768 !! The certificate expired on .*",
        rows["cert-expired.mail.test"],
    )
    assert re.fullmatch(
        r"\d*25 rejecting \d+ ms ! The server turns us away: \"554 5.*", rows["greeting-554.mail.test"]
    )
    assert re.fullmatch(r"\d*25 broken \d+ ms ! protocol error: .*", rows["garbage.mail.test"])
    healthy = words.index(hosts["healthy.mail.test"])
    assert all(" open 1.3 1.2 59 d " in line for line in words[healthy + 1 : healthy + 8])
    assert words[-1].startswith("17 results: 14 open, 1 closed, 1 rejecting, 1 broken, 1 critical")


def test_a_table_of_nothing_but_refusals_has_its_reason() -> None:
    outcome = run("scan", "127.0.0.1:25")
    assert outcome.stdout.splitlines()[-1].strip().startswith("1 result: 1 unreachable")
    assert "address not allowed: 127.0.0.1 is a loopback address" in outcome.stdout
    assert "--allow-private" in outcome.stdout


def test_each_line_of_ndjson_comes_as_soon_as_its_endpoint_is_done(farm: RunningFarm, tmp_path: Path) -> None:
    wanted = farm.targets("healthy", SLOW)
    arguments = ("scan", *wanted, *farm.options, "--timeout", 2, "--format", "ndjson")
    with started(tmp_path, *arguments) as running:
        records = [json.loads(running.read_line()) for _ in range(7)]
        assert {record["host"] for record in records} == {"healthy.mail.test"}
        assert [entry.event for entry in farm.events() if entry.host == "mute.mail.test"][-1] == "connect"
        assert running.process.poll() is None
        last = json.loads(running.read_line())
        assert (last["host"], last["reason"]) == ("mute.mail.test", "no_greeting")
        assert running.read_line() == ""
        assert running.wait() == 0
    check_records([*records, last])


def test_csv_has_a_header_and_a_row_a_record(farm: RunningFarm) -> None:
    outcome = run("scan", *farm.targets(*QUICK), *farm.options, "--format", "csv")
    found = list(csv.DictReader(io.StringIO(outcome.stdout, newline="")))
    assert list(found[0]) == [name for name, _ in CSV_COLUMNS]
    assert len(found) == len(rows(*QUICK))
    assert None not in {value for row in found for value in row.values()}
    expired = next(row for row in found if row["host"] == "cert-expired.mail.test")
    assert expired["state"] == "open"
    assert expired["reason"] == ""
    assert expired["tls_version"] == "TLSv1.3"
    assert expired["tls_versions"] == "TLSv1.2 TLSv1.3"
    assert expired["domains"] == expired["domain"] == "cert-expired.mail.test"
    assert expired["certificate_problems"] == "expired"
    assert expired["verdicts"] == "certificate_expired"


def test_csv_names_every_domain_of_a_server() -> None:
    stream = io.StringIO(newline="")
    writer = CsvWriter(stream)
    writer.write(to_record(GOOD))
    writer.close()
    (row,) = csv.DictReader(io.StringIO(stream.getvalue(), newline=""))
    assert (row["domain"], row["domains"]) == ("example.org", "example.org example.net")


def test_no_cell_of_csv_can_be_run_as_a_formula(farm: RunningFarm) -> None:
    outcome = run(
        "scan", *farm.targets("healthy", "banner-odd", "pop3-err"), *farm.options, "--format", "csv"
    )
    cells = [cell for row in csv.reader(io.StringIO(outcome.stdout, newline="")) for cell in row]
    assert any(cell.startswith("'+OK ") for cell in cells)
    assert any(cell.startswith("'-ERR ") for cell in cells)
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)


def cell_of(banner: str) -> str:
    """How a greeting stands in CSV, read as a spreadsheet does."""
    stream = io.StringIO(newline="")
    writer = CsvWriter(stream)
    writer.write(to_record(replace(GOOD, banner=banner)))
    writer.close()
    (row,) = csv.DictReader(io.StringIO(stream.getvalue(), newline=""))
    return row["banner"]


@pytest.mark.parametrize("before", ["", " ", "  \t", "\r", "\n", "\u00a0", "\u3000", "\ufeff", "\u200b \x00"])
@pytest.mark.parametrize("sign", [*"=+-@", *"＝＋－＠", *"﹦﹢﹣﹫", "\u2212"])  # noqa: RUF001 - meant so
def test_a_formula_is_one_whatever_stands_before_it_unseen(before: str, sign: str) -> None:
    banner = f"{before}{sign}HYPERLINK(A1)"
    assert cell_of(banner) == f"'{banner}"


@pytest.mark.parametrize("banner", ["\tready", "\rready", "\n"])
def test_a_cell_that_begins_with_a_tab_or_a_line_end_is_no_plain_text(banner: str) -> None:
    assert cell_of(banner) == f"'{banner}"


@pytest.mark.parametrize("banner", ["", " ", "220 a=b", " 220 +OK", "* OK [-]", "é", "'=1", "–dash"])  # noqa: RUF001
def test_other_text_is_left_as_it_is(banner: str) -> None:
    assert cell_of(banner) == banner


def test_what_a_server_says_cannot_act_on_a_terminal(farm: RunningFarm) -> None:
    arguments = ("scan", *farm.targets("banner-odd"), *farm.options, "--format")
    for outcome in run_together(*((*arguments, form) for form in ("table", "csv"))):
        assert outcome.status == 0
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", outcome.stdout)


def test_out_takes_the_results_and_leaves_standard_output_empty(farm: RunningFarm, tmp_path: Path) -> None:
    arguments = ("scan", *farm.targets("pop3-apop"), *farm.options)
    for form in FORMS:
        (tmp_path / form).write_text("of an earlier scan" * 1000)
    for outcome in run_together(
        *((*arguments, "--format", form, "--out", tmp_path / form) for form in FORMS)
    ):
        assert (outcome.status, outcome.stdout) == (0, "")
    for form in FORMS:
        text = (tmp_path / form).read_text("utf-8")
        assert "pop3-apop.mail.test" in text
        assert "an earlier scan" not in text


@pytest.mark.parametrize("form", FORMS)
def test_a_reader_that_goes_away_is_no_error(form: str, farm: RunningFarm, tmp_path: Path) -> None:
    arguments = ("scan", *farm.targets(*QUICK), *farm.options, "--format", form)
    with started(tmp_path, *arguments) as running:
        running.read_line()
        running.close_stdout()
        assert running.wait() == 0
        lines = running.stderr.splitlines()
    assert all(line.startswith("mailport: ") and " done, " in line for line in lines), lines


def test_a_full_disk_is_told_in_one_line(farm: RunningFarm) -> None:
    arguments = ("scan", *farm.targets("healthy"), *farm.options, "--out", "/dev/full", "--format")
    for outcome in run_together(*((*arguments, form) for form in FORMS)):
        assert outcome.status == 3
        last = outcome.stderr.splitlines()[-1]
        assert last == "mailport: /dev/full: cannot be written: No space left on device"


def test_a_full_standard_output_is_told_too(farm: RunningFarm, tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        arguments = ("scan", *farm.targets("healthy"), *farm.options)
        with started(tmp_path, *arguments, stdout=full.fileno()) as running:
            assert running.wait() == 3
            assert "mailport: standard output: cannot be written: No space left" in running.stderr
