"""A loop whose clock jumps to the next timer: hours pass in milliseconds, and nothing depends on luck."""

import asyncio
import math
import selectors
from bisect import bisect_left
from collections.abc import Coroutine, Iterable
from types import SimpleNamespace
from typing import Any, TypeVar

import asyncio_throttle.throttler
import pytest

from scanner.model import Endpoint, Observation, Protocol, Role, TlsMode
from tests.verdict.observations import NOW

Result = TypeVar("Result")


class _JumpingSelector(selectors.SelectSelector):
    """Never waits: where nothing is ready, the clock moves on by the time there would be to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready now."""
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("nothing will ever happen again: this would hang")
            self.now += max(0.0, timeout)
        return ready


class ClockworkLoop(asyncio.SelectorEventLoop):
    """The event loop on that clock."""

    def __init__(self) -> None:
        self._clockwork = _JumpingSelector()
        super().__init__(self._clockwork)

    def time(self) -> float:
        """Return the seconds since the loop was made, as it counts them."""
        return self._clockwork.now

    @property
    def _clock_resolution(self) -> float:
        # asyncio lets timers go off early by so much. A real clock goes on meanwhile; here two tasks that
        # both find it a little too early, and wait again, would keep each other ready and the clock still.
        return math.ulp(self.time())

    @_clock_resolution.setter
    def _clock_resolution(self, seconds: float) -> None:
        """Of the system's clock, which is of no use here."""


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on a clockwork loop; the throttler's clock is that loop's."""
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner(loop_factory=ClockworkLoop) as runner:
        patch.setattr(asyncio_throttle.throttler, "time", SimpleNamespace(monotonic=runner.get_loop().time))
        return runner.run(main)


def endpoint(number: int, address: str | None = None) -> Endpoint:
    """Make an endpoint, by default with an address of its own."""
    host = f"host{number}.test"
    where = address or f"198.18.{number // 250}.{number % 250}"
    return Endpoint(host, where, 25, Protocol.SMTP, TlsMode.STARTTLS, Role.MX, "operator", (host,))


def observation_of(probed: Endpoint) -> Observation:
    """Make the observation of an open endpoint."""
    return Observation(endpoint=probed, started_at=NOW, duration=0.1)


def most_in_any(seconds: float, moments: Iterable[float]) -> int:
    """Return how many of the moments lie in the busiest window of so many seconds (its end not counted)."""
    times = sorted(moments)
    return max(bisect_left(times, start + seconds) - index for index, start in enumerate(times))
