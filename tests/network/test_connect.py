"""Opening a connection on loopback: success, refusal, silence, our own shortages, cancellation."""

import asyncio
import errno
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import psutil
import pytest

from scanner.demo.blocked import BlockedPort
from scanner.model import Reason
from scanner.model.exclusion import NOTHING_EXCLUDED
from scanner.network import ConnectFailure, open_connection
from tests.network.loops import Runner, on_both_loops
from tests.servers.process import free_port

FAMILIES = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}
both_families = pytest.mark.parametrize("address", FAMILIES)


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    with socket.create_server((address, 0), family=FAMILIES[address]) as listener:
        yield listener


@asynccontextmanager
async def silent_port() -> AsyncIterator[tuple[str, int]]:
    """A port whose SYNs the kernel drops."""
    listener = socket.socket()
    listener.setblocking(False)
    listener.bind(("127.0.0.1", 0))
    blocked = BlockedPort(listener)
    try:
        await blocked.block()
        yield listener.getsockname()
    finally:
        blocked.close()


async def failure_of(
    address: str, port: int, *, timeout: float = 5, source: str | None = None
) -> ConnectFailure:
    with pytest.raises(ConnectFailure) as caught:
        await open_connection(
            address,
            port,
            host=address,
            exclusion=NOTHING_EXCLUDED,
            timeout=timeout,
            source_address=source,
        )
    return caught.value


@on_both_loops
@both_families
def test_a_listener_is_connected(run: Runner, address: str) -> None:
    async def main() -> None:
        with listening(address) as listener:
            sock = await open_connection(
                address, listener.getsockname()[1], timeout=5, host="a.test", exclusion=NOTHING_EXCLUDED
            )
            with sock, listener.accept()[0] as peer:
                assert not sock.getblocking()
                assert sock.getpeername()[:2] == (address, listener.getsockname()[1])
                sock.send(b"x")
                assert peer.recv(1) == b"x"

    run(main())


@on_both_loops
@both_families
def test_errors_of_a_standing_connection_are_left_to_tcp(run: Runner, address: str) -> None:
    """With the error queue still on, one stray ICMP error would end the connection."""
    level, option = (socket.IPPROTO_IPV6, 25) if ":" in address else (socket.IPPROTO_IP, 11)

    async def main() -> None:
        with (
            listening(address) as listener,
            await open_connection(
                address, listener.getsockname()[1], timeout=5, host="a.test", exclusion=NOTHING_EXCLUDED
            ) as sock,
        ):
            assert sock.getsockopt(level, option) == 0

    run(main())


@on_both_loops
@both_families
def test_a_closed_port_is_refused_at_once(run: Runner, address: str) -> None:
    async def main() -> None:
        before = time.perf_counter()
        failure = await failure_of(address, free_port(), timeout=30)
        assert failure.reason is Reason.CONNECTION_REFUSED
        assert "ECONNREFUSED" in failure.detail
        assert time.perf_counter() - before < 2

    run(main())


@on_both_loops
def test_silence_is_a_timeout_after_the_time_given(run: Runner) -> None:
    async def main() -> None:
        async with silent_port() as (address, port):
            before = time.perf_counter()
            failure = await failure_of(address, port, timeout=0.3)
            assert failure.reason is Reason.CONNECT_TIMEOUT
            assert failure.detail == "no answer to the connection request within 0.3 s"
            assert 0.29 < time.perf_counter() - before < 1.5

    run(main())


def test_the_kernels_own_timeout_keeps_its_words() -> None:
    """TCP_USER_TIMEOUT makes the kernel give up before us."""
    made = socket.socket

    class Impatient(socket.socket):
        def connect_ex(self, address: object, /) -> int:
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 200)
            return super().connect_ex(address)  # type: ignore[arg-type] # as handed in

    async def main() -> None:
        async with silent_port() as (address, port):
            socket.socket = Impatient  # type: ignore[misc] # undone below
            try:
                failure = await failure_of(address, port, timeout=30)
            finally:
                socket.socket = made  # type: ignore[misc]
            assert failure.reason is Reason.CONNECT_TIMEOUT
            assert "ETIMEDOUT" in failure.detail

    asyncio.run(main())


@on_both_loops
def test_the_source_address_is_used_for_its_family_only(run: Runner) -> None:
    async def main() -> None:
        for address, peer in (("127.0.0.1", "127.0.26.255"), ("::1", "::1")):
            with listening(address) as listener:
                port = listener.getsockname()[1]
                sock = await open_connection(
                    address,
                    port,
                    timeout=5,
                    source_address="127.0.26.255",
                    host="a.test",
                    exclusion=NOTHING_EXCLUDED,
                )
                with sock, listener.accept()[0]:
                    assert sock.getsockname()[0] == peer

    run(main())


@on_both_loops
def test_a_source_address_that_is_not_ours_is_our_shortage(run: Runner) -> None:
    async def main() -> None:
        failure = await failure_of("127.0.0.1", free_port(), source="192.0.2.1")
        assert failure.reason is Reason.PROBE_RESOURCES
        assert "EADDRNOTAVAIL" in failure.detail

    run(main())


@on_both_loops
@pytest.mark.parametrize("ticks", range(6))
def test_a_cancelled_connect_leaves_no_descriptor(run: Runner, ticks: int) -> None:
    async def main() -> None:
        process = psutil.Process()
        async with silent_port() as (address, port):
            await asyncio.sleep(0)
            before = process.num_fds()
            task = asyncio.create_task(
                open_connection(address, port, timeout=30, host="a.test", exclusion=NOTHING_EXCLUDED)
            )
            for _ in range(ticks):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert process.num_fds() == before

    run(main())


@on_both_loops
def test_failures_leave_no_descriptor(run: Runner) -> None:
    async def main() -> None:
        process = psutil.Process()
        async with silent_port() as (address, port):
            await failure_of("127.0.0.1", free_port())
            before = process.num_fds()
            await failure_of("127.0.0.1", free_port())
            await failure_of("::1", free_port())
            await failure_of(address, port, timeout=0.05)
            await failure_of("127.0.0.1", free_port(), source="192.0.2.1")
            assert process.num_fds() == before

    run(main())


async def test_a_family_that_the_kernel_lacks_is_our_own_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))

    monkeypatch.setattr(socket.socket, "__init__", refuse)
    failure = await failure_of("::1", 25)
    assert failure.reason is Reason.SKIPPED
