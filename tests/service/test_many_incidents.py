"""Thousands of incidents that begin or end at once: told in pieces, each with what is kept, and none lost."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from scanner.discovery import pieces
from scanner.model import Reason
from scanner.model.event import Event, EventKind
from scanner.model.incident import Incident
from scanner.service.chronicle import TOLD_AT_ONCE
from tests.service.test_chronicle import Scene, at_host

HOSTS = 4 * TOLD_AT_ONCE
DOWN = range(0, HOSTS, 2)


class Store(Scene):
    """A scene that keeps apart what was kept at once."""

    def __init__(self) -> None:
        self.at_once: list[tuple[Mapping[str, Incident | None], Sequence[Event]]] = []
        super().__init__()

    def keep_incidents(self, changed: Mapping[str, Incident | None], events: Sequence[Event]) -> None:
        self.at_once.append((changed, events))

    def told(self, kind: EventKind) -> set[str]:
        return {event.subject for _, events in self.at_once for event in events if event.kind is kind}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    """All hosts were well, and every second one is down by now; no slice of time is long enough."""
    monkeypatch.setattr(pieces, "SLICE_SECONDS", 0.0)
    store = Store()
    store.see(*(at_host(25, number) for number in range(HOSTS)), times=4)
    down = [at_host(25, number, reason=Reason.CONNECT_TIMEOUT) for number in DOWN]
    for seen in (*down, *down):
        store.chronicle.remember(seen)
    return store


async def test_each_is_kept_with_its_event_and_others_run_in_between(store: Store) -> None:
    settling = asyncio.create_task(store.chronicle.settle_and_give_way())
    turns = 0
    while not settling.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > HOSTS
    assert len(store.told(EventKind.INCIDENT_OPENED)) == len(DOWN)
    assert len(store.at_once) == len(DOWN) // TOLD_AT_ONCE
    for changed, events in store.at_once:
        assert sorted(each.subject for each in changed.values() if each) == sorted(
            event.subject for event in events
        )
    assert [len(shown) for shown in store.incidents] == [len(DOWN)], "shown at once, all of them"


@pytest.mark.parametrize("turns", [1, HOSTS // 2, 3 * HOSTS + 1])
async def test_none_is_lost_by_a_service_that_ends_meanwhile(store: Store, turns: int) -> None:
    settling = asyncio.create_task(store.chronicle.settle_and_give_way())
    for _ in range(turns):
        await asyncio.sleep(0)
    settling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await settling
    assert len(store.told(EventKind.INCIDENT_OPENED)) == len(DOWN)
    assert len(store.chronicle.events.latest()) >= len(DOWN)


async def test_what_comes_meanwhile_is_told_the_next_time(store: Store) -> None:
    settling = asyncio.create_task(store.chronicle.settle_and_give_way())
    for _ in range(HOSTS // 2):
        await asyncio.sleep(0)
    for _ in range(3):
        store.chronicle.remember(at_host(25, 1, reason=Reason.CONNECT_TIMEOUT))
    gone = at_host(25, 0).endpoint.key
    store.chronicle.forget(gone)
    await settling
    await store.chronicle.settle_and_give_way()
    assert "mx1.example.org" in store.told(EventKind.INCIDENT_OPENED)
    assert store.told(EventKind.INCIDENT_CLOSED) == {gone[0]}
    assert len(store.chronicle.board.open) == len(DOWN)
