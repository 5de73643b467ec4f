"""A watch with a short interval that goes round beside the other tests, so that none has to wait for it."""

import asyncio
import itertools
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from scanner.demo.journal import Entry
from tests.cli.running_farm import Place, RunningFarm, open_rows
from tests.service.serving import Service, serving

INTERVAL = 1.0
JITTER = 0.2
NAMES = ("healthy", "refused", "mute-after-ehlo", "starttls-reset", "tls-alert", "long-line")
SETTLED_CYCLES = 3
PROBE_SECONDS = 0.5
"""The time limit of a probe: a silent server costs no more than this."""
PULSE_SECONDS = 0.02
STANDSTILL_SECONDS = 0.05
"""So late a pulse of the servers shows that they noted visits late, too."""


@dataclass(frozen=True, slots=True)
class Marathon:
    """A watch that goes round and round over good and bad servers, and what it held at the beginning."""

    farm: RunningFarm
    service: Service
    standstills: list[float]
    """When the servers had stood still."""
    early_memory: int
    early_descriptors: int

    @property
    def process(self) -> psutil.Process:
        """The process of the watch."""
        return psutil.Process(self.service.running.process.pid)

    def cycles(self) -> int:
        """Return how often every endpoint has been probed."""
        return _cycles(self.service)

    def visits(self) -> dict[Place, list[tuple[float, float]]]:
        """Return when a probe connected to each place and left it, in order."""
        found: dict[Place, list[tuple[float, float]]] = defaultdict(list)
        for place, talk in self._talks():
            if talk[-1].event == "disconnect":
                found[place].append((talk[0].at, talk[-1].at))
        return found

    def waits(self) -> list[float]:
        """Return the seconds between two visits of a place, but for the first two: they move apart."""
        return [
            later[0] - earlier[1]
            for visits in self.visits().values()
            for earlier, later in itertools.pairwise(visits[1:])
        ]

    def undisturbed_waits(self) -> list[float]:
        """Return those in which neither machine nor servers did anything out of the ordinary.

        Where the machine stands still a server seems to change, which has all of its host probed at once,
        and a visit is noted late.
        """
        disturbances = [*self.standstills, *self._odd_moments()]
        return [
            later[0] - earlier[1]
            for visits in self.visits().values()
            for earlier, later in itertools.pairwise(visits[1:])
            if not any(earlier[0] <= at <= later[0] + STANDSTILL_SECONDS for at in disturbances)
        ]

    def _odd_moments(self) -> Iterator[float]:
        """Yield beginning and end of each connection that went otherwise than most at its place."""
        events = defaultdict(list)
        for place, talk in self._connections():
            events[place].append(tuple(entry.event for entry in talk))
        usual = {place: Counter(several).most_common(1)[0][0] for place, several in events.items()}
        for place, talk in self._connections():
            if tuple(entry.event for entry in talk) != usual[place]:
                yield from (talk[0].at, talk[-1].at)

    def lines(self) -> set[str]:
        """Return what probes have said."""
        return {
            entry.event.removeprefix("line ")
            for _, talk in self._talks()
            for entry in talk
            if entry.event.startswith("line ")
        }

    def _talks(self) -> Iterator[tuple[Place, list[Entry]]]:
        """Yield what happened in each connection of a probe.

        On a machine that stands still for a moment a greeting comes too late. Such a port is asked
        once more, by a ClientHello in a connection of its own: that is no visit of the schedule.
        """
        return (each for each in self._connections() if not any(map(_is_hello, each[1])))

    def _connections(self) -> Iterator[tuple[Place, list[Entry]]]:
        """Yield what happened in each connection, place by place."""
        talks: dict[Place, list[list[Entry]]] = defaultdict(list)
        for entry in self.farm.events():
            place = (entry.host, entry.port)
            if entry.event == "connect":
                talks[place].append([])
            talks[place][-1].append(entry)
        for place, several in talks.items():
            yield from ((place, talk) for talk in several)


def _is_hello(entry: Entry) -> bool:
    """Whether a record of a TLS handshake came where a line was awaited (RFC 8446, section 5.1)."""
    return entry.event.startswith("line \x16\x03")


def _cycles(service: Service) -> int:
    probes = sum(sample.value for sample in service.samples("mailport_probes_total"))
    return int(probes // (service.value("mailport_endpoints") or 1))


@contextmanager
def run_marathon(folder: Path) -> Iterator[Marathon]:
    """Start the watch and let it settle; it goes on while the block runs."""
    with open_rows(*NAMES) as farm:
        settings = farm.settings
        settings["probe"]["timeout"] = PROBE_SECONDS
        settings["schedule"] = {"interval": INTERVAL, "jitter": JITTER}
        with serving(folder, {"targets": farm.targets(), **settings}) as service:
            service.running.wait_until(lambda: _cycles(service) >= SETTLED_CYCLES)
            process = psutil.Process(service.running.process.pid)
            with _pulse(farm) as standstills:
                yield Marathon(farm, service, standstills, process.memory_info().rss, process.num_fds())


@contextmanager
def _pulse(farm: RunningFarm) -> Iterator[list[float]]:
    """Collect when the loop of the servers had stood still, while the block runs."""
    standstills: list[float] = []

    async def beat() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(PULSE_SECONDS)
            if time.monotonic() - began > PULSE_SECONDS + STANDSTILL_SECONDS:
                standstills.extend((began, time.monotonic()))

    beating = asyncio.run_coroutine_threadsafe(beat(), farm.loop)
    try:
        yield standstills
    finally:
        beating.cancel()
