"""The workers of a cluster, borrowed for one scan; the code of the cluster is loaded only then."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from scanner.config import Settings
from scanner.probe import Prober


class BorrowError(Exception):
    """There is no broker or no worker; the text says which, and how to mend it."""

    def __init__(self, text: str, *, is_configuration: bool) -> None:
        super().__init__(text)
        self.is_configuration = is_configuration


class Borrowed:
    """The workers at `cluster.broker`.

    Args:
        tell: told in a sentence when they are gone in the middle, and when they are back.
    """

    def __init__(self, settings: Settings, tell: Callable[[str], None]) -> None:
        from scanner.cluster import remote_prober, scan_fleet  # noqa: PLC0415 - nobody else needs it

        self._fleet = scan_fleet.ScanFleet(settings, tell)
        self.make_prober: Callable[..., Prober] = partial(remote_prober.RemoteProber, self._fleet)

    async def lend_to(self, scan: Coroutine[Any, Any, None]) -> None:
        """Run a scan, whose probes workers make."""
        async with asyncio.TaskGroup() as group:
            working = group.create_task(self._fleet.run())
            try:
                await scan
            finally:
                working.cancel()


async def check_workers(settings: Settings) -> None:
    """See that broker and workers are there.

    Raises:
        BorrowError: they are not.
    """
    from scanner.cluster.lack import find_lack  # noqa: PLC0415 - as above

    lack = await find_lack(settings)
    if lack is not None:
        raise BorrowError(lack.text, is_configuration=lack.is_configuration)
