"""`mailport scan` holds the ports of a host against each other, also when it is resumed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.demo import smtp
from scanner.demo.scenario import describe, opens
from scanner.demo.scenarios_good import HONEST
from scanner.demo.smtp import Smtp
from tests.cli.command import run
from tests.cli.running_farm import RunningFarm, open_farm
from tests.model.schema_check import check_records

STRIPPED = describe("stripped", "no STARTTLS on 25", 25, Smtp(before=smtp.BASIC), opens("starttls_missing"))
ROWS = (
    STRIPPED,
    *(describe("stripped", f"good on {port}", port, HONEST[port], opens()) for port in (587, 993)),
)


@pytest.fixture(scope="module")
def split() -> Iterator[RunningFarm]:
    with open_farm(ROWS) as opened:
        yield opened


def scan(farm: RunningFarm, *more: object) -> tuple[int, list[dict[str, Any]]]:
    outcome = run("scan", *farm.targets(), *farm.options, "--format", "ndjson", *more)
    check_records(outcome.records)
    return outcome.status, outcome.records


def about(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records if record["port"] is None]


def test_starttls_that_port_587_has_and_port_25_lacks_is_told(split: RunningFarm, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    status, records = scan(split, "--resume", journal, "--fail-on", "never")
    assert status == 0
    (finding,) = about(records)
    assert (finding["host"], finding["state"], finding["reason"]) == (STRIPPED.host, "unknown", None)
    (verdict,) = finding["verdicts"]
    assert (verdict["id"], verdict["kind"], verdict["severity"]) == (
        "siblings_disagree",
        "downgrade",
        "warning",
    )
    assert f"Port {split.farm.port_of(STRIPPED)} of {STRIPPED.host}" in verdict["summary"]
    assert f"port {split.farm.port_of(ROWS[1])} of {STRIPPED.host}" in verdict["summary"]

    begun = len(split.connects())
    _, resumed = scan(split, "--resume", journal)
    assert len(split.connects()) == begun
    assert [found["verdicts"] for found in about(resumed)] == [finding["verdicts"]]


def test_siblings_in_good_order_are_not_mentioned(split: RunningFarm) -> None:
    arguments = [split.farm.target_of(row) for row in ROWS[1:]]
    outcome = run("scan", *arguments, *split.options, "--format", "ndjson")
    assert about(outcome.records) == []
