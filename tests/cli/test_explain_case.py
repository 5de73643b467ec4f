"""`mailport explain --config` and `--domain`: settings and complaints held against the farm."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.demo.zone import Records
from tests.cli.command import Outcome, run
from tests.cli.running_farm import RunningFarm, open_farm

RECORDS: Records = {
    "silent.test": {"MX": ["10 healthy.mail.test."]},
    "_submissions._tcp.silent.test": {"SRV": ["0 1 465 blocked.mail.test."]},
    "_submission._tcp.silent.test": {"SRV": ["0 1 587 blocked.mail.test."]},
    "_imaps._tcp.silent.test": {"SRV": ["0 1 993 healthy.mail.test."]},
    "mute.test": {"MX": ["10 healthy.mail.test."]},
    "_submission._tcp.mute.test": {"SRV": ["0 1 587 auth-missing.mail.test."]},
}


@pytest.fixture(scope="module")
def farm() -> Iterator[RunningFarm]:
    with open_farm(records=RECORDS, greeting_delay=0.5) as opened:
        yield opened


def ask(farm: RunningFarm, *arguments: object) -> Outcome:
    options = [option for option in farm.options if option not in {"--rate", "0"}]
    return run("explain", *arguments, "--timeout", "2", *options)


def explain(farm: RunningFarm, *arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ask(farm, *arguments, "--format", "json").stdout)
    return found


def test_settings_that_fit_are_told_so(farm: RunningFarm) -> None:
    outcome = ask(farm, "--config", "healthy.mail.test:993:ssl", "--domain", "mail.test")
    assert outcome.status == 0
    assert "host, port and encryption fit what was measured" in outcome.stdout


@pytest.mark.parametrize(
    ("settings", "field", "rule", "wanted"),
    [
        ("healthy.mail.test:143:starttls", "port", "wrong_port", "993"),
        ("refused.mail.test:587:starttls", "port", "wrong_port", "587"),
        ("healthy.mail.test:993:none", "mode", "ssl_not_enabled", "SSL/TLS"),
        ("healthy.mail.test:465:starttls", "mode", "ssl_not_enabled", "SSL/TLS"),
        ("healthy.mail.test:25:none", "port", "app_uses_25", "587"),
        ("cert-other.mail.test:993:ssl", "host", "server_mismatch", "healthy.mail.test"),
        ("nohost.mail.test:993:ssl", "host", "server_mismatch", "healthy.mail.test"),
    ],
)
def test_three_kinds_of_misconfiguration_are_named(
    farm: RunningFarm, settings: str, field: str, rule: str, wanted: str
) -> None:
    """S41: the port, the mode and the host; the domain follows from the host where nobody names it."""
    comparison = explain(farm, "--config", settings)
    assert comparison["domain"] == "mail.test"
    assert comparison["agrees"] is False
    found = {each["field"]: each for each in comparison["differences"]}
    assert (found[field]["id"], found[field]["wanted"]) == (rule, wanted)


def test_the_status_tells_that_something_differs(farm: RunningFarm) -> None:
    outcome = ask(farm, "--config", "healthy.mail.test:993:none")
    assert outcome.status == 1
    assert "mode differs  ssl_not_enabled" in outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("connection timed out", "--domain", "silent.test"), "port_blocked"),
        (
            ("connection timed out", "--config", "healthy.mail.test:465:starttls", "--domain", "mail.test"),
            "wrong_tls_mode",
        ),
        (("connect to mx port 25: Connection timed out", "--domain", "silent.test"), "egress_blocked"),
        (("535 5.7.8 Authentication failed", "--domain", "mail.test"), "wrong_credentials"),
        (("535 5.7.8 Authentication failed", "--domain", "mute.test"), "auth_disabled"),
        (
            ("Emails not syncing", "--config", "healthy.mail.test:143:none", "--domain", "mail.test"),
            "wrong_port",
        ),
        (
            ("Emails not syncing", "--config", "cert-other.mail.test:993:ssl", "--domain", "mail.test"),
            "server_mismatch",
        ),
    ],
)
def test_a_complaint_is_diagnosed_by_what_is_measured(
    farm: RunningFarm, arguments: tuple[str, ...], cause: str
) -> None:
    """S39, S40, S41."""
    diagnosis = explain(farm, *arguments)
    best, *others = diagnosis["causes"]
    assert best["id"] == cause
    assert best["for"]
    assert any(other["against"] for other in others)
    assert diagnosis["probes"] > 0


def test_people_read_the_evidence_for_and_against(farm: RunningFarm) -> None:
    outcome = ask(farm, "connection timed out", "--domain", "silent.test")
    assert outcome.status == 0
    assert outcome.stdout.startswith("The connection fails  at silent.test\n")
    assert " 1. A firewall at the server drops the packets  likely  port_blocked\n" in outcome.stdout
    assert "Other ports of the same host answer: blocked.mail.test:587." in outcome.stdout
    assert "against healthy.mail.test:25" in outcome.stdout


@pytest.mark.parametrize(
    ("domain", "told"), [("nope.test", "does not exist"), ("nullmx.mail.test", "takes no mail")]
)
def test_what_is_wrong_with_the_domain_itself_is_told(farm: RunningFarm, domain: str, told: str) -> None:
    settings = ask(farm, "--config", "healthy.mail.test:993:ssl", "--domain", domain)
    assert told in settings.stdout
    assert f"{domain} names no server for IMAP" in " ".join(settings.stdout.split())
    complaint = explain(farm, "connection refused", "--domain", domain)
    assert told in complaint["notes"][0]


def test_a_text_that_no_look_decides_is_explained_all_the_same(farm: RunningFarm) -> None:
    outcome = ask(farm, "552 5.3.4 Message size exceeds fixed limit", "--domain", "mail.test")
    assert outcome.status == 0
    assert "The message is too big" in outcome.stdout
    assert "not decided by looking at servers" in outcome.stderr


def test_an_unknown_text_leads_to_no_conclusion(farm: RunningFarm) -> None:
    outcome = ask(farm, "the printer is out of paper", "--domain", "mail.test")
    assert outcome.status == 1
    assert outcome.stdout == ""
    assert "nothing in this text is known" in outcome.stderr


def test_a_configuration_may_come_beside_the_settings(farm: RunningFarm, tmp_path: Path) -> None:
    config = tmp_path / "m.yml"
    config.write_text("policy: {submission_preference: 465}\n")
    comparison = explain(farm, "--config", config, "--config", "healthy.mail.test:587:none")
    assert comparison["use"]["port"] == 465


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--config", "h.example.org:993:tls"), "say ssl"),
        (("--config", "h.example.org:0:ssl"), "the port must be"),
        (("--config", "h.example.org:993"), '"h.example.org:993" is no HOST:PORT:MODE'),
        (("--config", "h.example.org:imaps:ssl"), '"h.example.org:imaps:ssl" is no HOST:PORT:MODE'),
        (("--config", "none.yml"), "a configuration alone asks nothing"),
        (("--config", "h.example.org:993:ssl", "--config", "h.example.org:143:ssl"), "once"),
        (("--domain", "mail.test"), "nothing to explain"),
        (("--domain", "mail.test:25", "x"), "give a domain"),
        (("--config", "h.example.org:993:ssl", "--config", "nowhere.yml"), "nowhere.yml"),
    ],
)
def test_a_mistake_of_usage_is_told_in_a_line(arguments: tuple[str, ...], told: str) -> None:
    outcome = run("explain", *arguments, "--resolver", "127.0.0.1:9", "--timeout", "0.2")
    assert outcome.status == 2
    assert told in outcome.stderr


@pytest.fixture(scope="module")
def silent_resolver() -> Iterator[str]:
    """A name server that takes every question and answers none, by UDP and by TCP."""
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        udp.bind(tcp.getsockname())
        yield "{}:{}".format(*tcp.getsockname())


def test_a_host_whose_name_servers_are_silent_is_not_called_wrong(silent_resolver: str) -> None:
    arguments = ("--config", "imap.example.test:993:ssl", "--resolver", silent_resolver)
    people = run("explain", *arguments)
    assert people.status == 3
    text = " ".join(people.stdout.split())
    assert "the name imap.example.test could not be looked up, so nothing can be compared" in text
    assert "which servers example.test names for IMAP is not known" in text
    assert "differs" not in text
    assert "names no server" not in text
    found = json.loads(run("explain", *arguments, "--format", "json").stdout)
    assert (found["agrees"], found["measured"], found["differences"]) == (None, False, [])
    assert "no answer from the name servers for imap.example.test" in found["not_compared"]


def test_silent_name_servers_are_no_cause_of_a_complaint(silent_resolver: str) -> None:
    arguments = ("connection timed out", "--config", "imap.example.test:993:ssl")
    outcome = run("explain", *arguments, "--resolver", silent_resolver, "--format", "json")
    diagnosis = json.loads(outcome.stdout)
    assert {cause["standing"] for cause in diagnosis["causes"]} == {"possible"}
    assert any("name servers for imap.example.test" in note for note in diagnosis["notes"])


def test_a_host_that_may_not_be_probed_is_not_called_wrong(farm: RunningFarm) -> None:
    options = [option for option in farm.options if option not in {"--rate", "0", "--allow-private"}]
    outcome = run("explain", "--config", "healthy.mail.test:993:ssl", *options)
    assert outcome.status == 3
    text = " ".join(outcome.stdout.split())
    assert "healthy.mail.test was not probed, so nothing can be compared" in text
    assert "--allow-private" in text
    assert "differs" not in text


@pytest.mark.parametrize(
    "asked",
    [("--config", "healthy.mail.test:993:none"), ("--domain", "mail.test", "the connection timed out")],
)
def test_who_is_excluded_is_not_looked_at(farm: RunningFarm, tmp_path: Path, asked: tuple[str, ...]) -> None:
    path = tmp_path / "optout.txt"
    path.write_text("mail.test\n")
    begun = time.monotonic()
    outcome = ask(farm, *asked, "--exclude", path)
    assert farm.connects(begun) == []
    assert "mail.test is on the exclude list" in outcome.stdout


def test_settings_of_an_excluded_host_could_not_be_compared(farm: RunningFarm, tmp_path: Path) -> None:
    path = tmp_path / "optout.txt"
    path.write_text("mail.test\n")
    outcome = ask(farm, "--config", "healthy.mail.test:993:ssl", "--exclude", path)
    text = "".join(outcome.stdout.split())
    assert outcome.status == 3
    assert "healthy.mail.test was not probed, so nothing can be compared".replace(" ", "") in text
    assert f"healthy.mail.test is on the exclude list (mail.test), in {path}".replace(" ", "") in text
    assert "take its entry off the list".replace(" ", "") in text
