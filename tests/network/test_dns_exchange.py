"""One exchange with a name server: forged and foreign packets, random ports, odd TCP, cancelling."""

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import dns.flags
import dns.message
import pytest

from scanner.network import Resolver, dns_exchange
from scanner.network.answer import MxRecord, Status
from scanner.network.dns_client import Client
from scanner.network.dns_exchange import NoReply, NoUsableReply, _open, exchange_by_tcp, exchange_by_udp
from tests.engine import clockwork
from tests.network.loops import Runner, on_both_loops
from tests.network.name_servers import bind_both, records_of, reply_to, scripted
from tests.servers.process import free_port

Packets = Callable[[bytes], list[bytes]]


class Talker(asyncio.DatagramProtocol):
    """Sends several packets for each that it gets, and notes where that came from."""

    def __init__(self, packets: Packets) -> None:
        self.packets = packets
        self.sources: list[tuple[str, int]] = []
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment] # uvloop's is no subclass

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.sources.append(addr)
        for packet in self.packets(data):
            self.transport.sendto(packet, addr)


@asynccontextmanager
async def talking(packets: Packets) -> AsyncIterator[tuple[Talker, tuple[str, int]]]:
    """Run a talker; yield it and its place."""
    loop = asyncio.get_running_loop()
    transport, talker = await loop.create_datagram_endpoint(lambda: Talker(packets), ("127.0.0.1", 0))
    try:
        yield talker, transport.get_extra_info("sockname")
    finally:
        transport.close()


def forged(data: bytes) -> list[bytes]:
    """Packets as a forger sends them, who does not know the id, or the question."""
    query = dns.message.from_wire(data)
    good = records_of(query, 900, "5 mx.test.")
    evil = records_of(query, 900, "5 evil.test.")
    evil.id ^= 1
    other = dns.message.make_query("b.test", "MX", id=query.id)
    return [
        evil.to_wire(),
        records_of(other, 900, "5 evil.test.").to_wire(),
        data,
        good.to_wire()[:11],
        good.to_wire(),
        evil.to_wire(),
    ]


@on_both_loops
def test_forged_packets_are_passed_over(run: Runner) -> None:
    async def main() -> None:
        async with talking(forged) as (_, place):
            assert (await Resolver([place]).mx("a.test")).records == (MxRecord(5, "mx.test"),)
        async with talking(lambda data: forged(data)[:4]) as (_, place):
            answer = await Resolver([place], timeout=0.2).mx("a.test")
            assert answer.status is Status.FAILED
            assert "only packets that do not fit the question" in str(answer.detail)

    run(main())


@on_both_loops
def test_packets_from_elsewhere_do_not_arrive(run: Runner) -> None:
    async def main() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
            elsewhere.bind(("127.0.0.2", 0))

            def packets(data: bytes) -> list[bytes]:
                evil = records_of(dns.message.from_wire(data), 900, "5 evil.test.").to_wire()
                elsewhere.sendto(evil, talker.sources[-1])
                return [records_of(dns.message.from_wire(data), 900, "5 mx.test.").to_wire()]

            async with talking(packets) as (talker, place):
                assert (await Resolver([place]).mx("a.test")).records == (MxRecord(5, "mx.test"),)

    run(main())


async def test_every_query_has_a_port_and_an_id_of_its_own() -> None:
    ids: list[bytes] = []

    def packets(data: bytes) -> list[bytes]:
        ids.append(data[:2])
        return [records_of(dns.message.from_wire(data), 900, "5 mx.test.").to_wire()]

    async with talking(packets) as (talker, place):
        resolver = Resolver([place])
        for number in range(50):
            await resolver.mx(f"n{number}.test")
    ports = [port for _, port in talker.sources]
    assert len(set(ports)) > 40
    assert len(set(ids)) > 40
    steps = {after - before for before, after in pairwise(ports)}
    assert len(steps) > 30  # not one after the other


@on_both_loops
def test_a_flood_of_packets_ends_with_the_time(run: Runner) -> None:
    async def main() -> None:
        async with talking(lambda _: [b"x" * 1400] * 300) as (_, place), asyncio.timeout(5):
            with pytest.raises(NoUsableReply):
                await exchange_by_udp(place, b"question", lambda _: False, 0.2)

    run(main())


@on_both_loops
def test_giving_up_closes_the_socket(run: Runner) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        for exchange in (exchange_by_udp, exchange_by_tcp):
            udp, tcp = bind_both("127.0.0.1")
            with udp, tcp:
                asking = loop.create_task(exchange(udp.getsockname(), b"question", lambda _: True, 30))
                if exchange is exchange_by_udp:
                    readable = asyncio.Event()
                    loop.add_reader(udp, readable.set)
                    await readable.wait()
                    loop.remove_reader(udp)
                    _, peer = udp.recvfrom(100)
                else:
                    accepted, peer = await loop.sock_accept(tcp)
                    accepted.close()
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as same:
                    same.bind(peer)  # refused while the port is in use

    run(main())


REPLIES = {
    "nothing": (b"", "breaks off"),
    "half a length": (b"\0", "breaks off"),
    "half a reply": (b"\0\x09abc", "breaks off"),
    "an empty reply": (b"\0\0", "does not fit"),
    "a foreign reply": (b"\0\3abc", "does not fit"),
}


@on_both_loops
@pytest.mark.parametrize("case", REPLIES)
def test_tcp_that_misbehaves_is_no_reply(run: Runner, case: str) -> None:
    sent, words = REPLIES[case]

    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(10)
            writer.write(sent)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            place = server.sockets[0].getsockname()
            with pytest.raises(NoReply, match=words):
                await exchange_by_tcp(place, b"question", lambda data: data == b"good", 2)

    run(main())


@on_both_loops
def test_truncated_with_no_tcp_is_no_answer(run: Runner) -> None:
    async def main() -> None:
        def packets(data: bytes) -> list[bytes]:
            return [reply_to(dns.message.from_wire(data), flags=dns.flags.TC).to_wire()]

        async with talking(packets) as (_, place):
            answer = await Resolver([place], timeout=1).mx("a.test")
            assert answer.status is Status.FAILED
            assert "a reply too long for UDP, and connection refused by TCP" in str(answer.detail)

    run(main())


@on_both_loops
def test_a_reply_of_many_pieces_is_put_together(run: Runner) -> None:
    hosts = [f"{number} h{number}.test." for number in range(2000)]

    async def main() -> None:
        async with scripted(
            lambda query, by_tcp: (
                records_of(query, 900, *hosts) if by_tcp else reply_to(query, flags=dns.flags.TC)
            )
        ) as (server, place):
            assert len((await Resolver([place]).mx("a.test")).records) == 256
            assert server.by_tcp == [("a.test", "MX")]

    run(main())


async def test_tcp_keeps_to_its_time() -> None:
    udp, tcp = bind_both("127.0.0.1")
    with udp, tcp, pytest.raises(NoReply, match="nothing whole by TCP in time"):
        await exchange_by_tcp(tcp.getsockname(), b"question", lambda _: True, 0.1)
    with pytest.raises(NoReply, match="connection refused by TCP"):
        await exchange_by_tcp(("127.0.0.1", free_port()), b"question", lambda _: True, 1)


@on_both_loops
def test_so_many_queries_are_under_way_and_no_more(run: Runner) -> None:
    async def main() -> None:
        most = 0

        class Watched(Client):
            async def _exchange(self, *args: Any) -> Any:
                nonlocal most
                most = max(most, 4 - self._gate._value)
                return await super()._exchange(*args)

        async with scripted(lambda query, _: records_of(query, 900, "5 mx.test.")) as (server, place):
            resolver = Resolver([place])
            resolver._lookup._client = Watched(asyncio.get_running_loop().time, in_flight=4)
            await asyncio.gather(*(resolver.mx(f"n{number}.test") for number in range(40)))
            assert len(server.queries) == 40
        assert most == 4

    run(main())


@on_both_loops
@pytest.mark.parametrize("exchange", [exchange_by_udp, exchange_by_tcp])
def test_a_lack_of_descriptors_is_waited_for_while_there_is_time(run: Runner, exchange: Any) -> None:
    lacking = iter(range(2))

    def open_or_not(*arguments: Any) -> socket.socket:
        if next(lacking, None) is not None:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return _open(*arguments)

    async def main() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dns_exchange, "_open", open_or_not)
            with pytest.raises(NoReply, match=r"nothing|refused"):
                await exchange(("127.0.0.1", free_port()), b"question", bool, 5.0)
            assert next(lacking, None) is None

    run(main())


async def test_a_lack_of_descriptors_that_stays_is_no_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(dns_exchange, "_open", refuse)
    with pytest.raises(NoReply, match="too many open files"):
        await exchange_by_udp(("127.0.0.1", free_port()), b"question", bool, 0.3)


@pytest.mark.parametrize("exchange", [exchange_by_udp, exchange_by_tcp])
@pytest.mark.parametrize("short", [0.0, 1.5, 10.0])
def test_waiting_for_a_descriptor_is_part_of_the_time(exchange: Any, short: float) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()

        def open_when_there_are_some(*arguments: Any) -> socket.socket:
            if loop.time() < short:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            return _open(*arguments)

        udp, tcp = bind_both("127.0.0.1")
        with udp, tcp, pytest.MonkeyPatch.context() as patch:
            patch.setattr(dns_exchange, "_open", open_when_there_are_some)
            with pytest.raises(NoReply):
                await exchange(udp.getsockname(), b"question", bool, 2.0)
        assert loop.time() == pytest.approx(2.0, abs=0.1)

    clockwork.run(main())
