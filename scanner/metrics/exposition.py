"""Keeps the endpoint series as ready-made lines, so that a scrape only joins bytes."""

from prometheus_client import CollectorRegistry

from scanner.metrics.domains import DomainBoard
from scanner.metrics.egress import EgressBoard, shows_the_server, without_evidence
from scanner.metrics.families import FAMILIES, Family
from scanner.metrics.incidents import IncidentLines
from scanner.metrics.labels import label, number
from scanner.metrics.own import END, write_own
from scanner.model import Observation
from scanner.model.observation import Key


class Exposition:
    """All that `/metrics` shows: one set of lines an endpoint, and our own metrics behind them.

    Lines are rendered when an observation arrives. A scrape of a million samples then costs
    milliseconds instead of seconds. To be used from one thread, as everything on the loop is.
    """

    def __init__(self, *, vantages: bool = False, registry: CollectorRegistry | None = None) -> None:
        """Label the series by vantage too if `vantages`; `registry` holds our own metrics."""
        self._has_vantages = vantages
        self._registry = registry
        self._lines: dict[str, dict[str, bytes]] = {family.name: {} for family in FAMILIES}
        self._labels: dict[Key, set[str]] = {}
        self._holders: dict[str, Key] = {}
        self.domains = DomainBoard()
        self.incidents = IncidentLines()
        self.egress = EgressBoard()

    def accept(self, observation: Observation) -> None:
        """Replace everything shown of the endpoint by what this observation says.

        Kept families (the last success, the certificate's expiry) keep their last known value.
        Two endpoints that differ only in their TLS mode have the same labels: the first one seen
        holds the series until it is removed, since a series may not be written twice. A result that
        our own network is to blame for says nothing of the server, nor of the domains: what is
        known of them stands.
        """
        is_about_server = shows_the_server(observation)
        if is_about_server:
            self.domains.accept(observation)
        else:
            observation = without_evidence(observation)
        key = observation.endpoint.key
        labels = self._write_labels(observation)
        if self._holders.setdefault(labels, key) != key:
            return
        self._labels.setdefault(key, set()).add(labels)
        for family in FAMILIES:
            if family.is_judgement and not is_about_server:
                continue
            lines = _write_lines(family, labels, observation)
            if lines:
                self._lines[family.name][labels] = lines
            elif not family.is_kept:
                self._lines[family.name].pop(labels, None)

    def remove(self, key: Key) -> None:
        """Forget an endpoint with all its series; an unknown one is no error."""
        for labels in self._labels.pop(key, ()):
            self._drop(labels)

    def render(self, *, openmetrics: bool) -> bytes:
        """Return the whole document: OpenMetrics 1.0 text, or the text format 0.0.4."""
        parts: list[bytes] = []
        for family in FAMILIES:
            lines = self._lines[family.name]
            if lines:
                parts.append(family.header(openmetrics=openmetrics))
                parts.extend(lines.values())
        parts.append(self.domains.render(openmetrics=openmetrics))
        parts.append(self.incidents.render(openmetrics=openmetrics))
        parts.append(self.egress.render(openmetrics=openmetrics))
        if self._registry is not None:
            parts.append(write_own(self._registry, openmetrics=openmetrics))
        if openmetrics:
            parts.append(END)
        return b"".join(parts)

    def endpoints(self) -> int:
        """Return how many endpoints have been seen and not removed."""
        return len(self._labels)

    def _write_labels(self, observation: Observation) -> str:
        endpoint = observation.endpoint
        pairs = [
            label("host", endpoint.host),
            label("address", endpoint.address),
            label("port", str(endpoint.port)),
            label("protocol", endpoint.protocol),
        ]
        if self._has_vantages:
            pairs.append(label("vantage", observation.vantage))
        return ",".join(pairs)

    def _drop(self, labels: str) -> None:
        self._holders.pop(labels, None)
        for lines in self._lines.values():
            lines.pop(labels, None)


def _write_lines(family: Family, labels: str, observation: Observation) -> bytes:
    return "".join(
        f"{family.name}{{{labels}{',' if more else ''}{more}}} {number(value)}\n"
        for more, value in family.read(observation)
    ).encode()
