"""Jobs waiting for their address's turn: one address is never connected to faster than the limits allow."""

import heapq
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
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
    serial: int = 0
    """Of the place where it is listed; 0 = nowhere."""
    is_ready: bool = False
    """Whether that is among those whose gap is over."""
    went_at: float = 0.0
    """When its last connection began."""
    pace: float | None = None
    """Seconds that the last one took; None before there was one."""


class WaitingRoom(Generic[AnyJob]):
    """A pure queue: decides who may go and when; nothing here waits or connects.

    Args:
        per_address: connections to one address at once.
        gap: seconds between the end of one connection to an address and the start of the next
            (between starts, where more than one at once is allowed).
        longest_first: let those with most left to do have a start on the others, so that nobody is waited
            for in the end: an address goes as if it had waited so much longer as its jobs will take. One
            that was never connected to may turn out to be as slow as the slowest.
    """

    def __init__(self, per_address: int, gap: float, *, longest_first: bool = False) -> None:
        self._per_address = per_address
        self._gap = gap
        self._longest_first = longest_first
        self._addresses: dict[str, _Address[AnyJob]] = {}
        self._turns: list[tuple[float, int, str]] = []
        """Addresses by when their gap is over."""
        self._ready: list[tuple[float, int, str]] = []
        """Those whose gap was over when somebody asked, by who goes first."""
        self._count = 0
        self._free = 0
        self._serial = 0
        self._slowest = 0.0
        """Seconds that any connection took at most."""
        self.crowded: Mapping[str, int] = MappingProxyType({})
        """Addresses that others connect to as well, and how many we are: the gap is so many times as long."""

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
        if self._longest_first and state.is_ready:
            self._serial += 1
            self._rank(job.address, state, self._serial)  # there is more to do than when it was ranked
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
            _, serial, address = heapq.heappop(self._turns)
            state = self._addresses[address]
            if self._is_free(state):
                self._rank(address, state, serial)
            else:
                self._unlist(address, state)
        while self._ready:
            _, serial, address = self._ready[0]
            listed = self._addresses.get(address)
            if listed is not None and listed.serial == serial:
                if self._is_free(listed):
                    return True
                self._unlist(address, listed)
            heapq.heappop(self._ready)
        return False

    def pop(self, now: float) -> AnyJob | None:
        """Return a job whose turn it is, or None. The caller must `release` its address."""
        if not self.has_turn(now):
            return None
        _, _, address = heapq.heappop(self._ready)
        state = self._addresses[address]
        state.serial, state.is_ready = 0, False
        job = state.waiting.popleft()
        self._count -= 1
        state.busy += 1
        self._free += self._is_free(state) - 1
        state.went_at = now
        state.free_at = now + self._gap_of(address)
        self._list(address, state)
        return job

    def release(self, address: str, now: float) -> None:
        """Tell that a connection to an address has ended."""
        state = self._addresses[address]
        was_free = self._is_free(state)
        state.pace = now - state.went_at
        self._slowest = max(self._slowest, state.pace)
        state.busy -= 1
        self._free += self._is_free(state) - was_free
        state.free_at = max(state.free_at, now + self._gap_of(address))
        self._list(address, state)

    def next_turn(self) -> float | None:
        """Return when the next turn comes, or None where only a `push` or `release` can bring one."""
        if self._ready:
            return -math.inf
        return self._turns[0][0] if self._turns else None

    def _gap_of(self, address: str) -> float:
        return self._gap * self.crowded.get(address, 1)

    def _is_free(self, state: _Address[AnyJob]) -> bool:
        return bool(state.waiting) and state.busy < self._per_address

    def _rank(self, address: str, state: _Address[AnyJob], serial: int) -> None:
        """Let an address whose gap is over wait for its turn."""
        rank = state.free_at
        if self._longest_first:
            rank -= len(state.waiting) * (self._slowest if state.pace is None else state.pace)
        state.serial, state.is_ready = serial, True
        heapq.heappush(self._ready, (rank, serial, address))

    def _unlist(self, address: str, state: _Address[AnyJob]) -> None:
        state.serial, state.is_ready = 0, False
        if not state.waiting and not state.busy:
            del self._addresses[address]

    def _list(self, address: str, state: _Address[AnyJob]) -> None:
        # An idle address is listed too, so that it is forgotten once its gap is over.
        if not state.serial and state.busy < self._per_address:
            self._serial += 1
            state.serial = self._serial
            heapq.heappush(self._turns, (state.free_at, self._serial, address))
