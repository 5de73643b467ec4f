"""The shipped Alertmanager configuration: where alerts go, what is one message, what keeps others quiet."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.alerts.hurry import ROUTES, write_routes
from tests.alerts.ruling import alerts
from tests.servers.alertmanager import Alertmanager, receive, run_alertmanager
from tests.servers.process import wait_until
from tests.servers.prometheus import get_text

HOST_DOWN = {"alertname": "MailportHostDown", "cause": "host_down", "subject": "mx.test", "host": "mx.test"}
PORT_BLOCKED = {
    "alertname": "MailportPortBlocked",
    "cause": "verdict",
    "name": "port_blocked",
    "subject": "mx.test",
    "host": "mx.test",
}


def amtool(*arguments: str | Path) -> str:
    done = subprocess.run(
        ["amtool", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def receivers_of(**labels: str) -> list[str]:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    return amtool("config", "routes", "test", f"--config.file={ROUTES}", *pairs).strip().split(",")


def test_the_configuration_is_valid() -> None:
    assert "SUCCESS" in amtool("check-config", ROUTES)


@pytest.mark.parametrize("name", sorted({rule["alert"] for rule in alerts()}))
def test_critical_alerts_wake_somebody_and_warnings_wait(name: str) -> None:
    assert receivers_of(alertname=name, severity="critical") == ["at-once"]
    assert receivers_of(alertname=name, severity="warning") == ["in-working-hours"]


def test_alertmanager_names_only_alerts_that_exist() -> None:
    names = {rule["alert"] for rule in alerts()}
    text = ROUTES.read_text("utf-8")
    plain = {word.strip("],") for word in text.split() if word.startswith("Mailport") and "(" not in word}
    assert plain
    assert plain <= names


@pytest.fixture
def told() -> list[dict[str, Any]]:
    """The messages that went to anybody."""
    return []


@pytest.fixture
def manager(tmp_path: Path, told: list[dict[str, Any]]) -> Iterator[Alertmanager]:
    """Alertmanager with the shipped routes and inhibitions, which waits less, and with somebody to tell."""
    with receive(told) as url:
        file = write_routes(tmp_path / "alertmanager.yml", url)
        with run_alertmanager(tmp_path / "shipped", file) as started:
            yield started


def post(manager: Alertmanager, *alerts_: dict[str, str]) -> None:
    now = datetime.now(UTC).isoformat()
    body = json.dumps([{"labels": {"job": "mailport", **labels}, "startsAt": now} for labels in alerts_])
    get_text(f"http://{manager.address}/api/v2/alerts", body.encode())


def quiet(manager: Alertmanager) -> list[dict[str, str]]:
    """The labels of the alerts that others keep quiet."""
    shut: list[dict[str, str]] = [
        each["labels"] for each in manager.alerts() if each["status"]["inhibitedBy"]
    ]
    return shut


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (HOST_DOWN, PORT_BLOCKED),
        (
            HOST_DOWN,
            {"alertname": "MailportAddressDown", "cause": "address_down", "host": "mx.test"},
        ),
        (
            {"alertname": "MailportEgressIntercepted", "instance": "s", "port": "25"},
            {"alertname": "MailportEgressBlocked", "instance": "s", "port": "25"},
        ),
        (
            {"alertname": "MailportEgressBlocked", "instance": "s", "port": "25"},
            {"alertname": "OurOwnSlowGreeting", "instance": "s", "port": "25", "host": "mx.test"},
        ),
        (
            {"alertname": "MailportDown", "instance": "s"},
            {"alertname": "MailportProbesStale", "instance": "s"},
        ),
        (
            {"alertname": "MailportDown", "instance": "s"},
            {"alertname": "MailportStoreDown", "instance": "s"},
        ),
        (
            {"alertname": "MailportDown", "instance": "s"},
            {"alertname": "MailportShardMissing", "shards": "3"},
        ),
        (
            {"alertname": "MailportRestarting", "instance": "s"},
            {"alertname": "MailportFirstPassUnfinished", "instance": "s"},
        ),
        (
            {"alertname": "MailportStoreDown", "instance": "s"},
            {"alertname": "MailportStoreDropsSamples", "instance": "s"},
        ),
        (
            {"alertname": "MailportCertificateExpired", "subject": "certificate ab"},
            {"alertname": "MailportCertificateExpiring", "subject": "certificate ab"},
        ),
        (
            {"alertname": "MailportNameServersFailing", "instance": "s"},
            {"alertname": "MailportDiscoveryFailed", "instance": "s", "domain": "a.test"},
        ),
    ],
    ids=lambda labels: labels["alertname"],
)
def test_one_alert_keeps_what_follows_from_it_quiet_and_nothing_else(
    manager: Alertmanager, source: dict[str, str], target: dict[str, str]
) -> None:
    # The same alert about something else, which has nothing to do with it.
    apart = {"host": "mx2.test", "subject": "mx2.test", "instance": "t", "port": "587"}
    other = {name: apart.get(name, value) for name, value in target.items()}
    if other == target:
        other["job"] = "elsewhere"
    post(manager, source, target, other)
    expected = [{"job": "mailport", **target}]
    assert wait_until(lambda: quiet(manager) == expected, 20.0), manager.alerts()


def test_the_worse_form_speaks_for_both(manager: Alertmanager) -> None:
    post(manager, PORT_BLOCKED | {"severity": "critical"}, PORT_BLOCKED | {"severity": "warning"})
    assert wait_until(lambda: bool(quiet(manager)), 20.0)
    assert [labels["severity"] for labels in quiet(manager)] == ["warning"]


def test_one_cause_is_one_message(manager: Alertmanager, told: list[dict[str, Any]]) -> None:
    raised = [
        PORT_BLOCKED | {"severity": "critical"},
        PORT_BLOCKED | {"severity": "critical", "subject": "mx2.test", "host": "mx2.test"},
        {"alertname": "MailportDowngraded", "subject": "mx.test", "name": "starttls_missing"},
        {"alertname": "MailportDowngraded", "subject": "mx.test", "name": "banner_masked"},
        {"alertname": "MailportEgressBlocked", "instance": "s", "port": "25"},
        {"alertname": "MailportEgressBlocked", "instance": "s", "port": "587"},
    ]
    post(manager, *raised)

    def names(message: dict[str, Any]) -> list[tuple[str, str]]:
        labels = [each["labels"] for each in message["alerts"]]
        return sorted((each.get("subject", ""), each.get("name") or each.get("port", "")) for each in labels)

    assert wait_until(lambda: len(told) == 4, 30.0), told
    assert sorted(map(names, told)) == [
        [("", "25"), ("", "587")],
        [("mx.test", "banner_masked"), ("mx.test", "starttls_missing")],
        [("mx.test", "port_blocked")],
        [("mx2.test", "port_blocked")],
    ]
