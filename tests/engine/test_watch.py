"""The watch through an outage of the name servers, new plans, draining: what is known is not lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import uvloop

from scanner.config import Settings, default_settings, override
from scanner.demo import Farm, rows_of
from scanner.demo.zone import Records, Trouble
from scanner.discovery import Plan, Planner
from scanner.model import Endpoint, Observation, Reason
from scanner.model.target import parse_target
from scanner.network import Resolver
from scanner.probe import Prober
from scanner.protocol import TlsClient
from scanner.service.parts import Parts, build_parts
from scanner.service.watch import Watch
from scanner.verdict import Policy
from tests.engine.clockwork import observation_of
from tests.network.name_servers import Questions, serving
from tests.probe.probing import until

RECORDS: Records = {
    "a.test": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "b.test": {"A": ["192.0.2.2"]},
}


class PretendedProber(Prober):
    """Finds every endpoint open, at once; `hold` makes it wait."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.probe, ehlo_name="probe.test", tls=TlsClient(), policy=Policy())
        self.hold = asyncio.Event()
        self.hold.set()
        self.probed: list[Endpoint] = []

    async def probe(self, endpoint: Endpoint) -> Observation:
        """Pretend."""
        self.probed.append(endpoint)
        await self.hold.wait()
        return observation_of(endpoint)


def settings_for(*targets: str) -> Settings:
    settings = default_settings([parse_target(text) for text in targets])
    fast = {"limits.rate": 0, "limits.per_address_gap": 0, "limits.concurrency": 10, "ports": [25, 993]}
    return override(settings, fast)


def parts_for(settings: Settings, place: tuple[str, int], prober: Prober | None = None) -> Parts:
    """Make parts that remember nothing, as a reload does."""
    planner = Planner(resolver=Resolver([place], timeout=0.25), ports=settings.ports, allow_private=True)
    return replace(build_parts(settings), planner=planner, prober=prober or PretendedProber(settings))


@asynccontextmanager
async def watching(*targets: str) -> AsyncIterator[tuple[Watch, Questions, tuple[str, int]]]:
    """A running watch that has finished its first pass."""
    async with serving(RECORDS) as (zone, place):
        settings = settings_for(*targets)
        watch = Watch(settings, parts_for(settings, place))
        running = asyncio.create_task(watch.run())
        try:
            async with asyncio.timeout(5):
                await watch.first_pass.wait()
            yield watch, zone, place
        finally:
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running


async def replan(watch: Watch, place: tuple[str, int], *targets: str) -> None:
    """Reload with these targets and wait for the new plan."""
    settings = settings_for(*targets)
    before = watch.findings()
    await watch.apply(settings, parts_for(settings, place))
    await until(lambda: watch.findings() is not before and not watch._planning._wanted.is_set())
    await until(lambda: watch.endpoints_done == watch.endpoints_total)


def hosts_of(watch: Watch) -> dict[str, int]:
    hosts = [observation.endpoint.host for observation in watch.observations()]
    return {host: hosts.count(host) for host in hosts}


async def test_the_first_pass_is_spread_and_then_it_is_ready() -> None:
    async with watching("a.test", "b.test:25") as (watch, _, _):
        assert watch.is_ready
        assert (watch.endpoints_total, watch.endpoints_done) == (5, 5)
        assert hosts_of(watch) == {"a.test": 4, "b.test": 1}
        assert watch.findings() == ()
        assert watch.next_pass_at is not None
        assert b"mailport_endpoint_state" in watch.exposition.render(openmetrics=False)


@pytest.mark.parametrize("trouble", [Trouble.SERVFAIL, Trouble.SILENT])
async def test_an_outage_of_the_name_servers_loses_no_endpoint(trouble: Trouble) -> None:
    async with watching("a.test", "b.test") as (watch, zone, place):
        series = watch.exposition.render(openmetrics=False).count(b'host="a.test"')
        assert series > 0
        zone.change({"a.test": trouble, "b.test": RECORDS["b.test"]})
        for _ in range(2):  # an outage lasts; a reload in the midst of it forgets the resolver's cache
            await replan(watch, place, "a.test", "b.test")
            assert hosts_of(watch) == {"a.test": 4, "b.test": 2}
            (finding,) = watch.findings()
            assert (finding.host, finding.reason) == ("a.test", Reason.DNS_FAILURE)
            scrape = watch.exposition.render(openmetrics=False)
            assert scrape.count(b'host="a.test"') == series
            assert b'mailport_domain_discovery_success{domain="a.test"} 0\n' in scrape
            assert b'mailport_domain_discovery_success{domain="b.test"} 1\n' in scrape
        zone.change(RECORDS)
        await replan(watch, place, "a.test", "b.test")
        assert watch.findings() == ()
        assert hosts_of(watch) == {"a.test": 4, "b.test": 2}


async def test_a_name_that_is_gone_takes_its_endpoints_with_it() -> None:
    async with watching("a.test", "b.test") as (watch, zone, place):
        zone.change({"b.test": RECORDS["b.test"]})
        await replan(watch, place, "a.test", "b.test")
        assert hosts_of(watch) == {"b.test": 2}
        (finding,) = watch.findings()
        assert finding.reason is Reason.NAME_NOT_FOUND
        scrape = watch.exposition.render(openmetrics=False)
        assert b'host="a.test"' not in scrape
        assert b'mailport_domain_discovery_success{domain="a.test"} 0\n' in scrape


async def test_a_target_removed_during_an_outage_is_gone() -> None:
    async with watching("a.test", "b.test") as (watch, zone, place):
        zone.change({"a.test": Trouble.SERVFAIL, "b.test": Trouble.SERVFAIL})
        await replan(watch, place, "b.test:25")
        assert hosts_of(watch) == {"b.test": 1}
        assert [finding.host for finding in watch.findings()] == ["b.test"]


async def test_draining_starts_nothing_new_and_waits_for_what_is_under_way() -> None:
    async with serving(RECORDS) as (_, place):
        settings = settings_for("a.test")
        prober = PretendedProber(settings)
        prober.hold.clear()
        watch = Watch(settings, parts_for(settings, place, prober))
        running = asyncio.create_task(watch.run())
        await until(lambda: len(prober.probed) == 2)  # one for each address
        draining = asyncio.create_task(watch.drain(5))
        await asyncio.sleep(0)
        prober.hold.set()
        await draining
        assert len(watch.observations()) == len(prober.probed) == 2
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_draining_gives_up_after_its_time() -> None:
    async with serving(RECORDS) as (_, place):
        settings = settings_for("b.test")
        prober = PretendedProber(settings)
        prober.hold.clear()
        watch = Watch(settings, parts_for(settings, place, prober))
        running = asyncio.create_task(watch.run())
        await until(lambda: len(prober.probed) == 1)
        async with asyncio.timeout(2):
            await watch.drain(0.1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert watch.observations() == ()


def test_the_real_parts_watch_a_farm() -> None:
    async def main() -> None:
        async with Farm(rows_of("healthy", "refused"), base=None) as farm:
            settings = override(
                settings_for(*map(farm.target_of, farm.scenarios), "nowhere.mail.test:25"),
                {
                    "resolver.servers": [farm.resolver],
                    "probe.allow_private": True,
                    "probe.ca_file": str(farm.ca_file),
                    "probe.ehlo_name": "probe.mail.test",
                },
            )
            watch = Watch(settings, build_parts(settings))
            running = asyncio.create_task(watch.run())
            async with asyncio.timeout(10):
                await watch.first_pass.wait()
            await watch.drain(1)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert {o.reason for o in watch.observations()} == {None, Reason.CONNECTION_REFUSED}
            assert len(watch.observations()) == 8
            assert [finding.reason for finding in watch.findings()] == [Reason.NAME_NOT_FOUND]

    uvloop.run(main())


class SlowPlanner(Planner):
    """Makes plans that take until the test lets them go; the first fault can be the test's."""

    __slots__ = ()
    hold = asyncio.Event()
    faults: ClassVar[list[Exception]] = []
    begun = 0

    async def plan(self, *args: Any, **kwargs: Any) -> Plan:
        type(self).begun += 1
        if self.faults:
            raise self.faults.pop()
        await self.hold.wait()
        return await super().plan(*args, **kwargs)


@asynccontextmanager
async def watching_slowly(*targets: str) -> AsyncIterator[tuple[Watch, Settings, Callable[[], Parts]]]:
    SlowPlanner.hold, SlowPlanner.begun = asyncio.Event(), 0
    async with serving(RECORDS) as (_, place):
        settings = settings_for(*targets)

        def make() -> Parts:
            planner = SlowPlanner(
                resolver=Resolver([place], timeout=0.25), ports=settings.ports, allow_private=True
            )
            return replace(parts_for(settings, place), planner=planner)

        watch = Watch(settings, make())
        running = asyncio.create_task(watch.run())
        try:
            yield watch, settings, make
        finally:
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running


async def test_a_reload_in_the_midst_of_a_plan_makes_a_new_one() -> None:
    async with watching_slowly("a.test") as (watch, settings, make):
        for _ in range(3):
            begun = SlowPlanner.begun
            await watch.apply(settings, make())
            await until(lambda: SlowPlanner.begun > begun)  # noqa: B023 - looked at before the next round
        SlowPlanner.hold.set()
        async with asyncio.timeout(5):
            await watch.first_pass.wait()
        assert hosts_of(watch) == {"a.test": 4}


async def test_a_fault_in_a_plan_does_not_end_the_watch() -> None:
    SlowPlanner.faults.append(RuntimeError("a fault of ours"))
    async with watching_slowly("a.test") as (watch, settings, make):
        await until(lambda: not SlowPlanner.faults)
        SlowPlanner.hold.set()
        await watch.apply(settings, make())
        async with asyncio.timeout(5):
            await watch.first_pass.wait()
        assert hosts_of(watch) == {"a.test": 4}
