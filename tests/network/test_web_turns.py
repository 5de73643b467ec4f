"""Who waits for whom in the web client: shared fetches, turns at an address, the limit, the end."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from scanner.network.web import FETCHES_AT_ONCE
from scanner.network.web_answer import Page
from tests.discovery.web_server import Names, World, respond, web_client, world
from tests.servers.certificates import Authority, Leaf

HOST = "turns.test"
PAGE = f"https://{HOST}/page"


@pytest.fixture(scope="session")
def turns_leaf(authority: Authority) -> Leaf:
    return authority.issue(HOST)


@pytest.fixture
async def here(authority: Authority, turns_leaf: Leaf) -> AsyncIterator[World]:
    async with world(authority, turns_leaf, HOST) as made:
        yield made


async def test_one_request_serves_all_who_ask_at_once(here: World) -> None:
    here.site.pages[PAGE] = respond(b"x")
    answers = await asyncio.gather(*(here.client.fetch(PAGE) for _ in range(50)))
    assert len(set(answers)) == 1
    assert here.site.asked == [PAGE]


async def test_who_stops_waiting_harms_nobody(here: World) -> None:
    go_on = asyncio.Event()

    async def wait(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        writer.write(respond(b"x"))

    here.site.pages[PAGE] = wait
    first, second = (asyncio.ensure_future(here.client.fetch(PAGE)) for _ in range(2))
    while not here.site.requests:
        await asyncio.sleep(0)
    first.cancel()
    go_on.set()
    assert isinstance(await second, Page)
    assert first.cancelled()


async def test_one_address_is_asked_one_thing_at_a_time(here: World) -> None:
    async def linger(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)
        writer.write(respond(b"x"))

    for number in range(10):
        here.site.pages[f"{PAGE}{number}"] = linger
    answers = await asyncio.gather(*(here.client.fetch(f"{PAGE}{number}") for number in range(10)))
    assert all(isinstance(answer, Page) for answer in answers)
    assert here.site.most_open == 1
    assert not here.client._turns._locks


async def test_so_many_requests_run_at_once_and_no_more(authority: Authority) -> None:
    arrived = 0
    go_on = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal arrived
        arrived += 1
        await go_on.wait()
        writer.write(respond(b"x"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hold, "0.0.0.0", 0)
    port = server.sockets[0].getsockname()[1]
    names = Names()
    urls = []
    for number in range(FETCHES_AT_ONCE + 8):
        names.put(f"h{number}.many.test", f"127.0.40.{number + 1}")
        urls.append(f"http://h{number}.many.test:{port}/")
    async with web_client(names, authority.ca_file) as client:
        fetches = [asyncio.ensure_future(client.fetch(url, is_configured=True)) for url in urls]
        while arrived < FETCHES_AT_ONCE:
            await asyncio.sleep(0.005)
        for _ in range(20):
            await asyncio.sleep(0)
        assert arrived == FETCHES_AT_ONCE
        go_on.set()
        answers = await asyncio.gather(*fetches)
    server.close()
    assert all(isinstance(answer, Page) for answer in answers)


async def test_closing_ends_what_is_under_way(here: World) -> None:
    async def never(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    here.site.pages[PAGE] = never
    fetch = asyncio.ensure_future(here.client.fetch(PAGE))
    while not here.site.requests:
        await asyncio.sleep(0)
    await here.client.close()
    with pytest.raises(asyncio.CancelledError):
        await fetch
    await here.client.close()
