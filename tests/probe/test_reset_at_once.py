"""A server that accepts and resets before we look: it is reachable, so its port is not called closed."""

import asyncio
import socket
import struct

import pytest

from scanner.config import default_settings
from scanner.model import Endpoint, Observation, Phase, Protocol, Reason, Role, State, TlsMode
from scanner.probe import Prober
from scanner.protocol import TlsClient
from scanner.verdict import Policy
from tests.network.loops import Runner, on_both_loops

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


async def probe_and_reset(tls_mode: TlsMode, *, says_goodbye: bool) -> Observation:
    """Probe a server that is faster than our loop: it has reset before the loop learns of the connection."""
    prober = Prober(default_settings(()).probe, ehlo_name="probe.mail.test", tls=TlsClient(), policy=Policy())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address, port = listener.getsockname()
        endpoint = Endpoint(
            "h.test", address, port, Protocol.SMTP, tls_mode, Role.MX, "operator", ("h.test",)
        )
        probe = asyncio.create_task(prober.probe(endpoint))
        await asyncio.sleep(0)  # the request has gone out
        peer, _ = listener.accept()
        if says_goodbye:
            peer.shutdown(socket.SHUT_WR)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        peer.close()
    async with asyncio.timeout(5):
        return await probe


@on_both_loops
@pytest.mark.parametrize("says_goodbye", [False, True])
@pytest.mark.parametrize(
    ("tls_mode", "reason"),
    [(TlsMode.STARTTLS, Reason.RESET_BEFORE_GREETING), (TlsMode.IMPLICIT, Reason.TLS_CLOSED)],
)
def test_a_reset_right_after_the_accept(
    run: Runner, tls_mode: TlsMode, reason: Reason, says_goodbye: bool
) -> None:
    async def main() -> None:
        observation = await probe_and_reset(tls_mode, says_goodbye=says_goodbye)
        assert (observation.state, observation.reason) == (State.BROKEN, reason), observation.detail
        assert observation.detail is not None
        assert ("EPIPE" if says_goodbye else "ECONNRESET") in observation.detail
        assert set(observation.phases) == {Phase.CONNECT}

    run(main())
