"""Every incident that mailport can tell has exactly one alert, and every alert asks for what exists."""

import ast
import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from scanner import verdict as verdict_room
from scanner.cluster.tally import Tally, TallyCollector
from scanner.cluster.term import LeaderCollector
from scanner.metrics import Telemetry, accounts, domain_lines, egress, incidents
from scanner.metrics.families import FAMILIES
from scanner.model import Kind, Reason, State
from scanner.model.incident import Cause
from scanner.model.reason import STATE_OF
from scanner.model.shard import Shard
from scanner.verdict.weight import LEFT_TO_VERDICTS
from tests.alerts.ruling import ROOT, Rule, alerts, is_selected, rules, selectors_of
from tests.metrics.samples import STORE

RECORD = "subject:mailport_incident:max"
# Told by the date of the certificate, in bands of its own.
BY_DATE = {"certificate_expiring"}


def verdict_ids() -> set[str]:
    """The ids of all verdicts that the rules of the judge can make."""
    found = set()
    for path in Path(verdict_room.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Verdict":
                name = node.args[0]
                if isinstance(name, ast.Constant):
                    found.add(str(name.value))
    return found


def reasons_told() -> set[str]:
    """The reasons that stand for a verdict where there is none."""
    quiet = {State.UNKNOWN, State.NOT_OFFERED} | LEFT_TO_VERDICTS
    return {reason.value for reason in Reason if STATE_OF[reason] not in quiet}


def narrow() -> list[tuple[str, str, str]]:
    """Cause, name and kind of all narrow incidents; which kinds a verdict may have is not looked at."""
    ids = verdict_ids() - {"egress_blocked", "egress_intercepted"}
    assert len(ids) > 25
    certificates = {name for name in ids if name.startswith("certificate_")}
    kinds = [kind.value for kind in Kind]
    found = [("verdict", name, kind) for name in sorted(ids) for kind in kinds]
    found += [("certificate", name, kind) for name in sorted(certificates) for kind in kinds]
    return [*found, *(("verdict", reason, "misconfiguration") for reason in sorted(reasons_told()))]


def told_by(cause: str, name: str, kind: str) -> list[str]:
    labels = {"cause": cause, "name": name, "kind": kind, "subject": "mx.test"}
    return [
        rule["alert"]
        for rule in alerts()
        # What stands behind `unless` takes away and adds nothing.
        if any(
            is_selected(labels, matchers)
            for matchers in selectors_of(rule["expr"].split("unless")[0], RECORD)
        )
    ]


@pytest.mark.parametrize(("cause", "name", "kind"), narrow())
def test_a_narrow_incident_has_one_alert(cause: str, name: str, kind: str) -> None:
    assert len(told_by(cause, name, kind)) == (0 if name in BY_DATE else 1)


@pytest.mark.parametrize("cause", [Cause.PROVIDER_DOWN, Cause.HOST_DOWN, Cause.ADDRESS_DOWN])
def test_a_wide_incident_has_one_alert(cause: Cause) -> None:
    (name,) = told_by(cause.value, cause.value, "blocked")
    assert name == "Mailport" + "".join(word.title() for word in cause.value.split("_"))


@pytest.mark.parametrize("cause", [Cause.EGRESS_BLOCKED, Cause.EGRESS_INTERCEPTED])
def test_our_own_network_has_one_alert_and_blames_nobody(cause: Cause) -> None:
    assert [rule["alert"] for rule in alerts() if f'cause="{cause.value}"' in rule["expr"]] == [
        "Mailport" + "".join(word.title() for word in cause.value.split("_"))
    ]
    (record,) = [rule for rule in rules() if rule.get("record") == RECORD]
    (matchers,) = selectors_of(record["expr"], "mailport_incident")
    assert not is_selected({"cause": cause.value}, matchers)
    assert all(is_selected({"cause": each.value}, matchers) for each in Cause if "egress" not in each.value)


def metrics_of(rule: Rule) -> set[str]:
    return set(re.findall(r"(?<!:)\bmailport_\w+", str(rule))) - {"mailport_incident:max"}


def exported() -> set[str]:
    registry = CollectorRegistry()
    telemetry = Telemetry(registry)
    telemetry.declare_sinks(["metrics"])
    telemetry.show_store(lambda: STORE)
    telemetry.show_shard(Shard(2, 3))
    registry.register(TallyCollector(Tally(clock=lambda: 0.0, seen={"one": 0.0}), 1.0))
    registry.register(LeaderCollector(None))
    own = {sample.name for family in registry.collect() for sample in family.samples}
    names = {family.name for family in FAMILIES}
    return own.union(names, domain_lines.FAMILIES, egress.FAMILIES, incidents.FAMILIES, accounts.FAMILIES)


def test_rules_ask_only_for_metrics_that_exist() -> None:
    asked = set().union(*map(metrics_of, rules()))
    assert {"mailport_incident", "mailport_probe_success", "mailport_sink_errors_total"} <= asked
    assert asked <= exported()


def test_rules_and_dashboards_ask_only_for_recordings_that_exist() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    dashboards = (ROOT / "config" / "grafana" / "dashboards").glob("*.json")
    texts = [rule["expr"] for rule in rules()] + [path.read_text("utf-8") for path in dashboards]
    asked = set(re.findall(r"\b[a-z_]+:mailport_\w+:\w+\b", " ".join(texts)))
    assert {RECORD, "kind_severity:mailport_incident:count"} <= asked
    assert asked <= recorded
