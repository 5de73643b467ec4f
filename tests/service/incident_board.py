"""An incident board beside the lines that it shows, fed with what probes of many hosts find."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from scanner.metrics.incidents import IncidentLines
from scanner.model import Expectation, Observation
from scanner.model.event import Event
from scanner.model.incident import Incident
from scanner.model.observation import Key
from scanner.service.incidents import IncidentBoard
from tests.verdict.history import History
from tests.verdict.observations import NOW


class Board:
    """Remembers every endpoint, and hands its condition to the board after each round of probes."""

    def __init__(self) -> None:
        self.told: list[tuple[tuple[Incident, ...], tuple[Event, ...]]] = []
        self.lines = IncidentLines()
        self.board = IncidentBoard(self._change)
        self._histories: dict[Key, History] = {}
        self._now = NOW

    def see(
        self,
        shown: Observation,
        *,
        host: str = "mx1.acme.test",
        address: str = "192.0.2.7",
        domains: tuple[str, ...] = ("example.org",),
        provider: str | None = None,
        times: int = 1,
    ) -> Key:
        """Probe one endpoint so many times; nothing is settled yet."""
        endpoint = replace(
            shown.endpoint,
            host=host,
            address=address,
            domains=domains,
            expectation=None if provider is None else Expectation(provider=provider),
        )
        history = self._histories.setdefault(endpoint.key, History())
        for _ in range(times):
            seen = history.see(replace(shown, endpoint=endpoint))
            self.board.take(seen, history.memory)
        return endpoint.key

    def see_judged(self, seen: Observation) -> None:
        """Probe an endpoint once, with verdicts that are there already."""
        history = self._histories.setdefault(seen.endpoint.key, History())
        self.board.take(history.see_judged(seen), history.memory)

    def settle(self) -> tuple[Event, ...]:
        """Let a minute pass and settle; return what was told."""
        before = len(self.told)
        self._now += timedelta(minutes=1)
        self.board.settle(self._now)
        return tuple(event for _, events in self.told[before:] for event in events)

    @property
    def open(self) -> list[tuple[str, str, str]]:
        """Cause, name and subject of what is open."""
        return sorted((each.cause.value, each.name, each.subject) for each in self.board.open.values())

    def _change(self, incidents: tuple[Incident, ...], events: Mapping[str, Event]) -> None:
        self.told.append((incidents, tuple(events.values())))
        self.lines.replace(incidents)
