"""The incident families of the scrape: one sample a cause, and which endpoints a wide cause explains."""

from collections.abc import Iterable, Iterator
from itertools import islice

from scanner.metrics.labels import label, number, write_header
from scanner.model.incident import Cause, Incident

FAMILIES = {
    "mailport_incident": (
        "How many watched domains an incident concerns: one sample for each cause that explains findings "
        "which are confirmed, the widest that does; absent when it is over."
    ),
    "mailport_incident_since_timestamp_seconds": (
        "Since when an incident is open, in seconds since 1970 by our clock; absent when it is over."
    ),
    "mailport_endpoint_incident_info": (
        "1 for each endpoint whose findings a wider cause explains: our own network, its provider, its host "
        "or its address; alerts about the endpoint itself leave it out."
    ),
}
"""Name and help; all are gauges."""

PIECE_LINES = 200
"""How many lines are written at once: about a millisecond."""

_NARROW = frozenset({Cause.CERTIFICATE, Cause.VERDICT})


class IncidentLines:
    """Writes the lines of the incidents that are open."""

    def __init__(self) -> None:
        self._incidents: tuple[Incident, ...] = ()

    def replace(self, incidents: Iterable[Incident]) -> None:
        """Show exactly these incidents."""
        self._incidents = tuple(incidents)

    def pieces(self, *, openmetrics: bool) -> Iterator[bytes]:
        """Return all lines, family by family, in pieces."""
        incidents = self._incidents  # those of this moment for all families
        for (name, documentation), lines in zip(
            FAMILIES.items(),
            (map(_write, incidents), map(_write_since, incidents), _write_keys(incidents)),
            strict=True,
        ):
            header = write_header(name, documentation, openmetrics=openmetrics)
            for piece in _in_pieces(lines):
                yield header + piece
                header = b""

    def render(self, *, openmetrics: bool) -> bytes:
        """Return all lines at once."""
        return b"".join(self.pieces(openmetrics=openmetrics))


def _write(incident: Incident) -> str:
    return f"mailport_incident{{{_labels_of(incident)}}} {number(len(incident.domains))}\n"


def _write_since(incident: Incident) -> str:
    since = number(incident.since.timestamp())
    return f"mailport_incident_since_timestamp_seconds{{{_labels_of(incident)}}} {since}\n"


def _labels_of(incident: Incident) -> str:
    return ",".join(
        (
            label("cause", incident.cause),
            label("name", incident.name),
            label("kind", incident.kind),
            label("subject", incident.subject),
            label("severity", incident.severity.label),
        )
    )


def _write_keys(incidents: Iterable[Incident]) -> Iterator[str]:
    for incident in incidents:
        if incident.cause in _NARROW:
            continue
        cause = f"{label('cause', incident.cause)},{label('subject', incident.subject)}"
        for host, address, port, protocol, _ in incident.keys:
            place = (label("host", host), label("address", address), label("port", str(port)))
            joined = ",".join((*place, label("protocol", protocol), cause))
            yield f"mailport_endpoint_incident_info{{{joined}}} 1\n"


def _in_pieces(lines: Iterator[str]) -> Iterator[bytes]:
    """Join lines, each once: two endpoints that differ in the TLS mode alone are one series."""
    told: set[str] = set()
    while batch := list(islice(lines, PIECE_LINES)):
        new = [line for line in dict.fromkeys(batch) if line not in told]
        told.update(new)
        yield "".join(new).encode()
