"""Jobs waiting for their address's turn: one address is never connected to faster than the limits allow."""

import heapq
import math
from collections import deque
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar


class Job(Protocol):
    """One connection to make."""

    @property
    def address(self) -> str:
        """Where it goes."""


AnyJob = TypeVar("AnyJob", bound=Job)


@dataclass(slots=True)
class _Address(Generic[AnyJob]):
    waiting: deque[AnyJob] = field(default_factory=deque)
    busy: int = 0
    free_at: float = 0.0
    is_listed: bool = False


class WaitingRoom(Generic[AnyJob]):
    """A pure queue: decides who may go and when; nothing here waits or connects.

    Args:
        per_address: connections to one address at once.
        gap: seconds between the end of one connection to an address and the start of the next
            (between starts, where more than one at once is allowed).
    """

    def __init__(self, per_address: int, gap: float) -> None:
        self._per_address = per_address
        self._gap = gap
        self._addresses: dict[str, _Address[AnyJob]] = {}
        self._turns: list[tuple[float, int, str]] = []
        self._count = 0
        self._free = 0
        self._serial = 0

    @property
    def free(self) -> int:
        """How many addresses have a job and no other one in the way, whether or not their gap is over."""
        return self._free

    def __len__(self) -> int:
        return self._count

    def adjust(self, per_address: int, gap: float) -> None:
        """Take new limits; they hold from each address's next turn on."""
        self._per_address = per_address
        self._gap = gap
        for address, state in self._addresses.items():
            self._list(address, state)
        self._free = sum(map(self._is_free, self._addresses.values()))

    def push(self, job: AnyJob, *, is_urgent: bool = False, now: float = 0.0) -> None:
        """Let a job wait; an urgent one goes before all others at its address, and before other addresses.

        Addresses take turns: one that is new at `now` comes behind those that have been free for longer.
        """
        state = self._addresses.get(job.address)
        if state is None:
            # What was idle has no gap to keep: an urgent job is as if it had waited for ever.
            state = self._addresses[job.address] = _Address(free_at=-math.inf if is_urgent else now)
        was_free = self._is_free(state)
        if is_urgent:
            state.waiting.appendleft(job)
        else:
            state.waiting.append(job)
        self._count += 1
        self._free += self._is_free(state) - was_free
        self._list(job.address, state)

    def withdraw(self, job: AnyJob) -> None:
        """Let a job wait no longer; nothing happens where its turn has come."""
        state = self._addresses.get(job.address)
        if state is not None and job in state.waiting:
            was_free = self._is_free(state)
            state.waiting.remove(job)
            self._count -= 1
            self._free += self._is_free(state) - was_free

    def has_turn(self, now: float) -> bool:
        """Whether `pop` would return a job now."""
        while self._turns and self._turns[0][0] <= now:
            address = self._turns[0][2]
            state = self._addresses[address]
            if state.waiting and state.busy < self._per_address:
                return True
            heapq.heappop(self._turns)
            state.is_listed = False
            if not state.waiting and not state.busy:
                del self._addresses[address]
        return False

    def pop(self, now: float) -> AnyJob | None:
        """Return a job whose turn it is, or None. The caller must `release` its address."""
        if not self.has_turn(now):
            return None
        _, _, address = heapq.heappop(self._turns)
        state = self._addresses[address]
        state.is_listed = False
        job = state.waiting.popleft()
        self._count -= 1
        state.busy += 1
        self._free += self._is_free(state) - 1
        state.free_at = now + self._gap
        self._list(address, state)
        return job

    def release(self, address: str, now: float) -> None:
        """Tell that a connection to an address has ended."""
        state = self._addresses[address]
        was_free = self._is_free(state)
        state.busy -= 1
        self._free += self._is_free(state) - was_free
        state.free_at = max(state.free_at, now + self._gap)
        self._list(address, state)

    def next_turn(self) -> float | None:
        """Return when the next turn comes, or None where only a `push` or `release` can bring one."""
        return self._turns[0][0] if self._turns else None

    def _is_free(self, state: _Address[AnyJob]) -> bool:
        return bool(state.waiting) and state.busy < self._per_address

    def _list(self, address: str, state: _Address[AnyJob]) -> None:
        # An idle address is listed too, so that it is forgotten once its gap is over.
        if not state.is_listed and state.busy < self._per_address:
            self._serial += 1
            state.is_listed = True
            heapq.heappush(self._turns, (state.free_at, self._serial, address))
