"""The farm of mail servers in a thread of its own, so that tests and commands can meet it."""

import asyncio
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanner.demo import SCENARIOS, Entry, Farm, Scenario, rows_of

SECONDS = 30.0
Place = tuple[str, int]
"""Host name and port."""


@dataclass(frozen=True, slots=True)
class RunningFarm:
    """An open farm; all names of a test are asked of its DNS server."""

    farm: Farm
    loop: asyncio.AbstractEventLoop

    @property
    def options(self) -> tuple[str, ...]:
        """The options of `scan` with which the farm's names and certificates are known."""
        return (
            *("--resolver", self.farm.resolver),
            *("--ca-file", str(self.farm.ca_file)),
            *("--rate", "0"),
            "--allow-private",
        )

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        """The same as sections of a configuration, for a watch in a hurry."""
        return {
            "probe": {"ca_file": str(self.farm.ca_file), "allow_private": True},
            "limits": {"rate": 0, "per_address_gap": 0},
            "resolver": {"servers": [self.farm.resolver]},
        }

    def targets(self, *names: str) -> list[str]:
        """Return the targets of the scenarios with these names; of all of them if none is given."""
        wanted = set(names) or {row.name for row in self.farm.scenarios}
        return [self.farm.target_of(row) for row in self.farm.scenarios if row.name in wanted]

    def place(self, row: Scenario) -> Place:
        """Return where a row of the table really is."""
        return row.host, self.farm.port_of(row)

    def events(self, kind: str = "") -> list[Entry]:
        """Return what the servers have seen so far; only events that begin with `kind`."""

        async def copy() -> list[Entry]:
            return list(self.farm.log)

        entries = asyncio.run_coroutine_threadsafe(copy(), self.loop).result(SECONDS)
        return [entry for entry in entries if entry.event.startswith(kind)]

    def connects(self, since: float = 0.0) -> list[Place]:
        """Return host and port of every connection that came since a moment of the monotonic clock."""
        return [(entry.host, entry.port) for entry in self.events("connect") if entry.at >= since]


@contextmanager
def open_farm(rows: Sequence[Scenario] = SCENARIOS, **options: Any) -> Iterator[RunningFarm]:
    """Run a farm while the block does, on a block of loopback addresses that nobody uses."""
    opened: queue.SimpleQueue[RunningFarm | Exception] = queue.SimpleQueue()
    stops: queue.SimpleQueue[asyncio.Event] = queue.SimpleQueue()

    async def hold() -> None:
        stop = asyncio.Event()
        stops.put(stop)
        async with Farm(rows, base=None, **options) as farm:
            opened.put(RunningFarm(farm, asyncio.get_running_loop()))
            await stop.wait()

    def serve() -> None:
        try:
            asyncio.run(hold())
        except Exception as error:  # noqa: BLE001 - handed to the test, which raises it
            opened.put(error)

    thread = threading.Thread(target=serve, name="farm", daemon=True)
    thread.start()
    try:
        farm = opened.get(timeout=SECONDS)
        if isinstance(farm, Exception):
            raise farm
        try:
            yield farm
        finally:
            farm.loop.call_soon_threadsafe(stops.get().set)
    finally:
        thread.join(SECONDS)


@contextmanager
def open_rows(*names: str, **options: Any) -> Iterator[RunningFarm]:
    """Run a farm of these scenarios only."""
    with open_farm(rows_of(*names), **options) as farm:
        yield farm


def copy_ca(farm: RunningFarm, folder: Path) -> Path:
    """Return a copy of the farm's CA file that a test may change."""
    copy = folder / "ca.pem"
    copy.write_bytes(farm.farm.ca_file.read_bytes())
    return copy
