"""The rules are valid, and their promtool tests hold each alert from both sides."""

import re
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.alerts.ruling import PROMETHEUS, RULE_TESTS, RULES, Rule, alerts, cases, load, rules
from tests.servers.prometheus import run_promtool

RUNBOOKS = "https://github.com/mailport/mailport/blob/main/docs/runbooks/"
BY_THE_INCIDENT = "{{ $labels.severity }}"


def test_prometheus_loads_every_file_of_rules() -> None:
    report = run_promtool("check", "config", PROMETHEUS / "prometheus.yml")
    assert report.is_clean, report.output
    (pattern,) = load(PROMETHEUS / "prometheus.yml")["rule_files"]
    assert sorted(PROMETHEUS.glob(pattern)) == RULES


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_rules_are_valid(path: Path) -> None:
    report = run_promtool("check", "rules", "--lint=all", "--lint-fatal", path)
    assert report.is_clean, report.output


@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: path.stem)
def test_rules_pass_their_tests(path: Path) -> None:
    report = run_promtool("test", "rules", path)
    assert report.is_clean, report.output


def test_every_file_of_rules_is_tested() -> None:
    tested = {(path.parent / name).resolve() for path in RULE_TESTS for name in load(path)["rule_files"]}
    assert tested == {path.resolve() for path in RULES}


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_what_is_found_and_what_to_do(rule: Rule) -> None:
    notes = rule["annotations"]
    assert re.fullmatch(r"Mailport[A-Z][A-Za-z]+", rule["alert"])
    assert rule["labels"]["severity"] in {"critical", "warning", BY_THE_INCIDENT}
    assert rule["for"]
    assert notes.keys() == {"summary", "description", "action", "runbook_url"}
    for name in ("summary", "description", "action"):
        assert notes[name].endswith((".", "{{ end }}")), name
    assert "{{" not in notes["summary"] + notes["action"], "these are the same for all of its kind"
    assert "$labels." in notes["description"]
    assert notes["runbook_url"] == f"{RUNBOOKS}{rule['alert']}.md"


def test_recordings_are_named_by_level_metric_and_operation() -> None:
    records = [rule["record"] for rule in rules() if "record" in rule]
    assert len(set(records)) == len(records)
    for name in records:
        assert re.fullmatch(r"[a-z_]+:mailport_[a-z_]+:(max|min|sum|avg|count)", name), name


def fired() -> dict[str, set[str]]:
    """The severities with which each alert is expected to fire somewhere."""
    found = defaultdict(set)
    for case in cases():
        for asked in case.get("promql_expr_test", ()):
            for sample in asked["exp_samples"] or ():
                labels = dict(re.findall(r'(\w+)="([^"]*)"', sample["labels"]))
                if labels.get("alertstate") == "firing":
                    found[labels["alertname"]].add(labels["severity"])
        for asked in case.get("alert_rule_test", ()):
            for alert in asked["exp_alerts"]:
                found[asked["alertname"]].add(alert["exp_labels"]["severity"])
    return found


def silent() -> dict[str, list[str]]:
    """The series of the tests in which each alert is expected not to fire."""
    found = defaultdict(list)
    for case in cases():
        series = " ".join(each["series"] for each in case["input_series"])
        for asked in case.get("alert_rule_test", ()):
            if not asked["exp_alerts"]:
                found[asked["alertname"]].append(series)
    return found


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_is_tested_to_fire_and_not_to_fire(rule: Rule) -> None:
    name, severity = rule["alert"], rule["labels"]["severity"]
    assert fired()[name], "no test lets it fire"
    assert severity == BY_THE_INCIDENT or severity in fired()[name], f"no test lets it fire as {severity}"
    asked = set(re.findall(r"\b(?:mailport_\w+|up|process_start_time_seconds)\b", rule["expr"]))
    assert any(metric in series for series in silent()[name] for metric in asked), (
        "no test with its metrics shows it silent"
    )


class _Plain(yaml.SafeDumper):
    """Writes aliases out, so that a change of one rule is a change of no other."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def complaints_about(folder: Path, change: Callable[[Rule], None]) -> str:
    """Change every alert in a copy of the rules, and return what the promtool tests say to that."""
    shutil.copytree(PROMETHEUS / "tests", folder / "tests")
    (folder / "rules").mkdir()
    for path in RULES:
        document: Any = yaml.safe_load(yaml.dump(load(path), Dumper=_Plain))
        for group in document["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    change(rule)
        (folder / "rules" / path.name).write_text(yaml.dump(document, Dumper=_Plain))
    return run_promtool("test", "rules", *sorted((folder / "tests").glob("*.yml"))).output


def test_the_tests_hold_how_long_each_alert_waits(tmp_path: Path) -> None:
    complaints = complaints_about(tmp_path, lambda rule: rule.update({"for": "0s"}))
    early = {
        (name, severity)
        for name, got in re.findall(r"alertname: (\w+), time.*\n +exp:\[\],([^\]]*)", complaints)
        for severity in re.findall(r'severity="(\w+)"', got)
    }
    for rule in alerts():
        name, severity = rule["alert"], rule["labels"]["severity"]
        held = {each for each in early if each[0] == name}
        assert held, f"{name} may fire at once, and no test minds"
        assert severity == BY_THE_INCIDENT or (name, severity) in held, f"{name} as {severity}"


def test_the_tests_hold_that_alerts_outlive_a_restart(tmp_path: Path) -> None:
    complaints = complaints_about(tmp_path, lambda rule: rule.pop("keep_firing_for", None))
    lost = set()
    for expected, got in re.findall(r" exp: ?(.*)\n +got: ?(.*)", complaints):
        names = re.findall(r'alertname="(\w+)"', expected)
        lost |= {name for name in names if f'alertname="{name}"' not in got}
    assert lost == {rule["alert"] for rule in alerts() if "keep_firing_for" in rule}


def test_no_text_is_written_twice() -> None:
    for path in RULES:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
        texts = [line for line in lines if len(line) > 100 and not line.startswith(("#", "runbook_url"))]
        assert sorted(set(texts)) == sorted(texts), path.name
