"""A scan whose results wait for the controls: in the journal, in the listener, and when it is broken off."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from scanner.config import Settings, default_settings, override
from scanner.model import Reason
from scanner.model.record import Record
from scanner.model.target import parse_target
from scanner.service.journal import Journal
from scanner.service.lens import Lens
from scanner.service.parts import build_parts
from scanner.service.scan import run_scan
from tests.probe.probing import until
from tests.service.test_controls import CONTROLS, TARGET, PretendedProber


class Kept:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def resolved(self, done: int) -> None:
        """Ignore it."""

    def read(self, targets: int) -> None:
        """Ignore it."""

    def planned(self, total: int) -> None:
        """Ignore it."""

    def resized(self, connections: int) -> None:
        """Ignore it."""

    def found(self, record: Record) -> None:
        """Keep it."""
        self.records.append(record)

    def ruled_out(self) -> None:
        """Ignore it."""

    @property
    def reasons(self) -> list[str | None]:
        return [record["reason"] for record in self.records]


@pytest.fixture
def settings() -> Settings:
    changes = {
        "controls.ports": {"25": list(CONTROLS)},
        "controls.https": [],
        "controls.dark": None,
        "probe.versions_interval": None,
        "limits.rate": 0,
        "limits.per_address_gap": 0,
        "resolver.servers": ["127.0.0.1:9"],
    }
    return override(default_settings([parse_target(f"{TARGET}:25")]), changes)


@pytest.mark.parametrize("is_ours", [True, False])
async def test_what_waited_is_in_the_journal_as_it_was_told(
    settings: Settings, tmp_path: Path, is_ours: bool
) -> None:
    prober, kept = PretendedProber(), Kept()
    failing = (TARGET, *CONTROLS) if is_ours else (TARGET,)
    prober.reasons |= dict.fromkeys(failing, Reason.CONNECT_TIMEOUT)
    journal = Journal(tmp_path / "journal", Lens())
    await run_scan(settings, replace(build_parts(settings), prober=prober), kept, journal)
    journal.close()
    assert kept.reasons == ["egress_blocked" if is_ours else "connect_timeout"]
    lines = map(json.loads, (tmp_path / "journal").read_bytes().splitlines())
    assert [{name: line[name] for name in line if name != "resume"} for line in lines] == kept.records


async def test_an_interrupt_hands_out_what_still_waits(settings: Settings, tmp_path: Path) -> None:
    prober, kept = PretendedProber(), Kept()
    prober.reasons |= dict.fromkeys((TARGET, *CONTROLS), Reason.CONNECT_TIMEOUT)
    journal = Journal(tmp_path / "journal", Lens())
    scan = asyncio.create_task(
        run_scan(settings, replace(build_parts(settings), prober=prober), kept, journal)
    )
    await until(lambda: len(prober.asked) == 1 + len(CONTROLS))
    assert kept.records == []
    scan.cancel()
    with pytest.raises(asyncio.CancelledError):
        await scan
    journal.close()
    assert kept.reasons == ["connect_timeout"]
    assert (tmp_path / "journal").read_bytes() == b""  # so that it is probed again when the scan is resumed
