"""A pool with a pretended probe, and what the probe saw: who came when, for how long, how many at once."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from scanner.engine import Pool, WaitingRoom
from scanner.model import Endpoint, Observation
from tests.engine.clockwork import observation_of


@dataclass(slots=True)
class Visits:
    """Pretends to probe; each probe takes the seconds given for its place in the row."""

    seconds: tuple[float, ...] = (1.0,)
    starts: list[tuple[float, Endpoint]] = field(default_factory=list)
    ends: list[tuple[float, Endpoint]] = field(default_factory=list)
    busy: int = 0
    most: int = 0

    async def probe(self, probed: Endpoint) -> Observation | None:
        """Stay as long as it takes."""
        clock = asyncio.get_running_loop().time
        self.starts.append((clock(), probed))
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            await asyncio.sleep(self.seconds[len(self.starts) % len(self.seconds)])
        finally:
            self.busy -= 1
            self.ends.append((clock(), probed))
        return observation_of(probed)

    @property
    def moments(self) -> list[float]:
        """When probes started."""
        return [moment for moment, _ in self.starts]


def make_pool(
    visits: Visits,
    delivered: list[Observation],
    *,
    concurrency: int = 10,
    rate: float = 0,
    per_address: int = 1,
    gap: float = 0.0,
    ahead: int = 1000,
) -> Pool:
    """Make a pool on the running loop's clock."""
    clock = asyncio.get_running_loop().time
    waiting: WaitingRoom[Endpoint] = WaitingRoom(per_address, gap)
    return Pool(
        *(visits.probe, delivered.append, waiting),
        concurrency=concurrency,
        rate=rate,
        ahead=ahead,
        clock=clock,
    )


async def feed(endpoints: Iterable[Endpoint], pause: float = 0.0) -> AsyncIterator[Endpoint]:
    """Give endpoints one by one, with a pause before each where one is wanted."""
    for each in endpoints:
        if pause:
            await asyncio.sleep(pause)
        yield each
