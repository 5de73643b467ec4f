"""Who leads goes on while the database hangs, as long as the broker knows of nobody else."""

import asyncio
import threading

import pytest

from scanner.service.election import Election, Term
from scanner.store.fence import Fence
from scanner.store.place import Place

PATIENCE = 4.0


async def test_a_database_that_hangs_is_one_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    election = Election(Place(url="postgresql://nobody.test/mailport"), "default", PATIENCE)
    may_go_on, beats = threading.Event(), list[Fence]()
    has_asked, confirmed = asyncio.Event(), 0

    def beat(fence: Fence) -> bool:
        beats.append(fence)
        may_go_on.wait()
        return True

    async def confirm() -> bool:
        nonlocal confirmed
        confirmed += 1
        if confirmed == 2:
            has_asked.set()
        return True

    monkeypatch.setattr(election._lease, "beat", beat)
    term = Term(election, Fence("default", 1), election.now)
    holding = asyncio.create_task(term.hold(confirm))
    try:
        async with asyncio.timeout(30):
            await has_asked.wait()
            assert term.is_fresh
            assert election.error is not None
            assert "no answer within 2 s" in election.error
            assert len(beats) == 1, "one question hangs, and no others behind it"
            may_go_on.set()
            while election.error is not None:
                await asyncio.sleep(0.01)
            assert len(beats) > 1
    finally:
        may_go_on.set()
        holding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holding
        election.close()
