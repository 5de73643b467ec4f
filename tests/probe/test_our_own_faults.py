"""What is not the server's fault: exceptions of ours, no descriptors, a source address that is not ours."""

import subprocess
import sys
from pathlib import Path

import pytest
import uvloop

import scanner.probe.prober
from scanner.demo import Farm, rows_of
from scanner.model import Observation, Reason, State
from scanner.network import Link
from scanner.protocol import Session, TlsClient
from tests.probe import starved
from tests.probe.probing import probe_one
from tests.servers.process import free_port


def fail(*_: object, **__: object) -> None:
    raise ZeroDivisionError("made for this test")


def probe(name: str, port: int, **changes: object) -> Observation:
    async def main() -> Observation:
        row = next(row for row in rows_of(name) if row.port == port)
        async with Farm([row], base=None) as farm:
            observation = await probe_one(farm, row, **changes)
        events = [entry.event for entry in farm.log]
        assert events.count("connect") == events.count("disconnect") <= 1
        return observation

    return uvloop.run(main())


# What breaks, and the scenario during which it does.
FAULTS = [
    (Session, "begin", "healthy", 25),
    (Session, "receive", "healthy", 25),
    (Session, "take_outgoing", "healthy", 25),
    (Session, "interrupt", "close", 25),
    (Session, "interrupt", "reset", 25),
    (Session, "interrupt", "mute", 25),
    (TlsClient, "tunnel", "healthy", 465),
    (TlsClient, "tunnel", "healthy", 587),
    (Link, "__init__", "healthy", 25),
    (Session, "__init__", "healthy", 25),
    (scanner.probe.prober, "judge", "healthy", 25),
    (scanner.probe.prober, "level_of", "healthy", 993),
    (scanner.probe.prober, "observe", "greeting-554", 25),
    (scanner.probe.prober, "open_connection", "healthy", 25),
]


@pytest.mark.parametrize(("owner", "name", "scenario", "port"), FAULTS)
def test_a_fault_of_ours_is_internal_and_never_hangs(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, scenario: str, port: int
) -> None:
    monkeypatch.setattr(owner, name, fail)
    observation = probe(scenario, port, timeout=0.5)
    assert (observation.state, observation.reason) == (State.UNKNOWN, Reason.INTERNAL)
    assert observation.detail == "ZeroDivisionError: made for this test"
    assert observation.duration < 2
    assert observation.vantage == "test"


def test_a_fault_keeps_what_was_seen_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TlsClient, "tunnel", fail)
    observation = probe("healthy", 587)
    assert observation.reason is Reason.INTERNAL
    assert observation.banner is not None
    assert observation.capabilities is not None
    assert observation.bytes_read > 0


def test_a_fault_in_judging_keeps_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner.probe.prober, "judge", fail)
    observation = probe("healthy", 25)
    assert observation.phases
    assert observation.verdicts == ()


def test_without_descriptors_the_target_is_not_blamed() -> None:
    port = free_port()
    done = subprocess.run(
        [sys.executable, str(Path(starved.__file__)), "127.0.0.1", str(port)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    starving, after = done.stdout.splitlines()
    assert starving.startswith("probe_resources probe_resources probe_resources ")
    assert "EMFILE" in starving
    assert after.startswith("connection_refused connection_refused connection_refused ")


def test_a_source_address_of_somebody_else_is_our_own_shortage() -> None:
    observation = probe("refused", 587, source_address="192.0.2.1")
    assert (observation.state, observation.reason) == (State.UNKNOWN, Reason.PROBE_RESOURCES)
    assert observation.detail is not None
    assert "EADDRNOTAVAIL" in observation.detail
