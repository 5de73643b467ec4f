"""The farm's hostile servers, as bare sockets see them."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Self

import pytest

from scanner.demo import Farm, Scenario, rows_of

NAMES = (
    "mute",
    "drip",
    "close",
    "reset",
    "endless",
    "long-line",
    "garbage",
    "nul-bytes",
    "http",
    "ssh",
    "imap-on-smtp",
    "smtp-on-imap",
    "banner-odd",
    "greeting-bare",
    "greeting-slow",
    "lost-after-ehlo",
    "reset-after-ehlo",
    "mute-after-ehlo",
    "starttls-cut",
    "starttls-close",
    "starttls-drop",
    "starttls-reset",
    "starttls-silence",
    "tls-drop",
    "tls-mute",
    "refused",
)
DELAY = 0.3
HELLO = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03"


@pytest.fixture
async def farm() -> AsyncIterator[Farm]:
    async with Farm(rows_of(*NAMES), base=None, greeting_delay=DELAY) as opened:
        yield opened
    assert not [entry for entry in opened.log if entry.event.startswith("fault")]


def find(farm: Farm, name: str, port: int) -> Scenario:
    return next(row for row in farm.scenarios if (row.name, row.port) == (name, port))


class Client:
    """A bare connection whose every step is bounded."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def connect(cls, farm: Farm, row: Scenario, patience: float = 5.0) -> "Client":
        sock = socket.socket()
        sock.setblocking(False)
        try:
            async with asyncio.timeout(patience):
                place = (farm.address_of(row), farm.port_of(row))
                await asyncio.get_running_loop().sock_connect(sock, place)
        except BaseException:
            sock.close()
            raise
        return cls(sock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sock.close()

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._sock, data)

    async def receive(self, patience: float = 5.0) -> bytes:
        async with asyncio.timeout(patience):
            return await self._loop.sock_recv(self._sock, 65_536)

    async def receive_until(self, end: bytes) -> bytes:
        data = b""
        while not data.endswith(end):
            chunk = await self.receive()
            assert chunk
            data += chunk
        return data


async def test_nothing_listens_on_the_refused_port(farm: Farm) -> None:
    with pytest.raises(ConnectionRefusedError):
        await Client.connect(farm, find(farm, "refused", 587))


async def test_connects_to_a_blocked_port_time_out_every_time_and_the_next_port_works() -> None:
    async with Farm(rows_of("blocked"), base=None) as farm:
        blocked = [find(farm, "blocked", port) for port in (25, 465)] * 3
        # Longer than a second, when the kernel sends the first SYN again.
        results = await asyncio.gather(
            *(Client.connect(farm, row, patience=1.3) for row in blocked), return_exceptions=True
        )
        assert [type(result) for result in results] == [TimeoutError] * 6
        async with await Client.connect(farm, find(farm, "blocked", 587)) as client:
            assert (await client.receive()).startswith(b"220 ")


@pytest.mark.parametrize(
    ("name", "port", "said"),
    [
        ("mute", 25, b""),
        ("mute", 25, b"EHLO client.example\r\n"),
        ("tls-mute", 993, HELLO),
        ("http", 25, b""),
    ],
)
async def test_says_nothing_and_keeps_the_connection(farm: Farm, name: str, port: int, said: bytes) -> None:
    async with await Client.connect(farm, find(farm, name, port)) as client:
        await client.send(said)
        with pytest.raises(TimeoutError):
            await client.receive(0.2)


async def test_drip_sends_one_byte_a_second(farm: Farm) -> None:
    async with await Client.connect(farm, find(farm, "drip", 25)) as client:
        assert await client.receive() == b"2"
        start = time.monotonic()
        assert await client.receive() == b"2"
        assert 0.9 < time.monotonic() - start < 2


async def test_close_ends_the_stream_in_order(farm: Farm) -> None:
    async with await Client.connect(farm, find(farm, "close", 25)) as client:
        assert await client.receive() == b""


async def test_reset_breaks_the_connection(farm: Farm) -> None:
    async with await Client.connect(farm, find(farm, "reset", 25)) as client:
        with pytest.raises(ConnectionResetError):
            await client.receive()


async def test_the_endless_greeting_goes_on_while_it_is_read_and_stops_at_its_limit(farm: Farm) -> None:
    async with await Client.connect(farm, find(farm, "endless", 25)) as client:
        total = 0
        while data := await client.receive():
            total += len(data)
    assert 1_900_000 < total <= 2_000_000


async def test_the_endless_greeting_waits_for_a_slow_reader_and_ends_when_the_client_goes(farm: Farm) -> None:
    async with await Client.connect(farm, find(farm, "endless", 25)) as client:
        assert (await client.receive()).startswith(b"220-and on\r\n220-and on\r\n")
    async with asyncio.timeout(2):
        while "disconnect" not in [entry.event for entry in farm.log]:
            await asyncio.sleep(0.01)


async def test_the_long_line_is_one_line(farm: Farm) -> None:
    async with await Client.connect(farm, find(farm, "long-line", 25)) as client:
        line = await client.receive_until(b"\r\n")
    assert len(line) == 1_000_006
    assert line.count(b"\n") == 1


@pytest.mark.parametrize(
    ("name", "port", "start"),
    [
        ("garbage", 25, b"\x80\x81"),
        ("nul-bytes", 25, b"\0\0\0"),
        ("ssh", 25, b"SSH-2.0-"),
        ("imap-on-smtp", 25, b"* OK "),
        ("smtp-on-imap", 143, b"220 "),
        ("greeting-bare", 25, b"220\r\n"),
    ],
)
async def test_first_words(farm: Farm, name: str, port: int, start: bytes) -> None:
    async with await Client.connect(farm, find(farm, name, port)) as client:
        assert (await client.receive_until(b"\r\n")).startswith(start)


@pytest.mark.parametrize(("port", "start"), [(25, b"220-"), (143, b"* OK "), (110, b"+OK ")])
async def test_odd_banners_carry_every_kind_of_odd_byte(farm: Farm, port: int, start: bytes) -> None:
    async with await Client.connect(farm, find(farm, "banner-odd", port)) as client:
        banner = await client.receive_until(b"\r\n")
    assert banner.startswith(start)
    for odd in (b'"', b"\\", b"\x1b[31m", b"\r", b"\xff\xfe"):
        assert odd in banner
    assert (b"\n220-second\r\n" in banner) is (port == 25)


@pytest.mark.parametrize("said", [b"EHLO client.example\r\n", HELLO, b"GET / HTTP/1.0\r\n\r\n"])
async def test_http_answers_400_to_anything(farm: Farm, said: bytes) -> None:
    async with await Client.connect(farm, find(farm, "http", 25)) as client:
        await client.send(said)
        assert (await client.receive_until(b"\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
        assert await client.receive() == b""


async def test_the_slow_greeting_takes_the_farms_delay(farm: Farm) -> None:
    start = time.monotonic()
    async with await Client.connect(farm, find(farm, "greeting-slow", 25)) as client:
        assert (await client.receive()).startswith(b"220 ")
    assert DELAY - 0.01 < time.monotonic() - start < DELAY + 3


async def test_who_speaks_before_the_greeting_is_noted(farm: Farm) -> None:
    async with await Client.connect(farm, find(farm, "greeting-slow", 25)) as client:
        await client.send(b"EHLO early.example\r\n")
        assert (await client.receive()).startswith(b"220 ")
    assert "spoke before the greeting" in [entry.event for entry in farm.log]


@pytest.mark.parametrize(
    ("name", "port", "said", "error"),
    [
        ("lost-after-ehlo", 25, b"EHLO client.example\r\n", None),
        ("reset-after-ehlo", 25, b"EHLO client.example\r\n", ConnectionResetError),
        ("mute-after-ehlo", 25, b"EHLO client.example\r\n", TimeoutError),
        ("starttls-cut", 587, b"STARTTLS\r\n", None),
    ],
)
async def test_what_follows_a_command(
    farm: Farm, name: str, port: int, said: bytes, error: type[Exception] | None
) -> None:
    async with await Client.connect(farm, find(farm, name, port)) as client:
        assert (await client.receive()).startswith(b"220 ")
        await client.send(said)
        await meets(client, error)


@pytest.mark.parametrize(
    ("name", "error"),
    [("starttls-drop", None), ("starttls-reset", ConnectionResetError), ("starttls-silence", TimeoutError)],
)
async def test_what_follows_a_client_hello_behind_starttls(
    farm: Farm, name: str, error: type[Exception] | None
) -> None:
    async with await Client.connect(farm, find(farm, name, 587)) as client:
        await client.receive()
        await client.send(b"STARTTLS\r\n")
        assert (await client.receive()).startswith(b"220 ")
        await client.send(HELLO)
        await meets(client, error)


async def test_the_connection_ends_right_behind_the_go_ahead(farm: Farm) -> None:
    async with await Client.connect(farm, find(farm, "starttls-close", 587)) as client:
        await client.receive()
        await client.send(b"STARTTLS\r\n")
        assert (await client.receive_until(b"\r\n")).startswith(b"220 ")
        await meets(client, None)


async def test_an_implicit_port_closes_when_it_sees_the_client_hello(farm: Farm) -> None:
    async with await Client.connect(farm, find(farm, "tls-drop", 993)) as client:
        await client.send(HELLO)
        await meets(client, None)


async def meets(client: Client, error: type[Exception] | None) -> None:
    """Expect an error at the next read, or the end of the stream in order."""
    if error is None:
        assert await client.receive() == b""
        return
    with pytest.raises(error):
        await client.receive(0.3)
