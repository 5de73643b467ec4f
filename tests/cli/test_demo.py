"""`mailport demo`: everything there is to see, soon, on this machine alone."""

import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT

import pytest

from scanner.demo import SCENARIOS
from tests.cli.command import Running, run, started
from tests.servers.netns import Network

PRESENT_SECONDS = 60.0
"""Many times what it takes on a quiet machine: a demo that waits for a timeout of its farm takes longer."""
QUICK_SECONDS = 3.0
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
"""Root without any of its rights: for a checkout that nobody else may read."""
HOSTS = {row.host for row in SCENARIOS}


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310 - our own server on loopback
        return str(response.read().decode())


def check_table(text: str, more: int = 0) -> None:
    """Every host and every state of the farm is in the table, and the summary counts them, and `more`."""
    assert {word for word in text.split() if word.endswith(".mail.test")} >= HOSTS
    assert f"{len(SCENARIOS) + more} results: " in text
    for state in {row.state for row in SCENARIOS}:
        number = sum(row.state is state for row in SCENARIOS)
        assert f"{number} {state.value}" in text


def find_way_without_rights(network: Network) -> list[str]:
    """Return what to put before a command to take its rights away, where the kernel's own defaults hold."""
    reads = [*NOBODY, sys.executable, "-c", "import scanner.cli"]
    is_readable = subprocess.run(reads, capture_output=True, check=False).returncode == 0
    return network.client.argv(NOBODY if is_readable else POWERLESS)


@dataclass(frozen=True, slots=True)
class Served:
    """A demo that serves its results, where it keeps its files, and when it was started."""

    running: Running
    folder: Path
    started_at: float


@pytest.fixture(scope="module")
def powerless(shared_network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The demo's table as a user without rights makes it; it takes its time beside the other tests."""
    folder = tmp_path_factory.mktemp("powerless")
    with started(folder, "demo", "--once", prefix=find_way_without_rights(shared_network)) as running:
        yield running


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The demo with its results served, beside the other tests too."""
    folder, temporary = tmp_path_factory.mktemp("served"), tmp_path_factory.mktemp("temporary")
    started_at = time.time()
    arguments = ("demo", "--listen", "127.0.0.1:0")
    with started(folder, *arguments, env={"TMPDIR": str(temporary)}) as running:
        yield Served(running, temporary, started_at)


def test_an_interrupt_in_the_middle_of_the_first_scan_keeps_what_is_done(
    served: Served, powerless: Running, tmp_path: Path
) -> None:
    with started(tmp_path, "demo", "--once") as running:
        running.wait_until(lambda: " done, " in running.stderr)
        status, seconds = running.end(SIGINT)
        table = running.read_all()
    assert status == 0
    assert seconds < QUICK_SECONDS
    assert re.search(r"\d+ results: \d+ open", table)


def test_the_results_are_served_soon_and_an_interrupt_ends_it(served: Served) -> None:
    running = served.running
    running.wait_until(lambda: "status page" in running.stderr)
    # Nothing was said since.
    assert running.stderr_file.stat().st_mtime - served.started_at < PRESENT_SECONDS
    found = re.search(r"status page (http://127\.0\.0\.1:\d+)/ , metrics (\S+) ", running.stderr)
    assert found is not None
    page, metrics = get(found[1] + "/?size=200"), get(found[2])
    assert get(f"{found[1]}/-/ready") == "mailport is ready.\n"
    status, seconds = running.end(SIGINT)
    assert status == 0
    assert seconds < QUICK_SECONDS
    assert list(served.folder.iterdir()) == []
    check_table(running.read_all(), more=1)  # a domain that takes no mail has no endpoint
    assert all(host in page for host in HOSTS)
    blocked = [line for line in metrics.splitlines() if line.startswith("mailport_endpoint_blocked{")]
    assert len(blocked) == len(SCENARIOS)
    assert sum(line.endswith(" 1") for line in blocked) == 2


def test_a_user_without_rights_sees_all_scenarios_on_high_ports(powerless: Running) -> None:
    table = powerless.read_all()
    assert powerless.wait() == 0, powerless.stderr
    check_table(table)
    states = "|".join({row.state.value for row in SCENARIOS})
    ports = {int(port) for port in re.findall(rf" (\d{{2,5}}) +(?:{states}) ", table)}
    assert ports == {row.port + 20_000 for row in SCENARIOS}


def test_a_busy_port_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        begun = time.monotonic()
        outcome = run("demo", "--listen", where)
        assert time.monotonic() - begun < PRESENT_SECONDS / 3
    assert outcome.status == 2
    assert f"mailport: cannot listen on {where}: the port is in use" in outcome.stderr
