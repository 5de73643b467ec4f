"""Which of several schedulers leads: waits for the lease in PostgreSQL, and keeps it by beats."""

import asyncio
import platform
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import TypeVar

import structlog

from scanner.service.lone_thread import LoneThread
from scanner.service.own_process import has_ended, name_process
from scanner.store import StoreError
from scanner.store.faults import describe
from scanner.store.fence import Fence
from scanner.store.lease import FAULTS, Lease, Sight
from scanner.store.place import Place

log = structlog.get_logger(__name__)

BEATS = 5.0
"""Of a holder within the time after which it is taken for dead; who waits looks as often."""
FRESH_SHARE = 0.8
"""For how much of that time after a beat a holder acts: less, since clocks do not run alike."""
RELEASE_SECONDS = 2.0
"""How long the end of the process waits for the lease to be given back, where the database answers; where it
does not, half of that. Who does not get it back in this time waits for the next beat that does not come."""

_Result = TypeVar("_Result")
Confirm = Callable[[], Awaitable[bool | None]]


def since_boot() -> float:
    """Return seconds of a clock that also counts while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


async def ask_nobody() -> None:
    """Nobody but the database knows who leads."""


class Election:
    """Stands for the lease, again and again.

    Args:
        place: the PostgreSQL.
        name: what the lease is about.
        patience: seconds without a beat after which a holder is taken for dead.
        clock: seconds; it must go on while the machine sleeps.
    """

    def __init__(
        self, place: Place, name: str, patience: float, *, clock: Callable[[], float] = since_boot
    ) -> None:
        self.patience = patience
        self.sight: Sight | None = None
        """What was seen last; None where the database does not answer."""
        self.error: str | None = None
        """Why it does not."""
        self._place = place
        self._lease = Lease(place, name, patience / 2)
        self._clock = clock
        self._noticed: tuple[Sight, float] | None = None
        # A thread of its own: other work must not keep a beat waiting.
        self._thread = LoneThread("mailport-lease")

    async def stand(self) -> "Term | None":
        """Look once, and take the lease where nobody has it; None where somebody does, or none can tell."""
        began = self._clock()
        try:
            sight = await self._call(self._lease.look)
            if not self._is_free(sight):
                return None
            fence = await self._take(sight)
        except (*FAULTS, StoreError) as error:
            # A beat may have come while nobody looked.
            self._noticed = self.sight = None
            self.tell(error)
            return None
        if fence is None:
            return None
        self._noticed = None
        log.info("leading", token=fence.token, former=sight.holder or None)
        return Term(self, fence, began)

    async def win(self) -> "Term":
        """Stand until elected."""
        while (term := await self.stand()) is None:  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(self.patience / BEATS)
        return term

    async def beat(self, fence: Fence) -> bool:
        """Tell the others that we are alive; tell whether we lead still.

        Raises:
            StoreError, or one of `FAULTS`: the database does not answer.
        """
        is_ours = await self._call(self._lease.beat, fence)
        self.tell(None)
        return is_ours

    async def release(self, fence: Fence) -> None:
        """Let another one lead at once, where the database answers."""
        seconds = RELEASE_SECONDS if self.error is None else RELEASE_SECONDS / 2
        try:
            await self._call(self._lease.release, fence, seconds=seconds)
        except (*FAULTS, StoreError) as error:
            self.tell(error)

    async def close(self) -> None:
        """Ask nothing any more; what was begun may end, and a lease that was just taken is given back."""
        with suppress(*FAULTS, StoreError):
            await self._call(self._lease.close, seconds=RELEASE_SECONDS)
        self._thread.close()

    def tell(self, error: Exception | None) -> None:
        """Log that the database does not answer, or does so again: once each."""
        former, self.error = self.error, None if error is None else describe(error, self._place)
        if self.error is not None and self.error != former:
            log.error("lease_unknown", error=self.error)
        elif self.error is None and former is not None:
            log.info("lease_known_again")

    @property
    def now(self) -> float:
        """The time, by the clock."""
        return self._clock()

    def _is_free(self, sight: Sight) -> bool:
        """Tell whether nobody has it: given back, its holder dead on this machine, or without a beat."""
        self.tell(None)
        self.sight = sight
        if self._noticed is None or self._noticed[0] != sight:
            self._noticed = sight, self._clock()
        is_silent = self._clock() - self._noticed[1] >= self.patience
        return not sight.holder or is_silent or has_ended(sight.process)

    async def _take(self, sight: Sight) -> Fence | None:
        """Take the lease; where we are told to stop meanwhile, or hear too late of it, it is given back."""
        taking = self._thread.submit(self._lease.take, sight, platform.node(), name_process())
        try:
            return await self._await(asyncio.wrap_future(taking), self.patience)
        except BaseException:
            self._thread.submit(self._give_back, taking)
            raise

    def _give_back(self, taken: "Future[Fence | None]") -> None:
        with suppress(*FAULTS, StoreError, CancelledError):
            if (fence := taken.result()) is not None:
                self._lease.release(fence)

    async def _call(
        self, ask: Callable[..., _Result], *arguments: object, seconds: float | None = None
    ) -> _Result:
        asked = asyncio.wrap_future(self._thread.submit(ask, *arguments))
        return await self._await(asked, self.patience / 2 if seconds is None else seconds)

    async def _await(self, answer: Awaitable[_Result], seconds: float) -> _Result:
        """Wait for an answer of the database.

        Raises:
            StoreError, or one of `FAULTS`: there is none. A server that hangs with its connections open ends
                no question, whatever limit it was told; who asked it is set free.
        """
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            self._lease.cut()
            why = f"no answer within {seconds:g} s; look whether PostgreSQL hangs, or the way to it"
            raise StoreError(f"{self._place}: {why}") from None


class Term:
    """The time for which we lead: until the lease is another one's, or we give it back.

    Args:
        confirmed_at: a moment before the lease was taken, by the election's clock.
    """

    def __init__(self, election: Election, fence: Fence, confirmed_at: float) -> None:
        self.fence = fence
        self.token = fence.token
        self._election = election
        self._confirmed_at = confirmed_at
        self._lost = asyncio.Event()

    @property
    def is_fresh(self) -> bool:
        """Whether nobody can have taken the lease yet.

        It is not where this process stood still, however short ago it was woken: what it does then is done
        when the next beat has told.
        """
        age = self._election.now - self._confirmed_at
        return not self._lost.is_set() and age < self._election.patience * FRESH_SHARE

    def lose(self) -> None:
        """Take it that another one leads."""
        self._lost.set()

    async def hold(self, confirm: Confirm = ask_nobody) -> None:
        """Give signs of life until the lease is lost; return then.

        Args:
            confirm: tells by the broker whether another one leads, where the database does not answer; None =
                nobody can tell. While the database is down nobody can begin to lead, so we go on as long as
                the broker knows of nobody else; else a fault of the store would stop all probes.
        """
        while not self._lost.is_set():
            began = self._election.now
            try:
                is_ours: bool | None = await self._election.beat(self.fence)
            except (*FAULTS, StoreError) as error:
                self._election.tell(error)
                began = self._election.now
                is_ours = await confirm()
            if is_ours:
                self._confirmed_at = began
            elif is_ours is False:
                self.lose()
            try:
                async with asyncio.timeout(self._election.patience / BEATS):
                    await self._lost.wait()
            except TimeoutError:
                continue
        log.error("lease_lost", token=self.token)

    async def end(self) -> None:
        """Give the lease back, where it is ours."""
        if not self._lost.is_set():
            self.lose()
            await self._election.release(self.fence)
