"""Those with most left to do have a start: in the end nobody is waited for, and nobody waits for ever."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice

from scanner.engine import Pool, WaitingRoom
from scanner.model import Endpoint
from tests.engine.clockwork import endpoint, run

WORKERS, PORTS = 50, 7
QUICK_SECONDS, DEAD_SECONDS = 0.3, 2.5
DEAD, QUICK, NEW = "192.0.2.1", "192.0.2.2", "192.0.2.3"


def visit(room: WaitingRoom[Endpoint], address: str, began: float, ended: float) -> None:
    """Let an address be connected to once."""
    room.push(endpoint(0, address))
    went = room.pop(began)
    assert went is not None
    assert went.address == address
    room.release(address, ended)


def order(room: WaitingRoom[Endpoint], now: float, count: int) -> list[str]:
    went = [room.pop(now) for _ in range(count)]
    return [one.address for one in went if one is not None]


def test_who_is_new_and_who_is_slow_goes_before_who_is_quick() -> None:
    room: WaitingRoom[Endpoint] = WaitingRoom(1, 0.0, longest_first=True)
    visit(room, QUICK, 0.0, QUICK_SECONDS)
    visit(room, DEAD, 0.0, DEAD_SECONDS)
    for number, address in enumerate((QUICK, DEAD) * 6):
        room.push(endpoint(number, address), now=DEAD_SECONDS)
    for number in range(PORTS):  # more of them may be as slow as the slowest
        room.push(endpoint(number, NEW), now=DEAD_SECONDS)
    assert order(room, DEAD_SECONDS, 3) == [NEW, DEAD, QUICK]


def test_who_has_waited_longer_than_the_others_will_take_goes_first() -> None:
    room: WaitingRoom[Endpoint] = WaitingRoom(1, 0.0, longest_first=True)
    visit(room, QUICK, 0.0, QUICK_SECONDS)
    visit(room, DEAD, 16.0, 16.0 + DEAD_SECONDS)
    for number, address in enumerate((QUICK, DEAD) * 6):
        room.push(endpoint(number, address))
    assert order(room, 20.0, 2) == [QUICK, DEAD]


def test_the_crowd_at_one_address_goes_on_without_a_pause_and_starves_nobody() -> None:
    seconds: dict[str, float] = {}

    def jobs() -> Iterator[Endpoint]:
        for number in range(400):
            yield endpoint(number, DEAD)
        for number in range(600):
            yield endpoint(number)

    took = scan(jobs(), lambda _: 1.0, seconds, workers=4)
    assert took == 400.0  # one after the other; all others beside it, by three workers
    assert max(at for address, at in seconds.items() if address != DEAD) <= 202.0


def is_dead(number: int) -> bool:
    """A tenth of them, at the end of the list too."""
    return number % 10 == 9


def jobs_of(hosts: int) -> Iterator[Endpoint]:
    for number in range(hosts):
        for _ in range(PORTS):
            yield endpoint(number)


def scan(
    jobs: Iterator[Endpoint],
    seconds_of: Callable[[Endpoint], float],
    ended: dict[str, float],
    *,
    workers: int = WORKERS,
    ahead: int = 8,
) -> float:
    """Return the seconds that all jobs take; `ended` gets when each address was connected to last."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        busy: set[str] = set()

        async def probe(job: Endpoint) -> None:
            assert job.address not in busy, "two connections to one address at once"
            busy.add(job.address)
            await asyncio.sleep(seconds_of(job))
            busy.remove(job.address)
            ended[job.address] = loop.time()

        async def feed() -> AsyncIterator[Endpoint]:
            for job in jobs:
                yield job

        room: WaitingRoom[Endpoint] = WaitingRoom(1, 0.0, longest_first=True)
        pool: Pool[Endpoint, None] = Pool(
            probe, lambda _: None, room, concurrency=workers, rate=0, ahead=ahead * workers, clock=loop.time
        )
        await pool.run(feed())
        return loop.time()

    return run(main())


def test_a_list_with_dead_hosts_takes_hardly_longer_than_its_connections_divided_by_the_workers() -> None:
    hosts = 1000

    def seconds_of(job: Endpoint) -> float:
        return (
            DEAD_SECONDS
            if is_dead(int(job.host.removeprefix("host").removesuffix(".test")))
            else QUICK_SECONDS
        )

    whole = sum(DEAD_SECONDS if is_dead(number) else QUICK_SECONDS for number in range(hosts)) * PORTS
    ended: dict[str, float] = {}
    took = scan(jobs_of(hosts), seconds_of, ended)
    assert len(ended) == hosts
    assert took <= 1.1 * whole / WORKERS
    # As it was: taken in when they are due, dead hosts that come last are waited for.
    assert scan(jobs_of(hosts), seconds_of, {}, ahead=1) > 1.15 * whole / WORKERS


def test_no_more_of_an_endless_list_is_taken_in_than_there_is_to_do() -> None:
    taken = 0

    def counted() -> Iterator[Endpoint]:
        nonlocal taken
        for taken, job in enumerate(islice(jobs_of(100_000), 20_000), start=1):
            if taken % 5000 == 0:
                assert taken - len(done) * 1 <= 9 * WORKERS * PORTS
            yield job

    done: list[str] = []

    def seconds_of(job: Endpoint) -> float:
        done.append(job.host)
        return 0.1

    scan(counted(), seconds_of, {})
    assert len(done) == taken == 20_000
