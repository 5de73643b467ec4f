"""What is cancelled ends, though something in it swallows the first cancellations."""

import asyncio

import pytest

from scanner.accounts.insist import insist


async def test_a_swallowed_cancellation_is_repeated() -> None:
    swallowed = []
    begun = asyncio.Event()

    async def stubborn() -> None:
        begun.set()
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                swallowed.append(1)
                if len(swallowed) == 3:
                    raise

    running = asyncio.create_task(insist(stubborn()))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 60)
    assert len(swallowed) == 3


async def test_results_and_errors_pass() -> None:
    async def fails() -> None:
        raise LookupError("as it is")

    assert await insist(asyncio.sleep(0, "done")) == "done"
    with pytest.raises(LookupError, match="as it is"):
        await insist(fails())
