"""What of changed settings no reload takes: it counts from the next start on."""

from collections.abc import Callable
from operator import attrgetter

from scanner.config import Settings

_AT_START: dict[str, Callable[[Settings], object]] = {
    name: attrgetter(name)
    for name in (
        "web.listen",
        "store",
        "cluster.broker",
        "cluster.password_file",
        "cluster.ca_file",
        "cluster.queue",
        "cluster.lease",
        "cluster.takeover",
    )
} | {"cluster.vantages": lambda settings: {each.name for each in settings.cluster.vantages}}


def find_restart_needs(begun: Settings, now: Settings) -> list[str]:
    """Return the settings that are others than at the start and that a running service does not take."""
    return [name for name, read in _AT_START.items() if read(begun) != read(now)]
