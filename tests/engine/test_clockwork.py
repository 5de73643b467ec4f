"""The clockwork loop: its clock never stands still, however fine the differences that are waited for."""

import asyncio

from tests.engine.clockwork import run

EARLY = 5e-10
"""Less than the resolution of a system's clock, by which asyncio lets timers go off early."""


def test_two_that_find_it_a_little_too_early_do_not_keep_the_clock_still() -> None:
    async def wait_until(due: float, turns: int) -> int:
        loop, rounds = asyncio.get_running_loop(), 0
        while (left := due - loop.time()) > 0 and rounds < 1000:
            rounds += 1
            for _ in range(turns):
                await asyncio.sleep(0)
            try:
                async with asyncio.timeout(left):
                    await asyncio.Event().wait()
            except TimeoutError:
                continue
        return rounds

    async def main() -> list[int]:
        await asyncio.sleep(1.0)
        return await asyncio.gather(*(wait_until(1.0 + EARLY, turns) for turns in range(4)))

    assert max(run(main())) < 10
