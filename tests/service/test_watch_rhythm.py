"""The rhythm of `mailport serve` as the servers hear it, and what half a minute of it costs."""

import re
import statistics
import time
from signal import SIGTERM

import pytest

from scanner.model.event import EventKind
from tests.service.marathon import INTERVAL, JITTER, NAMES, Marathon

CYCLES = 30


@pytest.fixture(scope="module")
def watched(marathon: Marathon) -> Marathon:
    """The watch that has run since the first test of the service, after many cycles."""
    deadline = time.monotonic() + CYCLES * INTERVAL * 2
    while marathon.cycles() < CYCLES:
        assert time.monotonic() < deadline, marathon.service.running.stderr
        time.sleep(INTERVAL / 4)
    return marathon


def test_no_descriptor_is_lost(watched: Marathon) -> None:
    connections = len(NAMES) + 6  # those that may be open at this moment
    assert watched.process.num_fds() <= watched.early_descriptors + connections
    sockets = [link for link in watched.process.net_connections("tcp") if link.status == "CLOSE_WAIT"]
    assert len(sockets) <= 1


def test_no_memory_is_lost(watched: Marathon) -> None:
    assert watched.process.memory_info().rss < watched.early_memory + 8 * 1024 * 1024
    assert watched.process.num_threads() <= 12


def test_interval_and_jitter_are_kept(watched: Marathon) -> None:
    waits, undisturbed = watched.waits(), watched.undisturbed_waits()
    assert len(waits) > CYCLES * 10
    assert len(undisturbed) > CYCLES
    assert min(undisturbed) >= INTERVAL * (1 - JITTER) - 0.05
    assert statistics.quantiles(waits, n=20)[-1] <= INTERVAL * (1 + JITTER) + 0.25
    assert statistics.median(waits) == pytest.approx(INTERVAL, abs=0.15)
    assert statistics.stdev(waits) > INTERVAL * JITTER / 4


def test_second_runs_move_apart(watched: Marathon) -> None:
    waits = [visits[1][0] - visits[0][1] for visits in watched.visits().values()]
    assert min(waits) >= 0.5 * INTERVAL - 0.05
    assert statistics.median(waits) <= 1.5 * INTERVAL + 0.25


def test_every_endpoint_gets_its_turn(watched: Marathon) -> None:
    numbers = {place: len(visits) for place, visits in watched.visits().items()}
    assert len(numbers) == 11
    assert min(numbers.values()) >= CYCLES / 2, numbers


def test_the_lag_is_told_and_small(watched: Marathon) -> None:
    assert 0 <= watched.service.value("mailport_scheduler_lag_seconds") < 2
    assert watched.service.value("mailport_pool_busy") <= len(watched.farm.farm.scenarios)
    states = {
        sample.labels["state"]
        for sample in watched.service.samples("mailport_probes_total")
        if sample.value > 0
    }
    assert states == {"open", "closed", "broken"}
    assert sum(sample.value for sample in watched.service.samples("mailport_sink_errors_total")) == 0


def test_nothing_was_ever_said_to_a_server_beyond_the_questions_of_a_probe(watched: Marathon) -> None:
    # An IMAP command has its tag before it.
    words = {re.sub(r"^a\d ", "", line).split()[0] for line in watched.lines()}
    assert words == {"EHLO", "STARTTLS", "QUIT", "CAPABILITY", "LOGOUT", "CAPA", "STLS"}


def test_it_ends_well_after_all_that(watched: Marathon) -> None:
    assert watched.service.running.end(SIGTERM)[0] == 0
    told = {kind.value for kind in EventKind}
    lines = [line for line in watched.service.log if line["event"] not in told]
    assert {line["level"] for line in lines} == {"info"}
    assert len(lines) < len(watched.service.log), "what the servers show is told, too"
