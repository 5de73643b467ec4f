"""The command ends in good order where its streams, its encoding or its user make it hard."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.command import ENVIRONMENT, MAILPORT, run
from tests.cli.running_farm import RunningFarm


def test_full_standard_error_costs_the_words_and_not_the_results(farm: RunningFarm) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [MAILPORT, "scan", *farm.targets("pop3-apop"), *farm.options, "--format", "ndjson"],
            stdout=subprocess.PIPE,
            stderr=full,
            timeout=40,
            check=False,
            env=ENVIRONMENT,
        )

    assert done.returncode == 0
    assert b'"state":"open"' in done.stdout


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("check", "config/mailport.yml")])
def test_full_standard_output_is_said_in_one_line(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [MAILPORT, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=40, check=False
        )

    assert done.returncode == 3
    assert done.stderr == b"mailport: cannot go on: No space left on device\n"


@pytest.mark.parametrize("form", ["table", "ndjson", "csv", "json"])
def test_what_the_encoding_lacks_is_escaped(form: str, farm: RunningFarm) -> None:
    targets = farm.targets("banner-odd", "cert-unknown")
    outcome = run("scan", *targets, *farm.options, "--format", form, env={"PYTHONIOENCODING": "ascii"})

    assert outcome.status == 0
    assert outcome.stdout.isascii()
    assert "banner-odd.mail.test" in outcome.stdout


@pytest.mark.parametrize("delay", [0.15, 0.3, 0.6])
def test_control_c_in_the_first_moments_shows_no_traceback(delay: float, farm: RunningFarm) -> None:
    process = subprocess.Popen(
        [MAILPORT, "scan", *farm.targets("mute"), *farm.options, "--timeout", "20"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # The moment is what is tested, and whatever it is the end must be in order.
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)

    assert process.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in stderr


def test_a_list_of_targets_without_end_is_refused() -> None:
    outcome = run("scan", "--targets", "/dev/zero")

    assert outcome.status == 2
    assert "line 1 is longer than a million bytes: this is no list of targets" in outcome.problem


def test_a_hard_limit_of_open_files_is_told_in_one_line_and_blamed_on_no_target(farm: RunningFarm) -> None:
    targets = farm.targets("healthy", "blocked", "mute")
    arguments = (*targets, *farm.options, "--timeout", "1", "--no-versions", "--format", "ndjson")
    outcome = run("scan", *arguments, prefix=("prlimit", "--nofile=40:40"))

    assert outcome.status == 0
    said = outcome.stderr.splitlines()[0]
    assert said.startswith(
        "mailport: 20 connections at once instead of 200: the hard limit of open files is 40;"
    )
    assert len([record for record in outcome.records if record["port"]]) == len(targets)
    assert "probe_resources" not in outcome.stdout
