"""Web addresses that swallow requests are left alone for a while, and nobody else is for their sake."""

import asyncio
import re
import socket
from collections.abc import Iterator

import pytest

from scanner.model import Reason
from scanner.network.web_answer import Fault, Page, WebFailure
from scanner.network.web_turns import CONFIGURED_AT_ONCE, MAX_PLACES, REST_SECONDS, VAIN_REQUESTS, Rests
from scanner.network.web_url import read_url
from tests.discovery.web_server import Names, respond, web_address, web_client, world
from tests.network.name_servers import Clock
from tests.servers.certificates import Authority, Leaf

HOST = "rests.test"
TIMEOUT = 0.25


@pytest.fixture(scope="session")
def rests_leaf(authority: Authority) -> Leaf:
    return authority.issue(HOST, "other.test")


@pytest.fixture
def swallower() -> Iterator[str]:
    """An address whose web ports take connections into their queue, and say nothing."""
    with web_address("127.0.41") as address, socket.socket() as secure, socket.socket() as clear:
        for sock, port in ((secure, 443), (clear, 80)):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
            sock.listen(200)
        yield address


def failures(answers: list[Page | WebFailure]) -> list[WebFailure]:
    assert all(isinstance(answer, WebFailure) for answer in answers)
    return [answer for answer in answers if isinstance(answer, WebFailure)]


async def test_an_address_that_swallows_is_asked_a_few_times_only(
    authority: Authority, swallower: str
) -> None:
    names = Names(**{f"h{number}": [swallower] for number in range(30)})
    async with web_client(names, authority.ca_file, timeout=TIMEOUT, clock=Clock()) as client:
        fetches = (client.fetch(f"https://h{number}/", is_configured=True) for number in range(30))
        async with asyncio.timeout(3):  # one after the other they would take six seconds
            answers = failures(await asyncio.gather(*fetches))
        asked = [answer for answer in answers if answer.was_asked]
        # As many as may go at once; and where the first of them is over a little before the second, one more.
        assert CONFIGURED_AT_ONCE <= len(asked) < CONFIGURED_AT_ONCE + VAIN_REQUESTS
        for spared in (answer for answer in answers if not answer.was_asked):
            assert (spared.fault, spared.reason) == (Fault.CONNECT, Reason.CONNECT_TIMEOUT)
            # Of the time for all of it, what was left when the connection began.
            assert re.match(
                rf"no connection to {re.escape(swallower)} within 0\.(2|1\d*) s; as it was ", spared.detail
            )
            assert spared.detail.endswith(f" times in a row, {swallower} is not asked for the next 60 s")


async def test_the_rest_ends_with_one_that_tries(
    authority: Authority, rests_leaf: Leaf, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(authority, rests_leaf, HOST, timeout=TIMEOUT) as here:
        page = f"https://{HOST}/page"
        here.site.pages[page] = respond(b"x")

        async def stall(*_: object, **__: object) -> WebFailure:
            return WebFailure(Fault.CONNECT, page, "no connection", Reason.CONNECT_TIMEOUT)

        with monkeypatch.context() as patch:
            patch.setattr(here.client._exchange, "get", stall)
            for _ in range(VAIN_REQUESTS):
                await here.client.fetch(page, is_fresh=True)
        here.clock.now += REST_SECONDS - 1
        (early,) = failures([await here.client.fetch(page)])
        assert (early.fault, early.was_asked, here.site.requests) == (Fault.CONNECT, False, [])
        here.clock.now += 1
        assert isinstance(await here.client.fetch(page), Page)  # what was said before is not kept


async def test_another_address_of_the_host_is_asked_with_all_the_time(
    authority: Authority, rests_leaf: Leaf, swallower: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(authority, rests_leaf, timeout=TIMEOUT) as here:
        here.names.put("swallow.test", swallower)
        here.names.put(HOST, swallower, here.site.address)
        page = f"https://{HOST}/page"
        here.site.pages[page] = respond(b"x")
        for number in range(VAIN_REQUESTS):
            await here.client.fetch(f"https://swallow.test/{number}")
        assert isinstance(await here.client.fetch(page), Page)
        waits: list[float] = []

        async def note_wait(*_: object, connect_seconds: float, **__: object) -> WebFailure:
            waits.append(connect_seconds)
            return WebFailure(Fault.CONNECT, page, "no connection", Reason.CONNECTION_REFUSED)

        monkeypatch.setattr(here.client._exchange, "get", note_wait)
        answer = await here.client.fetch(f"{page}/other")
        assert isinstance(answer, WebFailure)
        assert not answer.was_asked  # that the one rests may end soon
        (wait,) = waits
        assert wait > 0.7 * TIMEOUT  # it shares the time with no other


URL = read_url(f"https://{HOST}/a")
OTHER = read_url("https://other.test/a")
CLEAR = read_url(f"http://{HOST}/a")
ADDRESS = "192.0.2.1"
NO_CONNECTION = WebFailure(Fault.CONNECT, str(URL), "no connection", Reason.CONNECT_TIMEOUT)
NO_ANSWER = WebFailure(Fault.TIMEOUT, str(URL), "no answer", Reason.READ_TIMEOUT)


def rests_after(*ends: WebFailure | None) -> Rests:
    rests = Rests(Clock())
    for end in ends:
        rests.note(URL, ADDRESS, end)
    return rests


def test_no_connection_is_the_matter_of_address_and_port() -> None:
    rests = rests_after(NO_CONNECTION, NO_CONNECTION)
    spared = rests.check(OTHER, ADDRESS)
    assert spared is not None
    assert spared.url == str(OTHER)
    assert rests.check(CLEAR, ADDRESS) is None
    assert rests.check(URL, "192.0.2.2") is None


def test_no_answer_is_the_matter_of_the_host() -> None:
    rests = rests_after(NO_ANSWER, NO_ANSWER)
    assert rests.check(URL, ADDRESS) is not None
    assert rests.check(OTHER, ADDRESS) is None


@pytest.mark.parametrize("reason", [Reason.CONNECTION_REFUSED, Reason.CONNECTION_LOST])
def test_failures_that_cost_no_time_spare_nobody(reason: Reason) -> None:
    failure = WebFailure(Fault.CONNECT, str(URL), "", reason)
    assert rests_after(*[failure] * 5).check(URL, ADDRESS) is None


@pytest.mark.parametrize(
    "end", [None, WebFailure(Fault.STATUS, "", "", Reason.PROTOCOL_ERROR, 503)], ids=["page", "503"]
)
@pytest.mark.parametrize("vain", [NO_CONNECTION, NO_ANSWER], ids=["connect", "answer"])
def test_an_answer_between_breaks_the_row(vain: WebFailure, end: WebFailure | None) -> None:
    assert rests_after(vain, end, vain).check(URL, ADDRESS) is None
    assert rests_after(vain, end, vain, vain).check(URL, ADDRESS) is not None


def test_one_more_failure_prolongs_the_rest_and_long_ago_is_forgotten() -> None:
    clock = Clock()
    rests = Rests(clock)
    for _ in range(VAIN_REQUESTS):
        rests.note(URL, ADDRESS, NO_CONNECTION)
    clock.now += REST_SECONDS
    assert rests.check(URL, ADDRESS) is None
    rests.note(URL, ADDRESS, NO_CONNECTION)
    assert rests.check(URL, ADDRESS) is not None
    clock.now += 2 * REST_SECONDS
    rests.note(URL, ADDRESS, NO_CONNECTION)
    assert rests.check(URL, ADDRESS) is None


def test_the_memory_of_places_is_bounded() -> None:
    rests = Rests(Clock())
    for number in range(MAX_PLACES + 10):
        rests.note(URL, str(number), NO_CONNECTION)
    assert len(rests._vain) == MAX_PLACES
