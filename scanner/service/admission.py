"""Admission to /probe: what is watched, and what the settings allow besides; nothing else is probed."""

from collections.abc import Iterable

from scanner.config import Settings
from scanner.config.web_settings import is_permitted
from scanner.model import PORTS
from scanner.model.observation import Key
from scanner.model.target import Target


def refuse_target(target: Target, settings: Settings, watched: Iterable[Key]) -> str | None:
    """Return why a target may not be probed for a client; None where it may.

    A port outside the table may be named only where it is watched: else this were a port scanner for all.
    """
    places = {(named.host, named.port) for named in settings.targets}
    hosts = {host for host, _ in places}
    is_watched = target.host in hosts
    is_port_watched = (target.host, target.port) in places
    for host, address, port, _, _ in watched:
        if target.host in (host, address):
            is_watched = True
            is_port_watched = is_port_watched or port == target.port
    if not is_watched and not is_permitted(target.host, settings.web.probe.allow):
        return (
            f"{target.host} is neither watched nor allowed; add it to targets, or to web.probe.allow, "
            "in the configuration of mailport"
        )
    if target.port is not None and target.port not in PORTS and not is_port_watched:
        return f"port {target.port} of {target.host} is no mail port, nor is it watched"
    return None
