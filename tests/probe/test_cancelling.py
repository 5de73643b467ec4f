"""A cancelled probe closes its socket at once and leaves no task, descriptor or timer, in every phase."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

import psutil
import pytest
import uvloop

from scanner.demo import SCENARIOS, Farm, Scenario
from scanner.demo.scenario import NoServer
from scanner.network import Link
from scanner.protocol import Session
from tests.probe.probing import MORE, endpoint_of, prober_for, until

PHASES = {
    "connect": ("blocked", 25),
    "greeting": ("mute", 25),
    "capabilities": ("mute-after-ehlo", 25),
    "starttls": ("starttls-silence", 587),
    "tls": ("tls-mute", 993),
    "capabilities_tls": ("mute-in-tls", 465),
    "quit": ("mute-at-quit", 25),
}
# What the farm's journal says once the probe waits in that phase.
SIGNS = {
    "greeting": "connect",
    "capabilities": "line EHLO",
    "starttls": "line STARTTLS",
    "tls": "connect",
    "capabilities_tls": "tls TLSv1.3",
    "quit": "line QUIT",
}
LOOK_SECONDS = 30.0
"""For a few looks: one goes through all that the process holds, whatever tests ran in it before."""
Runner = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Runner:
    runner: Runner = request.param
    return runner


def row_of(name: str, port: int) -> Scenario:
    return next(row for row in (*SCENARIOS, *MORE) if (row.name, row.port) == (name, port))


def left_over() -> list[object]:
    """Return the links and sessions that something still holds on to: a timer, a task, a transport."""
    gc.collect()
    return [thing for thing in gc.get_objects() if isinstance(thing, Link | Session)]


@pytest.mark.parametrize("phase", PHASES)
def test_cancelling_in_each_phase_leaves_nothing(run: Runner, phase: str) -> None:
    row = row_of(*PHASES[phase])

    async def main() -> None:
        process = psutil.Process()
        async with Farm([row], base=None) as farm:
            prober = prober_for(farm, timeout=30)
            await asyncio.sleep(0)
            tasks, descriptors = asyncio.all_tasks(), process.num_fds()
            probe = asyncio.create_task(prober.probe(endpoint_of(farm, row)))
            sign = SIGNS.get(phase)
            if sign is not None:
                await until(lambda: any(entry.event.startswith(sign) for entry in farm.log))
            await until(lambda: process.num_fds() > descriptors)
            probe.cancel()
            with pytest.raises(asyncio.CancelledError):
                await probe
            del probe
            # The server's side of it ends too: it has been told.
            await until(lambda: process.num_fds() == descriptors and asyncio.all_tasks() == tasks)
            events = [entry.event for entry in farm.log]
            has_server = not isinstance(row.behaviour, NoServer)
            assert events.count("connect") == events.count("disconnect") == has_server
            await until(lambda: not left_over(), LOOK_SECONDS)

    run(main())


@pytest.mark.parametrize("ticks", range(12))
def test_cancelling_after_any_number_of_ticks_leaves_nothing(run: Runner, ticks: int) -> None:
    row = row_of("mute", 25)

    async def main() -> None:
        process = psutil.Process()
        async with Farm([row], base=None) as farm:
            prober = prober_for(farm, timeout=30)
            await asyncio.sleep(0)
            tasks, descriptors = asyncio.all_tasks(), process.num_fds()
            probe = asyncio.create_task(prober.probe(endpoint_of(farm, row)))
            for _ in range(ticks):
                await asyncio.sleep(0)
            probe.cancel()
            with pytest.raises(asyncio.CancelledError):
                await probe
            del probe
            await until(lambda: process.num_fds() == descriptors and asyncio.all_tasks() == tasks)
            await until(lambda: not left_over(), LOOK_SECONDS)

    run(main())


def test_a_pass_leaves_nothing_behind(run: Runner) -> None:
    names = ("healthy", "close", "reset", "plaintext", "ssh", "refused", "starttls-alert", "starttls-reset")
    rows = [row for row in SCENARIOS if row.name in names]

    async def main() -> None:
        process = psutil.Process()
        async with Farm(rows, base=None) as farm:
            prober = prober_for(farm)
            await asyncio.sleep(0)
            tasks, descriptors = asyncio.all_tasks(), process.num_fds()
            for _ in range(2):
                await asyncio.gather(*(prober.probe(endpoint_of(farm, row)) for row in rows))
            await until(lambda: process.num_fds() == descriptors and asyncio.all_tasks() == tasks)
            await until(lambda: not left_over(), LOOK_SECONDS)

    run(main())
