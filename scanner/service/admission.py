"""Admission to /probe: what is watched, and what the settings allow besides; nothing else is probed."""

from scanner.config import Settings
from scanner.config.web_settings import is_permitted
from scanner.model import PORTS
from scanner.model.target import Target
from scanner.service.whereabouts import Whereabouts


class Admission:
    """Says by the settings in force, and by what is watched, what may be probed for a client.

    What it needs of the targets is gathered once: there may be a hundred thousand.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._hosts = frozenset(named.host for named in settings.targets)
        self._places = frozenset((named.host, named.port) for named in settings.targets)

    def refuse(self, target: Target, watched: Whereabouts) -> str | None:
        """Return why a target may not be probed for a client; None where it may.

        A port outside the table may be named only where it is watched: else this were a port scanner for all.
        """
        host, port = target.host, target.port
        is_watched = host in self._hosts or host in watched
        if not is_watched and not is_permitted(host, self.settings.web.probe.allow):
            return (
                f"{host} is neither watched nor allowed; add it to targets, or to web.probe.allow, "
                "in the configuration of mailport"
            )
        is_port_watched = self.is_named(host, port) or watched.has_port(host, port)
        if port is not None and port not in PORTS and not is_port_watched:
            return f"port {port} of {host} is no mail port, nor is it watched"
        return None

    def is_named(self, host: str, port: int | None) -> bool:
        """Tell whether the settings name a port of a host as a target."""
        return (host, port) in self._places
