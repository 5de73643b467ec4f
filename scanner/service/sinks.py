"""The sinks of the service: where each observation goes."""

from collections.abc import Callable

from scanner.metrics import Exposition, Telemetry
from scanner.model import Observation


class Latest:
    """The sink that the pages read from."""

    name = "latest"

    def __init__(self, keep: Callable[[Observation], None]) -> None:
        self._keep = keep

    def accept(self, observation: Observation) -> None:
        """Keep the observation."""
        self._keep(observation)


class Metrics:
    """The sink that the scrapes read from."""

    name = "metrics"

    def __init__(self, exposition: Exposition, telemetry: Telemetry) -> None:
        self._exposition = exposition
        self._telemetry = telemetry

    def accept(self, observation: Observation) -> None:
        """Show the observation and count it."""
        self._exposition.accept(observation)
        self._telemetry.observe(observation)
