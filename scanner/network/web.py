"""Fetches small public pages from the web, and only from addresses that may be asked (no SSRF)."""

import asyncio
import ipaddress
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from scanner.model import Reason
from scanner.model.target import quote, refuse_address
from scanner.network.resolver import ResolveFailure
from scanner.network.web_answer import Fault, Page, WebFailure
from scanner.network.web_cache import WebCache
from scanner.network.web_exchange import Exchange, Reply, show
from scanner.network.web_url import PORTS, UrlError, WebUrl, read_url

MAX_PAGE = 65_536
MAX_REDIRECTS = 3
FETCHES_AT_ONCE = 32
MAX_ADDRESSES = 4
"""How many addresses of one host are tried, families in turn."""
_FOR_CONNECTING = 0.8
"""Which part of the time connecting may take, over all addresses; the rest is for the answer."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class _Asked(NamedTuple):
    """All that the answer to a fetch hangs on."""

    url: str
    redirects: int
    limit: int
    is_configured: bool


class AddressSource(Protocol):
    """What the client needs of a resolver."""

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return the addresses of a host; raise `ResolveFailure` where there is none."""
        ...


class WebClient:
    """Fetches pages by http and https.

    A host's addresses are looked up once a hop, each is checked, and the connection goes to a checked one
    itself: a name server that answers something else a moment later changes nothing.

    Args:
        allow_private: connect to private, loopback and link-local addresses too.
        ca_file: CA certificates in PEM form, in the place of the system's.
        families: which of 4 and 6 to connect to.
        timeout: seconds for one request, from its look-up to its last byte; each redirect is a new one. The
            time that a request waits for its turn does not count.
        clock: seconds, never going back; what is kept ages by it.

    Raises:
        ValueError: the CA file holds no usable certificate.
    """

    def __init__(
        self,
        resolver: AddressSource,
        *,
        allow_private: bool,
        ca_file: Path | None = None,
        families: Sequence[int] = (4, 6),
        timeout: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver = resolver
        self._allow_private = allow_private
        self._families = tuple(families)
        self._timeout = timeout
        self._exchange = Exchange(ca_file)
        self._cache = WebCache(clock)
        self._in_flight: dict[_Asked, asyncio.Task[Page | WebFailure]] = {}
        self._turns = _Turns(FETCHES_AT_ONCE)

    async def fetch(
        self,
        url: str,
        *,
        redirects: int = MAX_REDIRECTS,
        limit: int = MAX_PAGE,
        is_configured: bool = False,
        is_fresh: bool = False,
    ) -> Page | WebFailure:
        """Return the page, or why there is none; nothing that happens outside is raised.

        Args:
            redirects: how many are followed, at most 3; never from https to http.
            limit: most bytes of the page.
            is_configured: the address comes from the settings and may name any port, else only 80 and 443.
            is_fresh: ask the server, whatever it said before; the answer is not kept either.
        """
        asked = _Asked(url, min(redirects, MAX_REDIRECTS), limit, is_configured)
        known = None if is_fresh else self._cache.get(asked)
        if known is not None:
            return known
        task = self._in_flight.get(asked)
        if task is None:
            task = asyncio.ensure_future(self._follow(asked))
            self._in_flight[asked] = task
            task.add_done_callback(lambda done: self._forget(asked, done))
        answer = await asyncio.shield(task)
        if not is_fresh:
            self._cache.put(asked, answer)
        return answer

    async def close(self) -> None:
        """End all fetches and connections."""
        tasks = list(self._in_flight.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._exchange.close()

    def _forget(self, asked: _Asked, done: "asyncio.Task[Page | WebFailure]") -> None:
        if self._in_flight.get(asked) is done:
            del self._in_flight[asked]
        if not done.cancelled():
            done.exception()  # a fault of ours is told to whoever still waits, and not again by the loop

    async def _follow(self, asked: _Asked) -> Page | WebFailure:
        """Go from hop to hop, each guarded alike."""
        try:
            first = url = read_url(asked.url)
        except UrlError as error:
            shown = quote(asked.url)
            return WebFailure(
                Fault.MALFORMED, shown, f"{shown} is not fetched: {error}", Reason.PROTOCOL_ERROR
            )
        is_secure = True
        for left in range(asked.redirects, -1, -1):
            if url.port not in PORTS.values() and not (
                asked.is_configured and _origin(url) == _origin(first)
            ):
                why = f"port {url.port} is neither 80 nor 443"
                return WebFailure(Fault.MALFORMED, str(url), why, Reason.PROTOCOL_ERROR)
            is_secure = is_secure and url.is_secure
            reply = await self._ask(url, asked.limit)
            if isinstance(reply, WebFailure):
                return reply
            if reply.status not in _REDIRECTS:
                return _read_reply(url, reply, is_secure=is_secure)
            found = _read_redirect(url, reply, left)
            if isinstance(found, WebFailure):
                return found
            url = found
        raise AssertionError("the last hop always returns")

    async def _ask(self, url: WebUrl, limit: int) -> Reply | WebFailure:
        """Make one request: the host's addresses in turn, until one can be connected to."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with asyncio.timeout(self._timeout):
                addresses = await self._find_addresses(url)
        except TimeoutError:
            why = f"no answer from the name servers for {url.host} within {self._timeout:g} s"
            return WebFailure(Fault.DNS, str(url), why, Reason.DNS_FAILURE)
        if isinstance(addresses, WebFailure):
            return addresses
        seconds = self._timeout - (loop.time() - begun)
        reply: Reply | WebFailure | None = None
        for index, address in enumerate(addresses):
            async with self._turns.take(address):
                begun = loop.time()
                reply = await self._exchange.get(
                    url,
                    address,
                    limit=limit,
                    connect_seconds=_FOR_CONNECTING * seconds / (len(addresses) - index),
                    seconds=seconds,
                )
                seconds = max(0.01, seconds - (loop.time() - begun))
            if not isinstance(reply, WebFailure) or reply.fault is not Fault.CONNECT:
                return reply
        assert reply is not None  # noqa: S101 - there is at least one address
        return reply

    async def _find_addresses(self, url: WebUrl) -> tuple[str, ...] | WebFailure:
        """Return the addresses that may be connected to, families in turn, or why there is none."""
        if url.is_literal:
            found: tuple[str, ...] = (url.host,)
        else:
            try:
                found = await self._resolver.addresses(url.host)
            except ResolveFailure as failure:
                return WebFailure(Fault.DNS, str(url), failure.detail, failure.reason)
        wanted = [one for one in found if ipaddress.ip_address(one).version in self._families]
        if not wanted:
            family = " or ".join(f"IPv{family}" for family in self._families)
            why = f"{url.host} has no {family} address"
            return WebFailure(Fault.REFUSED_ADDRESS, str(url), why, Reason.NO_ADDRESS)
        refusals = {one: None if self._allow_private else refuse_address(one) for one in wanted}
        allowed = [address for address, why in refusals.items() if why is None]
        if not allowed:
            address, refusal = next(iter(refusals.items()))
            why = f"{url.host} is at {address}, {refusal}; it is asked only with probe.allow_private"
            return WebFailure(Fault.REFUSED_ADDRESS, str(url), why, Reason.ADDRESS_NOT_ALLOWED)
        return _alternate(allowed)[:MAX_ADDRESSES]


class _Turns:
    """Lets one request at a time go to an address, and so many in all."""

    def __init__(self, at_once: int) -> None:
        self._all = asyncio.Semaphore(at_once)
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: dict[str, int] = {}

    @asynccontextmanager
    async def take(self, address: str) -> AsyncIterator[None]:
        """Wait for a turn; who waits for an address takes no place of the others."""
        lock = self._locks.setdefault(address, asyncio.Lock())
        self._users[address] = self._users.get(address, 0) + 1
        try:
            async with lock, self._all:
                yield
        finally:
            self._users[address] -= 1
            if not self._users[address]:
                del self._users[address], self._locks[address]


def _origin(url: WebUrl) -> tuple[str, str, int]:
    return (url.scheme, url.host, url.port)


def _alternate(addresses: Sequence[str]) -> tuple[str, ...]:
    """Put the families in turn, so that one that leads nowhere does not use up all tries."""
    ranks = {True: 0, False: 0}
    keys: dict[str, tuple[int, bool]] = {}
    for address in addresses:
        is_v6 = ":" in address
        keys[address] = (ranks[is_v6], is_v6)
        ranks[is_v6] += 1
    return tuple(sorted(addresses, key=lambda address: keys[address]))


def _read_reply(url: WebUrl, reply: Reply, *, is_secure: bool) -> Page | WebFailure:
    if reply.status == 200:
        content_type = show(reply.content_type.partition(";")[0].lower())
        return Page(str(url), reply.body, content_type, is_secure)
    challenge = None if reply.challenge is None else show(reply.challenge)
    why = f"the server answered with status {reply.status}"
    return WebFailure(Fault.STATUS, str(url), why, Reason.PROTOCOL_ERROR, reply.status, challenge)


def _read_redirect(url: WebUrl, reply: Reply, left: int) -> WebUrl | WebFailure:
    """Return where to go on, or why not."""

    def refuse(why: str, location: str | None = None) -> WebFailure:
        return WebFailure(
            Fault.REDIRECT, str(url), why, Reason.PROTOCOL_ERROR, reply.status, location=location
        )

    if reply.location is None:
        return refuse("a redirect without a Location header")
    try:
        target = url.follow(reply.location)
    except UrlError as error:
        return refuse(f"a redirect to {quote(reply.location)}, which is not followed: {error}")
    if url.is_secure and not target.is_secure:
        return refuse(f"a redirect from https to {quote(str(target))}", str(target))
    if not left:
        return refuse(f"one redirect more than is followed, to {quote(str(target))}", str(target))
    return target
