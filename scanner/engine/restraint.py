"""Restraint: how much longer an endpoint is left alone that turns us away, or that cannot be reached."""

from scanner.model import State
from scanner.model.observation import Key

LONGER = 2.0
"""How many intervals are left between probes of who turns us away again and again."""
LONGEST_SECONDS = 3600.0
"""The most that this makes of an interval: whoever takes us again is known to within the hour."""
REFUSALS = 3
"""So many in a row count: a refusal for now is told when the third probe has shown it."""
_CANNOT_BE_REACHED = frozenset({State.UNREACHABLE, State.BLOCKED})
"""Nothing comes back from there, and each probe waits for that in vain."""


class Restraint:
    """Remembers who turns us away: 421, 4xx or 5xx in place of a greeting, BYE, -ERR. Times are seconds.

    The first ones change nothing, since the next probe has to confirm them. Whatever else a probe finds ends
    it. Our own network's fault says nothing of the server.

    Args:
        interval: between two probes of an endpoint.
        unreachable_interval: the same where it cannot be reached; None = no longer than others.
    """

    def __init__(self, interval: float, unreachable_interval: float | None = None) -> None:
        self._interval = interval
        self._unreachable_interval = unreachable_interval
        self._refusals: dict[Key, int] = {}

    def adjust(self, interval: float, unreachable_interval: float | None) -> None:
        """Go on with other settings."""
        self._interval, self._unreachable_interval = interval, unreachable_interval

    def wait_after(self, key: Key, state: State) -> float:
        """Take what a probe has found; return how long to wait at least, 0 = no longer than usual."""
        if state is State.REJECTING:
            count = self._refusals[key] = min(self._refusals.get(key, 0) + 1, REFUSALS)
            return min(LONGER * self._interval, LONGEST_SECONDS) if count == REFUSALS else 0.0
        if state is not State.UNKNOWN:
            self._refusals.pop(key, None)
        if state in _CANNOT_BE_REACHED and self._unreachable_interval is not None:
            return self._unreachable_interval
        return 0.0

    def forget(self, key: Key) -> None:
        """Forget an endpoint that is watched no more."""
        self._refusals.pop(key, None)
