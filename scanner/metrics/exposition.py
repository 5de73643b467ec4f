"""Keeps the endpoint series as ready-made lines, so that a scrape only joins texts."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import fields
from operator import attrgetter

from prometheus_client import CollectorRegistry

from scanner.config.metrics_settings import Detail
from scanner.metrics import full
from scanner.metrics.accounts import AccountBoard
from scanner.metrics.detail import is_shown
from scanner.metrics.domains import DomainBoard
from scanner.metrics.egress import EgressBoard, shows_the_server, without_evidence
from scanner.metrics.families import FAMILIES
from scanner.metrics.incidents import IncidentLines
from scanner.metrics.labels import label, write_header
from scanner.metrics.own import END, write_own
from scanner.metrics.sheet import Sheet
from scanner.model import Observation, Reason
from scanner.model.observation import Key

_Identity = tuple[str | int, ...]
"""A key; with the vantage behind it where there is more than one."""

_FLEETING = frozenset({"started_at", "duration", "phases", "bytes_read"})
"""What differs from probe to probe; families that are not fleeting do not hang on it."""
_lasting = attrgetter(*(each.name for each in fields(Observation) if each.name not in _FLEETING))


class Exposition:
    """All that `/metrics` shows: one set of lines an endpoint, and our own metrics behind them.

    What a line says is rendered when an observation arrives. A scrape of a million samples then costs
    a fraction of a second instead of many. To be used from one thread, as everything on the loop is.
    """

    def __init__(
        self,
        *,
        vantages: bool = False,
        registry: CollectorRegistry | None = None,
        detail: Callable[[], Detail] = lambda: Detail.STANDARD,
    ) -> None:
        """Label the series by vantage too if `vantages`; `registry` holds our own metrics.

        `detail` is asked at each scrape; what is kept for it grows with the next probes.
        """
        self._has_vantages = vantages
        self._registry = registry
        self._detail = detail
        self._sheet = Sheet(FAMILIES + full.FAMILIES)
        self._durations = full.Durations()
        self._rows: dict[_Identity, int] = {}
        self._shown: list[Observation | None] = []
        """What each row was written by last."""
        self._taken: set[str] = set()
        self._vantages: set[str] = set()
        self.domains = DomainBoard()
        self.incidents = IncidentLines()
        self.egress = EgressBoard()
        self.accounts = AccountBoard()

    def accept(self, observation: Observation) -> None:
        """Replace everything shown of the endpoint by what this observation says.

        Kept families (the last success, the certificate's expiry) keep their last known value.
        Two endpoints that differ only in their TLS mode have the same labels: the first one seen
        holds the series until it is removed, since a series may not be written twice. A result that
        our own network is to blame for says nothing of the server, nor of the domains: what is
        known of them stands.
        """
        is_about_server = shows_the_server(observation)
        # One that other vantages reach is there for the domains, whatever this one sees.
        if is_about_server and observation.reason is not Reason.TARGET_BLOCKS_US:
            self.domains.accept(observation)
        self._show(observation, is_about_server=is_about_server)

    def _show(self, observation: Observation, *, is_about_server: bool) -> None:
        if not is_about_server:
            observation = without_evidence(observation)
        row = self._find_row(observation)
        if row is None:
            return
        former, self._shown[row] = self._shown[row], observation
        # Most probes find what the one before found: then only what is fleeting has to be written.
        is_same = former is not None and _lasting(former) == _lasting(observation)
        for column in self._sheet.fleeting if is_same else self._sheet.columns:
            if is_about_server or not column.family.is_judgement:
                column.write(row, observation)
        if self._detail() is Detail.FULL:
            self._durations.observe(row, self._sheet.labels_of(row), observation)

    def accept_elsewhere(self, observation: Observation) -> None:
        """Show what another vantage than the main one sees; what it means to domains the main one tells.

        The series of all vantages have to be told apart (`label_vantages`).
        """
        self._show(observation, is_about_server=shows_the_server(observation))

    def label_vantages(self) -> None:
        """Label the series by vantage from now on; to be called before there are any."""
        self._has_vantages = True

    def remove_elsewhere(self, key: Key, vantage: str) -> None:
        """Forget what one vantage sees of an endpoint."""
        self._drop((*key, vantage))

    def remove(self, key: Key) -> None:
        """Forget an endpoint with all its series; an unknown one is no error."""
        for identity in [(*key, vantage) for vantage in self._vantages] if self._has_vantages else [key]:
            self._drop(identity)

    def _drop(self, identity: _Identity) -> None:
        row = self._rows.pop(identity, None)
        if row is not None:
            self._taken.discard(self._sheet.drop(row))
            self._shown[row] = None
            self._durations.drop(row)

    def render(self, *, openmetrics: bool) -> bytes:
        """Return the whole document at once."""
        return b"".join(self.pieces(openmetrics=openmetrics))

    def pieces(self, *, openmetrics: bool) -> Generator[bytes, None, None]:
        """Return the document, OpenMetrics 1.0 or the text format 0.0.4, in pieces of about a millisecond.

        Observations may arrive between two pieces: each family is as it was when its first piece was
        taken. A piece may be empty, where work was done that shows later.
        """
        detail = self._detail()
        yield from self._write_endpoints(detail, openmetrics=openmetrics)
        yield from self.domains.pieces(detail, openmetrics=openmetrics)
        yield from self.incidents.pieces(openmetrics=openmetrics)
        yield self.egress.render(openmetrics=openmetrics)
        yield self.accounts.render(openmetrics=openmetrics)
        if self._registry is not None:
            yield from write_own(self._registry, openmetrics=openmetrics)
        if openmetrics:
            yield END

    def endpoints(self) -> int:
        """Return how many endpoints have been seen and not removed."""
        return len({identity[:5] for identity in self._rows} if self._has_vantages else self._rows)

    def _write_endpoints(self, detail: Detail, *, openmetrics: bool) -> Iterator[bytes]:
        for column in self._sheet.columns:
            family = column.family
            if is_shown(family.name, detail):
                lines = column.pieces(self._sheet.snapshot())
                yield from _under(family.header(openmetrics=openmetrics), lines)
        if detail is Detail.FULL:
            header = write_header(
                full.HISTOGRAM, full.DOCUMENTATION, openmetrics=openmetrics, kind="histogram"
            )
            yield from _under(header, self._durations.pieces())
        else:
            self._durations.clear()

    def _find_row(self, observation: Observation) -> int | None:
        """Return the row of an endpoint, a new one if need be; None where another one has its labels."""
        identity: _Identity = observation.endpoint.key
        if self._has_vantages:
            identity = (*identity, observation.vantage)
            self._vantages.add(observation.vantage)
        row = self._rows.get(identity)
        if row is None:
            labels = self._write_labels(observation)
            if labels in self._taken:
                return None
            self._taken.add(labels)
            row = self._rows[identity] = self._sheet.add(labels)
            if row == len(self._shown):
                self._shown.append(None)
        return row

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


def _under(header: bytes, lines: Iterator[bytes]) -> Iterator[bytes]:
    """Put the header before the first of the lines, if there is one."""
    for piece in lines:
        yield header + piece if piece else b""
        header = b"" if piece else header
