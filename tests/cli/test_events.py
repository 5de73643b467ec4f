"""`mailport events`: what has changed, from the store; with --follow as it happens."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGINT

import pytest

from scanner.model import Reason, Severity
from scanner.model.event import Event, EventKind
from tests.cli.command import Outcome, run, started
from tests.cli.kept_history import KeptHistory
from tests.verdict.observations import NOW, ended, healthy

NAME = "mail.example.org [192.0.2.7]:587"


@pytest.fixture
def history(tmp_path: Path) -> KeptHistory:
    """A port that was good, went silent for two probes, and was good again."""
    kept = KeptHistory(tmp_path)
    kept.see(healthy(587), times=3)
    kept.see(ended(587, reason=Reason.CONNECT_TIMEOUT), times=2)
    kept.see(healthy(587), times=2)
    kept.write()
    return kept


def events(history: KeptHistory, *arguments: object) -> Outcome:
    outcome = run("events", *arguments, "--config", history.config)
    assert outcome.status == 0, outcome.stderr
    return outcome


def kinds(history: KeptHistory, *arguments: object) -> list[str]:
    return [record["kind"] for record in events(history, "--format", "ndjson", *arguments).records]


def told(number: int, severity: Severity = Severity.WARNING) -> Event:
    at = NOW + timedelta(days=1, minutes=number)
    return Event(
        at, EventKind.EGRESS_CHANGED, f"port {number}", severity, f"Event [bold]{number}[/].", advice="Do it."
    )


def test_people_read_them_oldest_first_with_advice_where_it_matters(history: KeptHistory) -> None:
    lines = [line.rstrip() for line in events(history).stdout.splitlines()]
    heads = [line for line in lines if line[:1].isdigit()]
    assert heads == [
        f"2026-01-15 12:30:00  ·  {NAME}",
        f"2026-01-15 13:00:00  !! {NAME}",
        f"2026-01-15 13:00:00  !! {NAME}",
        f"2026-01-15 13:30:00  ·  {NAME}",
        f"2026-01-15 13:30:00  ·  {NAME}",
    ]
    assert lines[1] == f"{'':24}A baseline stands for {NAME}."
    raised = lines.index(f"2026-01-15 13:00:00  !! {NAME}") + 2
    assert lines[raised] == f"2026-01-15 13:00:00  !! {NAME}"
    assert lines[raised + 1].startswith(f"{'':24}Packets to port 587 vanish")
    assert lines[raised + 2].startswith(f"{'':26}")
    assert "\x1b" not in "".join(lines)


def test_programs_get_all_of_an_event(history: KeptHistory) -> None:
    records = events(history, "--format", "ndjson").records
    assert records == json.loads(events(history, "--format", "json").stdout)
    assert [record["id"] for record in records] == [1, 2, 3, 4, 5]
    raised = records[2]
    assert raised["at"] == "2026-01-15T13:00:00.000Z"
    assert (raised["kind"], raised["name"], raised["severity"]) == (
        "verdict_raised",
        "port_blocked",
        "critical",
    )
    assert raised["endpoint"] == {
        "host": "mail.example.org",
        "address": "192.0.2.7",
        "port": 587,
        "protocol": "smtp",
        "tls_mode": "starttls",
    }
    assert (raised["before"]["state"], raised["after"]["state"]) == ("open", "blocked")


def test_what_is_asked_for_is_chosen(history: KeptHistory) -> None:
    both_ends = ["state_changed", "verdict_raised", "state_changed", "verdict_resolved"]
    assert kinds(history, "--severity", "warning") == both_ends
    assert kinds(history, "--kind", "baseline_learnt") == ["baseline_learnt"]
    assert kinds(history, "--kind", "verdict_raised", "--kind", "verdict_resolved") == [
        "verdict_raised",
        "verdict_resolved",
    ]
    assert len(kinds(history, "--since", "2026-01-15T13:00")) == 4
    assert len(kinds(history, "--since", "2026-01-15T13:00Z", "--until", "2026-01-15T14:30+01:00")) == 2
    assert kinds(history, "--limit", "1") == ["verdict_resolved"]
    assert kinds(history, "--since", "1h") == []
    assert len(kinds(history, "--host", "MAIL.example.org")) == 5
    assert kinds(history, "--host", "example.org") == []
    nothing = events(history, "--host", "example.org")
    assert (nothing.stdout, nothing.stderr) == (
        "",
        f"mailport: no such events in {history.folder / 'mailport.db'}\n",
    )
    assert events(history, "--host", "example.org", "--format", "json").stdout == "[]\n"


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--since", "yesterday", 'must be how long ago, as "2h", or a time, as "2026-01-02T03:04"'),
        ("--until", "2026-13-01", "must be how long ago"),
        ("--severity", "bad", 'must be notice, warning or critical (got "bad")'),
        ("--kind", "change", "must be of state_changed, verdict_raised"),
        ("--host", "a b", "there is a space in it"),
        ("--limit", "0", 'must be a whole number from 1 to 10000 (got "0")'),
    ],
)
def test_what_cannot_be_understood_is_told_in_a_line(
    history: KeptHistory, option: str, value: str, said: str
) -> None:
    outcome = run("events", option, value, "--config", history.config)
    assert outcome.status == 2
    assert outcome.problem.startswith(f"{option}: ")
    assert said in outcome.problem


def test_new_ones_are_followed_until_ctrl_c(history: KeptHistory) -> None:
    arguments = ("events", "--follow", "--limit", "1", "--format", "ndjson", "--config", history.config)
    with started(history.folder, *arguments) as running:
        assert json.loads(running.read_line())["kind"] == "verdict_resolved"
        history.write([told(1), told(2)])
        assert [json.loads(running.read_line(5))["subject"] for _ in range(2)] == ["port 1", "port 2"]
        history.write([told(3)])
        assert json.loads(running.read_line(5))["subject"] == "port 3"
        status, seconds = running.end(SIGINT)
        assert (status, seconds < 2.0, running.read_all(), running.stderr) == (0, True, "", "")


def test_only_what_is_asked_for_is_followed(history: KeptHistory) -> None:
    arguments = ("events", "--follow", "--severity", "critical", "--config", history.config)
    with started(history.folder, *arguments) as running:
        assert running.read_line().startswith("2026-01-15 13:00:00  !!")
        history.write([told(1), told(2, Severity.CRITICAL)])
        lines = iter(lambda: running.read_line(10).rstrip(), "")
        assert next(line for line in lines if "port " in line and line.startswith("2026-01-16")) == (
            "2026-01-16 12:02:00  !! port 2"
        )
        assert running.read_line(5).rstrip() == f"{'':24}Event [bold]2[/]."
        assert running.read_line(5).rstrip() == f"{'':26}Do it."
        assert running.end(SIGINT)[0] == 0
        assert "waiting for events in " in running.stderr
        assert "mailport.db; Ctrl-C ends that" in running.stderr


def test_a_store_that_goes_away_is_told_once_and_waited_for(history: KeptHistory) -> None:
    arguments = ("events", "--follow", "--limit", "1", "--format", "ndjson", "--config", history.config)
    aside = history.folder / "aside.db"
    with started(history.folder, *arguments) as running:
        running.read_line()
        path = history.folder / "mailport.db"
        path.rename(aside)
        running.wait_until(lambda: "there is no such file" in running.stderr)
        aside.rename(path)
        history.write([told(1)])
        assert json.loads(running.read_line(10))["subject"] == "port 1"
        assert running.end(SIGINT)[0] == 0
        assert len(running.stderr.splitlines()) == 1


def test_a_missing_store_is_told_in_a_line(tmp_path: Path) -> None:
    outcome = run("events", "--config", KeptHistory(tmp_path).config)
    assert outcome.status == 3
    assert outcome.problem.endswith("there is no such file; start mailport serve with it once")


def test_ages_count_from_now(tmp_path: Path) -> None:
    kept = KeptHistory(tmp_path, at=datetime.now(UTC) - timedelta(hours=3))
    kept.see(healthy(587), times=3)
    kept.write()
    assert kinds(kept, "--since", "2h") == []
    assert kinds(kept, "--since", "2h45m") == ["baseline_learnt"]
