"""The pipeline: hands every observation to every sink; a failing sink stops no other."""

from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from scanner.model import Observation

log = structlog.get_logger(__name__)


class Sink(Protocol):
    """Somewhere observations go: metrics, a file, a store."""

    @property
    def name(self) -> str:
        """The sink's name in logs and metrics."""

    def accept(self, observation: Observation) -> None:
        """Take one observation; must not block."""


class Pipeline:
    """Fans observations out."""

    def __init__(self, sinks: Sequence[Sink], on_error: Callable[[str], None] = lambda _: None) -> None:
        self._sinks = tuple(sinks)
        self._on_error = on_error

    def deliver(self, observation: Observation) -> None:
        """Hand one observation to every sink."""
        for sink in self._sinks:
            try:
                sink.accept(observation)
            except Exception as error:  # noqa: BLE001 - one sink's fault must not cost the others the result
                self._on_error(sink.name)
                log.error("sink_failed", sink=sink.name, error=f"{type(error).__name__}: {error}")
