"""A watch with a short interval that goes round beside the other tests, so that none has to wait for it."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.cli.running_farm import Place, RunningFarm, open_rows
from tests.service.serving import Service, serving

INTERVAL = 1.0
JITTER = 0.2
NAMES = ("healthy", "refused", "mute-after-ehlo", "starttls-reset", "tls-alert", "long-line")
SETTLED_CYCLES = 3
PROBE_SECONDS = 1.0
"""The time limit of a probe: no silent server costs more, and a busy machine rarely takes as long."""


@dataclass(frozen=True, slots=True)
class Marathon:
    """A watch that goes round and round over good and bad servers, and what it held at the beginning."""

    farm: RunningFarm
    service: Service
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
        """Return when each place was connected to and left, in order."""
        starts: dict[Place, list[float]] = defaultdict(list)
        ends: dict[Place, list[float]] = defaultdict(list)
        for entry in self.farm.events():
            if entry.event in ("connect", "disconnect"):
                {"connect": starts, "disconnect": ends}[entry.event][entry.host, entry.port].append(entry.at)
        return {place: list(zip(starts[place], ends[place], strict=False)) for place in starts}


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
            yield Marathon(farm, service, process.memory_info().rss, process.num_fds())
