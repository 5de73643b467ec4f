"""The exclude list of a worker: read again when told to, and when the file that it is in has changed."""

import asyncio
from collections.abc import Callable

import structlog

from scanner.config import ConfigError, Settings
from scanner.model.exclusion import Exclusion
from scanner.service.file_stamps import read_stamps
from scanner.service.reloads import FILE_CHECK_SECONDS

log = structlog.get_logger(__name__)

_USED = ("cluster", "controls", "limits", "probe", "resolver", "vantage")
"""What a worker goes by beside the list, from its start to its end."""


class WorkerReload:
    """Whoever does not want to be probed must not have to wait for a restart; all else of a worker does.

    Args:
        load: reads the settings again.
        leave_alone: takes the list.
    """

    def __init__(
        self, settings: Settings, load: Callable[[], Settings], leave_alone: Callable[[Exclusion], None]
    ) -> None:
        self._settings = settings
        self._load = load
        self._leave_alone = leave_alone

    async def run(self, hang_up: asyncio.Event) -> None:
        """Read it again whenever the event is set or the file has changed, until cancelled."""
        seen = await self._stamps()
        while True:
            try:
                async with asyncio.timeout(FILE_CHECK_SECONDS):
                    await hang_up.wait()
            except TimeoutError:
                pass
            is_asked = hang_up.is_set()
            hang_up.clear()
            now = await self._stamps()
            if is_asked or now != seen:
                await self._reload()
                now = await self._stamps()
            seen = now

    async def _stamps(self) -> object:
        file = self._settings.exclude_file
        return () if file is None else await asyncio.to_thread(read_stamps, (file,))

    async def _reload(self) -> None:
        try:
            settings = await asyncio.to_thread(self._load)
        except (ConfigError, ValueError, OSError) as error:
            log.error("reload_failed", problems=tuple(str(error).splitlines()))
            return
        listed = {"exclude": settings.exclude, "exclude_file": settings.exclude_file}
        self._settings = self._settings.model_copy(update=listed)
        self._leave_alone(self._settings.exclusion)
        log.info("reloaded", excluded=len(settings.exclude))
        changed = [name for name in _USED if getattr(settings, name) != getattr(self._settings, name)]
        if changed:
            log.warning("restart_needed", settings=changed, why="a worker takes these at its start alone")
