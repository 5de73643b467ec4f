"""The pool on a clockwork: concurrency, rate, turns, all delivered once, new limits, faults, the end."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.engine import Pool, WaitingRoom, pool
from scanner.model import Endpoint, Observation
from tests.engine.clockwork import endpoint, most_in_any, observation_of, run
from tests.engine.probed import Visits, feed, make_pool


@given(
    addresses=st.lists(st.integers(1, 4), max_size=25),
    seconds=st.lists(st.sampled_from([0.0, 0.1, 1.0, 7.0]), min_size=1, max_size=4),
    concurrency=st.integers(1, 6),
    rate=st.sampled_from([0.0, 0.5, 3.0, 10.0, 40.0]),
    per_address=st.integers(1, 3),
    gap=st.sampled_from([0.0, 0.5, 3.0]),
    pause=st.sampled_from([0.0, 0.3]),
)
@settings(max_examples=120)
def test_limits_hold_and_everything_is_delivered_once(
    addresses: list[int],
    seconds: list[float],
    concurrency: int,
    rate: float,
    per_address: int,
    gap: float,
    pause: float,
) -> None:
    endpoints = [endpoint(number, f"192.0.2.{last}") for number, last in enumerate(addresses)]
    visits, delivered = Visits(tuple(seconds)), list[Observation]()

    async def main() -> None:
        made = make_pool(
            visits, delivered, concurrency=concurrency, rate=rate, per_address=per_address, gap=gap
        )
        await made.run(feed(endpoints, pause))
        assert (made.busy, made.waiting) == (0, 0)

    run(main())
    assert Counter(one.endpoint.key for one in delivered) == Counter(each.key for each in endpoints)
    assert visits.most <= concurrency
    if rate and endpoints:
        assert most_in_any(1.0 if rate >= 1 else 1 / rate, visits.moments) <= max(1, rate)
    for address in {each.address for each in endpoints}:
        starts = [moment for moment, each in visits.starts if each.address == address]
        ends = [moment for moment, each in visits.ends if each.address == address]
        for number, start in enumerate(starts[1:], start=1):
            assert start - starts[number - 1] >= gap - 1e-6
            assert sum(end <= start for end in ends) > number - per_address
            if per_address == 1:
                assert start - ends[number - 1] >= gap - 1e-6


def test_the_rate_is_used_up_and_spread_over_the_second() -> None:
    visits = Visits((0.0,))

    async def main() -> None:
        await make_pool(visits, [], concurrency=100, rate=100).run(feed(map(endpoint, range(500))))

    run(main())
    assert 4.7 < visits.moments[-1] < 5.7
    assert most_in_any(1.0, visits.moments) <= 100
    assert most_in_any(0.1, visits.moments) <= 15  # no burst


def test_a_slow_host_holds_up_nobody_else() -> None:
    visits, delivered = Visits((0.1,)), list[Observation]()
    slow = endpoint(0)

    async def probe(probed: Endpoint) -> Observation | None:
        if probed == slow:
            await asyncio.sleep(3600)
        return await visits.probe(probed)

    async def main() -> None:
        clock = asyncio.get_running_loop().time
        room: WaitingRoom[Endpoint] = WaitingRoom(1, 0.0)
        made: Pool[Endpoint, Observation] = Pool(
            probe, delivered.append, room, concurrency=2, rate=0, clock=clock
        )
        running = asyncio.create_task(made.run(feed(map(endpoint, range(20)))))
        await asyncio.sleep(60)
        assert len(delivered) == 19
        assert made.busy == 1
        await running

    run(main())
    assert len(delivered) == 20


def test_a_feed_is_not_taken_in_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MAX_WAITING", 5)
    most = 0

    async def main() -> None:
        made = make_pool(Visits(), [], concurrency=2)

        async def watched() -> AsyncIterator[Endpoint]:
            nonlocal most
            for number in range(50):
                most = max(most, made.waiting)
                yield endpoint(number)

        await made.run(watched())

    run(main())
    assert most <= 5


def test_no_more_is_taken_in_than_the_workers_need() -> None:
    taken = 0

    async def main() -> None:
        nonlocal taken
        visits = Visits((1.0,))
        made = make_pool(visits, [], concurrency=4, ahead=2)

        async def counted() -> AsyncIterator[Endpoint]:
            nonlocal taken
            for number in range(100):
                taken += 1
                yield endpoint(number)
                assert taken - len(visits.starts) <= 4

        await made.run(counted())
        assert asyncio.get_running_loop().time() < 26  # all four were busy all the time

    run(main())
    assert taken == 100


@pytest.mark.parametrize("crowd", [50, 300])
def test_an_address_with_many_jobs_keeps_no_worker_idle(crowd: int) -> None:
    crowded = [endpoint(number, "192.0.2.1") for number in range(crowd)]
    others = [endpoint(number) for number in range(1000, 1100)]
    visits, delivered = Visits((1.0,)), list[Observation]()

    async def main() -> None:
        made = make_pool(visits, delivered, concurrency=5, ahead=3)
        await made.run(feed([*crowded, *others]))

    run(main())
    ends = {each.key: moment for moment, each in visits.ends}
    assert len(ends) == crowd + 100
    # One worker has the crowded address, the four others need 25 turns.
    assert max(ends[each.key] for each in others) < 28
    assert max(ends.values()) < max(crowd, 28) + 1


def test_addresses_take_turns_by_how_long_they_have_been_free() -> None:
    one, two = "192.0.2.1", "192.0.2.2"
    visits = Visits((1.0,))

    async def main() -> None:
        made = make_pool(visits, [], concurrency=1)

        async def late() -> AsyncIterator[Endpoint]:
            for number, address in enumerate((one, two, one, two)):
                yield endpoint(number, address)
            await asyncio.sleep(0.5)
            yield endpoint(5)
            await asyncio.sleep(2)  # the first two are free again, since 1.0 and 2.0
            yield endpoint(6)

        await made.run(late())

    run(main())
    expected = [one, two, endpoint(5).address, one, two, endpoint(6).address]
    assert [each.address for _, each in visits.starts] == expected


def test_an_empty_feed_ends_at_once() -> None:
    async def main() -> float:
        await make_pool(Visits(), [], rate=1).run(feed([]))
        return asyncio.get_running_loop().time()

    assert run(main()) == 0.0


def test_a_probe_without_a_result_delivers_nothing_and_goes_on() -> None:
    delivered: list[Observation] = []

    async def probe(probed: Endpoint) -> Observation | None:
        return None if probed.host in {"host0.test", "host3.test"} else observation_of(probed)

    async def main() -> None:
        made: Pool[Endpoint, Observation] = Pool(
            probe, delivered.append, WaitingRoom(1, 0.0), concurrency=2, rate=0
        )
        await made.run(feed(map(endpoint, range(6))))

    run(main())
    assert [one.endpoint.host for one in delivered] == [f"host{number}.test" for number in (1, 2, 4, 5)]


def test_more_workers_start_at_once() -> None:
    visits = Visits((10.0,))

    async def main() -> None:
        made = make_pool(visits, [], concurrency=2)
        running = asyncio.create_task(made.run(feed(map(endpoint, range(20)))))
        await asyncio.sleep(1)
        assert visits.busy == 2
        made.adjust(concurrency=8, rate=0)
        await asyncio.sleep(1)
        assert (visits.busy, made.busy, made.workers) == (8, 8, 8)
        await running

    run(main())
    assert visits.most == 8


def test_fewer_workers_let_the_open_connections_end() -> None:
    visits = Visits((10.0,))

    async def main() -> None:
        made = make_pool(visits, [], concurrency=8)
        running = asyncio.create_task(made.run(feed(map(endpoint, range(20)))))
        await asyncio.sleep(1)
        made.adjust(concurrency=2, rate=0)
        assert visits.busy == 8
        await asyncio.sleep(10)
        visits.most = 0
        await running

    run(main())
    assert visits.most == 2


def test_fewer_workers_hold_also_while_the_rate_holds_somebody_up() -> None:
    visits = Visits((100.0,))

    async def main() -> None:
        made = make_pool(visits, [], concurrency=4, rate=0.1)
        running = asyncio.create_task(made.run(feed(map(endpoint, range(4)))))
        await asyncio.sleep(5)  # one is open, the next one waits for the rate
        made.adjust(concurrency=1, rate=0.1)
        await asyncio.sleep(90)
        assert visits.busy == 1
        await running

    run(main())
    assert visits.most == 1


@pytest.mark.parametrize("rate", [0.0, 50.0])
def test_a_new_rate_counts_at_once_even_for_who_waits_in_the_old_one(rate: float) -> None:
    visits = Visits((0.0,))

    async def main() -> None:
        made = make_pool(visits, [], concurrency=10, rate=0.001)
        running = asyncio.create_task(made.run(feed(map(endpoint, range(10)))))
        await asyncio.sleep(2)
        assert len(visits.starts) == 1
        made.adjust(concurrency=10, rate=rate)
        await running
        assert asyncio.get_running_loop().time() < 3

    run(main())


def test_workers_hired_while_the_last_probes_end_go_home_too() -> None:
    visits, delivered = Visits((10.0,)), list[Observation]()

    async def main() -> None:
        made = make_pool(visits, delivered, concurrency=2)
        running = asyncio.create_task(made.run(feed(map(endpoint, range(2)))))
        await asyncio.sleep(1)  # the feed is over, both are under way
        made.adjust(concurrency=6, rate=0)
        await running
        made.adjust(concurrency=8, rate=0)  # nobody is hired for a pool that is done

    run(main())
    assert len(delivered) == 2


def test_until_idle_waits_for_the_last_probe() -> None:
    visits = Visits((3.0, 8.0))

    async def main() -> None:
        made = make_pool(visits, [], concurrency=2)
        await made.until_idle()
        running = asyncio.create_task(made.run(feed(map(endpoint, range(2)))))
        await asyncio.sleep(1)
        await made.until_idle()
        assert asyncio.get_running_loop().time() == pytest.approx(8.0)
        await running

    run(main())


async def broken_feed() -> AsyncIterator[Endpoint]:
    yield endpoint(0)
    raise ZeroDivisionError("the feed")


async def broken_probe(_: Endpoint) -> Observation | None:
    raise ZeroDivisionError("the probe")


def broken_deliver(_: Observation) -> None:
    raise ZeroDivisionError("the sink")


@pytest.mark.parametrize("culprit", ["feed", "probe", "deliver"])
def test_a_fault_ends_the_run_and_nothing_hangs(culprit: str) -> None:
    visits = Visits((1.0,))

    async def main() -> None:
        made: Pool[Endpoint, Observation] = Pool(
            broken_probe if culprit == "probe" else visits.probe,
            broken_deliver if culprit == "deliver" else lambda _: None,
            WaitingRoom(1, 0.0),
            concurrency=3,
            rate=0,
        )
        source = broken_feed() if culprit == "feed" else feed(map(endpoint, range(10)))

        async def drain() -> None:
            while not made.busy:
                await asyncio.sleep(0)
            await made.until_idle()

        draining = asyncio.create_task(drain())
        with pytest.raises(ExceptionGroup) as caught:
            await made.run(source)
        assert caught.group_contains(ZeroDivisionError)
        await draining
        made.adjust(concurrency=9, rate=5)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


@pytest.mark.parametrize("moment", [0.0, 0.5, 2.5])
def test_a_cancelled_pool_cancels_its_probes_and_leaves_no_task(moment: float) -> None:
    visits = Visits((1.0,))

    async def main() -> None:
        made = make_pool(visits, [], concurrency=3, rate=2)
        running = asyncio.create_task(made.run(feed(map(endpoint, range(100)))))
        await asyncio.sleep(moment)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (made.busy, visits.busy) == (0, 0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_a_run_lasts_as_long_as_what_runs_beside_it_and_does_what_that_pushes() -> None:
    visits, delivered = Visits((1.0,)), list[Observation]()
    late = endpoint(2)

    async def main() -> None:
        made = make_pool(visits, delivered, concurrency=1, rate=0)

        async def push_later() -> None:
            await asyncio.sleep(100.0)
            made.push(late)

        running = asyncio.create_task(made.run(feed([endpoint(1)], 0.0)))
        await asyncio.sleep(0.5)
        made.spawn(push_later())
        await running

    run(main())
    assert [one.endpoint for one in delivered] == [endpoint(1), late]


def test_a_fault_beside_the_workers_ends_the_run() -> None:
    async def main() -> None:
        made = make_pool(Visits((1.0,)), [], concurrency=1, rate=0)

        async def fail() -> None:
            raise OSError("the disk is full")

        running = asyncio.create_task(made.run(feed([endpoint(1)], 0.0)))
        await asyncio.sleep(0.5)
        made.spawn(fail())
        with pytest.raises(ExceptionGroup) as caught:
            await running
        assert caught.group_contains(OSError, match="the disk is full")

    run(main())


def test_nothing_runs_beside_a_pool_that_does_not_run() -> None:
    async def main() -> None:
        made = make_pool(Visits((1.0,)), [], concurrency=1, rate=0)
        with pytest.raises(RuntimeError, match="not running"):
            made.spawn(asyncio.sleep(1.0))

    run(main())
