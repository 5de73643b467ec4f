"""The conditions of the endpoints: notices when one changes, and tells whoever wants to know."""

from collections.abc import Callable
from typing import TypeAlias

import structlog

from scanner.model import Observation, Reason
from scanner.model.observation import Key

log = structlog.get_logger(__name__)

Condition: TypeAlias = tuple[Reason | None, int, frozenset[str]]
"""The reason where it is not open, the level, and the verdicts that count."""
_NONE: frozenset[str] = frozenset()
"""One for all: an empty set takes more room than all the rest."""
Listener: TypeAlias = Callable[[Key, Observation | None], None]
"""Handed the key and the new observation; None once the endpoint is watched no more. It must not block."""


class ConditionLog:
    """Holds the last condition of every endpoint; what differs from probe to probe besides is no news."""

    def __init__(self) -> None:
        self._known: dict[Key, Condition] = {}
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Have one more told of every change from now on."""
        self._listeners.append(listener)

    def take(self, observation: Observation) -> None:
        """Take what is known of an endpoint now."""
        key, condition = observation.endpoint.key, _condition_of(observation)
        if self._known.get(key) != condition:
            self._known[key] = condition
            self._tell(key, observation)

    def forget(self, key: Key) -> None:
        """Let go of an endpoint that is watched no more."""
        if self._known.pop(key, None) is not None:
            self._tell(key, None)

    def _tell(self, key: Key, observation: Observation | None) -> None:
        for listener in self._listeners:
            try:
                listener(key, observation)
            except Exception as fault:  # noqa: BLE001 - who fails to listen must not cost the others
                log.error("condition_not_told", error=f"{type(fault).__name__}: {fault}")


def _condition_of(observation: Observation) -> Condition:
    verdicts = frozenset(verdict.id for verdict in observation.counting) or _NONE
    return (observation.reason, observation.level, verdicts)
