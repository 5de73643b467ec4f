"""Joins one session to one connected socket: feeds it bytes, sends what it says, keeps its deadlines."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from scanner.model import Phase
from scanner.model.reason import OUT_OF_TIME
from scanner.network.failures import word_error
from scanner.protocol import End, Session

CLOSE_SECONDS = 1.0
"""How long a peer gets to take our last words before the connection is dropped."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """How long each phase may take, and the whole conversation (seconds)."""

    of_phase: Mapping[Phase, float] = field(default_factory=dict)
    other: float = 15.0
    total: float = 60.0

    def of(self, phase: Phase) -> float:
        """Return the budget of a phase."""
        return self.of_phase.get(phase, self.other)


class Link(asyncio.Protocol):
    """One connection. One timer serves all deadlines: it looks, when it fires, whether it still is time.

    Args:
        begun: when the probe began, by the clock; the total budget counts from there (default: from the
            moment the connection stands).
    """

    def __init__(
        self, session: Session, budgets: Budgets, clock: Callable[[], float], begun: float | None = None
    ) -> None:
        self._session = session
        self._budgets = budgets
        self._clock = clock
        self._begun = begun
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._fault: Exception | None = None
        self._socket: socket.socket | None = None
        self._transport: asyncio.Transport | None = None
        self._is_attached = False
        self._timer: asyncio.TimerHandle | None = None
        self._looks_at = 0.0
        self._ends_at = 0.0

    async def run(self, sock: socket.socket) -> None:
        """Hold the conversation to its end; the socket is closed afterwards, whatever happens."""
        self._socket = sock
        try:
            await self._attach(sock)
            await self._done
            await self._close()
        finally:
            # A loop may still call `connection_made` after its `create_connection` was cancelled.
            self._done.cancel()
            self._disarm()
            if self._transport is not None:
                self._transport.close()
        if self._fault is not None:
            raise self._fault

    async def _attach(self, sock: socket.socket) -> None:
        try:
            await self._loop.create_connection(lambda: self, sock=sock)
        except BaseException:
            sock.close()
            raise
        # Closed any earlier, uvloop would not tell the socket object that its descriptor is gone.
        self._is_attached = True

    async def _close(self) -> None:
        """Wait until the socket is closed, since the next connection to that address may follow at once."""
        if self._transport is not None:
            self._disarm()
            if self._transport.get_write_buffer_size():
                self._timer = self._loop.call_later(CLOSE_SECONDS, self._transport.abort)
            self._transport.close()
            await self._lost

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the session and its clock."""
        # uvloop's transports do not derive from asyncio.Transport, so there is nothing to check here.
        self._transport = cast("asyncio.Transport", transport)
        self._ends_at = (self._clock() if self._begun is None else self._begun) + self._budgets.total
        self._step(self._session.begin)

    def data_received(self, data: bytes) -> None:
        """Feed the session."""
        if not self._step(self._session.receive, data):
            self._acknowledge()

    def eof_received(self) -> bool:
        """Tell the session that the peer has finished sending."""
        self._step(self._session.interrupt, End.CLOSED)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the session that the connection is gone."""
        self._transport = None
        if not self._lost.done():
            self._lost.set_result(None)
        if exc is None:
            self._end_session(End.CLOSED, None)
        else:
            self._end_session(End.RESET, word_error(exc))

    def _step(self, move: Callable[..., None], *args: Any) -> bool:  # noqa: ANN401 - passed on unread
        """Move the session on and send what it says; a fault of our own ends the link, never hangs it.

        Return whether something was sent, or the end is there.
        """
        if self._done.done():
            return True
        try:
            move(*args)
            outgoing = self._session.take_outgoing()
            is_done = self._session.is_done
        except Exception as fault:  # noqa: BLE001 - handed to `run`, whose caller makes it a result
            self._fault = fault
            outgoing, is_done = b"", True
        if self._transport is not None and outgoing:
            self._transport.write(outgoing)
        if not is_done:
            self._arm()
            return bool(outgoing)
        self._done.set_result(None)
        if self._transport is not None and self._is_attached:
            # At once, so that a peer which sends without end is not read any further.
            self._transport.close()
        return True

    def _acknowledge(self) -> None:
        """Confirm at once what was read and has no answer to go with the confirmation (tcp(7)).

        A server that sends its session tickets and then a reply holds the reply back until they are confirmed
        (RFC 896); the 40 ms of our kernel would count as the server's. The kernel soon forgets the option.
        """
        if self._socket is not None and self._transport is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _end_session(self, end: End, detail: str | None) -> None:
        # A dialogue may answer an interruption with one last question; there is nobody left to ask.
        while not self._done.done():
            self._step(self._session.interrupt, end, detail)

    def _arm(self) -> None:
        """See to it that the timer looks at the deadline or sooner; later is not worth a new timer."""
        deadline = self._deadline()
        if self._timer is None or deadline < self._looks_at:
            self._disarm()
            self._looks_at = deadline
            self._timer = self._loop.call_later(max(0.0, deadline - self._clock()), self._on_timer)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _deadline(self) -> float:
        session = self._session
        budget = self._budgets.of(session.phase)
        if session.limit is not None:
            budget = min(budget, session.limit)
        return min(session.phase_started + budget, self._ends_at)

    def _on_timer(self) -> None:
        self._timer = None
        now = self._clock()
        if now >= self._ends_at:
            self._end_session(End.TIMEOUT, f"{OUT_OF_TIME} {self._budgets.total:g} s")
        elif now >= self._deadline():
            self._step(self._session.interrupt, End.TIMEOUT)
        else:
            self._arm()
