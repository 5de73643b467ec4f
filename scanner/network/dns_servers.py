"""The name servers that are asked: their order, their rate, and whether they answer at all just now."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import dns.inet
import dns.resolver

from scanner.network.dns_exchange import Destination

Place = tuple[str, int]
"""Address and port of a name server."""

LAST_FOR = 30.0
"""Seconds that a server which failed is asked after all others."""
SILENT_NAMES = 8
"""After so many names in a row without any answer, the servers count as silent."""
SILENCE_SECONDS = 30.0
"""Seconds after which a silence counts no more, unless another name met it meanwhile."""
PAUSE_SECONDS = 5.0
"""Seconds after a silence in which silent servers are not asked, not even to see whether that is over."""
MAX_SERVERS = 8
_LOCAL_SERVER = ("127.0.0.1", 53)


class Server:
    """One name server."""

    def __init__(self, place: Place, rate: float) -> None:
        self.place = place
        self.destination = _destination(place)
        self.has_edns = True
        self.failed_at: float | None = None
        self.answered_at: float | None = None
        self.root_check = asyncio.Lock()
        self.root: tuple[bool, float] | None = None
        """Whether it knew the root of the DNS, and when that was asked."""
        self._gap = 1 / rate if rate > 0 else 0.0
        self._free_at = 0.0

    def __str__(self) -> str:
        address, port = self.place
        return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

    async def wait_for_turn(self) -> None:
        """Wait until the rate lets the next query go; those who wait go in the order they came."""
        if not self._gap:
            return
        now = asyncio.get_running_loop().time()
        turn = max(now, self._free_at)
        self._free_at = turn + self._gap
        if turn > now:
            await asyncio.sleep(turn - now)


class Servers:
    """All name servers of a resolver.

    Where all of them are silent, whatever the name, look-ups fail at once for a pause. Then one goes out and
    tries, and the others wait for how that ends: they go out too, or fail with it.
    """

    def __init__(self, places: Sequence[Place], *, rate: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._servers: list[Server] = []
        self._silent: set[str] = set()
        self._silent_at = 0.0
        self._trial: asyncio.Future[None] | None = None
        self.replace(places)

    def replace(self, places: Sequence[Place]) -> None:
        """Ask these from now on; what is known about those that stay is kept."""
        known = {server.place: server for server in self._servers}
        wanted = list(dict.fromkeys(places))[:MAX_SERVERS]
        if wanted != list(known):
            self._silent.clear()
        self._servers = [known.get(place) or Server(place, self._rate) for place in wanted]

    @property
    def are_local(self) -> bool:
        """Whether all are on this machine: nobody between can set the AD bit (RFC 6840 section 5.8)."""
        return all(_is_loopback(server.place[0]) for server in self._servers)

    def in_order(self) -> list[Server]:
        """Return them in the order to ask them: as configured, but those that just failed last."""
        now = self._clock()
        return sorted(
            self._servers, key=lambda one: one.failed_at is not None and now < one.failed_at + LAST_FOR
        )

    def note_failure(self, server: Server) -> None:
        """Ask this server last for a while."""
        server.failed_at = self._clock()

    def note_answer(self, server: Server) -> None:
        """Remember that it works."""
        server.failed_at = None
        server.answered_at = self._clock()
        self._silent.clear()

    def has_answered(self, server: Server) -> bool:
        """Tell whether a server has said anything of late."""
        return server.answered_at is not None and self._clock() < server.answered_at + LAST_FOR

    def note_root(self, server: Server, *, is_known: bool) -> None:
        """Remember whether a server knows the root of the DNS."""
        server.root = (is_known, self._clock())

    def is_root_known(self, server: Server) -> bool | None:
        """Tell whether a server knows the root; None where that was not asked of late."""
        if server.root is None or self._clock() >= server.root[1] + LAST_FOR:
            return None
        return server.root[0]

    def note_silence(self, name: str) -> None:
        """Remember that no server said anything about a name, nor about anything else."""
        self._forget_old_silence()
        self._silent_at = self._clock()
        if len(self._silent) < SILENT_NAMES:
            self._silent.add(name)

    @asynccontextmanager
    async def admit(self) -> AsyncIterator[bool]:
        """Tell whether a look-up may go out, for as long as the block lasts; wait while another one tries."""
        while self._are_silent() and self._trial is not None:
            await asyncio.wait([self._trial])
        if not self._are_silent():
            yield True
        elif self._clock() < self._silent_at + PAUSE_SECONDS:
            yield False
        else:
            trial = self._trial = asyncio.get_running_loop().create_future()
            try:
                yield True
            finally:
                self._trial = None
                trial.set_result(None)

    def _are_silent(self) -> bool:
        self._forget_old_silence()
        return len(self._silent) >= SILENT_NAMES

    def _forget_old_silence(self) -> None:
        if self._clock() >= self._silent_at + SILENCE_SECONDS:
            self._silent.clear()


def read_system_places() -> tuple[Place, ...]:
    """Return the name servers of resolv.conf; without any it is this machine's own (resolv.conf(5))."""
    try:
        found = dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        return (_LOCAL_SERVER,)
    places = tuple((str(server), found.port) for server in found.nameservers if isinstance(server, str))
    return places or (_LOCAL_SERVER,)


def _destination(place: Place) -> Destination:
    """Return what a socket connects to; a link-local address has its interface in it (RFC 4007)."""
    try:
        destination: Destination = dns.inet.low_level_address_tuple(place)
    except (OSError, ValueError, NotImplementedError):
        return place  # connecting will tell what is wrong with it
    return destination


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
