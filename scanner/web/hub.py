"""The hub of the event streams: one reader of the events feeds all clients, each over a bounded queue."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from scanner.model import Observation
from scanner.model.condition_record import condition_record, departure_record
from scanner.model.event import Event
from scanner.model.event_record import event_record
from scanner.model.observation import Key
from scanner.model.record import to_line
from scanner.store import EventQuery, StoreError

log = structlog.get_logger(__name__)

MOST_STREAMS = 100
"""Clients at once: half of the connections that the server takes, so that scrapes find room."""
MOST_WAITING = 1000
"""Messages for one client; who reads more slowly than they come is cut."""
MOST_AT_ONCE = 500
"""Events read at once."""
LOOK_SECONDS = 1.0
"""How often new events are looked for, while somebody listens."""

Fetch = Callable[[EventQuery], Awaitable[Sequence[Event]]]


class NoMoreStreamsError(Exception):
    """There are as many streams as may be, or the service stops."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The bounds of a hub."""

    streams: int = MOST_STREAMS
    waiting: int = MOST_WAITING
    look_seconds: float = LOOK_SECONDS
    heartbeat_seconds: float = 15.0
    """How often a silent stream is given a comment, so that nobody on the way takes it for dead."""


class Subscription:
    """One client: what waits for it, and whether it is at its end."""

    def __init__(self, most_waiting: int) -> None:
        self.position: int | None = None
        """The id of the last event before those that this queue is given; None where none could be read."""
        self.is_closed = False
        self.cut: Callable[[], None] | None = None
        """Cuts the connection of a client that does not read."""
        self._most_waiting = most_waiting
        self._waiting: deque[bytes] = deque()
        self._news = asyncio.Event()

    def put(self, message: bytes) -> None:
        """Let a message wait; a client for whom too many do is cut."""
        if self.is_closed:
            return
        if len(self._waiting) >= self._most_waiting:
            self._waiting.clear()
            self.close()
            if self.cut is not None:
                self.cut()
            return
        self._waiting.append(message)
        self._news.set()

    def close(self) -> None:
        """Tell that no more will come."""
        self.is_closed = True
        self._news.set()

    async def take(self, seconds: float) -> bytes:
        """Return all that waits, or nothing where that much time goes by without news."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return b""
        if not self.is_closed:
            self._news.clear()
        messages = b"".join(self._waiting)
        self._waiting.clear()
        return messages


class Hub:
    """Tells every client each event once, in the order of the ids, and each endpoint's changes.

    Args:
        fetch: reads events, as `Monitor.events` does.
    """

    def __init__(self, fetch: Fetch, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()
        self._fetch = fetch
        self._clients: set[Subscription] = set()
        self._position: int | None = None
        self._turn = asyncio.Lock()
        self._is_wanted = asyncio.Event()
        self._is_closed = False
        self._told: str | None = None

    def __len__(self) -> int:
        """How many clients there are."""
        return len(self._clients)

    def take_condition(self, key: Key, seen: Observation | None) -> None:
        """Tell that an endpoint is in another condition, or is watched no more; never waits."""
        if self._clients:
            record = departure_record(key) if seen is None else condition_record(seen)
            self._spread(write_message("endpoint_gone" if seen is None else "endpoint", record))

    async def join(self) -> Subscription:
        """Return the subscription of one more client; `leave` ends it.

        Where the events cannot be read now, it is given those that come once they can be.

        Raises:
            NoMoreStreamsError: there are too many.
        """
        if self._is_closed or len(self._clients) >= self.pace.streams:
            raise NoMoreStreamsError
        client = Subscription(self.pace.waiting)
        self._clients.add(client)  # before anything is awaited, or more could come than may
        try:
            async with self._turn:
                if len(self._clients) == 1:
                    self._position = None  # what happened while nobody listened is no news
                await self._look()
                client.position = self._position
        except StoreError as error:
            self._tell_once(str(error))
        except BaseException:
            self.leave(client)
            raise
        self._is_wanted.set()
        return client

    def leave(self, client: Subscription) -> None:
        """End a subscription."""
        client.close()
        self._clients.discard(client)
        if not self._clients:
            self._is_wanted.clear()

    async def events_between(self, after: int, last: int) -> Sequence[Event]:
        """Return the first events with an id above `after`, up to `last`.

        Raises:
            StoreError: they cannot be read.
        """
        found = await self._fetch(EventQuery(after_id=after, limit=MOST_AT_ONCE))
        return [event for event in found if event.id is not None and event.id <= last]

    async def run(self) -> None:
        """Look for events while somebody listens, until cancelled; then end all streams."""
        try:
            while True:
                await self._is_wanted.wait()
                await asyncio.sleep(self.pace.look_seconds)
                try:
                    async with self._turn:
                        await self._look()
                except StoreError as error:
                    self._tell_once(str(error))
                except Exception as fault:  # noqa: BLE001 - it would end the watch as well
                    self._tell_once(f"{type(fault).__name__}: {fault}")
                else:
                    self._told = None
        finally:
            self._is_closed = True
            for client in self._clients:
                client.close()

    async def _look(self) -> None:
        newest = await self._fetch(EventQuery(limit=1))
        last = newest[-1].id or 0 if newest else 0
        if self._position is None or last < self._position:
            self._position = last  # nobody has seen more, or the store was begun anew
        while self._position < last:
            found = await self.events_between(self._position, last)
            for event in found:
                self._position = event.id or self._position
                self._spread(write_event(event))
            if not found:
                self._position = last

    def _spread(self, message: bytes) -> None:
        for client in tuple(self._clients):
            client.put(message)

    def _tell_once(self, error: str) -> None:
        if error != self._told:
            self._told = error
            log.error("stream_events_not_read", error=error)


def write_event(event: Event) -> bytes:
    """Return an event as a message; a client that comes back names the last id that it saw."""
    return write_message("event", event_record(event), event.id)


def write_message(name: str, record: Mapping[str, object], number: int | None = None) -> bytes:
    """Return one message of a stream of server-sent events (HTML section 9.2.6); JSON has no line ends."""
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {name}\ndata: {to_line(record)}\n\n".encode()
