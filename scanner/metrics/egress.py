"""The families about our own network, and what its faults leave of an endpoint's series."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from types import MappingProxyType

from scanner.metrics.labels import label, number, write_header
from scanner.model import Observation, Reason
from scanner.model.control import PortStanding, Standings, sum_up
from scanner.verdict.egress import EGRESS_REASONS

FAMILIES = {
    "mailport_egress_blocked": (
        "Whether our own network lets nothing out to the port (1 yes, 0 no), by control servers; for at "
        "least one of IPv4 and IPv6; absent where it cannot be told."
    ),
    "mailport_egress_intercepted": (
        "Whether something in our own network answers the port in place of the servers, or changes what "
        "comes back (1 yes, 0 no), by control servers; absent where it cannot be told."
    ),
}
"""Name and help; both are gauges."""

_READERS: dict[str, Callable[[PortStanding], bool]] = {
    "mailport_egress_blocked": lambda standing: standing.is_blocked,
    "mailport_egress_intercepted": lambda standing: standing.is_intercepted,
}


class EgressBoard:
    """Shows how our own network treats each port at the moment of the scrape."""

    def __init__(self) -> None:
        self._standings: Callable[[], Standings] = lambda: MappingProxyType({})
        self._vantage: Callable[[], str] = lambda: "default"
        self._others: list[tuple[str, Callable[[], Standings]]] = []

    def read_from(self, standings: Callable[[], Standings], vantage: Callable[[], str]) -> None:
        """Show these standings, seen from this place, from now on."""
        self._standings = standings
        self._vantage = vantage

    def read_also(self, vantage: str, standings: Callable[[], Standings]) -> None:
        """Show those of another place as well."""
        self._others.append((vantage, standings))

    def render(self, *, openmetrics: bool) -> bytes:
        """Return all lines; nothing where nothing can be told."""
        sources = [(self._vantage(), self._standings), *self._others]
        found = [(name, ports) for name, standings in sources if (ports := sum_up(standings()))]
        if not found:
            return b""
        parts = []
        for name, documentation in FAMILIES.items():
            parts.append(write_header(name, documentation, openmetrics=openmetrics))
            parts.extend(self._write(name, ports, vantage) for vantage, ports in found)
        return b"".join(parts)

    def _write(self, name: str, ports: Iterable[PortStanding], place: str) -> bytes:
        vantage = label("vantage", place)
        return "".join(
            f"{name}{{{label('port', str(one.port))},{vantage}}} {number(_READERS[name](one))}\n"
            for one in ports
        ).encode()


def shows_the_server(observation: Observation) -> bool:
    """Tell whether a result is about the server at all, and not about our own network."""
    return observation.reason not in EGRESS_REASONS


def without_evidence(observation: Observation) -> Observation:
    """Return a result without what something else than the server may have said."""
    if observation.reason is not Reason.EGRESS_INTERCEPTED:
        return observation
    return replace(
        observation,
        banner=None,
        software=None,
        starttls=None,
        auth_before_tls=None,
        tls=None,
        certificate=None,
        versions=None,
        post_quantum=None,
    )
