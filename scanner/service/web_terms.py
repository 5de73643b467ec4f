"""Keeps the terms of the web configuration file in force: read again when it, or a file it names, changes."""

import asyncio
import socket
from pathlib import Path

import structlog

from scanner.config import ConfigError, Settings
from scanner.service.file_stamps import Stamp, read_stamps
from scanner.service.parts import Parts
from scanner.web.guard import Names, Terms, read_terms

log = structlog.get_logger(__name__)

CHECK_SECONDS = 2.0


class WebTerms:
    """Holds the terms of a file; without one everybody is let in, and nothing is ever read.

    Raises:
        ConfigError: the file, or one that it names, cannot be used.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: tuple[Stamp, ...] = ()
        self._terms = Terms()
        if path is not None:
            self._terms = read_terms(path)
            self._seen = read_stamps(self._terms.files)

    def find(self) -> Terms:
        """Return the terms in force."""
        return self._terms

    async def run(self) -> None:
        """Read the file again whenever it has changed, until cancelled."""
        while self._path is not None:
            await asyncio.sleep(CHECK_SECONDS)
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> None:
        """Read the file again where it has changed; a bad one leaves the former terms in force."""
        if self._path is None:
            return
        # Before it is read: what changes while it is being read is seen the next time.
        stamps = read_stamps(self._terms.files)
        if stamps == self._seen:
            return
        self._seen = stamps
        try:
            terms = read_terms(self._path)
        except ConfigError as error:
            log.error("web_config_not_loaded", problems=str(error).splitlines())
            return
        if (why := _refuse(terms, self._terms)) is not None:
            log.error("web_config_not_loaded", problems=[why])
            return
        self._seen = read_stamps(terms.files)
        self._terms = terms
        log.info("web_config_loaded", file=str(self._path))


def find_names(settings: Settings, parts: Parts) -> Names:
    """Return what the service may be called: also by the name that it gives in EHLO, this machine's full one.

    It costs no time: nobody is asked for these names.
    """
    own = (socket.gethostname(), parts.prober.ehlo_name, settings.web.host)
    return Names(settings.web.hosts, tuple(map(str.lower, own)))


def _refuse(terms: Terms, former: Terms) -> str | None:
    """Return why terms cannot follow on others while the service runs."""
    if (terms.context is None) is not (former.context is None):
        return "to switch TLS on or off takes a restart"
    if terms.passwords is None and former.passwords is not None:
        # A file that is being written is empty for a moment.
        return "to do without passwords takes a restart"
    return None
