import asyncio
import contextlib
import errno
import signal
import socket
import time
from collections.abc import Iterator
from functools import partial

import aiohttp
import pytest
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send

from scanner.web import ListenError, bind, create_app, serve_http, server
from tests.web.service import FakeService


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with bind("127.0.0.1:0") as listening:
        yield listening


def url(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}/"


class Stalling:
    """An application that says when a request has come in, and answers only when told to."""

    def __init__(self) -> None:
        self.is_asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.is_asked.set()
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"at last"})


# ------------------------------------------------------------------------------------------------------ bind


@pytest.mark.parametrize(
    ("listen", "family"),
    [("127.0.0.1:0", socket.AF_INET), ("[::1]:0", socket.AF_INET6), ("localhost:0", None), (":0", None)],
)
def test_bind_listens_at_once(listen: str, family: socket.AddressFamily | None) -> None:
    with bind(listen) as listening:
        host, port = listening.getsockname()[:2]
        target = "127.0.0.1" if host in ("::", "0.0.0.0") else host
        with socket.create_connection((target, port), timeout=5) as client:
            assert client.getpeername()[1] == port
        assert family in (None, listening.family)


@pytest.mark.parametrize(
    "listen",
    ["", "9587", "h", "h:", "h:x", "h:-1", "h:65536", "h:000080", "::1:9587", "h:\u0663", "[::1]"],
)
def test_a_malformed_address_is_explained(listen: str) -> None:
    with pytest.raises(ListenError) as raised:
        bind(listen)

    assert repr(listen) in str(raised.value)
    assert "127.0.0.1:9587 or [::1]:9587" in str(raised.value)


def test_a_busy_port_is_explained(sock: socket.socket) -> None:
    listen = f"127.0.0.1:{sock.getsockname()[1]}"

    with pytest.raises(ListenError) as raised:
        bind(listen)

    assert str(raised.value) == (
        f"cannot listen on {listen}: the port is in use by another program. "
        "Stop that program or choose another port."
    )


@pytest.mark.parametrize(
    ("listen", "words"),
    [
        ("192.0.2.1:9587", "this machine does not have that address"),
        ("[2001:db8::1]:9587", "this machine does not have that address"),
        ("no-such-host.invalid:9587", "the name no-such-host.invalid has no address here"),
    ],
)
def test_a_foreign_address_is_explained(listen: str, words: str) -> None:
    with pytest.raises(ListenError, match=words):
        bind(listen)


def test_any_other_error_is_explained_in_the_systems_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_options: object) -> socket.socket:
        raise OSError(errno.EMFILE, "raw text")

    monkeypatch.setattr(socket, "create_server", refuse)

    with pytest.raises(ListenError, match=r"cannot listen on 127\.0\.0\.1:9587: Too many open files\."):
        bind("127.0.0.1:9587")


def test_every_address_means_ipv4_alone_where_ipv6_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    create = socket.create_server

    def create_without_ipv6(address: tuple[str, int], **options: object) -> socket.socket:
        if options.get("family") == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "no IPv6")
        return create(address)

    monkeypatch.setattr(socket, "create_server", create_without_ipv6)

    with bind(":0") as listening:
        assert listening.family == socket.AF_INET


# ------------------------------------------------------------------------------------------------------ serve


async def test_signal_handlers_stay_as_they_are(sock: socket.socket) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    async with serve_http(Stalling(), sock):
        inside = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    assert inside == before


async def test_a_request_under_way_may_end_before_the_server_stops(sock: socket.socket) -> None:
    app = Stalling()

    async with aiohttp.ClientSession() as session:
        async with serve_http(app, sock):
            asked = asyncio.create_task(session.get(url(sock)))
            await app.is_asked.wait()
            asyncio.get_running_loop().call_later(0.2, app.may_answer.set)
        answer = await asked
        assert await answer.text() == "at last"


async def test_a_request_that_never_ends_is_cut_in_time(sock: socket.socket) -> None:
    app = Stalling()

    async with aiohttp.ClientSession() as session:
        async with serve_http(app, sock, grace=1):
            asked = asyncio.create_task(session.get(url(sock)))
            await app.is_asked.wait()
            started = time.monotonic()
        assert time.monotonic() - started < 3
        try:
            async with await asked as answer:
                assert answer.status == 500
        except aiohttp.ClientError:
            pass


def test_a_client_that_reads_nothing_cannot_hold_the_server() -> None:
    """Runs on the loop of the product, whose transports are not asyncio's own."""

    async def flood(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": True})

    async def stop_in_mid_flood() -> float:
        sock = bind("127.0.0.1:0")
        async with serve_http(flood, sock, grace=1):
            reader, writer = await asyncio.open_connection(*sock.getsockname())
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readline()
            started = time.monotonic()
        took = time.monotonic() - started
        writer.transport.abort()
        return took

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(stop_in_mid_flood()) < 3


async def test_after_the_block_nothing_listens(sock: socket.socket) -> None:
    address = sock.getsockname()

    async with serve_http(Stalling(), sock):
        pass

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)
    assert sock.fileno() == -1


async def test_an_error_in_the_block_stops_the_server_and_goes_on(sock: socket.socket) -> None:
    with pytest.raises(LookupError, match="from the block"):
        async with serve_http(Stalling(), sock):
            raise LookupError("from the block")

    assert sock.fileno() == -1


async def test_cancelling_the_block_stops_the_server(sock: socket.socket) -> None:
    is_serving = asyncio.Event()

    async def serve() -> None:
        async with serve_http(Stalling(), sock):
            is_serving.set()
            await asyncio.Event().wait()

    serving = asyncio.create_task(serve())
    await is_serving.wait()
    serving.cancel()

    with pytest.raises(asyncio.CancelledError):
        await serving
    assert sock.fileno() == -1


async def test_a_socket_that_cannot_serve_is_an_error_and_no_hang() -> None:
    wrong = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    with pytest.raises(ValueError, match="Stream Socket"):
        async with serve_http(Stalling(), wrong):
            pytest.fail("it serves on a datagram socket")

    assert wrong.fileno() == -1


async def answers(address: tuple[str, int], data: bytes) -> bytes:
    """Send bytes as they are; return all that comes back until the other side closes."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(data)
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("beginning", [b"", b"GET / HTTP/1.1\r\nX: "])
async def test_a_connection_without_a_whole_request_is_cut(beginning: bytes) -> None:
    sock = bind("127.0.0.1:0")
    address = sock.getsockname()
    async with serve_http(Stalling(), sock, idle_seconds=0.2):
        async with asyncio.timeout(5):
            assert await answers(address, beginning) == b""


async def test_idle_connections_in_great_number_shut_nobody_out() -> None:
    app = create_app(FakeService())
    sock = bind("127.0.0.1:0")
    address = sock.getsockname()
    async with serve_http(app, sock, idle_seconds=0.5), asyncio.timeout(20):
        crowd = [await asyncio.open_connection(*address) for _ in range(250)]
        for reader, _ in crowd:
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        request = b"GET /-/healthy HTTP/1.1\r\nHost: mailport\r\nConnection: close\r\n\r\n"
        assert (await answers(address, request)).startswith(b"HTTP/1.1 200")
        for _, writer in crowd:
            writer.close()


class Bulky:
    """An application whose answers are larger than all buffers on the way; it tells when one has ended."""

    MIB = 1 << 20

    def __init__(self, parts: int) -> None:
        self.parts = parts
        self.has_ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_small = scope["path"] != "/"
        body = b"small" if is_small else bytes(16 * self.MIB // self.parts)
        parts = 1 if is_small else self.parts
        length = str(len(body) * parts).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        for part in range(parts):
            await send({"type": "http.response.body", "body": body, "more_body": part + 1 < parts})
        self.has_ended.set()


async def ask_and_read_nothing(address: tuple[str, int], header: str = "X: y") -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, address)
    await loop.sock_sendall(client, f"GET / HTTP/1.1\r\nHost: mailport\r\n{header}\r\n\r\n".encode())
    return client


@pytest.mark.parametrize("header", ["Connection: close", "Connection: keep-alive"])
def test_clients_that_read_nothing_shut_nobody_out(header: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server itself closes what it has answered, and then waits for the client to read."""
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 4)
    monkeypatch.setattr(uvicorn, "Config", partial(uvicorn.Config, timeout_keep_alive=0))

    async def crowd_out() -> None:
        sock = bind("127.0.0.1:0")
        address = sock.getsockname()
        request = b"GET /small HTTP/1.1\r\nHost: mailport\r\nConnection: close\r\n\r\n"
        async with serve_http(Bulky(1), sock, idle_seconds=0.2), asyncio.timeout(10):
            crowd = [await ask_and_read_nothing(address, header) for _ in range(4)]
            assert await answers(address, request) == b""
            while not (await answers(address, request)).endswith(b"small"):
                await asyncio.sleep(0.05)
        for client in crowd:
            client.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(crowd_out())


def test_an_answer_in_parts_that_nobody_reads_ends_in_time() -> None:
    app = Bulky(16)

    async def stop_reading() -> None:
        sock = bind("127.0.0.1:0")
        async with serve_http(app, sock, idle_seconds=0.1, answer_seconds=0.3), asyncio.timeout(10):
            client = await ask_and_read_nothing(sock.getsockname())
            await app.has_ended.wait()
        client.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(stop_reading())


@pytest.mark.parametrize("parts", [1, 16])
def test_a_client_that_reads_slowly_gets_the_whole_answer(parts: int) -> None:
    async def read_slowly() -> int:
        sock = bind("127.0.0.1:0")
        loop = asyncio.get_running_loop()
        received = 0
        async with serve_http(Bulky(parts), sock, idle_seconds=0.2), asyncio.timeout(20):
            client = await ask_and_read_nothing(sock.getsockname())
            begun = loop.time()
            while received < 16 * Bulky.MIB and (data := await loop.sock_recv(client, 65_536)):
                received += len(data)
                await asyncio.sleep(0.002)
            assert loop.time() - begun > 2 * 0.2
        client.close()
        return received

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(read_slowly()) > 16 * Bulky.MIB


async def test_an_application_may_take_longer_than_a_connection_may_be_idle(sock: socket.socket) -> None:
    app = Stalling()
    async with serve_http(app, sock, idle_seconds=0.05), asyncio.timeout(10):
        asyncio.get_running_loop().call_later(0.3, app.may_answer.set)
        request = b"GET / HTTP/1.1\r\nHost: mailport\r\nConnection: close\r\n\r\n"
        assert b"at last" in await answers(sock.getsockname(), request)
