"""Planning: looks the targets up again and again, sooner where name servers failed."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)

RETRY_SECONDS = 30.0
"""How soon names are looked up again after the name servers failed for some."""
REDISCOVERY_SECONDS = 300.0
"""How often names are looked up again; answers come from the cache until their TTL is over."""


class Planning:
    """Makes one plan after the other.

    Args:
        plan: makes one, and returns whether name servers failed for some targets.
    """

    def __init__(self, plan: Callable[[], Awaitable[bool]]) -> None:
        self._plan = plan
        self._wanted = asyncio.Event()
        self._under_way: asyncio.Future[bool] | None = None

    def ask(self) -> None:
        """Let the next plan be made at once."""
        self._wanted.set()

    async def give_up(self) -> None:
        """Give up the plan that is being made: it uses parts that go."""
        if self._under_way is not None and not self._under_way.done():
            self._under_way.cancel()
            await asyncio.wait([self._under_way])

    async def run(self) -> None:
        """Plan until cancelled."""
        while True:
            self._wanted.clear()
            has_failed = True
            self._under_way = asyncio.ensure_future(self._plan())
            try:
                has_failed = await asyncio.shield(self._under_way)
            except asyncio.CancelledError:
                if not self._under_way.cancelled():
                    self._under_way.cancel()
                    raise
                continue  # given up for other settings
            except Exception as fault:  # noqa: BLE001 - a fault in one plan must not end the watch
                log.error("planning_failed", error=f"{type(fault).__name__}: {fault}")
            try:
                async with asyncio.timeout(RETRY_SECONDS if has_failed else REDISCOVERY_SECONDS):
                    await self._wanted.wait()
            except TimeoutError:
                continue
