"""What makes the service read its configuration again: a signal, and files that have changed."""

import asyncio
from pathlib import Path
from typing import Protocol

from scanner.service.file_stamps import read_stamps
from scanner.service.supervisor import Supervisor
from scanner.web import ReloadOutcome

FILE_CHECK_SECONDS = 5.0


class Reloadable(Protocol):
    """What can be told to reload."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that the settings in force hang on."""

    async def reload(self, *, is_fresh: bool = True) -> ReloadOutcome:
        """Read the configuration again."""


async def reload_on(hang_up: asyncio.Event, service: Reloadable, supervisor: Supervisor) -> None:
    """Reload whenever the event is set, until cancelled."""
    while True:
        await hang_up.wait()
        hang_up.clear()
        with supervisor.reloading():
            await service.reload()


async def reload_on_change(service: Reloadable) -> None:
    """Reload when a file that the settings name (targets, CA) has changed, until cancelled."""
    seen = await asyncio.to_thread(read_stamps, service.files)
    while True:
        await asyncio.sleep(FILE_CHECK_SECONDS)
        now = await asyncio.to_thread(read_stamps, service.files)
        if now != seen:
            await service.reload(is_fresh=False)
        seen = now
