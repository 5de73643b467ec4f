"""The event stream, over real sockets: order, resuming, bounds, slow readers, the end of the service."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import pytest

from scanner.model import Severity
from scanner.model.endpoint_id import write_id
from scanner.model.event import Event, EventKind
from scanner.store import EventQuery, StoreError
from scanner.web import Hub, bind, create_app, serve_http
from scanner.web.hub import Pace
from tests.web.samples import NOW, WORLD
from tests.web.service import FakeService

SOON = 10.0


@dataclass
class Past:
    """Events as a store gives them."""

    kept: list[Event] = field(default_factory=list)
    fault: StoreError | None = None

    def add(self, number: int, count: int = 1, summary: str = "a <b>\nc") -> None:
        self.kept += [
            Event(NOW, EventKind.STATE_CHANGED, "mx", Severity.WARNING, summary, id=number + index)
            for index in range(count)
        ]

    async def find(self, query: EventQuery) -> Sequence[Event]:
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        if query.after_id is None:
            return self.kept[-query.limit :]
        return [event for event in self.kept if (event.id or 0) > query.after_id][: query.limit]


@dataclass
class Scene:
    """A served application, its past and its hub."""

    hub: Hub
    past: Past
    site: aiohttp.ClientSession
    port: int
    hub_task: asyncio.Task[None]


PACE = Pace(streams=5, waiting=50, look_seconds=0.02, heartbeat_seconds=0.2)


@contextlib.asynccontextmanager
async def serve(pace: Pace = PACE) -> AsyncIterator[Scene]:
    past = Past()
    service = FakeService()
    service.hub = hub = Hub(past.find, pace)
    sock = bind("127.0.0.1:0")
    port = sock.getsockname()[1]
    hub_task = asyncio.create_task(hub.run())
    connector = aiohttp.TCPConnector(limit=0)
    session = aiohttp.ClientSession(f"http://127.0.0.1:{port}", connector=connector)
    async with serve_http(create_app(service, clock=lambda: NOW), sock, grace=2), session:
        try:
            yield Scene(hub, past, session, port, hub_task)
        finally:
            hub_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await hub_task


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with serve() as scene:
        yield scene


@dataclass
class Reader:
    """Reads messages from a stream, as a browser does."""

    answer: aiohttp.ClientResponse
    comments: int = 0

    async def next(self) -> tuple[str, Any, str | None]:
        fields: dict[str, str] = {}
        async with asyncio.timeout(SOON):
            while True:
                raw = await self.answer.content.readline()
                if not raw:
                    raise EOFError
                line = raw.decode().removesuffix("\n")
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    assert name in {"event", "data", "id", "retry"}
                    fields[name] = value
                elif "data" in fields:
                    return fields["event"], json.loads(fields["data"]), fields.get("id")


@contextlib.asynccontextmanager
async def listen(scene: Scene, path: str = "", **headers: str) -> AsyncIterator[Reader]:
    async with scene.site.get(f"/api/v1/events/stream{path}", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        yield Reader(answer)


async def until(condition: Any) -> None:
    async with asyncio.timeout(SOON):
        while not condition():
            await asyncio.sleep(0.005)


async def test_events_and_conditions_come_as_they_happen(scene: Scene) -> None:
    scene.past.add(7)
    async with listen(scene) as reader:
        assert await reader.next() == ("hello", {"next": 7}, "7")
        scene.past.add(8)
        name, data, number = await reader.next()
        assert (name, number, data["id"], data["summary"]) == ("event", "8", 8, "a <b>\nc")
        seen = WORLD[0]
        scene.hub.take_condition(seen.endpoint.key, seen)
        name, data, number = await reader.next()
        assert (name, number) == ("endpoint", None)
        assert (data["id"], data["state"]) == (write_id(seen.endpoint.key), seen.state.value)
        scene.hub.take_condition(seen.endpoint.key, None)
        assert (await reader.next())[0] == "endpoint_gone"


async def test_who_comes_back_misses_nothing_and_is_told_nothing_twice(scene: Scene) -> None:
    scene.past.add(1, 1200)
    async with listen(scene, **{"Last-Event-ID": "5"}) as reader:
        assert await reader.next() == ("hello", {"next": 5}, "5")
        scene.past.add(1201)
        numbers = [(await reader.next())[2] for _ in range(1196)]
        assert numbers == [str(number) for number in range(6, 1202)]


async def test_a_gap_too_long_to_fill_is_told(scene: Scene) -> None:
    scene.past.add(1, 3000)
    async with listen(scene, "?after=0") as reader:
        found = [await reader.next() for _ in range(2002)]
        assert found[-1] == ("gap", {"after": 2000, "until": 3000}, "3000")
        scene.past.add(3001)
        assert (await reader.next())[2] == "3001"


async def test_an_id_from_a_store_that_is_gone_goes_on_from_now(scene: Scene) -> None:
    scene.past.add(3)
    async with listen(scene, **{"Last-Event-ID": "900"}) as reader:
        assert (await reader.next())[1] == {"next": 3}
        scene.past.kept.clear()
        scene.past.add(1)  # begun anew
        await until(lambda: scene.hub._position == 1)
        scene.past.add(2)
        assert (await reader.next())[2] == "2"


@pytest.mark.parametrize("text", ["x", "-1", "1.0", "99999999999999999999", "\u0663", "", "1 2"])
async def test_an_id_that_is_none_is_a_400(scene: Scene, text: str) -> None:
    async with scene.site.get("/api/v1/events/stream", params={"after": text}) as answer:
        assert answer.status == 400
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert (await answer.json(content_type=None))["status"] == 400
    assert len(scene.hub) == 0


async def test_a_silent_stream_is_kept_alive_by_comments(scene: Scene) -> None:
    async with listen(scene) as reader:
        await reader.next()
        await asyncio.sleep(0.5)
        scene.past.add(1)
        await reader.next()
        assert reader.comments


async def test_there_are_so_many_streams_and_no_more(scene: Scene) -> None:
    async with contextlib.AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(listen(scene)) for _ in range(5)]
        async with scene.site.get("/api/v1/events/stream") as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "10"
            assert answer.headers["Connection"] == "close"
        readers[0].answer.close()
        await until(lambda: len(scene.hub) == 4)
        await stack.enter_async_context(listen(scene))


async def test_a_client_that_does_not_read_is_cut_and_costs_the_others_nothing(scene: Scene) -> None:
    slow = socket.create_connection(("127.0.0.1", scene.port))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with slow:
        slow.sendall(b"GET /api/v1/events/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: len(scene.hub) == 1)
        async with listen(scene) as reader:
            await reader.next()
            number = 0
            while len(scene.hub) == 2:
                number += 1
                assert number < 2000
                scene.past.add(number, summary="x" * 20_000)
                assert (await reader.next())[2] == str(number)
            scene.past.add(number + 1)
            assert (await reader.next())[2] == str(number + 1)


async def test_a_store_that_fails_is_a_503_first_and_a_pause_later(scene: Scene) -> None:
    scene.past.fault = StoreError("/var/lib/mailport.db: gone")
    async with scene.site.get("/api/v1/events/stream?after=1") as answer:
        assert answer.status == 503
        assert "/var/lib" not in await answer.text()
    assert len(scene.hub) == 0
    async with listen(scene) as reader:
        assert await reader.next() == ("hello", {"next": None}, None)
        scene.past.fault = None
        await until(lambda: scene.hub._position == 0)
        scene.past.fault = StoreError("gone")
        await until(lambda: scene.hub._told == "gone")
        scene.past.add(1)
        scene.past.fault = None
        assert (await reader.next())[2] == "1"


async def test_streams_end_with_the_service(scene: Scene) -> None:
    async with listen(scene) as reader:
        await reader.next()
        scene.hub_task.cancel()
        with pytest.raises(EOFError):
            await reader.next()
    async with scene.site.get("/api/v1/events/stream") as answer:
        assert answer.status == 503


async def test_head_gives_the_headers_and_no_stream(scene: Scene) -> None:
    async with asyncio.timeout(SOON), scene.site.head("/api/v1/events/stream") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert len(scene.hub) == 0


async def test_a_thousand_streams_leave_room_for_a_scrape() -> None:
    async with serve(replace(PACE, streams=100)) as scene:
        sockets = []
        try:
            for _ in range(1000):
                one = socket.socket()
                one.setblocking(False)
                loop = asyncio.get_running_loop()
                await loop.sock_connect(one, ("127.0.0.1", scene.port))
                sockets.append(one)
                with contextlib.suppress(OSError):
                    one.send(b"GET /api/v1/events/stream HTTP/1.1\r\nHost: x\r\n\r\n")
            await until(lambda: len(scene.hub) == 100)
            async with asyncio.timeout(SOON), scene.site.get("/metrics") as answer:
                assert answer.status == 200
            scene.past.add(1)
            await until(lambda: scene.hub._position == 1)
        finally:
            for one in sockets:
                one.close()
        await until(lambda: len(scene.hub) == 0)
