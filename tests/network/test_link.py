"""The link: phase budgets, the total budget, unread floods, an unanswered goodbye."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import uvloop

from scanner.demo import Farm, Scenario, rows_of
from scanner.demo.channel import Channel
from scanner.demo.dialogue import Setting
from scanner.model import Phase, Protocol, Reason, TlsMode
from scanner.model.exclusion import NOTHING_EXCLUDED
from scanner.network import Budgets, Link, open_connection
from scanner.network.link import CLOSE_SECONDS
from scanner.protocol import Session, TlsClient
from scanner.protocol.session import MAX_BYTES
from tests.network.loops import Runner, on_both_loops
from tests.probe.probing import MORE, DripInside, MuteAtQuit

ONE_READ = 256 * 1024


def session_for(farm: Farm, row: Scenario) -> Session:
    return Session(
        row.protocol,
        row.tls_mode,
        row.host,
        ehlo_name="probe.mail.test",
        tls=TlsClient(farm.ca_file),
        clock=time.perf_counter,
    )


async def converse(
    row: Scenario, budgets: Budgets, make: Callable[..., Link] = Link, begun: float | None = None
) -> tuple[Session, float]:
    """Hold one conversation with a farm server; return the session and how long it took."""
    async with Farm([row], base=None) as farm:
        session = session_for(farm, row)
        link = make(session, budgets, time.perf_counter, begun)
        sock = await open_connection(
            farm.address_of(row), farm.port_of(row), timeout=5, host="a.test", exclusion=NOTHING_EXCLUDED
        )
        before = time.perf_counter()
        await link.run(sock)
        took = time.perf_counter() - before
        assert sock.fileno() == -1  # by now, since the address's next connection may follow at once
    assert session.is_done
    return session, took


@on_both_loops
def test_a_short_budget_behind_a_long_one_is_kept(run: Runner) -> None:
    """A server that greets at once and is then silent must not get the greeting's time for its answer."""
    (row,) = rows_of("mute-after-ehlo")

    async def main() -> None:
        session, took = await converse(row, Budgets({Phase.GREETING: 30.0}, other=0.3))
        assert session.found.reason is Reason.READ_TIMEOUT
        assert 0.29 < took < 1.5

    run(main())


@on_both_loops
def test_a_long_budget_behind_a_short_one_is_kept_too(run: Runner) -> None:
    (row,) = rows_of("mute-after-ehlo")

    async def main() -> None:
        session, took = await converse(row, Budgets({Phase.GREETING: 0.1}, other=0.4))
        assert session.found.reason is Reason.READ_TIMEOUT
        assert 0.39 < took < 1.5

    run(main())


@on_both_loops
def test_bytes_that_drip_do_not_stretch_a_phase(run: Runner) -> None:
    row = replace(rows_of("mute-after-ehlo")[0], behaviour=DripInside())

    async def main() -> None:
        session, took = await converse(row, Budgets({Phase.GREETING: 30.0}, other=0.4))
        assert session.found.reason is Reason.READ_TIMEOUT
        assert 0.39 < took < 1.5

    run(main())


def test_an_unanswered_goodbye_has_its_own_short_limit() -> None:
    row = replace(rows_of("healthy")[0], behaviour=MuteAtQuit())

    async def main() -> None:
        session, took = await converse(row, Budgets({Phase.GREETING: 30.0}, other=15.0))
        assert session.found.reason is None
        assert Phase.QUIT not in session.found.phases
        assert 1.9 < took < 3.5

    uvloop.run(main())


@on_both_loops
def test_the_total_budget_ends_any_phase(run: Runner) -> None:
    (row,) = rows_of("mute")

    async def main() -> None:
        session, took = await converse(row, Budgets(other=30.0, total=0.3))
        assert session.found.reason is Reason.NO_GREETING
        assert took < 1.5

        drip = replace(row, behaviour=DripInside())
        session, took = await converse(drip, Budgets(other=30.0, total=0.3))
        assert session.found.detail == "the whole probe took longer than 0.3 s"
        assert took < 1.5

    run(main())


@on_both_loops
def test_the_total_budget_counts_from_the_probes_beginning(run: Runner) -> None:
    (row,) = rows_of("mute-after-ehlo")

    async def main() -> None:
        budgets = Budgets(other=30.0, total=60.0)
        session, took = await converse(row, budgets, begun=time.perf_counter() - 59.5)
        assert session.found.reason is Reason.READ_TIMEOUT
        assert took < 2

    run(main())


@on_both_loops
def test_a_peer_that_floods_is_read_no_further_than_the_limit(run: Runner) -> None:
    row = next(row for row in MORE if row.name == "flood")
    taken: list[int] = []

    class Counting(Link):
        def data_received(self, data: bytes) -> None:
            taken.append(len(data))
            super().data_received(data)

    async def main() -> None:
        session, _ = await converse(row, Budgets(), Counting)
        assert session.found.reason is Reason.PROTOCOL_ERROR
        assert MAX_BYTES < sum(taken) <= MAX_BYTES + ONE_READ
        assert sum(taken[:-1]) <= MAX_BYTES

    run(main())


@on_both_loops
def test_a_peer_that_has_gone_before_we_look_is_no_puzzle(run: Runner) -> None:
    """The end of the stream, or a reset, may wait in the socket before the loop reads from it."""
    (row,) = rows_of("healthy")[:1]

    async def main() -> None:
        async with Farm([row], base=None) as farm:
            for greeting, reason in (
                (b"", Reason.CLOSED_BEFORE_GREETING),
                (b"220 x\r\n", Reason.CONNECTION_LOST),
            ):
                with socket.create_server(("127.0.0.1", 0)) as listener:
                    sock = await open_connection(
                        *listener.getsockname(), timeout=5, host="a.test", exclusion=NOTHING_EXCLUDED
                    )
                    peer, _ = listener.accept()
                    peer.sendall(greeting)
                    peer.close()
                session = session_for(farm, row)
                async with asyncio.timeout(5):
                    await Link(session, Budgets(), time.perf_counter).run(sock)
                assert session.found.reason is reason
                assert sock.fileno() == -1

    run(main())


def test_a_peer_that_takes_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """What we say fits into the kernel's buffers; should it ever not, the socket is closed all the same."""
    said = [b"x" * 50_000_000]
    monkeypatch.setattr(Session, "take_outgoing", lambda _: said.pop() if said else b"")
    row = replace(rows_of("healthy")[0], behaviour=TakesNothing())

    async def main() -> None:
        session, took = await converse(row, Budgets())
        assert session.found.reason is Reason.PROTOCOL_ERROR
        assert took < CLOSE_SECONDS + 1

    uvloop.run(main())


@dataclass(frozen=True, slots=True)
class TakesNothing:
    """Greets with garbage and reads nothing."""

    async def serve(self, channel: Channel, _setting: Setting, /) -> None:
        channel._writer.transport.pause_reading()  # type: ignore[attr-defined] # a stream's transport reads too
        await channel.send(b"\x00\r\n")
        await asyncio.sleep(30)


def serve_in_small_pieces(listener: socket.socket, times: int) -> None:
    """Answer EHLO in two pieces, of which the kernel holds the second back until the first is confirmed."""
    for _ in range(times):
        with listener.accept()[0] as peer:
            peer.sendall(b"220 pieces.mail.test ESMTP\r\n")
            peer.recv(100)
            peer.sendall(b"250-pieces.mail.test\r\n")
            peer.sendall(b"250 PIPELINING\r\n")
            peer.recv(100)
            peer.sendall(b"221 bye\r\n")
            peer.recv(100)


@on_both_loops
def test_a_server_is_not_charged_for_our_own_kernels_patience(run: Runner) -> None:
    """The kernel waits 40 ms at least with a confirmation that it hopes to send along with something."""
    tls, times, took = TlsClient(), 5, []

    async def main(place: tuple[str, int]) -> None:
        for _ in range(times):
            session = Session(
                Protocol.SMTP, TlsMode.STARTTLS, "pieces", ehlo_name="probe", tls=tls, clock=time.perf_counter
            )
            sock = await open_connection(*place, timeout=5, host="a.test", exclusion=NOTHING_EXCLUDED)
            await Link(session, Budgets(), time.perf_counter).run(sock)
            assert session.found.reason is None
            took.append(session.found.phases[Phase.CAPABILITIES])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve_in_small_pieces, args=(listener, times), daemon=True)
        server.start()
        run(main(listener.getsockname()))
        server.join()
    assert min(took) < 0.03
