"""Joined plans: in the order of the targets, equal parts one value, in pieces that leave the loop free."""

import asyncio
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from scanner.demo.zone import Records
from scanner.discovery import Plan, Planner, merge
from scanner.discovery.merge import Former, Merger
from scanner.discovery.pieces import SLICE_SECONDS, give_way
from scanner.discovery.plan import LOOKUPS_AT_ONCE
from scanner.model import Endpoint, Expectation, Proof, Protocol, Role, StsClaim, StsMode, StsPolicy, TlsMode
from scanner.model.domain import DomainFacts
from scanner.model.target import parse_target
from scanner.network import Resolver
from tests.network.name_servers import serving

RECORDS: Records = {
    "both.test": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "two.test": {"A": ["192.0.2.1", "192.0.2.2"]},
}


@asynccontextmanager
async def planning() -> AsyncIterator[Planner]:
    async with serving(RECORDS) as (_, place):
        yield Planner(Resolver([place], timeout=1), (25, 993), allow_private=True)


def endpoint(host: str, *domains: str) -> Endpoint:
    return Endpoint(host, "192.0.2.1", 25, Protocol.SMTP, TlsMode.STARTTLS, Role.MX, "mx", domains)


def test_merging_joins_the_domains_in_their_order() -> None:
    plans = [
        Plan((endpoint("mx.test", "a.test"),), ()),
        Plan((endpoint("other.test", "c.test"), endpoint("mx.test", "b.test", "a.test")), ()),
        Plan((endpoint("mx.test", "d.test"),), ()),
    ]
    first, second = merge(plans).endpoints
    joined = endpoint("mx.test", "a.test", "b.test", "d.test")
    assert first == replace(joined, sources=(("a.test", "mx"), ("b.test", "mx"), ("d.test", "mx")))
    assert second == endpoint("other.test", "c.test")
    assert merge([]) == Plan((), ())


def steps_of(steps: Generator[None, None, Plan]) -> list[Plan | None]:
    """Return what the steps yield, and what they come to in the end."""
    found: list[Plan | None] = []
    while True:
        try:
            found.append(next(steps))
        except StopIteration as end:
            return [*found, end.value]


@given(order=st.permutations(range(4)))
def test_plans_are_joined_in_the_order_of_the_targets_whichever_is_ready_first(order: list[int]) -> None:
    ends = [endpoint("mx.test", f"d{rank}.test") for rank in range(3)]
    policy = StsPolicy(StsMode.TESTING, ("mx.test",), 86400)
    claims = [Expectation(f"p{rank}", mta_sts=(StsClaim(policy, (f"d{rank}.test",)),)) for rank in (1, 2)]
    plans = [
        Plan((replace(ends[0], source="guess", proof=Proof.GREETING),), (), (DomainFacts("d0.test"),)),
        Plan((replace(ends[1], expectation=claims[0]),), (), (DomainFacts("d1.test"),)),
        Plan((replace(ends[2], expectation=claims[1]),), (), (DomainFacts("d2.test"),)),
        Plan((endpoint("other.test", "d3.test"),), (), (DomainFacts("d0.test", is_found=False),)),
    ]
    merger = Merger(Former())
    for rank in order:
        merger.add(rank, plans[rank])
    *_, joined = steps_of(merger.join())
    assert joined == merge(plans)
    assert isinstance(joined, Plan)
    first = joined.endpoints[0]
    assert (first.domains, first.source, first.proof) == (("d0.test", "d1.test", "d2.test"), "mx", Proof.NONE)
    assert first.expectation is not None
    assert (first.expectation.provider, first.expectation.mta_sts[0].domains) == (
        "p1",
        ("d1.test", "d2.test"),
    )
    assert [(facts.domain, facts.is_found) for facts in joined.domains] == [
        ("d0.test", False),
        ("d1.test", True),
        ("d2.test", True),
    ]


async def test_a_plan_knows_the_addresses_of_its_hosts() -> None:
    ends = [endpoint("mx.test", "a.test"), endpoint("mx.test", "b.test"), endpoint("other.test", "a.test")]
    found = await give_way(Plan(tuple(ends), ()).list_addresses())
    assert found == {"mx.test": ("192.0.2.1",), "other.test": ("192.0.2.1",)}


async def test_what_is_equal_again_is_the_same_value() -> None:
    """So whoever compares it sees at once that nothing has changed."""
    async with planning() as planner:
        targets = [parse_target(text) for text in ("two.test", "both.test:25", "192.0.2.9")]
        before, after = await planner.plan(targets), await planner.plan(targets)
        fewer = await planner.plan(targets[1:])
    assert before == after
    assert all(one is other for one, other in zip(before.endpoints, after.endpoints, strict=True))
    assert all(one is other for one, other in zip(before.domains, after.domains, strict=True))
    assert {one.host for one in fewer.endpoints} == {"both.test", "192.0.2.9"}
    assert planner.former.domains.keys() == {"both.test", "192.0.2.9"}


def test_a_look_up_that_took_another_time_makes_no_new_list_of_domains() -> None:
    former = Former()
    found = []
    for seconds in (0.1, 0.2):
        merger = Merger(former)
        for rank in range(3):
            one = replace(endpoint("mx.test", f"d{rank}.test"), dns_seconds=seconds)
            merger.add(rank, Plan((one,), ()))
        found.append(steps_of(merger.join())[-1])
    before, after = found
    assert before is not None
    assert after is not None
    assert (before.endpoints[0].dns_seconds, after.endpoints[0].dns_seconds) == (0.1, 0.2)
    assert after.endpoints[0].sources is before.endpoints[0].sources
    assert after.endpoints[0].domains is before.endpoints[0].domains


async def test_many_targets_leave_the_loop_to_others() -> None:
    """Where all is known nobody waits for anything, and others still get their turn."""
    turns = 0

    async def beat() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with planning() as planner:
        others = asyncio.ensure_future(beat())
        found = await planner.plan([parse_target(f"192.0.2.{number}:25") for number in range(1, 255)] * 4)
        others.cancel()
    assert len(found.endpoints) == 254
    assert turns >= 4 * 254 / LOOKUPS_AT_ONCE


async def test_long_work_gives_way_once_a_slice_is_over() -> None:
    """By the clock: ten steps of a third of a slice each let others run three times."""
    now, order = 0.0, []

    def work() -> Generator[None, None, str]:
        nonlocal now
        for step in range(10):
            order.append(str(step))
            now += SLICE_SECONDS / 3 + 1e-9
            yield
        return "done"

    async def other() -> None:
        while True:
            order.append("other")
            await asyncio.sleep(0)

    task = asyncio.ensure_future(other())
    assert await give_way(work(), clock=lambda: now) == "done"
    task.cancel()
    assert "".join(one[0] for one in order) == "012o345o678o9"


async def test_work_that_is_broken_off_is_broken_off_for_good() -> None:
    steps = (None for _ in iter(int, 1))  # without end
    task = asyncio.ensure_future(give_way(steps))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()
