"""Who may ask which web address when: few at once, and nobody for a while where all wait in vain."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from scanner.model import Reason
from scanner.network.web_answer import Fault, WebFailure
from scanner.network.web_url import WebUrl

VAIN_REQUESTS = 2
"""After so many requests in a row that end in nothing, a place is left alone."""
REST_SECONDS = 60.0
"""Seconds that a place is left alone; the first request after them tells whether it goes on."""
MAX_PLACES = 10_000
FETCHES_AT_ONCE = 32
CONFIGURED_AT_ONCE = 4
"""How many connections an address of the settings may have; any other has one."""
_QUICK = {Reason.CONNECTION_REFUSED, Reason.CONNECTION_LOST}
"""Failures to connect that cost no time; nothing is gained by sparing the others them."""


@dataclass(frozen=True, slots=True)
class _Vain:
    """How often a place was asked in vain, until when it is left alone, and what it said last."""

    times: int
    until: float
    failure: WebFailure


_Place = tuple[str, int] | tuple[str, int, str]
"""Address and port where connecting fails, the host too where only the answer stays away."""


class Rests:
    """Remembers the places that swallow requests, so that not each request waits for the same silence.

    An address that many hosts share is left alone only if no connection comes about; where the answer stays
    away, that is the host's own matter.

    Args:
        clock: seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._vain: OrderedDict[_Place, _Vain] = OrderedDict()

    def check(self, url: WebUrl, address: str) -> WebFailure | None:
        """Return why an address is not asked for a page just now; None where it may be asked."""
        now = self._clock()
        for place in _places(url, address):
            vain = self._vain.get(place)
            if vain is not None and vain.times >= VAIN_REQUESTS and now < vain.until:
                why = (
                    f"{vain.failure.detail}; as it was {vain.times} times in a row,"
                    f" {address} is not asked for the next {vain.until - now:.0f} s"
                )
                return replace(vain.failure, url=str(url), detail=why, was_asked=False)
        return None

    def note(self, url: WebUrl, address: str, failure: WebFailure | None) -> None:
        """Remember how a request ended; None is an answer, whatever it says."""
        at_address, at_host = _places(url, address)
        if failure is None or failure.fault not in {Fault.CONNECT, Fault.TIMEOUT}:
            self._vain.pop(at_address, None)
            self._vain.pop(at_host, None)
        elif failure.fault is Fault.TIMEOUT:
            self._vain.pop(at_address, None)
            self._add(at_host, failure)
        elif failure.reason not in _QUICK:
            self._add(at_address, failure)

    def _add(self, place: _Place, failure: WebFailure) -> None:
        now = self._clock()
        former = self._vain.pop(place, None)
        # What was long ago is not "in a row".
        before = 0 if former is None or now >= former.until + REST_SECONDS else former.times
        self._vain[place] = _Vain(before + 1, now + REST_SECONDS, failure)
        if len(self._vain) > MAX_PLACES:
            self._vain.popitem(last=False)


class Turns:
    """Lets few requests at a time go to an address, and so many in all.

    Args:
        max_wait: seconds that a request waits for its turn at an address.
    """

    def __init__(self, max_wait: float) -> None:
        self._max_wait = max_wait
        self._all = asyncio.Semaphore(FETCHES_AT_ONCE)
        self._gates: dict[tuple[str, bool], asyncio.Semaphore] = {}
        self._users: dict[tuple[str, bool], int] = {}

    @asynccontextmanager
    async def take(self, address: str, *, is_configured: bool) -> AsyncIterator[None]:
        """Wait for a turn; who waits for an address takes no place of the others.

        Raises:
            TimeoutError: others were asking the address all the time.
        """
        key = (address, is_configured)
        gate = self._gates.setdefault(key, asyncio.Semaphore(CONFIGURED_AT_ONCE if is_configured else 1))
        self._users[key] = self._users.get(key, 0) + 1
        try:
            async with asyncio.timeout(self._max_wait):
                await gate.acquire()
            try:
                async with self._all:
                    yield
            finally:
                gate.release()
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key], self._gates[key]


def _places(url: WebUrl, address: str) -> tuple[_Place, _Place]:
    return (address, url.port), (address, url.port, url.host)
