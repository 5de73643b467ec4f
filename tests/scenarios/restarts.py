"""A scanner that is stopped and started in every phase, and whose clock is set."""

from collections.abc import Iterator
from dataclasses import replace

from scanner.model import Severity
from scanner.model.incident import Cause
from tests.scenarios import faults as f
from tests.scenarios.life import SMALL
from tests.scenarios.losses import MENDED_AT
from tests.scenarios.scenario import CONFIRMED, HOST, MENDED, Expected, Scenario
from tests.scenarios.world import BEGINS, HOUR, Fault, Jump, World, between, on

C = Severity.CRITICAL
LATER = 6 * HOUR


def _restarts() -> Iterator[Scenario]:
    missing = Expected("starttls_missing", begins=LATER, within=CONFIRMED + 120)
    stripped = Fault(f.stripped, on(587), between(LATER))
    for pause in (5.0, 600.0, 3 * HOUR):
        world = World(SMALL, faults=(stripped,), restarts=((LATER - 1 - pause, pause),), hours=7.5)
        yield Scenario(
            f"restart of {pause:.0f} s between 'STARTTLS was there' and 'is gone'", world, (missing,)
        )
    blocked = Expected("port_blocked", within=CONFIRMED + 120)
    for after in range(0, 1300, 130):
        world = World(SMALL, faults=(Fault(f.silent, on(587)),), restarts=((BEGINS + after, 5.0),), hours=2.5)
        yield Scenario(f"restart {after} s into a loss", world, (blocked,))
    open_ = replace(blocked, within=CONFIRMED, ends=MENDED_AT)
    world = World(
        faults=(Fault(f.silent, on(587), between(BEGINS, MENDED_AT)),),
        restarts=((BEGINS + 1500, 5.0), (BEGINS + 1700, 60.0)),
    )
    yield Scenario("two restarts while an incident is open", world, (open_,))
    down = Expected("host_down", HOST, C, Cause.HOST_DOWN, ends=MENDED_AT)
    world = replace(world, faults=(Fault(f.silent, when=between(BEGINS, MENDED_AT)),))
    yield Scenario("two restarts while a host is down", world, (down,))
    ended = World(
        SMALL,
        faults=(Fault(f.silent, on(587), between(BEGINS, BEGINS + 1800)),),
        restarts=((BEGINS + 1790, 300.0),),
    )
    yield Scenario(
        "mended while the scanner is away",
        ended,
        (replace(blocked, ends=BEGINS + 1800, ends_within=MENDED + 300),),
    )
    often = tuple((900.0 * number, 10.0) for number in range(1, 12))
    yield Scenario("a restart every quarter of an hour", World(SMALL, restarts=often, hours=3))


def _clocks() -> Iterator[Scenario]:
    for by in (HOUR, -HOUR):
        word = "forwards" if by > 0 else "backwards"
        yield Scenario(f"the clock jumps {word} by an hour", World(SMALL, jumps=(Jump(BEGINS, by),), hours=3))
        world = World(
            SMALL,
            faults=(Fault(f.silent, on(587), between(BEGINS, MENDED_AT)),),
            jumps=(Jump(BEGINS + 700, by),),
        )
        yield Scenario(
            f"the clock jumps {word} in a loss", world, (Expected("port_blocked", ends=MENDED_AT),)
        )


RESTARTS = (*_restarts(), *_clocks())
