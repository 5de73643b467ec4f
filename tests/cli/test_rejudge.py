"""`mailport rejudge`: what today's rules make of stored history, and when that may count."""

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scanner.model import Kind, Observation, Reason, Severity, Tls, Verdict
from scanner.model.memory import Memory
from scanner.service.recollection import read_memory
from scanner.store import Reader, Store
from scanner.verdict import Policy
from scanner.verdict.version import RULES_VERSION
from tests.cli.command import Outcome, run
from tests.cli.kept_history import KeptHistory
from tests.verdict.observations import NOW, ended, healthy

GOOD = healthy(587)
WEAKER = replace(GOOD, tls=Tls("TLSv1.2", "ECDHE-RSA-AES256-SHA384", "secp256r1"))
SILENT = ended(587, reason=Reason.CONNECT_TIMEOUT)
OURS = ended(587, reason=Reason.EGRESS_BLOCKED)


@pytest.fixture
def history(tmp_path: Path) -> KeptHistory:
    return KeptHistory(tmp_path)


def rejudge(history: KeptHistory, *arguments: str) -> Outcome:
    return run("rejudge", *arguments, "--config", history.config)


def found(history: KeptHistory, *arguments: str) -> dict[str, Any]:
    outcome = rejudge(history, "--format", "json", *arguments)
    assert (outcome.status, outcome.stderr) == (0, "")
    document: dict[str, Any] = json.loads(outcome.stdout)
    return document


def stored(history: KeptHistory, seen: Observation = GOOD) -> Memory:
    reader = Reader(history.place)
    try:
        (text,) = (each.memory for each in reader.memories() if each.key == seen.endpoint.key)
    finally:
        reader.close()
    assert text is not None
    memory = read_memory(text)
    assert memory is not None
    return memory


def live_through_much(history: KeptHistory) -> None:
    """A loss that is confirmed and mended, one that is accepted, our own network, and a pin."""
    history.see(GOOD, healthy(993), times=4)
    history.see(SILENT, times=3)
    history.see(GOOD, times=3)
    history.see(WEAKER, times=3)
    history.order("accept", GOOD)
    history.see(WEAKER, times=2)
    history.see(OURS, times=2)
    history.see(WEAKER, times=2)
    history.order("pin", GOOD)
    history.see(GOOD, times=4)


def test_the_same_rules_find_the_same(history: KeptHistory) -> None:
    live_through_much(history)
    history.write(rules="2025.1.1")
    summary = found(history)["summary"]
    assert summary == {
        "rules": {"then": "2025.1.1", "now": RULES_VERSION},
        "endpoints": 2,
        "samples": 27,
        "endpoints_cut": 0,
        "endpoints_different": 0,
        "more": 0,
        "fewer": 0,
        "applied": None,
    }
    text = rejudge(history).stdout
    assert text.splitlines()[0].rstrip() == (
        f"27 samples of 2 endpoints judged by the rules {RULES_VERSION}; the store was judged by 2025.1.1."
    )


def test_what_siblings_made_of_a_result_is_taken_over(history: KeptHistory) -> None:
    worse = Verdict("siblings_disagree", Kind.DOWNGRADE, Severity.WARNING, "IPv6 has TLS 1.2.", "Mend it.")
    history.see(GOOD, times=4)
    told = history.see(replace(GOOD, verdicts=(worse,)), times=3)
    told += history.see(GOOD, times=3)
    assert [event.name for event in told] == ["siblings_disagree"] * 2
    history.write()
    summary = found(history)["summary"]
    assert (summary["more"], summary["fewer"]) == (0, 0)


def test_what_todays_rules_find_besides_is_told(history: KeptHistory) -> None:
    history.see(WEAKER, healthy(993), times=4)
    history.write()
    history.settings = {"policy": {"min_tls": "TLSv1.3"}}
    document = found(history)
    (endpoint,) = document["endpoints"]
    assert (endpoint["port"], endpoint["samples"], endpoint["is_whole"]) == (587, 4, True)
    assert [event["name"] for event in endpoint["more"]] == ["tls_version_below_policy"]
    assert endpoint["more"][0]["at"] == "2026-01-15T12:15:00.000Z"
    assert endpoint["fewer"] == []
    assert document["summary"]["endpoints_different"] == 1
    text = rejudge(history).stdout
    assert "mail.example.org [192.0.2.7]:587  4 samples since 2026-01-15 12:00 UTC" in text
    assert "+ 2026-01-15 12:15:00  !! verdict_raised tls_version_below_policy: " in text
    assert found(history, "--since", "2026-01-15T12:30")["summary"]["more"] == 0


def test_what_they_do_not_find_any_more_is_told(history: KeptHistory) -> None:
    history.policy = Policy(min_tls="TLSv1.3")
    history.see(WEAKER, times=4)
    history.write()
    (endpoint,) = found(history)["endpoints"]
    assert endpoint["more"] == []
    assert [event["name"] for event in endpoint["fewer"]] == ["tls_version_below_policy"]
    assert "- 2026-01-15 12:15:00  !! verdict_raised" in rejudge(history).stdout


def test_overrides_of_single_targets_count(history: KeptHistory) -> None:
    history.see(WEAKER, replace(WEAKER, endpoint=replace(WEAKER.endpoint, host="other.example.org")), times=3)
    history.write()
    history.settings = {"policy": {"overrides": [{"target": "other.example.org", "min_tls": "TLSv1.3"}]}}
    assert [each["host"] for each in found(history)["endpoints"]] == ["other.example.org"]


def test_applied_the_memories_are_those_of_todays_rules(history: KeptHistory) -> None:
    history.policy = Policy(min_tls="TLSv1.3")
    history.see(WEAKER, times=4)
    history.write(rules="2025.1.1")
    assert "tls_version_below_policy" in stored(history).standing
    assert found(history)["summary"]["applied"] is None
    assert "tls_version_below_policy" in stored(history).standing
    summary = found(history, "--apply")["summary"]
    assert (summary["applied"], summary["rules"]["then"]) == (1, "2025.1.1")
    assert set(stored(history).standing) == {"cipher_weak"}
    assert stored(history).has_baseline
    assert found(history)["summary"]["rules"]["then"] == RULES_VERSION


def test_applied_the_memory_of_the_same_rules_is_the_same(history: KeptHistory) -> None:
    live_through_much(history)
    history.write()
    before = stored(history)
    found(history, "--apply")
    assert stored(history) == before


def test_where_old_samples_are_pruned_older_baselines_are_kept(history: KeptHistory) -> None:
    history.see(GOOD, times=5)
    history.see(WEAKER, times=6)
    history.write()
    before = stored(history)
    with closing(sqlite3.connect(history.folder / "mailport.db")) as connection, connection:
        connection.execute(
            "DELETE FROM samples WHERE started_at < ?", (round(NOW.timestamp() * 1e6) + 6 * 900 * 10**6,)
        )
    summary = found(history, "--apply")["summary"]
    assert (summary["samples"], summary["endpoints_cut"]) == (5, 1)
    assert (summary["more"], summary["fewer"]) == (0, 0)
    after = stored(history)
    assert after.traits["tls_version"].value == 5
    assert after.first_seen == before.first_seen
    assert after.state_since == before.state_since
    assert {id_: each.since for id_, each in after.standing.items()} == {
        id_: each.since for id_, each in before.standing.items()
    }


def test_while_a_service_runs_nothing_is_applied(history: KeptHistory) -> None:
    history.see(GOOD, times=4)
    history.write()

    async def hold_and_rejudge() -> tuple[Outcome, Outcome]:
        store = Store(history.place)
        await store.load()
        try:
            return (
                await asyncio.to_thread(rejudge, history, "--apply"),
                await asyncio.to_thread(rejudge, history),
            )
        finally:
            await store.close()

    refused, looked = asyncio.run(hold_and_rejudge())
    assert refused.status == 3
    assert "another mailport" in refused.problem
    assert "writes to it; stop that one" in refused.problem
    assert looked.status == 0


def test_faults_are_told_in_a_line(history: KeptHistory) -> None:
    outcome = rejudge(history, "--apply")
    assert outcome.status == 3
    assert outcome.problem.endswith("there is no such file; start mailport serve with it once")
    assert not (history.folder / "mailport.db").exists()
    outcome = rejudge(history, "--since", "once")
    assert outcome.status == 2
    assert outcome.problem.startswith("--since: must be how long ago")


def test_an_empty_store_is_judged_at_once(history: KeptHistory) -> None:
    history.write()
    assert found(history)["summary"]["samples"] == 0


def test_an_empty_store_is_named(history: KeptHistory) -> None:
    history.write()
    outcome = rejudge(history)
    assert outcome.status == 0
    assert outcome.stderr == f"mailport: there are no endpoints to judge in {history.place}\n"
    for command in ("events", "rejudge"):
        said = run(command, cwd=history.folder, env={"STATE_DIRECTORY": str(history.folder)}).stderr
        hint = "the store of another service is read with --config FILE"
        assert said.endswith(f" in {history.place}; {hint}\n")
