"""Fetches small public pages from the web, and only from addresses that may be asked (no SSRF)."""

import asyncio
import ipaddress
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from scanner.model import Reason
from scanner.model.exclusion import NOTHING_EXCLUDED, Exclusion
from scanner.model.target import quote, refuse_address
from scanner.network.resolver import ResolveFailure
from scanner.network.web_answer import Fault, Page, WebFailure
from scanner.network.web_cache import WebCache
from scanner.network.web_exchange import Exchange, Reply
from scanner.network.web_hop import read_redirect, read_reply
from scanner.network.web_order import alternate
from scanner.network.web_turns import Rests, Turns
from scanner.network.web_url import PORTS, UrlError, WebUrl, read_url

MAX_PAGE = 65_536
MAX_REDIRECTS = 3
MAX_ADDRESSES = 4
"""How many addresses of one host are tried, families in turn."""
_FOR_CONNECTING = 0.8
"""Which part of the time connecting may take, over all addresses; the rest is for the answer."""
_WAITING = 6
"""How many times as long as a request may take it may wait for its turn; requests before it that are in vain
end the wait sooner (`Rests`)."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class _Asked(NamedTuple):
    """All that the answer to a fetch hangs on."""

    url: str
    redirects: int
    limit: int
    is_configured: bool


class _UnderWay(NamedTuple):
    """A fetch, and what those who wait for it get; apart, as closing ends the one and not the others."""

    answer: asyncio.Future[Page | WebFailure]
    task: asyncio.Task[Page | WebFailure]


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
        exclusion: who is not asked at all.
        ca_file: CA certificates in PEM form, in the place of the system's.
        families: which of 4 and 6 to connect to.
        timeout: seconds for one request, from its look-up to its last byte; each redirect is a new one. The
            time that a request waits for its turn does not count; it has a bound of its own.
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
        exclusion: Exclusion = NOTHING_EXCLUDED,
    ) -> None:
        self._resolver = resolver
        self._exclusion = exclusion
        self._allow_private = allow_private
        self._families = tuple(families)
        self._timeout = timeout
        self._exchange = Exchange(ca_file)
        self._cache = WebCache(clock)
        self._in_flight: dict[_Asked, _UnderWay] = {}
        self._turns = Turns(_WAITING * timeout)
        self._rests = Rests(clock)
        self._is_closed = False

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
        if self._is_closed:
            return _tell_closed(asked)
        under_way = self._in_flight.get(asked) or self._begin(asked)
        # Shielded, so that one who gives up does not take the answer from the others.
        answer = await asyncio.shield(under_way.answer)
        if not is_fresh:
            self._cache.put(asked, answer)
        return answer

    async def close(self) -> None:
        """End all fetches and connections; those under way, and all later ones, fail as closed."""
        self._is_closed = True
        tasks = []
        for asked, under_way in self._in_flight.items():
            if not under_way.answer.done():
                under_way.answer.set_result(_tell_closed(asked))
            under_way.task.cancel()
            tasks.append(under_way.task)
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._exchange.close()

    def _begin(self, asked: _Asked) -> _UnderWay:
        """Start a fetch for all who want it."""
        under_way = _UnderWay(
            asyncio.get_running_loop().create_future(), asyncio.ensure_future(self._follow(asked))
        )
        self._in_flight[asked] = under_way
        under_way.task.add_done_callback(lambda _: self._finish(asked, under_way))
        return under_way

    def _finish(self, asked: _Asked, under_way: _UnderWay) -> None:
        """Hand the answer to those who wait for it."""
        del self._in_flight[asked]
        answer, task = under_way
        fault = None if task.cancelled() else task.exception()  # fetched, so that the loop does not tell it
        if answer.done():
            return
        if task.cancelled():
            answer.cancel()
        elif fault is not None:
            answer.set_exception(fault)
            answer.exception()  # a fault of ours is told to whoever still waits, and not again by the loop
        else:
            answer.set_result(task.result())

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
            reply = await self._ask(url, asked)
            if isinstance(reply, WebFailure):
                return reply
            if reply.status not in _REDIRECTS:
                return read_reply(url, reply, is_secure=is_secure)
            found = read_redirect(url, reply, left)
            if isinstance(found, WebFailure):
                return found
            url = found
        raise AssertionError("the last hop always returns")

    async def _ask(self, url: WebUrl, asked: _Asked) -> Reply | WebFailure:
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
        # Those that rest come last: what is said of them costs nothing, and leaves the time to the others.
        resting = [one for one in addresses if self._rests.check(url, one) is not None]
        awake = [one for one in addresses if one not in resting]
        first, *others = (*awake, *resting)
        reply, used = await self._ask_address(url, first, asked, seconds, max(1, len(awake)))
        for index, address in enumerate(others, start=1):
            if not isinstance(reply, WebFailure) or (reply.was_asked and reply.fault is not Fault.CONNECT):
                break
            seconds = max(0.01, seconds - used)
            reply, used = await self._ask_address(url, address, asked, seconds, max(1, len(awake) - index))
        return reply

    async def _ask_address(
        self, url: WebUrl, address: str, asked: _Asked, seconds: float, left: int
    ) -> tuple[Reply | WebFailure, float]:
        """Ask one address in its turn, unless it rests; return the seconds that this took, too.

        Args:
            seconds: how long it may take.
            left: how many addresses share the time for connecting.
        """
        loop = asyncio.get_running_loop()
        resting = self._rests.check(url, address)
        if resting is not None:
            return resting, 0.0
        try:
            async with self._turns.take(address, is_configured=asked.is_configured):
                # Those before it may have found out meanwhile.
                resting = self._rests.check(url, address)
                if resting is not None:
                    return resting, 0.0
                begun = loop.time()
                reply = await self._exchange.get(
                    url,
                    address,
                    limit=asked.limit,
                    connect_seconds=_FOR_CONNECTING * seconds / left,
                    seconds=seconds,
                )
                if not isinstance(reply, WebFailure):
                    self._rests.note(url, address, None)
                elif reply.was_asked:
                    self._rests.note(url, address, reply)
                return reply, loop.time() - begun
        except TimeoutError:
            why = f"others were asking {address} for {_WAITING * self._timeout:g} s"
            return WebFailure(Fault.TIMEOUT, str(url), why, Reason.READ_TIMEOUT, was_asked=False), 0.0

    async def _find_addresses(self, url: WebUrl) -> tuple[str, ...] | WebFailure:
        """Return the addresses that may be connected to, families in turn, or why there is none."""
        if (excluded := self._exclusion.refuse_host(url.host)) is not None:
            return _tell_excluded(url, excluded)
        if url.is_literal:
            found: tuple[str, ...] = (url.host,)
        else:
            try:
                found = await self._resolver.addresses(url.host)
            except ResolveFailure as failure:
                if failure.reason is Reason.EXCLUDED:
                    return _tell_excluded(url, failure.detail)
                return WebFailure(Fault.DNS, str(url), failure.detail, failure.reason)
        wanted = [one for one in found if ipaddress.ip_address(one).version in self._families]
        if not wanted:
            family = " or ".join(f"IPv{family}" for family in self._families)
            why = f"{url.host} has no {family} address"
            return WebFailure(Fault.REFUSED_ADDRESS, str(url), why, Reason.NO_ADDRESS)
        left_out = [told for one in wanted if (told := self._exclusion.refuse_address(one)) is not None]
        if len(left_out) == len(wanted):
            return _tell_excluded(url, left_out[0])
        wanted = [one for one in wanted if self._exclusion.refuse_address(one) is None]
        refusals = {one: None if self._allow_private else refuse_address(one) for one in wanted}
        allowed = [address for address, why in refusals.items() if why is None]
        if not allowed:
            address, refusal = next(iter(refusals.items()))
            why = f"{url.host} is at {address}, {refusal}; it is asked only with probe.allow_private"
            return WebFailure(Fault.REFUSED_ADDRESS, str(url), why, Reason.ADDRESS_NOT_ALLOWED)
        return alternate(allowed)[:MAX_ADDRESSES]


def _tell_closed(asked: _Asked) -> WebFailure:
    why = "the web client was closed before there was an answer"
    return WebFailure(Fault.CLOSED, quote(asked.url), why, Reason.SKIPPED, was_asked=False)


def _tell_excluded(url: WebUrl, why: str) -> WebFailure:
    return WebFailure(Fault.REFUSED_ADDRESS, str(url), why, Reason.EXCLUDED)


def _origin(url: WebUrl) -> tuple[str, str, int]:
    return (url.scheme, url.host, url.port)
