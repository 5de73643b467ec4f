"""The namespaces and their filters, and what the kernel says of each: errno, error queue, offender."""

import errno
import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.servers import netns
from tests.servers.netns import Namespace, Network
from tests.servers.packet_filter import Filter, Hook

PORT = 2525
CONNECT = Path(netns.__file__).with_name("connect_once.py")
OWN_NETWORK = Path("/proc/thread-self/ns/net")


def connect(network: Network, address: str, port: int = PORT, seconds: float = 2.0) -> dict[str, Any]:
    """Connect from the client host in a process of its own."""
    done = network.run([sys.executable, str(CONNECT), address, str(port), str(seconds)])
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def listening(network: Network) -> Network:
    network.listen(PORT)
    return network


def target_of(network: Network, family: int) -> str:
    return network.server_ipv4 if family == 4 else network.server_ipv6


@pytest.mark.parametrize("family", [4, 6])
def test_without_a_filter_both_addresses_answer(listening: Network, family: int) -> None:
    control = listening.control_ipv4 if family == 4 else listening.control_ipv6
    for address in (target_of(listening, family), control):
        found = connect(listening, address)
        assert found["errno"] == 0
        assert found["greeting"].startswith("220 ")
    assert connect(listening, control, PORT + 1)["errno"] == errno.ECONNREFUSED


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("hook", list(Hook))
def test_a_drop_is_silence_wherever_it_is(listening: Network, hook: Hook, family: int) -> None:
    host_of(listening, hook).filter_port(PORT, Filter.DROP, hook)
    assert connect(listening, target_of(listening, family), seconds=0.5)["errno"] is None


# kind; errno, (type, code) for IPv4 (RFC 792, RFC 1812 section 5.2.7.1); the same for IPv6 (RFC 4443)
REFUSALS = [
    (Filter.ADMIN_PROHIBITED, errno.EHOSTUNREACH, (3, 13), errno.EACCES, (1, 1)),
    (Filter.HOST_PROHIBITED, errno.EHOSTUNREACH, (3, 10), errno.EACCES, (1, 1)),
    (Filter.NET_PROHIBITED, errno.ENETUNREACH, (3, 9), errno.EACCES, (1, 1)),
    (Filter.HOST_UNREACHABLE, errno.EHOSTUNREACH, (3, 1), errno.EHOSTUNREACH, (1, 3)),
    (Filter.NET_UNREACHABLE, errno.ENETUNREACH, (3, 0), errno.ENETUNREACH, (1, 0)),
    (Filter.PORT_UNREACHABLE, errno.ECONNREFUSED, (3, 3), errno.ECONNREFUSED, (1, 4)),
    (Filter.TCP_RESET, errno.ECONNREFUSED, None, errno.ECONNREFUSED, None),
]


def host_of(network: Network, hook: Hook) -> Namespace:
    return {Hook.INPUT: network.server, Hook.FORWARD: network.router, Hook.OUTPUT: network.client}[hook]


def offender_of(network: Network, hook: Hook, family: int) -> str:
    """Return who signs a refusal: the target itself, the router on our side, or our own address."""
    addresses = {
        Hook.INPUT: (network.server_ipv4, network.server_ipv6),
        Hook.FORWARD: (network.router_ipv4, network.router_ipv6),
        Hook.OUTPUT: (network.client_ipv4, network.client_ipv6),
    }
    return addresses[hook][0 if family == 4 else 1]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("hook", list(Hook))
@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal[0].name.lower())
def test_a_refusal_is_told_with_its_code_and_its_sender(
    listening: Network,
    refusal: tuple[Filter, int, tuple[int, int] | None, int, tuple[int, int] | None],
    hook: Hook,
    family: int,
) -> None:
    kind, errno_ipv4, code_ipv4, errno_ipv6, code_ipv6 = refusal
    host_of(listening, hook).filter_port(PORT, kind, hook)
    found = connect(listening, target_of(listening, family))
    assert found["errno"] == (errno_ipv4 if family == 4 else errno_ipv6)
    code = code_ipv4 if family == 4 else code_ipv6
    expected = [] if code is None else [[*code, offender_of(listening, hook, family)]]
    assert found["queue"] == expected


def test_a_filter_for_one_address_leaves_the_control_alone(listening: Network) -> None:
    listening.client.filter_port(PORT, Filter.ADMIN_PROHIBITED, Hook.OUTPUT, listening.server_ipv4)
    assert connect(listening, listening.server_ipv4)["errno"] == errno.EHOSTUNREACH
    assert connect(listening, listening.control_ipv4)["errno"] == 0
    listening.clear_filters()
    assert connect(listening, listening.server_ipv4)["errno"] == 0


def test_a_thread_can_enter_the_client_and_comes_back(listening: Network) -> None:
    own = OWN_NETWORK.readlink()
    with listening.client.entered():
        assert OWN_NETWORK.readlink() != own
        with socket.create_connection((listening.server_ipv4, PORT), 5) as connection:
            assert connection.recv(64).startswith(b"220 ")
            assert connection.getsockname()[0] == listening.client_ipv4
    assert OWN_NETWORK.readlink() == own
