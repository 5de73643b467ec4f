"""The agenda: first runs at the rate allowed, lateness told, no burst after a standstill."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from scanner.config.settings import ScheduleSettings
from scanner.model import Endpoint, State
from scanner.model.observation import Key
from scanner.service.agenda import FIRST_PASS_SECONDS, Agenda, first_spread
from tests.engine.clockwork import endpoint, most_in_any, run

INTERVAL = 900.0


class World:
    """A loop's clock, and the time by which the process was held: the clock went on, nothing else did."""

    def __init__(self) -> None:
        self.held = 0.0

    def clock(self) -> float:
        return asyncio.get_running_loop().time() + self.held


def start(world: World, count: int, settings: ScheduleSettings | None = None) -> Agenda:
    agenda = Agenda(settings or ScheduleSettings(), world.clock)
    for _ in agenda.replace([endpoint(n) for n in range(count)], spread=60.0, on_gone=lambda _: None):
        pass
    return agenda


async def probe_all(agenda: Agenda, world: World, until: float, found: State = State.OPEN) -> list[float]:
    """Probe whatever is due until the loop's clock says so; return when that was, by the loop's clock."""
    loop, moments = asyncio.get_running_loop(), list[float]()
    loop.call_at(until, agenda.close)
    async for each in agenda.feed():
        if not agenda.begin(each.key):
            break
        moments.append(loop.time())
        agenda.end(each.key, found)
    return moments


@pytest.mark.parametrize(
    ("count", "rate", "seconds"),
    [
        (5, 10.0, 1.0),
        (300, 10.0, FIRST_PASS_SECONDS),
        (100_000, 200.0, 550.0),
        (10, 0.0, 0.2),
        (100_000, 0.0, 220.0),
    ],
)
def test_first_runs_are_spread_as_far_as_the_rate_needs_it(count: int, rate: float, seconds: float) -> None:
    assert first_spread(count, rate) == pytest.approx(seconds)


def test_a_standstill_makes_no_burst_and_costs_nobody_a_turn() -> None:
    async def main() -> None:
        world = World()
        agenda, loop = start(world, 900), asyncio.get_running_loop()

        def hold() -> None:
            world.held += 8 * 3600.0

        loop.call_at(2000.05, hold)
        moments = await probe_all(agenda, world, 6000.0)
        assert most_in_any(10.0, [moment for moment in moments if moment > 2000]) < 40
        assert agenda.lag < 1.0
        after = sum(2000 < moment <= 2000 + INTERVAL for moment in moments)
        assert after == pytest.approx(900, rel=0.1)

    run(main())


def test_a_short_hold_up_counts_as_lateness() -> None:
    async def main() -> None:
        world = World()
        agenda = start(world, 900)

        def hold() -> None:
            world.held += 5.0

        asyncio.get_running_loop().call_at(30.05, hold)
        late = []
        asyncio.get_running_loop().call_at(40.0, agenda.close)
        async for each in agenda.feed():
            if not agenda.begin(each.key):
                break
            late.append(agenda.lag)
            agenda.end(each.key, State.OPEN)
        assert max(late) == pytest.approx(5.0, abs=0.1)

    run(main())


def test_what_waits_for_its_turn_is_late_already() -> None:
    async def main() -> None:
        world = World()
        agenda = start(world, 1)
        feed = agenda.feed()
        (handed_out,) = [await anext(feed)]
        assert agenda.lag == pytest.approx(0.0, abs=0.01)
        await asyncio.sleep(70.0)
        assert agenda.lag == pytest.approx(70.0, abs=0.1)
        assert agenda.begin(handed_out.key)
        agenda.end(handed_out.key, State.OPEN)
        assert agenda.lag == pytest.approx(70.0, abs=0.1)

    run(main())


@pytest.mark.parametrize(("found", "intervals"), [(State.OPEN, 1), (State.REJECTING, 2), (State.BLOCKED, 3)])
def test_what_a_probe_finds_decides_about_the_next(found: State, intervals: int) -> None:
    async def main() -> None:
        settings = ScheduleSettings(interval=INTERVAL, jitter=0.0, unreachable_interval=3 * INTERVAL)
        world = World()
        moments = await probe_all(start(world, 1, settings), world, 30_000.0, found)
        assert moments[5] - moments[4] == pytest.approx(intervals * INTERVAL, abs=0.01)

    run(main())


def test_a_removed_endpoint_is_not_begun() -> None:
    async def main() -> None:
        agenda = start(World(), 1)
        feed = agenda.feed()
        taken: Endpoint = await anext(feed)
        gone: list[Key] = []
        for _ in agenda.replace([], spread=60.0, on_gone=gone.append):
            pass
        assert gone == [taken.key]
        assert not agenda.begin(taken.key)

    run(main())


async def in_rhythm(world: World) -> tuple[Agenda, AsyncIterator[Endpoint], Key]:
    """Start with one endpoint that is due an interval from now."""
    agenda = start(world, 1, ScheduleSettings(interval=INTERVAL, jitter=0.0))
    feed = agenda.feed()
    key = endpoint(0).key
    for _ in range(2):
        await anext(feed)
        assert agenda.begin(key)
        agenda.end(key, State.OPEN)
    return agenda, feed, key


def test_a_probe_that_somebody_asked_for_and_that_counts_puts_the_next_one_off() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        agenda, feed, key = await in_rhythm(World())
        await asyncio.sleep(600.0)
        agenda.count(key, State.OPEN)
        begun = loop.time()
        await anext(feed)
        assert loop.time() - begun == pytest.approx(INTERVAL, abs=0.01)

    run(main())


def test_one_that_waits_for_its_turn_is_not_made_on_top_of_one_that_was_asked_for() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        agenda, feed, key = await in_rhythm(World())
        await anext(feed)
        agenda.count(key, State.OPEN)
        begun = loop.time()
        assert not agenda.begin(key)
        await anext(feed)
        assert loop.time() - begun == pytest.approx(INTERVAL, abs=0.01)
        assert agenda.begin(key)

    run(main())


@pytest.mark.parametrize(("asked_at", "due"), [([100.0], 900.0), ([890.0], 950.0), ([860.0, 890.0], 950.0)])
def test_one_that_does_not_count_is_only_kept_apart(asked_at: list[float], due: float) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        agenda, feed, key = await in_rhythm(World())
        begun = loop.time()
        for at in asked_at:
            loop.call_at(begun + at, agenda.postpone, key, 60.0)
        await anext(feed)
        assert loop.time() - begun == pytest.approx(due, abs=0.01)

    run(main())


def test_who_asks_again_and_again_does_not_keep_the_watch_away() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        agenda, feed, key = await in_rhythm(World())
        begun = loop.time()
        for number in range(3 * int(INTERVAL) // 10):
            loop.call_at(begun + 10.0 * number, agenda.postpone, key, 60.0)
        for _ in range(2):
            former = loop.time()
            await anext(feed)
            assert agenda.begin(key)
            agenda.end(key, State.OPEN)
            assert loop.time() - former == pytest.approx(INTERVAL + 60.0, abs=0.01)
        agenda.postpone(("never", "192.0.2.1", 25, "smtp", "starttls"), 60.0)

    run(main())
