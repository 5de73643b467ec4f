"""The rhythm of `mailport serve` as the servers hear it, and what half a minute of it costs."""

import itertools
import re
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from signal import SIGTERM

import psutil
import pytest

from tests.cli.running_farm import Place, RunningFarm, open_rows
from tests.service.serving import Service, serving

CYCLES = 30
INTERVAL = 1.0
JITTER = 0.2
SETTLED_CYCLES = 3
NAMES = ("healthy", "refused", "mute-after-ehlo", "starttls-reset", "tls-alert", "long-line")
PROBE_SECONDS = 0.5
"""The time limit of a probe: a silent server costs no more than this."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A watch after many cycles, and what it held at the beginning."""

    farm: RunningFarm
    service: Service
    early_memory: int
    early_descriptors: int

    @property
    def process(self) -> psutil.Process:
        """The process of the watch."""
        return psutil.Process(self.service.running.process.pid)

    def visits(self) -> dict[Place, list[tuple[float, float]]]:
        """When each place was connected to and left, in order."""
        starts: dict[Place, list[float]] = defaultdict(list)
        ends: dict[Place, list[float]] = defaultdict(list)
        for entry in self.farm.events():
            if entry.event in ("connect", "disconnect"):
                {"connect": starts, "disconnect": ends}[entry.event][entry.host, entry.port].append(entry.at)
        return {place: list(zip(starts[place], ends[place], strict=False)) for place in starts}


def cycles(service: Service) -> int:
    """How often every endpoint has been probed."""
    probes = sum(sample.value for sample in service.samples("mailport_probes_total"))
    return int(probes // service.value("mailport_endpoints"))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A watch with an interval of a second that has gone round many times, over good and bad servers."""
    folder = tmp_path_factory.mktemp("rhythm")
    with open_rows(*NAMES) as farm:
        settings = farm.settings
        settings["probe"]["timeout"] = PROBE_SECONDS
        settings["schedule"] = {"interval": INTERVAL, "jitter": JITTER}
        with serving(folder, {"targets": farm.targets(), **settings}) as service:
            service.running.wait_until(lambda: cycles(service) >= SETTLED_CYCLES)
            process = psutil.Process(service.running.process.pid)
            memory, descriptors = process.memory_info().rss, process.num_fds()
            deadline = time.monotonic() + CYCLES * INTERVAL * 2
            while cycles(service) < CYCLES:
                assert time.monotonic() < deadline, service.running.stderr
                time.sleep(INTERVAL / 2)
            yield Watched(farm, service, memory, descriptors)


def test_no_descriptor_is_lost(watched: Watched) -> None:
    connections = len(NAMES) + 6  # those that may be open at this moment
    assert watched.process.num_fds() <= watched.early_descriptors + connections
    sockets = [link for link in watched.process.net_connections("tcp") if link.status == "CLOSE_WAIT"]
    assert len(sockets) <= 1


def test_no_memory_is_lost(watched: Watched) -> None:
    assert watched.process.memory_info().rss < watched.early_memory + 8 * 1024 * 1024
    assert watched.process.num_threads() <= 12


def test_interval_and_jitter_are_kept(watched: Watched) -> None:
    waits = [
        later[0] - earlier[1]
        for visits in watched.visits().values()
        for earlier, later in itertools.pairwise(visits[1:])
    ]
    assert len(waits) > CYCLES * 10
    assert min(waits) >= INTERVAL * (1 - JITTER) - 0.05
    assert statistics.quantiles(waits, n=20)[-1] <= INTERVAL * (1 + JITTER) + 0.25
    assert statistics.median(waits) == pytest.approx(INTERVAL, abs=0.15)
    assert statistics.stdev(waits) > INTERVAL * JITTER / 4


def test_second_runs_move_apart(watched: Watched) -> None:
    waits = [visits[1][0] - visits[0][1] for visits in watched.visits().values()]
    assert min(waits) >= 0.5 * INTERVAL - 0.05
    assert statistics.median(waits) <= INTERVAL + 0.25


def test_every_endpoint_gets_its_turn(watched: Watched) -> None:
    numbers = {place: len(visits) for place, visits in watched.visits().items()}
    assert len(numbers) == 11
    assert min(numbers.values()) >= CYCLES / 2, numbers


def test_the_lag_is_told_and_small(watched: Watched) -> None:
    assert 0 <= watched.service.value("mailport_scheduler_lag_seconds") < 2
    assert watched.service.value("mailport_pool_busy") <= len(watched.farm.farm.scenarios)
    states = {
        sample.labels["state"]
        for sample in watched.service.samples("mailport_probes_total")
        if sample.value > 0
    }
    assert states == {"open", "closed", "broken"}
    assert sum(sample.value for sample in watched.service.samples("mailport_sink_errors_total")) == 0


def test_nothing_was_ever_said_to_a_server_beyond_the_questions_of_a_probe(watched: Watched) -> None:
    lines = {entry.event.removeprefix("line ") for entry in watched.farm.events("line ")}
    # An IMAP command has its tag before it.
    words = {re.sub(r"^a\d ", "", line).split()[0] for line in lines}
    assert words == {"EHLO", "STARTTLS", "QUIT", "CAPABILITY", "LOGOUT", "CAPA", "STLS"}


def test_it_ends_well_after_all_that(watched: Watched) -> None:
    assert watched.service.running.end(SIGTERM)[0] == 0
    assert {line["level"] for line in watched.service.log} == {"info"}
