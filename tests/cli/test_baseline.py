"""`mailport baseline`: what is remembered, in people's words; orders, and what will come of them."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scanner.cli.baseline_view import WHEN
from scanner.model import Observation, Reason, Tls
from scanner.store import add_order
from tests.cli.command import Outcome, run
from tests.cli.kept_history import KeptHistory
from tests.verdict.observations import ended, healthy

GOOD = healthy(587)
WEAKER = replace(GOOD, tls=Tls("TLSv1.2", "ECDHE-RSA-AES256-SHA384", "secp256r1"))
NAME = "mail.example.org [192.0.2.7]:587"


@pytest.fixture
def history(tmp_path: Path) -> KeptHistory:
    return KeptHistory(tmp_path)


def elsewhere(seen: Observation, **changes: Any) -> Observation:
    return replace(seen, endpoint=replace(seen.endpoint, **changes))


def baseline(history: KeptHistory, *arguments: object) -> Outcome:
    return run("baseline", *arguments, "--config", history.config)


def shown(history: KeptHistory, target: str, *options: object) -> list[dict[str, Any]]:
    outcome = baseline(history, "show", target, "--format", "json", *options)
    assert (outcome.status, outcome.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(outcome.stdout)
    return found


def values(view: Mapping[str, Any]) -> dict[str, str | None]:
    return {each["trait"]: each["value"] for each in view["baseline"]}


def test_a_baseline_is_shown_in_words_and_not_in_ranks(history: KeptHistory) -> None:
    history.see(GOOD, times=4)
    history.see(WEAKER, times=2)
    history.write()
    outcome = baseline(history, "show", "mail.example.org")
    assert outcome.status == 0
    lines = [line.rstrip() for line in outcome.stdout.splitlines()]
    assert lines[0] == f"{NAME}  SMTP, STARTTLS"
    (version,) = (line for line in lines if "the TLS version" in line)
    assert version.split()[3] == "TLSv1.3"
    assert version.endswith("TLSv1.2, 2 times since 2026-01-15 13:00")
    assert "AEAD" in outcome.stdout
    assert "CBC, 2 times" in outcome.stdout
    assert "curve" in outcome.stdout
    assert "offered" in outcome.stdout
    assert "! The server agreed on TLSv1.2; until 2026-01-15 12:45 UTC it was TLSv1.3." in outcome.stdout
    assert "tls_version_dropped, stands since 2026-01-15 13:00 UTC" in outcome.stdout
    assert "open since 2026-01-15 12:00 UTC; last probe 2026-01-15 13:15 UTC" in outcome.stdout


def test_the_same_for_programs(history: KeptHistory) -> None:
    history.see(GOOD, times=4)
    history.see(WEAKER, times=2)
    history.write()
    (view,) = shown(history, "example.org")
    assert (view["host"], view["address"], view["port"]) == ("mail.example.org", "192.0.2.7", 587)
    assert view["domains"] == ["example.org"]
    assert (view["has_baseline"], view["pinned"], view["waiting"]) == (True, False, [])
    assert (view["state"], view["last_probe"]["at"]) == ("open", "2026-01-15T13:15:00Z")
    (version,) = (each for each in view["baseline"] if each["trait"] == "tls_version")
    assert version == {
        "trait": "tls_version",
        "title": "the TLS version",
        "value": "TLSv1.3",
        "since": "2026-01-15T12:00:00Z",
        "last_seen": "2026-01-15T12:45:00Z",
        "in_its_place": {"value": "TLSv1.2", "times": 2, "since": "2026-01-15T13:00:00Z"},
    }
    assert {each["id"] for each in view["standing"]} == {"tls_version_dropped", "cipher_weak"}


def test_what_is_being_learnt_is_no_baseline(history: KeptHistory) -> None:
    history.see(GOOD)
    history.write()
    (view,) = shown(history, "mail.example.org")
    assert view["has_baseline"] is False
    assert set(values(view).values()) == {None}
    assert "being learnt" in baseline(history, "show", "mail.example.org").stdout


def test_a_target_means_what_it_says(history: KeptHistory) -> None:
    other = elsewhere(
        GOOD, host="mx.example.net", address="192.0.2.9", domains=("example.org", "example.net")
    )
    history.see(GOOD, healthy(993), elsewhere(GOOD, address="2001:db8::7"), other)
    history.write()

    def places(*arguments: object) -> set[tuple[str, int]]:
        return {(view["address"], view["port"]) for view in shown(history, *map(str, arguments))}

    everything = {("192.0.2.7", 587), ("192.0.2.7", 993), ("2001:db8::7", 587), ("192.0.2.9", 587)}
    assert places("example.org") == everything
    assert places("example.net") == {("192.0.2.9", 587)}
    assert places("mail.example.org") == everything - {("192.0.2.9", 587)}
    assert places("mail.example.org:587") == {("192.0.2.7", 587), ("2001:db8::7", 587)}
    assert places("imaps://mail.example.org") == {("192.0.2.7", 993)}
    assert places("smtp://MAIL.example.org.:587") == {("192.0.2.7", 587), ("2001:db8::7", 587)}
    assert places("mail.example.org", "--address", "2001:0db8::7") == {("2001:db8::7", 587)}


def test_what_matches_nothing_is_told_in_a_line_with_what_is_known(history: KeptHistory) -> None:
    history.see(GOOD)
    history.write()
    place = history.place
    for target, rest in (
        ("mail.exmaple.org", f"{place} knows no such endpoint; close to it: mail.example.org, example.org"),
        ("mail.example.org:25", "; leave the port or --address out to see them"),
        ("smtps://mail.example.org:587", "others of mail.example.org; leave the port or --address out"),
    ):
        outcome = baseline(history, "show", target)
        assert outcome.status == 2
        assert rest in outcome.problem
    assert baseline(history, "reset", "zzz").problem.endswith("; known: example.org, mail.example.org")
    outcome = baseline(history, "pin", "mail.example.org", "--address", "192.0.2.300")
    assert (outcome.status, outcome.stdout) == (2, "")
    assert "192.0.2.300" in outcome.problem
    assert history.orders() == ()


def test_an_empty_store_knows_nothing(history: KeptHistory) -> None:
    history.write()
    outcome = baseline(history, "show", "example.org")
    assert outcome.status == 2
    assert outcome.problem.endswith(
        "and no other; start mailport serve with it, and wait for its first probes"
    )


def test_an_accept_says_what_will_come_of_it_and_is_shown_while_it_waits(history: KeptHistory) -> None:
    history.see(GOOD, times=4)
    history.see(WEAKER, times=2)
    history.write()
    outcome = baseline(history, "accept", "mail.example.org:587")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert outcome.stdout.splitlines() == [
        f"{NAME}: what was seen last becomes its baseline",
        "    the TLS version: TLSv1.3 → TLSv1.2",
        "    the class of the cipher: AEAD → CBC",
        "    standing verdicts: cipher_weak, tls_version_dropped → judged anew",
        f"1 order left in {history.place}: {WHEN}.",
    ]
    (order,) = history.orders()
    assert order.action == "accept"
    assert order.argument == {
        "keys": [["mail.example.org", "192.0.2.7", 587, "smtp", "starttls"]],
        "domains": ["example.org"],
        "vantage": "default",
    }
    text = baseline(history, "show", "example.org").stdout
    assert "accepted at" in text
    assert "waits for mailport serve:" in text
    (view,) = shown(history, "example.org")
    assert values(view)["tls_version"] == "TLSv1.3", "nothing is done yet"
    (waiting,) = view["waiting"]
    assert {"what": "the TLS version", "before": "TLSv1.3", "after": "TLSv1.2"} in waiting["changes"]
    again = baseline(history, "accept", "mail.example.org")
    assert again.stdout.splitlines() == [
        f"{NAME}: its baseline is what was seen last; nothing to accept",
        "No order was left.",
    ]
    assert len(history.orders()) == 1


def test_orders_that_change_nothing_are_not_given(history: KeptHistory) -> None:
    history.see(GOOD, times=4)
    history.write()
    assert "it is not pinned" in baseline(history, "unpin", "mail.example.org").stdout
    assert "pinned: no → yes" in baseline(history, "pin", "mail.example.org").stdout
    assert "it is pinned already" in baseline(history, "pin", "mail.example.org").stdout
    reset = baseline(history, "reset", "mail.example.org").stdout
    assert "the TLS version: TLSv1.3 → forgotten, learnt anew" in reset
    assert "pinned: yes → no" in reset
    assert "it has no baseline" in baseline(history, "reset", "mail.example.org").stdout
    assert [order.action for order in history.orders()] == ["pin", "reset"]


def test_every_endpoint_that_matches_gets_its_order(history: KeptHistory) -> None:
    history.see(GOOD, healthy(993), elsewhere(GOOD, address="2001:db8::7"), times=3)
    history.write()
    outcome = baseline(history, "pin", "example.org")
    assert outcome.stdout.splitlines()[-1].startswith("3 orders left in ")
    assert len(history.orders()) == 3
    assert {len(order.argument["keys"]) for order in history.orders()} == {1}  # type: ignore[arg-type]


def test_nothing_can_be_accepted_of_a_probe_that_could_not_tell(history: KeptHistory) -> None:
    history.see(GOOD, times=3)
    history.see(ended(587, reason=Reason.EGRESS_BLOCKED))
    history.write()
    outcome = baseline(history, "accept", "mail.example.org")
    assert outcome.status == 2
    assert outcome.problem == (
        f"{NAME}: its last probe could not tell what is there (egress_blocked), so nothing can be accepted"
    )
    assert history.orders() == ()
    assert "last probe 2026-01-15 12:45 UTC: unknown (egress_blocked)" in (
        baseline(history, "show", "mail.example.org").stdout
    )
    history.see(healthy(993), times=3)
    history.write()
    outcome = baseline(history, "accept", "mail.example.org")
    assert outcome.status == 0
    assert "left as it is: its last probe could not tell" in outcome.stdout


def test_orders_for_another_vantage_are_not_ours(history: KeptHistory) -> None:
    history.see(GOOD, times=3)
    history.write()
    key = list(GOOD.endpoint.key)
    add_order(history.place, "pin", {"keys": [key], "vantage": "berlin"})
    assert shown(history, "mail.example.org")[0]["waiting"] == []
    add_order(history.place, "pin", {"keys": [key]})
    assert len(shown(history, "mail.example.org")[0]["waiting"]) == 1


def test_a_store_that_cannot_be_used_is_told_in_a_line(history: KeptHistory, tmp_path: Path) -> None:
    path = history.place.path
    for arguments in (("show", "example.org"), ("accept", "example.org")):
        outcome = baseline(history, *arguments)
        assert outcome.status == 3
        assert outcome.problem == f"{path}: there is no such file; start mailport serve with it once"
    history.see(GOOD)
    history.write()
    with sqlite3.connect(tmp_path / "mailport.db") as connection:
        connection.execute("UPDATE mailport_schema SET version_num = '9999'")
    connection.close()
    outcome = baseline(history, "show", "example.org")
    assert outcome.status == 3
    assert "written by a newer mailport" in outcome.problem
    (tmp_path / "mailport.db").write_bytes(b"no database at all" * 100)
    outcome = baseline(history, "show", "example.org")
    assert outcome.status == 3
    assert "the file is no SQLite database" in outcome.problem


def test_where_nothing_is_kept_there_is_nothing_to_show(tmp_path: Path) -> None:
    path = tmp_path / "none.yml"
    path.write_text("store: false\n")
    outcome = run("baseline", "show", "example.org", "--config", path)
    assert outcome.status == 2
    assert outcome.problem == "the settings keep nothing (store: false); there is no memory to read"


def test_without_a_configuration_the_store_is_the_services_own(tmp_path: Path) -> None:
    outcome = run("baseline", "show", "example.org", cwd=tmp_path, env={"STATE_DIRECTORY": str(tmp_path)})
    assert outcome.status == 3
    assert outcome.problem.startswith(f"{tmp_path}/mailport.db: there is no such file")


def test_bad_targets_are_told_in_a_line(history: KeptHistory) -> None:
    history.see(GOOD)
    history.write()
    outcome = baseline(history, "show", "mail.example.org:2525")
    assert outcome.status == 2
    assert "say its protocol" in outcome.problem
