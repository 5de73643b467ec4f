"""Many readers at once, and readers that do not read: bounded work, and nobody is locked out."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import aiohttp
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from scanner.model import Observation
from scanner.model.endpoint_id import write_id
from scanner.model.observation import Key
from scanner.web import bind, create_app, detail_pages, pages, serve_http
from scanner.web.turns import AT_ONCE, Turns
from tests.web.samples import NOW, WORLD
from tests.web.service import FakeService

PIPELINED = 200
READERS = 190
"""Of 200 connections that the server takes."""
ENDPOINT = f"/endpoints/{write_id(WORLD[0].endpoint.key)}"
DOMAIN = f"/domains/{WORLD[0].endpoint.domains[0]}"
PATIENCE = aiohttp.ClientTimeout(total=120)


class Busy:
    """Counts how often some work is done at once; the first ones wait for each other, as far as they may."""

    def __init__(self) -> None:
        self.begun = self.now = self.most = 0
        self._lock = threading.Lock()
        self._met = threading.Barrier(AT_ONCE)

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **named: Any) -> Any:
            with self._lock:
                self.begun += 1
                is_early = self.begun <= AT_ONCE
                self.now += 1
                self.most = max(self.most, self.now)
            try:
                if is_early:
                    self._met.wait(60)
                return work(*args, **named)
            finally:
                with self._lock:
                    self.now -= 1

        return counted


@dataclass
class Crowd:
    """Stands before an application, and tells when all readers are there."""

    app: ASGIApp
    number: int = 0
    all_there: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.number += 1
        if self.number == READERS:
            self.all_there.set()
        await self.app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Site:
    """A served application, and a client of it."""

    crowd: Crowd
    session: aiohttp.ClientSession
    port: int


@asynccontextmanager
async def site_of(
    service: FakeService,
) -> AsyncIterator[Site]:
    sock = bind("127.0.0.1:0")
    crowd = Crowd(create_app(service, clock=lambda: NOW))
    connector = aiohttp.TCPConnector(limit=READERS)
    port = sock.getsockname()[1]
    session = aiohttp.ClientSession(f"http://127.0.0.1:{port}", connector=connector, timeout=PATIENCE)
    async with serve_http(crowd, sock, grace=1), session:
        yield Site(crowd, session, port)


async def read(site: Site, path: str) -> int:
    async with site.session.get(path) as answer:
        await answer.read()
        return answer.status


@pytest.mark.parametrize(
    ("paths", "module", "work"),
    [
        ([f"/?q={number}" for number in range(READERS)], pages, "render_status"),
        ([f"/domains/a{number}.example" for number in range(READERS)], detail_pages, "_render_domain"),
        ([ENDPOINT] * READERS, detail_pages, "render_endpoint"),
    ],
    ids=["status", "domain", "endpoint"],
)
async def test_many_readers_at_once_are_served_a_few_at_a_time(
    monkeypatch: pytest.MonkeyPatch, paths: Sequence[str], module: Any, work: str
) -> None:
    busy = Busy()
    monkeypatch.setattr(module, work, busy.around(getattr(module, work)))
    async with site_of(FakeService()) as site:
        statuses = await asyncio.gather(*(read(site, path) for path in paths))
    assert set(statuses) <= {200, 404}
    assert (busy.most, busy.begun) == (AT_ONCE, READERS)


@pytest.mark.parametrize(
    ("path", "module", "work"), [("/", pages, "render_status"), (DOMAIN, detail_pages, "_render_domain")]
)
async def test_who_waits_for_the_same_page_shares_it(
    monkeypatch: pytest.MonkeyPatch, path: str, module: Any, work: str
) -> None:
    go, begun = threading.Event(), list[int]()
    render = getattr(module, work)

    def held(*args: Any) -> Any:
        begun.append(1)
        go.wait(60)
        return render(*args)

    monkeypatch.setattr(module, work, held)
    async with site_of(FakeService()) as site, asyncio.TaskGroup() as group:
        readers = [group.create_task(read(site, path)) for _ in range(READERS)]
        async with asyncio.timeout(60):
            await site.crowd.all_there.wait()
        go.set()
    assert [task.result() for task in readers] == [200] * READERS
    # Two that were under way, and as good as all others together.
    assert len(begun) < READERS / 4


async def test_what_is_shared_is_made_after_it_was_asked_for() -> None:
    turns, made, go = Turns().pages, list[int](), asyncio.Event()

    async def make() -> str:
        made.append(len(made))
        page = str(made[-1])
        await go.wait()
        return page

    async with asyncio.TaskGroup() as group:
        first = [group.create_task(turns.make("a", make)) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert made == [0]
        later = [group.create_task(turns.make("a", make)) for _ in range(3)]
        gone = group.create_task(turns.make("a", make))
        await asyncio.sleep(0)
        gone.cancel()
        go.set()
    assert [task.result() for task in first] == ["0"] * 3
    assert [task.result() for task in later] == ["1"] * 3


async def test_a_fault_reaches_all_who_wait_and_nobody_after_them() -> None:
    turns = Turns().pages

    async def fail() -> str:
        raise ValueError("a fault of our own")

    async def succeed() -> str:
        return "page"

    found = await asyncio.gather(*(turns.make("a", fail) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in found] == [ValueError] * 3
    assert await turns.make("a", succeed) == "page"


@dataclass
class Stuck(FakeService):
    """A service whose store does not answer until it is freed; counts who asks it meanwhile."""

    asked: int = 0
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)
    is_free: asyncio.Event = field(default_factory=asyncio.Event)

    async def history(
        self, key: Key, *, since: datetime | None, before: datetime | None, limit: int
    ) -> Sequence[Observation]:
        self.asked += 1
        if self.asked == AT_ONCE:
            self.is_asked.set()
        await self.is_free.wait()
        return await super().history(key, since=since, before=before, limit=limit)


async def test_a_store_that_hangs_keeps_no_other_page_waiting() -> None:
    service = Stuck()
    async with site_of(service) as site, asyncio.TaskGroup() as group:
        waiting = [group.create_task(read(site, ENDPOINT)) for _ in range(20)]
        async with asyncio.timeout(60):
            await service.is_asked.wait()
        assert await read(site, "/") == 200
        assert await read(site, DOMAIN) == 200
        assert await read(site, "/-/healthy") == 200
        assert service.asked == AT_ONCE
        service.is_free.set()
    assert [task.result() for task in waiting] == [200] * 20


async def test_who_does_not_read_his_page_holds_no_turn() -> None:
    world = [
        replace(seen, endpoint=replace(seen.endpoint, domains=(f"domain{number}.example",)))
        for number in range(100)
        for seen in WORLD[:7]
    ]
    # More of it than the system takes for a client that reads nothing.
    request = b"GET /?size=100 HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200
    service = FakeService(seen=world)
    async with site_of(service) as site, contextlib.AsyncExitStack() as opened:
        loop = asyncio.get_running_loop()
        for _ in range(4 * AT_ONCE):
            client = opened.enter_context(socket.socket())
            client.setblocking(False)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await loop.sock_connect(client, ("127.0.0.1", site.port))
            await loop.sock_sendall(client, request)
        async with asyncio.timeout(60):
            assert await read(site, "/") == 200
            assert await read(site, DOMAIN) == 404
            assert await read(site, ENDPOINT) == 200
