"""The pool with real probes, as the servers see it: connects a second, connections at once, gaps."""

from dataclasses import replace
from itertools import pairwise

import uvloop

from scanner.demo import Farm, Scenario, count_open_at_most, rows_of
from scanner.demo.journal import Journal
from scanner.demo.scenario import describe, opens
from scanner.demo.smtp import BASIC, Smtp
from scanner.engine import Pool, WaitingRoom
from scanner.model import Endpoint, Observation
from tests.engine.clockwork import most_in_any
from tests.engine.probed import feed
from tests.probe.probing import endpoint_of, prober_for

MANY = tuple(
    describe(f"many{number}", "without TLS, quickly done", 25, Smtp(before=BASIC), opens("starttls_missing"))
    for number in range(50)
)
SEVEN = rows_of("healthy")
SLOW = tuple(replace(row, greeting_delay=1.0) for row in SEVEN)
"""The same with greetings that the farm delays."""


def scan(
    rows: tuple[Scenario, ...],
    *,
    concurrency: int = 50,
    rate: float = 0,
    per_address: int = 1,
    gap: float = 0.0,
    delay: float = 0.0,
) -> tuple[list[Observation], Journal]:
    """Probe every row once; return the results and the farm's journal."""
    found: list[Observation] = []

    async def main() -> Journal:
        async with Farm(rows, base=None, greeting_delay=delay) as farm:
            waiting: WaitingRoom[Endpoint] = WaitingRoom(per_address, gap)
            pool: Pool[Endpoint, Observation] = Pool(
                prober_for(farm).probe, found.append, waiting, concurrency=concurrency, rate=rate
            )
            await pool.run(feed([endpoint_of(farm, row) for row in rows]))
            return farm.log

    log = uvloop.run(main())
    assert len(found) == len(rows)
    assert {observation.reason for observation in found} == {None}
    return found, log


def moments(log: Journal, event: str) -> list[float]:
    return [entry.at for entry in log if entry.event == event]


def test_no_second_sees_more_connects_than_the_rate() -> None:
    rate = 40
    _, log = scan(MANY, rate=rate)
    connects = moments(log, "connect")
    assert len(connects) == len(MANY)
    # One more: a connect is noted when the server's loop gets to it, which may be a moment later for one
    # than for the next.
    assert most_in_any(1.0, connects) <= rate + 1
    assert 1.1 < connects[-1] - connects[0] < 2.5


def test_no_more_connections_are_open_than_allowed() -> None:
    _, log = scan(MANY, concurrency=4)
    assert count_open_at_most(log) == 4


def test_one_address_has_one_connection_at_a_time() -> None:
    _, log = scan(SEVEN)
    assert len(moments(log, "connect")) == 7
    assert count_open_at_most(log) == 1


def test_two_connections_to_one_address_where_two_are_allowed() -> None:
    _, log = scan(SLOW, per_address=2, delay=0.2)
    assert count_open_at_most(log) == 2


def test_the_gap_is_kept_between_the_connections_to_one_address() -> None:
    _, log = scan(SEVEN, gap=0.15)
    pairs = zip(moments(log, "disconnect"), moments(log, "connect")[1:], strict=False)
    # The server learns of the end a moment after the client has made it.
    assert min(connect - disconnect for disconnect, connect in pairs) > 0.15 - 0.05


def test_the_gap_is_kept_between_starts_where_more_than_one_may_be_open() -> None:
    _, log = scan(SLOW, per_address=3, gap=0.1, delay=0.25, rate=100)
    connects = moments(log, "connect")
    assert min(later - earlier for earlier, later in pairwise(connects)) > 0.1 - 0.05
    assert count_open_at_most(log) >= 2


def test_other_addresses_do_not_wait_for_a_slow_one() -> None:
    rows = (*rows_of("greeting-slow"), *MANY[:20])
    found, _ = scan(rows, concurrency=2, delay=1.0)
    assert found[-1].endpoint.host == "greeting-slow.mail.test"
