"""`mailport scan --resume`: a killed scan goes on where it was, and nothing is probed twice."""

import json
import time
from collections import Counter
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest

from scanner.demo.scenario import NoServer
from scanner.model.record import record_key
from tests.cli.command import Outcome, run, started
from tests.cli.running_farm import Place, RunningFarm, open_farm
from tests.model.schema_check import check_records

OPTIONS = ("--timeout", "0.6", "--no-versions")
"""One connection a probe, so that connections can be counted."""


def scan(farm: RunningFarm, journal: Path, *more: str, targets: list[str] | None = None) -> Outcome:
    wanted = farm.targets() if targets is None else targets
    arguments = (*wanted, *OPTIONS, *farm.options, "--format", "ndjson", "--resume", journal)
    return run("scan", *arguments, *more)


def places_in(text: str) -> list[Place]:
    return [(record["host"], record["port"]) for record in map(json.loads, text.splitlines())]


def with_servers(farm: RunningFarm) -> set[Place]:
    """The places whose server can tell that it was probed."""
    rows = farm.farm.scenarios
    return {farm.place(row) for row in rows if not isinstance(row.behaviour, NoServer)}


CHANGING = {"started_at", "duration", "phases", "bytes_read", "banner", "detail"}
"""What differs between two probes of one server of the farm."""


def timeless(records: list[dict[str, Any]]) -> list[str]:
    """The records in an order of their own, without what changes from probe to probe."""
    return sorted(
        json.dumps({name: value for name, value in record.items() if name not in CHANGING})
        for record in records
    )


@pytest.fixture(scope="module")
def killed(farm: RunningFarm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of a scan that was killed in the middle, with its last line torn."""
    folder = tmp_path_factory.mktemp("killed")
    journal = folder / "journal"
    arguments = ("scan", *farm.targets(), *OPTIONS, *farm.options, "--resume", journal)
    with started(folder, *arguments, "--concurrency", "3") as running:
        running.wait_until(lambda: journal.exists() and journal.read_bytes().count(b"\n") >= 30)
        running.send(SIGKILL)
        assert running.process.wait() == -SIGKILL
    lines = journal.read_bytes().splitlines(keepends=True)
    assert 30 <= len(lines) < len(farm.farm.scenarios)
    # As if the kill had come in the middle of a write.
    journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:100])
    return journal


@pytest.fixture(scope="module")
def resumed(farm: RunningFarm, killed: Path) -> tuple[list[Place], float, Outcome]:
    """What the journal held, when the second scan began, and what it said."""
    whole = killed.read_text("utf-8").rpartition("\n")[0]
    begun = time.monotonic()
    return places_in(whole), begun, scan(farm, killed)


def test_only_what_is_missing_is_probed(
    farm: RunningFarm, resumed: tuple[list[Place], float, Outcome]
) -> None:
    done, begun, _ = resumed
    probed = [place for place in farm.connects(begun) if place in with_servers(farm)]
    assert Counter(probed) == Counter(with_servers(farm) - set(done))
    assert len(probed) < len(with_servers(farm)) - 20


def test_the_output_has_every_endpoint_once(
    farm: RunningFarm, resumed: tuple[list[Place], float, Outcome]
) -> None:
    _, _, outcome = resumed
    assert outcome.status == 0
    assert Counter(places_in(outcome.stdout)) == Counter(farm.place(row) for row in farm.farm.scenarios)
    check_records(outcome.records)


def test_the_output_is_that_of_a_scan_that_nobody_killed(
    farm: RunningFarm, resumed: tuple[list[Place], float, Outcome], tmp_path: Path
) -> None:
    whole = scan(farm, tmp_path / "journal")
    assert whole.status == resumed[2].status
    assert timeless(resumed[2].records) == timeless(whole.records)


def test_the_journal_is_whole_again_and_has_every_endpoint_once(
    farm: RunningFarm, killed: Path, resumed: tuple[list[Place], float, Outcome]
) -> None:
    text = killed.read_text("utf-8")
    assert text.endswith("}\n")
    keys = Counter(record_key(json.loads(line)) for line in text.splitlines())
    assert len(keys) == len(farm.farm.scenarios)
    assert set(keys.values()) == {1}


def test_a_finished_journal_causes_no_probe(
    farm: RunningFarm, killed: Path, resumed: tuple[list[Place], float, Outcome]
) -> None:
    before = killed.read_bytes()
    begun = time.monotonic()
    outcome = scan(farm, killed)
    assert farm.connects(begun) == []
    assert sorted(places_in(outcome.stdout)) == sorted(places_in(resumed[2].stdout))
    assert killed.read_bytes() == before


def test_what_the_journal_has_beside_the_targets_is_left_alone(
    farm: RunningFarm, killed: Path, resumed: tuple[list[Place], float, Outcome], tmp_path: Path
) -> None:
    copy = tmp_path / "journal"
    copy.write_bytes(killed.read_bytes())
    outcome = scan(farm, copy, targets=[*farm.targets("tls13-only"), "smtp://127.0.0.1:9"])
    assert [record["host"] for record in outcome.records] == ["tls13-only.mail.test", "127.0.0.1"]
    assert copy.read_bytes().startswith(killed.read_bytes())
    assert copy.read_bytes().count(b"\n") == killed.read_bytes().count(b"\n") + 1


def test_findings_of_the_journal_count_for_the_exit_status(
    farm: RunningFarm, killed: Path, resumed: tuple[list[Place], float, Outcome]
) -> None:
    begun = time.monotonic()
    assert scan(farm, killed, "--fail-on", "critical").status == 1
    assert farm.connects(begun) == []


def test_a_server_that_another_domain_led_to_is_shown_for_the_one_that_is_asked_for(tmp_path: Path) -> None:
    shared = {name: {"MX": ["10 healthy.mail.test."]} for name in ("a.test", "b.test")}
    with open_farm(records=shared) as farm:
        journal = tmp_path / "journal"
        options = [*farm.options, "--format", "ndjson", "--resume", journal, "--ports", "25", "--no-versions"]
        first = run("scan", "a.test", *options)
        second = run("scan", "b.test", *options)
        both = run("scan", "b.test", "a.test", *options)
    assert [record["domains"] for record in first.records if record["port"]] == [["a.test"]]
    assert [record["domains"] for record in second.records if record["port"]] == [["b.test"]]
    (record,) = [record for record in both.records if record["port"]]
    assert (record["domain"], record["domains"]) == ("b.test", ["b.test", "a.test"])
    assert record["sources"] == {"a.test": "mx", "b.test": "mx"}


def test_what_was_seen_with_other_trusted_certificates_is_probed_again(
    farm: RunningFarm, tmp_path: Path
) -> None:
    arguments = (*farm.targets("healthy")[:1], *OPTIONS, "--format", "ndjson", "--resume", tmp_path / "j")
    network = ("--resolver", farm.farm.resolver, "--rate", "0", "--allow-private")
    (distrusted,) = run("scan", *arguments, *network).records
    (trusted,) = run("scan", *arguments, *network, "--ca-file", farm.farm.ca_file).records
    assert (distrusted["certificate"]["trusted"], trusted["certificate"]["trusted"]) == (False, True)


def test_versions_that_an_earlier_scan_left_out_are_listed_when_they_are_wanted(
    farm: RunningFarm, tmp_path: Path
) -> None:
    arguments = (*farm.targets("tls12-only"), *farm.options, "--format", "ndjson", "--resume", tmp_path / "j")
    (without,) = run("scan", *arguments, "--no-versions").records
    (listed,) = run("scan", *arguments).records
    assert "versions" not in without["tls"]
    assert listed["tls"]["versions"]["TLSv1.2"] is True
    begun = time.monotonic()
    assert run("scan", *arguments).records == [listed]
    assert not [entry for entry in farm.events("connect") if entry.at >= begun]
