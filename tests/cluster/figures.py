"""What a fault has cost, as the servers saw it: checked against what is promised, and told as figures."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGCONT, SIGSTOP
from threading import Event, Thread

from tests.cli.command import SECONDS, Running
from tests.cli.running_farm import RunningFarm
from tests.cluster.cluster import (
    INTERVAL,
    MOST_WAITING,
    RATE,
    busiest,
    connections,
    longest_gap,
    most_at_once,
)
from tests.service.serving import Service

SLACK = 15.0
"""Seconds that a machine busy with other tests may take besides."""
WINDOW = 4.0
"""Seconds over which a rate is held against its limit: a batch is handed out at once."""


def tell(text: str) -> None:
    """Write a figure into the output of the tests."""
    sys.stdout.write(f"\n{text}\n")


def blocked(scheduler: Service) -> list[str]:
    """Return the hosts that are called blocked; there must be others that are not."""
    samples = scheduler.samples("mailport_endpoint_blocked")
    assert samples
    return [each.labels["host"] for each in samples if each.value]


def check_servers(farm: RunningFarm, rate: float = RATE, *, at_once: int = 1) -> str:
    """No address had more connections at once than that, and all together no more than the rate allows.

    Returns both as figures.
    """
    found = {address: most_at_once(farm, address) for address, _ in connections(farm)}
    most, fastest = max(found.values()), busiest(farm, WINDOW) / WINDOW
    assert most <= at_once, found
    assert fastest <= rate + MOST_WAITING / WINDOW
    return (
        f"connections at once to an address {most}; {fastest:.1f}/s in the busiest {WINDOW:g} s of {rate:g}/s"
    )


def check_recovery(
    what: str, farm: RunningFarm, scheduler: Service, mended: float, *, rate: float = RATE, at_once: int = 1
) -> None:
    """After a fault every port is probed again, then once an interval, and no server is to blame.

    Args:
        mended: when the fault was over, or began where nobody mends it, by the monotonic clock.
    """
    wait_for_probes(farm, scheduler, mended, 1)
    back = max(min(at for at, _ in spans if at >= mended) for spans in connections(farm).values())
    wait_for_probes(farm, scheduler, back, 3)
    gap = longest_gap(farm, back, time.monotonic() - INTERVAL)
    assert not blocked(scheduler)
    count = {
        name: scheduler.value("mailport_cluster_results_total", outcome=name)
        for name in ("taken", "late", "returned", "unreadable")
    }
    count["sent again"] = scheduler.value("mailport_cluster_jobs_resent_total")
    tell(
        f"{what}: every port again after {back - mended:.1f} s, then at most {gap:.1f} s between two probes; "
        f"{check_servers(farm, rate, at_once=at_once)}; "
        f"results {', '.join(f'{name} {number:.0f}' for name, number in count.items())}"
    )
    assert gap < INTERVAL + SLACK


def wait_for_probes(farm: RunningFarm, scheduler: Service, since: float, times: int) -> None:
    """Wait until every port was connected to so often since a moment."""

    def is_done() -> bool:
        spans = connections(farm).values()
        return all(sum(at >= since for at, _ in each) >= times for each in spans)

    scheduler.running.wait_until(is_done, 2 * SECONDS)


@contextmanager
def slowed(worker: Running, *, stop: float = 0.2, run: float = 0.05) -> Iterator[None]:
    """Let a process have a part of the time only while the block runs."""
    is_over = Event()

    def pace() -> None:
        while not is_over.wait(run):
            worker.send(SIGSTOP)
            is_over.wait(stop)
            worker.send(SIGCONT)

    thread = Thread(target=pace, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(SECONDS)
        worker.send(SIGCONT)
