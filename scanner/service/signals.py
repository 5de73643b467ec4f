"""What the process is told by signals: to stop, and to read its configuration again."""

import asyncio
import signal
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Signals:
    """SIGTERM and SIGINT, and SIGHUP, as events."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    hang_up: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def catch(cls) -> "Signals":
        """Take the signals of this process from now on."""
        signals = cls()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, signals.stop.set)
        loop.add_signal_handler(signal.SIGHUP, signals.hang_up.set)
        return signals

    async def until_stop(self, work: Coroutine[Any, Any, object] | None = None) -> bool:
        """Wait until told to stop; return False where the work ended before. Its own faults come out here.

        The work goes on beside until then, and is cancelled at the end.
        """
        stopping = asyncio.create_task(self.stop.wait())
        working = None if work is None else asyncio.create_task(work)
        tasks = {stopping} if working is None else {stopping, working}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if working is not None and working.done():
                working.result()
            return stopping.done()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
