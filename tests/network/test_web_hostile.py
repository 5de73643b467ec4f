"""The web client against servers that misbehave: size, time, compression, nonsense."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.model import Reason
from scanner.network.web import MAX_PAGE
from scanner.network.web_answer import Fault, Page, WebFailure
from tests.discovery.web_server import Names, Talk, World, respond, web_address, web_client, world
from tests.servers.certificates import Authority, Leaf

HOST = "hostile.test"
PAGE = f"https://{HOST}/page"
PATIENCE = 0.5


@pytest.fixture(scope="session")
def hostile_leaf(authority: Authority) -> Leaf:
    return authority.issue(HOST)


@pytest.fixture
async def here(authority: Authority, hostile_leaf: Leaf) -> AsyncIterator[World]:
    async with world(authority, hostile_leaf, HOST, timeout=PATIENCE) as made:
        yield made


async def failure_of(here: World, answer: bytes | Talk) -> WebFailure:
    here.site.pages[PAGE] = answer
    begun = asyncio.get_running_loop().time()
    failure = await here.client.fetch(PAGE)
    assert asyncio.get_running_loop().time() - begun < PATIENCE + 1
    assert isinstance(failure, WebFailure), failure
    return failure


def repeat(start: bytes, part: bytes, pause: float = 0.0) -> Talk:
    """Send a start, and then the same part until the client has had enough."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)

    return talk


async def test_one_byte_too_many_is_too_large(here: World) -> None:
    failure = await failure_of(here, respond(b"x" * (MAX_PAGE + 1)))
    assert (failure.fault, failure.status) == (Fault.TOO_LARGE, 200)
    assert failure.detail == "the answer is larger than 65536 bytes"


async def test_a_large_page_without_a_length_is_cut_off(here: World) -> None:
    sent = 0

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while sent < 10_000_000:
            writer.write(b"x" * 10_000)
            sent += 10_000
            await writer.drain()

    assert (await failure_of(here, talk)).fault is Fault.TOO_LARGE
    assert sent < 10_000_000


async def test_endless_chunks_are_cut_off(here: World) -> None:
    start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert (
        await failure_of(here, repeat(start, b"1000\r\n" + b"x" * 4096 + b"\r\n"))
    ).fault is Fault.TOO_LARGE


async def test_compression_is_refused_so_that_no_bomb_unfolds(here: World) -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    assert len(bomb) < MAX_PAGE
    for coding in ("gzip", "deflate", "br", "GZIP, gzip"):
        here.site.pages[PAGE + coding[:2]] = respond(bomb, f"Content-Encoding: {coding}")
        failure = await here.client.fetch(PAGE + coding[:2])
        assert isinstance(failure, WebFailure)
        assert failure.fault is Fault.MALFORMED
        assert "compressed" in failure.detail


async def test_an_undeclared_bomb_stays_small(here: World) -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    here.site.pages[PAGE] = respond(bomb, "Content-Encoding: identity")
    page = await here.client.fetch(PAGE)
    assert isinstance(page, Page)
    assert page.body == bomb


@pytest.mark.parametrize(
    ("start", "part"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
)
async def test_a_slow_drip_ends_in_time(here: World, start: bytes, part: bytes) -> None:
    failure = await failure_of(here, repeat(start, part, 0.05))
    assert failure.fault is (Fault.MALFORMED if not start else Fault.TIMEOUT)


async def test_silence_ends_in_time(here: World) -> None:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    failure = await failure_of(here, talk)
    assert (failure.fault, failure.reason) == (Fault.TIMEOUT, Reason.READ_TIMEOUT)


async def test_a_silent_tls_port_leaves_time_for_the_next_address(
    here: World, authority: Authority, hostile_leaf: Leaf
) -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    with web_address() as silent:
        mute = await asyncio.start_server(listen, silent, 443)
        here.names.put(HOST, silent)
        failure = await failure_of(here, b"")
        assert (failure.fault, failure.reason) == (Fault.CONNECT, Reason.CONNECT_TIMEOUT)
        names = Names()
        names.put(HOST, silent, here.site.address)
        here.site.pages[PAGE] = respond(b"second")
        async with web_client(names, authority.ca_file, timeout=PATIENCE) as client:
            assert isinstance(await client.fetch(PAGE), Page)
        mute.close()


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 1_000 + b"\r\n",
    ],
)
async def test_a_large_header_is_refused(here: World, head: bytes) -> None:
    assert (await failure_of(here, head)).fault is Fault.MALFORMED


@pytest.mark.parametrize(
    "part", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"]
)
async def test_endless_interim_answers_end_in_time(here: World, part: bytes) -> None:
    assert (await failure_of(here, repeat(b"", part * 10))).fault is Fault.TIMEOUT


@pytest.mark.parametrize(
    "answer",
    [
        b"220 mail.test ESMTP\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"HTTP/1.1 99999999999999999999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffffff\r\n",
    ],
)
async def test_nonsense_is_told(here: World, answer: bytes) -> None:
    failure = await failure_of(here, answer)
    assert (failure.fault, failure.reason) == (Fault.MALFORMED, Reason.PROTOCOL_ERROR)
    assert failure.detail.isprintable()


async def test_an_answer_that_breaks_off_is_told_in_a_sentence(here: World) -> None:
    failure = await failure_of(here, b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort")
    assert failure.detail.endswith(" is not whole: it broke off, or breaks the rules of HTTP")


async def test_hanging_up_is_told(here: World) -> None:
    failure = await failure_of(here, b"")
    assert (failure.fault, failure.reason) == (Fault.CONNECT, Reason.CONNECTION_LOST)


async def test_texts_of_a_server_are_escaped_and_cut(here: World) -> None:
    evil = f'Basic realm="\x1b[2J\u202e{"x" * 500}"'.encode().decode("latin-1")
    failure = await failure_of(here, respond(b"", f"WWW-Authenticate: {evil}", status=401))
    shown = (failure.challenge or "") + failure.detail
    assert shown.isprintable()
    assert len(shown) < 500


START = st.sampled_from(
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 302 X\r\nLocation: ", b"HTTP/1.1 200 OK\r\n\r\n"]
)
HEADERS = st.sampled_from(
    [
        b"Content-Length: ",
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"Content-Type: ",
        b"Set-Cookie: ",
        b"Location: ",
    ]
)


@given(START, st.lists(HEADERS | st.binary(max_size=40), max_size=6).map(b"\r\n".join))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_answer_raises(authority: Authority, hostile_leaf: Leaf, start: bytes, rest: bytes) -> None:
    async def main() -> None:
        async with world(authority, hostile_leaf, HOST, timeout=0.2) as here:
            here.site.pages[f"http://{HOST}/"] = start + rest
            answer = await here.client.fetch(f"http://{HOST}/")
            if isinstance(answer, WebFailure):
                assert answer.detail.isprintable()

    asyncio.run(main())
