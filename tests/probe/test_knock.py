"""A bare connection: it tells whether there is anybody, and says nothing."""

import socket

import pytest

from scanner.config import ProbeSettings
from scanner.model import Reason
from scanner.model.exclusion import build_exclusion
from scanner.network import ConnectFailure
from scanner.probe import Prober, prober
from scanner.protocol import TlsClient
from scanner.verdict import Policy
from tests.servers.listener import run_listener
from tests.servers.process import free_port


def make_prober(**settings: float) -> Prober:
    return Prober(ProbeSettings(**settings), ehlo_name="probe.test", tls=TlsClient(), policy=Policy())


async def test_a_knock_sends_nothing_and_leaves_at_once() -> None:
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        heard.append(connection.recv(1024))

    with run_listener("127.0.0.1", 0, serve) as listener:
        assert await make_prober().knock("127.0.0.1", "127.0.0.1", listener.port) is True
    assert (listener.connections, heard) == (1, [b""])


async def test_nobody_there_is_told_from_what_may_not_be_asked() -> None:
    free = free_port()
    ours = make_prober()
    assert await ours.knock("127.0.0.1", "127.0.0.1", free) is False
    for excluded in ("127.0.0.0/8", "site.test"):
        ours.exclude(build_exclusion((excluded,)))
        assert await ours.knock("site.test", "127.0.0.1", free) is None


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (Reason.CONNECT_TIMEOUT, False),
        (Reason.NETWORK_UNREACHABLE, False),
        (Reason.RESET_BEFORE_GREETING, True),
        (Reason.PROBE_RESOURCES, None),
    ],
)
@pytest.mark.parametrize(("seconds", "limit"), [(None, 5.0), (3.0, 3.0), (60.0, 5.0)])
async def test_how_a_knock_ends(
    reason: Reason,
    told: bool | None,
    seconds: float | None,
    limit: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits: list[float] = []

    async def fail(address: str, port: int, *, timeout: float, **more: object) -> socket.socket:
        limits.append(timeout)
        raise ConnectFailure(reason, "why")

    monkeypatch.setattr(prober, "open_connection", fail)
    ours = make_prober(connect_timeout=5.0)
    assert await ours.knock("site.test", "8.8.5.1", 443, seconds) is told
    assert limits == [limit]
