"""`mailport serve` with accounts at a real Postfix and Dovecot: metrics, a missing secret, a reload."""

import json
import signal
import time
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import run
from tests.servers.mailbox import Mailbox
from tests.servers.process import wait_until
from tests.servers.prometheus import promtool_check_metrics
from tests.service.serving import CONFIG, Service, serving, write_config

SECONDS = 60.0


def config_of(mailbox: Mailbox, folder: Path, **accounts: dict[str, Any]) -> dict[str, Any]:
    (folder / "sales.secret").touch(mode=0o600)
    (folder / "sales.secret").write_text(mailbox.dovecot.password)
    whole = {
        "username": mailbox.dovecot.user,
        "smtp": f"{mailbox.address}:587",
        "imap": f"{mailbox.address}:993",
        "pop3": f"{mailbox.address}:995",
        "password_file": "sales.secret",
        "allow_unverified": True,  # reached by its address, which no certificate has
        "roundtrip": {"sender": mailbox.owner},
    }
    return {
        "targets": [f"{mailbox.address}:25"],
        "probe": {"allow_private": True, "versions_interval": None, "ca_file": str(mailbox.ca_file)},
        "controls": False,
        "store": f"sqlite:///{folder / 'state' / 'mailport.db'}",
        "accounts": [{"name": name, **deepcopy(whole), **keys} for name, keys in accounts.items()],
    }


def success_of(service: Service, account: str) -> dict[str, float]:
    found = service.samples("mailport_account_success", account=account)
    return {sample.labels["protocol"]: sample.value for sample in found}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path


def test_accounts_are_checked_and_told(mailbox: Mailbox, folder: Path) -> None:
    other = b"Subject: another\r\n\r\nstays\r\n"
    mailbox.put(other)
    config = config_of(mailbox, folder, sales={}, lost={"password_file": "none.secret", "roundtrip": None})
    with serving(folder, config) as service:
        everything = {"smtp": 1, "imap": 1, "pop3": 1, "roundtrip": 1}
        assert wait_until(lambda: success_of(service, "sales") == everything, SECONDS), service.log
        nothing = dict.fromkeys(("smtp", "imap", "pop3"), 0)
        assert wait_until(lambda: success_of(service, "lost") == nothing, SECONDS), service.log

        reasons = {each.labels["reason"] for each in service.samples("mailport_account_reason_info")}
        assert reasons == {"secret_missing"}
        assert service.value("mailport_roundtrip_seconds", account="sales") > 0
        assert service.value("mailport_roundtrip_junk", account="sales") == 0
        phases = service.samples("mailport_account_phase_seconds", account="sales", protocol="roundtrip")
        assert {"auth", "submit", "delivery", "fetch", "delete"} <= {each.labels["phase"] for each in phases}
        due = service.samples("mailport_account_next_check_timestamp_seconds", account="sales")
        assert all(time.time() < each.value for each in due)
        report = promtool_check_metrics(service.ask("/metrics")[1])
        assert report.is_clean, report.output

        problems = [line["problem"] for line in service.log if line["event"] == "account_secret"]
        assert any(text.startswith("account lost: cannot read password_file") for text in problems)
        status, seconds = service.running.end(signal.SIGTERM)
        assert status == 0
        assert seconds < 10
        told = service.running.stderr
    assert mailbox.texts() == [other]
    hidden = mailbox.dovecot.password
    kept = b"".join(path.read_bytes() for path in (folder / "state").iterdir())
    assert hidden not in told
    assert hidden.encode() not in kept
    assert b"account:default:sales:roundtrip" in kept


def test_the_command_leaves_out_what_the_service_holds_back(mailbox: Mailbox, folder: Path) -> None:
    secret = folder / "wrong.secret"
    secret.touch(mode=0o600)
    secret.write_text("hunter2-but-longer")
    wrong = {"password_file": str(secret), "roundtrip": None}
    config = config_of(mailbox, folder, wrong=wrong)
    path = write_config(folder, config)
    form = ("accounts", "--config", path, "--format", "ndjson")
    with serving(folder, config) as service:
        assert wait_until(lambda: 0 in success_of(service, "wrong").values(), SECONDS), service.log
        (refused,) = (name for name, value in success_of(service, "wrong").items() if value == 0)
        mark = f"account:default:wrong:{refused}".encode()
        state = folder / "state"
        assert wait_until(lambda: any(mark in each.read_bytes() for each in state.glob("*.db*")), SECONDS)
        beside = {each["activity"]: each for each in run(*form).records}
    assert len(beside) == 3, "the same secret is not tried by the other protocols either"
    for held in beside.values():
        assert held["reason"] == "backed_off"
        assert held["detail"].startswith("not tried: refused once (auth_failed); it waits until ")
        assert datetime.fromisoformat(held["next_attempt"]) > datetime.now(UTC) + timedelta(minutes=10)

    secret.write_text("hunter2-but-longer\n")
    assert {each["reason"] for each in run(*form).records} == {"backed_off"}, "the same, written again"
    assert {each["reason"] for each in run(*form, "--force").records} == {"auth_failed"}
    secret.write_text(mailbox.dovecot.password)
    assert run(*form).status == 0


def test_the_command_makes_the_round_trip_too(mailbox: Mailbox, folder: Path) -> None:
    accounts = {"sales": {}, "shop": {"password_file": "none.secret"}}
    path = write_config(folder, config_of(mailbox, folder, **accounts))
    told = run("accounts", "--config", path, "--format", "json")
    assert told.status == 1, told.stderr
    found = {(each["account"], each["activity"]): each for each in json.loads(told.stdout)}
    assert found["sales", "roundtrip"]["success"], found["sales", "roundtrip"]
    assert found["shop", "imap"]["reason"] == "secret_missing"
    assert ("shop", "roundtrip") not in found
    assert (folder / "state" / "roundtrip.key").stat().st_mode & 0o077 == 0
    assert mailbox.texts() == []


def test_a_restart_signs_in_no_more_often_and_a_reload_takes_accounts_away(
    mailbox: Mailbox, folder: Path
) -> None:
    config = config_of(mailbox, folder, sales={"roundtrip": None}, shop={"roundtrip": None})

    def is_checked(service: Service) -> bool:
        return all(len(success_of(service, name)) == 3 for name in ("sales", "shop"))

    with serving(folder, config) as service:
        assert wait_until(lambda: is_checked(service), SECONDS), service.log
        before = service.value("mailport_account_check_timestamp_seconds", account="sales", protocol="imap")
        service.running.end(signal.SIGTERM)
    complaint = ("535 5.7.8 Error: authentication failed", "--config", f"{mailbox.address}:587:starttls")
    told = run("explain", *complaint, "--config", folder / CONFIG, "--allow-private", "--format", "json")
    assert told.status == 0, told.stderr
    causes = {each["id"]: each for each in json.loads(told.stdout)["causes"]}
    ours = f"The account sales signs in at {mailbox.address}:587 with a password."
    assert ours in causes["wrong_credentials"]["for"]
    assert ours in causes["auth_disabled"]["against"]
    with serving(folder, config) as service:
        assert wait_until(lambda: is_checked(service), SECONDS), service.log
        again = service.value("mailport_account_check_timestamp_seconds", account="sales", protocol="imap")
        assert again == before, "what was found before the restart stands until the next check is due"
        service.write_config({**config, "accounts": config["accounts"][1:]})
        assert service.ask("/-/reload", method="POST")[0] == 200
        assert wait_until(lambda: not success_of(service, "sales"), SECONDS)
        assert is_checked(service) is False
        assert len(success_of(service, "shop")) == 3
