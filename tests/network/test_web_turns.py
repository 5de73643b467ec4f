"""Who waits for whom in the web client: shared fetches, turns at an address, the limit, the end."""

import asyncio
from collections.abc import Callable

import pytest

from scanner.network.web_answer import Fault, Page, WebFailure
from scanner.network.web_turns import CONFIGURED_AT_ONCE, FETCHES_AT_ONCE, Turns
from tests.discovery.web_server import SITE, Names, World, respond, web_client
from tests.servers.certificates import Authority

PAGE = f"https://{SITE}/page"


async def never(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what the test makes happen."""
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0.002)


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
    assert not here.client._turns._gates


@pytest.mark.parametrize(("is_configured", "at_once"), [(True, CONFIGURED_AT_ONCE), (False, 1)])
async def test_an_address_of_the_settings_may_have_more_connections(
    here: World, is_configured: bool, at_once: int
) -> None:
    go_on = asyncio.Event()

    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        writer.write(respond(b"x"))

    urls = [f"{PAGE}{number}" for number in range(CONFIGURED_AT_ONCE + 2)]
    here.site.pages.update(dict.fromkeys(urls, hold))
    fetches = [asyncio.ensure_future(here.client.fetch(url, is_configured=is_configured)) for url in urls]
    await until(lambda: len(here.site.requests) == at_once)
    go_on.set()
    assert all(isinstance(answer, Page) for answer in await asyncio.gather(*fetches))
    assert here.site.most_open == at_once


async def test_addresses_of_the_settings_do_not_wait_for_others(here: World) -> None:
    here.site.pages |= {f"{PAGE}/slow": never, f"{PAGE}/list": respond(b"x")}
    slow = asyncio.ensure_future(here.client.fetch(f"{PAGE}/slow"))
    await until(lambda: bool(here.site.requests))
    assert isinstance(await here.client.fetch(f"{PAGE}/list", is_configured=True), Page)
    assert not slow.done()


async def test_waiting_for_a_turn_has_an_end(here: World) -> None:
    turns = Turns(0.05)
    here.client._turns = turns
    here.site.pages[f"{PAGE}/slow"] = never
    slow = asyncio.ensure_future(here.client.fetch(f"{PAGE}/slow"))
    await until(lambda: bool(here.site.requests))
    answer = await here.client.fetch(PAGE)
    assert isinstance(answer, WebFailure)
    assert (answer.fault, answer.was_asked) == (Fault.TIMEOUT, False)
    assert answer.detail.startswith(f"others were asking {here.site.address} for ")
    await here.client.close()
    await slow
    assert not turns._gates
    assert not turns._users


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


def assert_closed(answer: Page | WebFailure) -> None:
    assert isinstance(answer, WebFailure)
    assert (answer.fault, answer.is_definite, answer.was_asked) == (Fault.CLOSED, False, False)
    assert "closed" in answer.detail


async def test_closing_ends_what_is_under_way_and_cancels_nobody(here: World) -> None:
    here.site.pages |= {f"{PAGE}/{number}": never for number in range(3)}
    urls = [f"{PAGE}/{number}" for number in (0, 0, 1, 2)]  # one runs for two, the others wait for a turn
    fetches = [asyncio.ensure_future(here.client.fetch(url)) for url in urls]
    await until(lambda: bool(here.site.requests))
    fresh = asyncio.ensure_future(here.client.fetch(PAGE))
    await asyncio.sleep(0)  # it began to wait, and its task has not run yet
    await here.client.close()
    for answer in await asyncio.gather(*fetches, fresh):
        assert_closed(answer)
    assert not here.client._in_flight
    await here.client.close()


async def test_a_fetch_after_the_end_says_so(here: World) -> None:
    here.site.pages[PAGE] = respond(b"x")
    known = await here.client.fetch(PAGE)
    await here.client.close()
    assert_closed(await here.client.fetch(f"{PAGE}/other"))
    assert_closed(await here.client.fetch(PAGE, is_fresh=True))
    assert await here.client.fetch(PAGE) is known


async def test_who_waits_can_still_be_cancelled(here: World) -> None:
    here.site.pages[PAGE] = never
    fetch = asyncio.ensure_future(here.client.fetch(PAGE))
    await until(lambda: bool(here.site.requests))
    fetch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetch


async def test_a_fault_of_ours_reaches_all_who_wait(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def break_down(_: str) -> tuple[str, ...]:
        raise ZeroDivisionError

    monkeypatch.setattr(here.names, "addresses", break_down)
    faults = await asyncio.gather(*(here.client.fetch(PAGE) for _ in range(2)), return_exceptions=True)
    assert [type(fault) for fault in faults] == [ZeroDivisionError] * 2
