"""Reloads that are asked for together are joined, and keep what the resolver knows."""

import asyncio
import threading

from scanner.config import Settings, default_settings, override
from scanner.model.target import parse_target
from scanner.service.monitored import Service
from scanner.service.parts import build_parts
from scanner.service.watch import Watch

SETTINGS = default_settings([parse_target("mail.test:25")])


async def test_those_who_come_while_one_runs_share_the_next() -> None:
    may_go_on = threading.Event()
    loads = []

    def load() -> Settings:
        loads.append(1)
        assert may_go_on.wait(20)
        return SETTINGS

    service = Service(Watch(SETTINGS, build_parts(SETTINGS)), load)
    first = asyncio.create_task(service.reload())
    while not loads:
        await asyncio.sleep(0)
    others = [asyncio.create_task(service.reload()) for _ in range(30)]
    await asyncio.sleep(0)
    may_go_on.set()

    assert all(outcome.ok for outcome in await asyncio.gather(first, *others))
    assert len(loads) == 2


async def test_a_failing_file_system_is_a_failed_reload() -> None:
    def load() -> Settings:
        raise OSError("no more files")

    outcome = await Service(Watch(SETTINGS, build_parts(SETTINGS)), load).reload()

    assert (outcome.ok, outcome.problems) == (False, ("no more files",))


def test_the_resolver_stays_unless_its_settings_change() -> None:
    parts = build_parts(SETTINGS)
    same = override(SETTINGS, {"limits.rate": 3})
    other = override(SETTINGS, {"resolver.timeout": 1})

    assert build_parts(same, (SETTINGS, parts)).planner.resolver is parts.planner.resolver
    assert build_parts(other, (SETTINGS, parts)).planner.resolver is not parts.planner.resolver
