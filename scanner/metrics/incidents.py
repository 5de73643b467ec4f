"""The incident families of the scrape: one sample a cause, and which endpoints a wide cause explains."""

from collections.abc import Iterable

from scanner.metrics.labels import label, number, write_header
from scanner.model.incident import Cause, Incident

FAMILIES = {
    "mailport_incident": (
        "How many watched domains an incident concerns: one sample for each cause that explains findings "
        "which are confirmed, the widest that does; absent when it is over."
    ),
    "mailport_endpoint_incident_info": (
        "1 for each endpoint whose findings a wider cause explains: our own network, its provider, its host "
        "or its address; alerts about the endpoint itself leave it out."
    ),
}
"""Name and help; all are gauges."""

_NARROW = frozenset({Cause.CERTIFICATE, Cause.VERDICT})


class IncidentLines:
    """Keeps the lines of the incidents that are open."""

    def __init__(self) -> None:
        self._lines: dict[str, bytes] = {}

    def replace(self, incidents: Iterable[Incident]) -> None:
        """Show exactly these incidents."""
        lines: dict[str, list[str]] = {name: [] for name in FAMILIES}
        for incident in incidents:
            cause, subject = label("cause", incident.cause), label("subject", incident.subject)
            labels = (
                cause,
                label("name", incident.name),
                label("kind", incident.kind),
                subject,
                label("severity", incident.severity.label),
            )
            concerned = number(len(incident.domains))
            lines["mailport_incident"].append(f"mailport_incident{{{','.join(labels)}}} {concerned}\n")
            if incident.cause in _NARROW:
                continue
            for host, address, port, protocol, _ in incident.keys:
                place = (label("host", host), label("address", address), label("port", str(port)))
                joined = ",".join((*place, label("protocol", protocol), cause, subject))
                # Two endpoints that differ in the TLS mode alone are one series.
                line = f"mailport_endpoint_incident_info{{{joined}}} 1\n"
                lines["mailport_endpoint_incident_info"].append(line)
        self._lines = {name: "".join(dict.fromkeys(each)).encode() for name, each in lines.items() if each}

    def render(self, *, openmetrics: bool) -> bytes:
        """Return all lines, family by family."""
        parts = []
        for name, lines in self._lines.items():
            parts += [write_header(name, FAMILIES[name], openmetrics=openmetrics), lines]
        return b"".join(parts)
