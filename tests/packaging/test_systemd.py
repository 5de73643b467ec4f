"""The systemd unit: valid, tight, and the service works under what it forbids."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from signal import SIGHUP, SIGTERM

import pytest

from scanner.config import load_settings
from tests.cli.command import MAILPORT, Outcome, run, started
from tests.cli.running_farm import RunningFarm
from tests.packaging.confined import find_calls, read_unit
from tests.packaging.conftest import ROOT
from tests.service.serving import Service, read_log, write_config
from tests.service.test_start_and_stop import document

FOLDER = ROOT / "packaging" / "systemd"
UNIT = FOLDER / "mailport.service"
MOST_EXPOSED = 13
"""Tenths, as `systemd-analyze security` counts; the rest is the network and the store."""


def call(*command: str | Path, path: Path | None = None) -> Outcome:
    environment = {"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": f"{path or FOLDER}:"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    return Outcome(done.returncode, done.stdout, done.stderr)


def verify(folder: Path) -> Outcome:
    """Check the unit as it stands in a folder, the program of the tests in the place of the installed one."""
    text = UNIT.read_text()
    assert "/opt/mailport/bin/mailport" in text
    (folder / UNIT.name).write_text(text.replace("/opt/mailport/bin/mailport", MAILPORT))
    return call(
        "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", folder / UNIT.name, path=folder
    )


def test_the_unit_is_valid(tmp_path: Path) -> None:
    assert verify(tmp_path) == Outcome(0, "", "")


def test_the_unit_with_its_credentials_is_valid(tmp_path: Path) -> None:
    (tmp_path / "mailport.service.d").mkdir()
    text = (FOLDER / "credentials.conf").read_text().replace("/opt/mailport/bin/mailport", MAILPORT)
    (tmp_path / "mailport.service.d" / "credentials.conf").write_text(text)
    assert verify(tmp_path) == Outcome(0, "", "")
    (tmp_path / "mailport.service.d" / "credentials.conf").write_text(text.replace("LoadCredential", "Load"))
    assert "Unknown key" in verify(tmp_path).stderr  # that it is read at all


def test_the_unit_leaves_little_to_an_intruder() -> None:
    command = ("systemd-analyze", "security", "--offline=yes", "--no-pager")
    checked = call(*command, f"--threshold={MOST_EXPOSED}", UNIT)
    assert checked.status == 0, checked.stdout
    level = re.search(r"Overall exposure level for mailport.service: ([0-9.]+)", checked.stdout)
    assert level is not None
    assert float(level[1]) * 10 <= MOST_EXPOSED
    assert call(*command, "--threshold=5", UNIT).status != 0


def test_the_filter_takes_what_no_scanner_needs() -> None:
    calls = find_calls(read_unit(UNIT)["SystemCallFilter"])
    assert {"read", "connect", "epoll_wait", "openat"} <= calls
    assert not calls & {"chroot", "mount", "ptrace", "bpf", "setuid", "init_module", "reboot"}


def test_the_service_works_under_what_the_unit_forbids(farm: RunningFarm, tmp_path: Path) -> None:
    config = write_config(tmp_path, document(farm, "healthy", "tls12-only", "greeting-554"))
    arguments = ("serve", "--config", config, "--listen", "127.0.0.1:0", "--log-format", "json")
    prefix = (sys.executable, str(ROOT / "tests" / "packaging" / "confined.py"), str(UNIT))
    with started(tmp_path, *arguments, prefix=prefix) as running:
        running.wait_until(lambda: any(line["event"] == "serving" for line in read_log(running)))
        (line,) = (line for line in read_log(running) if line["event"] == "serving")
        service = Service(running, tmp_path, line["listen"])
        status = Path(f"/proc/{running.process.pid}/status").read_text()
        assert "Seccomp:\t2" in status
        assert "NoNewPrivs:\t1" in status
        service.wait_ready()
        assert service.value("mailport_store_up") == 1
        states = {
            sample.labels["state"] for sample in service.samples("mailport_endpoint_state") if sample.value
        }
        assert states == {"open", "rejecting"}
        assert run("health", "--listen", service.address).status == 0
        running.send(SIGHUP)
        service.wait_for_event("reloaded")
        assert running.end(SIGTERM)[0] == 0


def test_a_wrong_configuration_is_not_tried_again(tmp_path: Path) -> None:
    (status,) = read_unit(UNIT)["RestartPreventExitStatus"]
    config = write_config(tmp_path, "targets: 7\n")
    assert run("serve", "--config", config).status == int(status)


def test_passwords_are_found_among_the_credentials(tmp_path: Path) -> None:
    secrets = tmp_path / "credentials"
    secrets.mkdir()
    (secrets / "store.password").write_text("s3cret\n")
    said = re.search(r"password_file: (\S+)$", (FOLDER / "credentials.conf").read_text(), re.MULTILINE)
    assert said is not None
    store = f"{{url: 'postgresql://mailport@localhost/mailport', password_file: {said[1]}}}"
    config = write_config(tmp_path, f"targets: [example.org]\nstore: {store}\n")
    settings = load_settings(config, {"CREDENTIALS_DIRECTORY": str(secrets)})
    assert settings.store.password_file == secrets / "store.password"


@pytest.mark.parametrize("name", ["ExecStart", "ExecReload"])
def test_what_the_unit_runs_is_there(name: str) -> None:
    for line in read_unit(UNIT)[name] + [
        line for line in read_unit(FOLDER / "credentials.conf").get(name, []) if line
    ]:
        program, *options = line.split()
        if program == "/opt/mailport/bin/mailport":
            told = run(options[0], "--help").stdout
            assert all(option in told for option in options if option.startswith("--"))
        else:
            assert shutil.which(program), program
