"""What lives long is set aside from the garbage collector: all that is reachable, nothing that is garbage."""

import asyncio
import gc
import socket
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from scanner.config import override
from scanner.service import long_lived, serve
from scanner.service.long_lived import set_aside
from scanner.service.watch import Watch
from tests.engine.test_watch import RECORDS, parts_for, settings_for
from tests.network.name_servers import serving
from tests.probe.probing import until


@pytest.fixture(autouse=True)
def mended() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


class Ring:
    """Garbage that only the collector can free."""

    def __init__(self) -> None:
        self.itself = self


def test_what_lives_is_passed_over_and_what_is_garbage_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_lived, "MOST_LOOKED_AT", 10**9)  # however much the other tests have left
    kept, gone = Ring(), weakref.ref(Ring())
    set_aside()
    assert gone() is None
    assert gc.get_freeze_count() > 1000
    later = weakref.ref(kept)
    del kept
    gc.collect()
    assert later() is not None  # out of the collector's sight
    set_aside()
    assert later() is None  # until the next time


def test_of_very_much_only_what_came_lately_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    set_aside()
    before, gone = gc.get_freeze_count(), weakref.ref(Ring())
    monkeypatch.setattr(long_lived, "MOST_LOOKED_AT", 1000)
    looked_at: list[int] = []

    def note(phase: str, about: dict[str, int]) -> None:
        if phase == "start":
            looked_at.append(about["generation"])

    gc.callbacks.append(note)
    try:
        set_aside()
    finally:
        gc.callbacks.remove(note)
    assert max(looked_at) == 1
    assert gone() is None
    assert gc.get_freeze_count() >= before * 0.9


async def test_it_happens_after_the_first_plan_with_any_settings() -> None:
    calls: list[bool] = []
    async with serving(RECORDS) as (_, place):
        settings = settings_for("a.test")
        watch = Watch(
            settings, parts_for(settings, place), on_planned=lambda: calls.append(watch._is_planned)
        )
        running = asyncio.create_task(watch.run())
        await until(lambda: len(calls) == 1)
        watch._planning.ask()
        await until(lambda: not watch._planning._wanted.is_set())
        await watch.plan()
        assert calls == [True]
        settings = settings_for("b.test")
        await watch.apply(settings, parts_for(settings, place))
        await until(lambda: len(calls) == 2)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


class Briefly:
    """A term that is over as soon as the first plan is made; the election as well."""

    fence, token, is_fresh = None, 1, True

    def __init__(self, watches: "list[weakref.ref[Watch]]") -> None:
        self._watches = watches

    def _has_planned(self) -> bool:
        watch = self._watches[-1]() if self._watches else None
        return watch is not None and watch._is_planned and not watch._has_new_settings

    async def hold(self, _: object) -> None:
        await until(self._has_planned)

    async def end(self) -> None:
        """There is nothing to give back."""

    async def close(self) -> None:
        """Nor to close."""


async def test_a_watch_that_leads_no_more_is_freed_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_lived, "MOST_LOOKED_AT", 1000)  # as with many domains: little is looked at again
    watches: list[weakref.ref[Watch]] = []
    left: list[Watch | None] = []

    class Noted(Watch):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            watches.append(weakref.ref(self))

    async def stand_by(*_: object) -> Briefly | None:
        left.extend(watch() for watch in watches)
        return None if watches else Briefly(watches)

    monkeypatch.setattr(serve, "Watch", Noted)
    monkeypatch.setattr(serve, "open_election", lambda *_: Briefly(watches))
    monkeypatch.setattr(serve, "stand_by", stand_by)
    settings = override(settings_for("192.0.2.1"), {"controls.enabled": False, "store.enabled": False})
    async with asyncio.timeout(60):
        await serve.run_service(settings, lambda: settings, socket.create_server(("127.0.0.1", 0)))
    assert len(watches) == 1
    assert left == [None]
