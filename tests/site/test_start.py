"""docs/start.md is done by a shell, command by command, with the farm in the place of the Internet."""

import os
import re
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.alerts.hurry import hurry, write_rules
from tests.cli.running_farm import RunningFarm, open_farm
from tests.servers.process import free_port

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "start.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
PORTS = ("9587", "9588", "9090")
SECONDS = 280


def settings(farm: RunningFarm) -> str:
    """What a watch of the farm needs beside its targets."""
    return yaml.safe_dump({**farm.settings, "controls": False}, default_flow_style=False)


def here(farm: RunningFarm, folder: Path) -> Mapping[str, str]:
    """What stands on the page, and what is done in a place without the Internet, or with less patience."""
    rules = folder / "rules"
    rules.mkdir()
    write_rules(rules, hurry)
    venv = ROOT / ".venv"
    options = " ".join(farm.options)
    return {
        # The environment of these tests, which scripts/venv.sh made from the same list.
        "git clone https://github.com/mailport/mailport.git": f"mkdir mailport && ln -s {venv} mailport/",
        "scripts/venv.sh run\n": "",
        "mailport scan example.org": f"mailport scan mail.test {options}",
        "mailport advise example.org": f"mailport advise mail.test {options.replace('--rate 0', '')}",
        "targets: [example.org]\n": f"targets: [mail.test]\n{settings(farm)}",
        "config/prometheus/rules/*.yml": f"{rules}/*.yml",
        "scrape_interval: 30s, evaluation_interval: 30s": "scrape_interval: 1s, evaluation_interval: 1s",
        "sleep 5": "sleep 0.2",
        "sleep 2": "sleep 0.2",
        **{f"127.0.0.1:{port}": f"127.0.0.1:{free_port()}" for port in PORTS},
    }


def test_every_block_is_one_that_the_test_runs() -> None:
    fences = re.findall(r"^```(\w*)$", PAGE, re.MULTILINE)[::2]
    assert fences.count("sh") == len(BLOCKS) == len(fences) - 1
    assert "```\ndocker compose up\n```" in PAGE


@pytest.mark.timeout(330)
def test_the_page_leads_to_the_first_alert(tmp_path: Path) -> None:
    script = "".join(f"echo '== {number}'\n{block}" for number, block in enumerate(BLOCKS))
    with open_farm(greeting_delay=0.2) as farm:
        for before, after in here(farm, tmp_path).items():
            assert before in script, before
            script = script.replace(before, after)
        file = tmp_path / "start.sh"
        # Whatever still runs ends with the shell.
        file.write_text(f"trap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n{script}", "utf-8")
        status, said = run_shell(file, tmp_path)
    assert status == 0, said
    parts = re.split(r"^== \d+\n", said, flags=re.MULTILINE)[1:]
    install, scan, advice, checked, ready, prometheus, alerts, incidents, _ = parts
    assert install.startswith("mailport 0.")
    assert re.search(r"^ +993 +open ", scan, re.MULTILINE)
    assert "healthy.mail.test" in advice
    assert "watch.yml: good, 1 target" in checked
    assert 'mailport_domain_service_up{domain="mail.test",service="mx"} 1' in ready
    assert "SUCCESS" in prometheus
    assert re.search(r'alertname="Mailport\w+".*subject="', alerts)
    assert "starttls-missing.mail.test" in incidents


def run_shell(file: Path, folder: Path) -> tuple[int, str]:
    """Run a script as a person's shell does, in a group of its own; return its status and what it said."""
    output = folder / "said.txt"
    environment = {**os.environ, "STATE_DIRECTORY": str(folder / "state"), "COLUMNS": "120"}
    with output.open("wb") as said:
        process = subprocess.Popen(
            ["bash", "-eu", "-o", "pipefail", str(file)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            process.wait(SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    return process.returncode, output.read_text("utf-8", "replace")
