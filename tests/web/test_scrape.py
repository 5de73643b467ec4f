"""Large scrapes: streamed and compressed in pieces, bounded in number, and cut where nobody reads."""

import asyncio
import gzip
import itertools
import socket
import time
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import aiohttp
import pytest
import uvloop
from structlog.testing import capture_logs

from scanner.web import bind, create_app, scrape, serve_http
from scanner.web.server import ANSWER_SECONDS, IDLE_SECONDS
from tests.metrics.samples import GOOD, at
from tests.web.service import FakeService

ENDPOINTS = 3000
LINE = b'mailport_probe_success{host="mx.example.org"} 1\n'
PIECE = LINE * 1000


def crowded() -> FakeService:
    """A service with enough endpoints for some thirty packs."""
    return FakeService(seen=[replace(GOOD, endpoint=at(f"mx{number}.test")) for number in range(ENDPOINTS)])


@dataclass
class Streaming(FakeService):
    """A service whose scrape is as long as a test wants it; counts what is taken of it."""

    pieces: int | None = None
    """None = it never ends."""
    fault_at: int | None = None
    work_seconds: float = 0.0
    """What each piece costs."""
    taken: int = 0
    open_scrapes: int = field(default=0)
    most_open: int = field(default=0)

    def scrape(self, *, openmetrics: bool) -> Generator[bytes, None, None]:
        del openmetrics
        self.open_scrapes += 1
        self.most_open = max(self.most_open, self.open_scrapes)
        try:
            for number in itertools.count() if self.pieces is None else range(self.pieces):
                if number == self.fault_at:
                    raise RuntimeError("a fault of our own")
                self.taken += 1
                time.sleep(self.work_seconds)
                yield PIECE
        finally:
            self.open_scrapes -= 1


@asynccontextmanager
async def site_of(
    service: FakeService, *, idle_seconds: float = IDLE_SECONDS, answer_seconds: float = ANSWER_SECONDS
) -> AsyncIterator[aiohttp.ClientSession]:
    sock = bind("127.0.0.1:0")
    port = sock.getsockname()[1]
    session = aiohttp.ClientSession(
        f"http://127.0.0.1:{port}", skip_auto_headers=["Accept-Encoding"], auto_decompress=False
    )
    app = create_app(service)
    serving = serve_http(app, sock, grace=1, idle_seconds=idle_seconds, answer_seconds=answer_seconds)
    async with serving, session:
        yield session


def of_endpoints(document: bytes) -> bytes:
    """Leave out our own metrics, which differ from one moment to the next."""
    return document[: document.index(b"# HELP mailport_probes")]


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_large_scrape_is_streamed_whole(accept: str, encoding: str) -> None:
    service = crowded()
    headers = {"Accept": accept, "Accept-Encoding": encoding}
    async with site_of(service) as site, site.get("/metrics", headers=headers) as answer:
        body = await answer.read()

    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.headers.get("Content-Encoding", "identity") == encoding
    document = gzip.decompress(body) if encoding == "gzip" else body
    is_openmetrics = accept.startswith("application")
    assert of_endpoints(document) == of_endpoints(service.exposition.render(openmetrics=is_openmetrics))
    assert document.endswith(b"# EOF\n") is is_openmetrics
    assert len(document) > 20 * scrape.PACK_BYTES


async def test_the_head_of_a_large_scrape_renders_no_more_than_its_beginning() -> None:
    service = Streaming()
    async with site_of(service) as site, site.head("/metrics") as answer:
        assert (answer.status, await answer.read()) == (200, b"")

    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert service.taken * len(PIECE) < 3 * scrape.PACK_BYTES


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_large_scrape_never_holds_the_loop(encoding: str) -> None:
    """By the CPU that the loop's own thread uses between two beats: the machine may be busy otherwise."""
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        while True:
            used = time.thread_time()
            await asyncio.sleep(0.001)
            longest = max(longest, time.thread_time() - used)

    async def main() -> int:
        nonlocal longest
        async with site_of(crowded()) as site:
            async with site.get("/-/healthy") as answer:  # the first request puts the application together
                await answer.read()
            beating = asyncio.create_task(beat())
            async with site.get("/metrics", headers={"Accept-Encoding": encoding}) as answer:
                size = 0
                async for part in answer.content.iter_any():
                    size += len(part)
            beating.cancel()
            return size

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(main()) > 100_000
    assert longest < 0.02


async def ask_and_read_nothing(site: aiohttp.ClientSession) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    assert site._base_url is not None
    await loop.sock_connect(client, (site._base_url.host, site._base_url.port))
    await loop.sock_sendall(client, b"GET /metrics HTTP/1.1\r\nHost: mailport\r\n\r\n")
    return client


async def until_open(service: Streaming, count: int) -> None:
    async with asyncio.timeout(10):
        while service.open_scrapes != count:
            await asyncio.sleep(0.01)


def on_uvloop(main: partial) -> None:
    """Run on the loop of the product, whose transports are not asyncio's own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


async def crowd_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrape, "SCRAPES", 3)
    service = Streaming()
    async with site_of(service, idle_seconds=0.2, answer_seconds=0.6) as site, asyncio.timeout(20):
        idle = [await ask_and_read_nothing(site) for _ in range(3)]
        await until_open(service, 3)
        async with site.get("/metrics") as answer:
            assert answer.status == 503
            assert "3 large scrapes are under way; try again later." in await answer.text()
            assert answer.headers["Retry-After"] == "5"
        async with site.get("/-/healthy") as answer:
            assert answer.status == 200
        taken = service.taken

        await until_open(service, 0)  # they are cut

        assert taken * len(PIECE) < 3 * 16 * 1024 * 1024  # what the buffers on the way hold
        service.pieces = 100
        async with site.get("/metrics") as answer:
            assert await answer.read() == PIECE * 100
        for client in idle:
            client.close()


def test_those_who_stop_reading_are_cut_and_shut_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    on_uvloop(partial(crowd_out, monkeypatch))


async def come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrape, "SCRAPES", 3)
    service = Streaming(pieces=20, work_seconds=2 * scrape.SLICE_SECONDS)
    async with site_of(service) as site:

        async def ask() -> int:
            async with site.get("/metrics", headers={"Accept-Encoding": "gzip"}) as answer:
                await answer.read()
                return answer.status

        statuses = await asyncio.gather(*(ask() for _ in range(40)))
    assert set(statuses) == {200, 503}
    assert service.most_open <= 3


def test_no_more_are_let_in_at_once_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    on_uvloop(partial(come_at_once, monkeypatch))


async def go_away() -> None:
    service = Streaming()
    async with site_of(service) as site, asyncio.timeout(20):
        for encoding in ("identity", "gzip"):
            answer = await site.get("/metrics", headers={"Accept-Encoding": encoding})
            assert await answer.content.readany()
            assert service.open_scrapes == 1
            answer.close()
            await until_open(service, 0)


def test_a_client_that_goes_away_ends_its_scrape() -> None:
    on_uvloop(partial(go_away))


async def test_a_fault_of_our_own_in_the_middle_is_no_whole_document() -> None:
    service = Streaming(pieces=200, fault_at=100)
    async with site_of(service) as site:
        with capture_logs() as logs:
            answer = await site.get("/metrics")
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()
        assert [entry["event"] for entry in logs] == ["web_request_failed"]
        assert service.open_scrapes == 0
        service.fault_at = None
        async with site.get("/metrics") as answer:
            assert await answer.read() == PIECE * 200


async def test_a_fault_at_the_beginning_is_told_in_plain_words() -> None:
    async with site_of(Streaming(fault_at=0)) as site, site.get("/metrics") as answer:
        assert answer.status == 500
        assert "a fault in mailport itself" in await answer.text()


async def test_work_between_pieces_is_not_lost_on_a_small_scrape() -> None:
    """Empty pieces are where the loop may be given back; they are no part of the document."""
    pieces = itertools.chain.from_iterable((b"", LINE) for _ in range(5))

    assert [part async for part in scrape.pack(pieces)] == [LINE * 5]
