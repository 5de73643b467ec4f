"""Every packet filter, wherever it stands, gives its reason: clients and servers in network namespaces."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvloop

from scanner.model import Reason
from scanner.model.exclusion import NOTHING_EXCLUDED
from scanner.network import ConnectFailure, open_connection
from tests.network.conftest import LISTENING
from tests.servers.netns import Namespace, Network
from tests.servers.packet_filter import Filter, Hook

PORT = LISTENING[0]
CLOSED_PORT = 2526
LIMIT_SECONDS = 5.0
BOTH = pytest.mark.parametrize("family", [4, 6])

# What each filter is when it stands with the target or on the way.
REASONS = {
    Filter.ADMIN_PROHIBITED: Reason.ADMIN_PROHIBITED,
    Filter.HOST_PROHIBITED: Reason.ADMIN_PROHIBITED,
    Filter.NET_PROHIBITED: Reason.ADMIN_PROHIBITED,
    Filter.PORT_UNREACHABLE: Reason.ADMIN_PROHIBITED,
    Filter.HOST_UNREACHABLE: Reason.HOST_UNREACHABLE,
    Filter.NET_UNREACHABLE: Reason.NETWORK_UNREACHABLE,
    Filter.TCP_RESET: Reason.CONNECTION_REFUSED,
}


def reach(
    network: Network, address: str, port: int = PORT, limit: float = LIMIT_SECONDS
) -> tuple[Reason | None, str]:
    """Connect from the client's host; return why it failed, None where it did not."""

    async def main() -> tuple[Reason | None, str]:
        try:
            sock = await open_connection(
                address, port, timeout=limit, host="a.test", exclusion=NOTHING_EXCLUDED
            )
        except ConnectFailure as failure:
            return failure.reason, failure.detail
        sock.close()
        return None, ""

    with network.client.entered():
        return uvloop.run(main())


def server_of(network: Network, family: int) -> str:
    return network.server_ipv4 if family == 4 else network.server_ipv6


def host_of(network: Network, hook: Hook) -> Namespace:
    return {Hook.INPUT: network.server, Hook.FORWARD: network.router, Hook.OUTPUT: network.client}[hook]


@BOTH
def test_without_a_filter_the_port_is_reached(hosts: Network, family: int) -> None:
    assert reach(hosts, server_of(hosts, family)) == (None, "")
    reason, detail = reach(hosts, server_of(hosts, family), CLOSED_PORT)
    assert reason is Reason.CONNECTION_REFUSED
    assert "ICMP" not in detail


@BOTH
@pytest.mark.parametrize("hook", Hook)
def test_a_drop_is_silence(hosts: Network, hook: Hook, family: int) -> None:
    host_of(hosts, hook).filter_port(PORT, Filter.DROP, hook)
    reason, _ = reach(hosts, server_of(hosts, family), limit=0.3)
    assert reason is Reason.CONNECT_TIMEOUT


@BOTH
@pytest.mark.parametrize("hook", [Hook.INPUT, Hook.FORWARD])
@pytest.mark.parametrize("kind", REASONS)
def test_a_filter_of_others_is_the_targets_side(
    hosts: Network, kind: Filter, hook: Hook, family: int
) -> None:
    host_of(hosts, hook).filter_port(PORT, kind, hook)
    before = time.perf_counter()
    reason, detail = reach(hosts, server_of(hosts, family))
    assert reason is REASONS[kind], detail
    assert time.perf_counter() - before < LIMIT_SECONDS / 3


@BOTH
@pytest.mark.parametrize("kind", REASONS)
def test_a_filter_of_our_own_does_not_blame_the_target(hosts: Network, kind: Filter, family: int) -> None:
    hosts.client.filter_port(PORT, kind, Hook.OUTPUT)
    reason, detail = reach(hosts, server_of(hosts, family))
    is_prohibition = REASONS[kind] is Reason.ADMIN_PROHIBITED
    # Nobody can tell our own host's reset, or its "unreachable", from another's.
    assert reason is (Reason.EGRESS_BLOCKED if is_prohibition else REASONS[kind]), detail


@BOTH
def test_the_evidence_names_who_refused(hosts: Network, family: int) -> None:
    hosts.router.filter_port(PORT, Filter.ADMIN_PROHIBITED, Hook.FORWARD)
    _, detail = reach(hosts, server_of(hosts, family))
    router = hosts.router_ipv4 if family == 4 else hosts.router_ipv6
    code = "ICMPv4 type 3 code 13" if family == 4 else "ICMPv6 type 1 code 1"
    assert detail.endswith(f"{code} from {router}")


@BOTH
def test_a_filter_for_our_own_address_on_our_own_host_is_the_targets(hosts: Network, family: int) -> None:
    address = hosts.client_ipv4 if family == 4 else hosts.client_ipv6
    hosts.client.filter_port(PORT, Filter.ADMIN_PROHIBITED, Hook.INPUT)
    reason, _ = reach(hosts, address)
    assert reason is Reason.ADMIN_PROHIBITED


@contextmanager
def route(host: Namespace, *words: str) -> Iterator[None]:
    host.ip("route", "add", *words)
    try:
        yield
    finally:
        host.ip("route", "delete", *words)


@BOTH
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("prohibit", Reason.EGRESS_BLOCKED),
        ("unreachable", Reason.HOST_UNREACHABLE),
        ("blackhole", Reason.SKIPPED),
    ],
)
def test_routes_of_our_own_that_lead_nowhere(
    hosts: Network, kind: str, expected: Reason, family: int
) -> None:
    address = server_of(hosts, family)
    with route(hosts.client, kind, f"{address}/{32 if family == 4 else 128}"):
        reason, detail = reach(hosts, address)
    assert reason is expected, detail


@BOTH
def test_a_router_without_a_route_is_no_network(hosts: Network, family: int) -> None:
    reason, detail = reach(hosts, "198.51.100.1" if family == 4 else "2001:db8::1")
    assert reason is Reason.NETWORK_UNREACHABLE
    assert "ICMP" in detail


def set_kernel(network: Network, *settings: str) -> None:
    subprocess.run(network.client.argv(["sysctl", "-q", "-w", *settings]), check=True, timeout=10)


@BOTH
def test_a_neighbour_that_does_not_answer_is_an_unreachable_host(hosts: Network, family: int) -> None:
    """Our own kernel says so, from our own address, and yet it is no filter of ours."""
    address, own = ("198.51.100.7", hosts.client_ipv4) if family == 4 else ("2001:db8::7", hosts.client_ipv6)
    # A tenth of a second between its three questions, instead of a whole one.
    set_kernel(hosts, f"net.ipv{family}.neigh.up0.retrans_time_ms=100")
    with route(hosts.client, address, "dev", "up0"):
        reason, detail = reach(hosts, address)
    assert reason is Reason.HOST_UNREACHABLE
    assert detail.endswith(f"from {own}")


@contextmanager
def without_ipv6(network: Network) -> Iterator[None]:
    set_kernel(network, "net.ipv6.conf.all.disable_ipv6=1")
    try:
        yield
    finally:
        set_kernel(network, "net.ipv6.conf.all.disable_ipv6=0")
        network.client.ip("address", "add", f"{network.client_ipv6}/64", "dev", "up0", "nodad")
        network.client.ip("route", "add", "default", "via", network.router_ipv6)


def test_without_any_ipv6_only_ipv4_works(hosts: Network) -> None:
    with without_ipv6(hosts):
        assert reach(hosts, hosts.server_ipv4) == (None, "")
        for address in (hosts.server_ipv6, "::1"):
            reason, detail = reach(hosts, address)
            assert reason is Reason.SKIPPED, detail


def test_without_a_free_local_port_it_is_our_own_shortage(hosts: Network) -> None:
    async def main() -> None:
        with await open_connection(
            hosts.server_ipv4, PORT, timeout=5, host="a.test", exclusion=NOTHING_EXCLUDED
        ):
            with pytest.raises(ConnectFailure) as caught:
                await open_connection(
                    hosts.server_ipv4, PORT, timeout=5, host="a.test", exclusion=NOTHING_EXCLUDED
                )
            assert caught.value.reason is Reason.PROBE_RESOURCES
            assert "EADDRNOTAVAIL" in caught.value.detail

    set_kernel(hosts, "net.ipv4.ip_local_port_range=40000 40000")
    try:
        with hosts.client.entered():
            uvloop.run(main())
    finally:
        set_kernel(hosts, "net.ipv4.ip_local_port_range=32768 60999")


@contextmanager
def without_default_route(network: Network, family: int) -> Iterator[None]:
    gateway = network.router_ipv4 if family == 4 else network.router_ipv6
    network.client.ip(f"-{family}", "route", "delete", "default")
    try:
        yield
    finally:
        network.client.ip(f"-{family}", "route", "add", "default", "via", gateway)


@BOTH
def test_without_any_route_it_is_our_own_lack_and_loopback_still_works(hosts: Network, family: int) -> None:
    with without_default_route(hosts, family):
        reason, detail = reach(hosts, server_of(hosts, family))
        assert reason is Reason.SKIPPED
        assert detail.startswith(f"this machine has no route to {server_of(hosts, family)}: ")
        for near in ("127.0.0.1", "::1", hosts.client_ipv4, hosts.client_ipv6):
            assert reach(hosts, near)[0] is Reason.CONNECTION_REFUSED
        for reached in (hosts.router_ipv4, hosts.router_ipv6):
            assert reach(hosts, reached)[0] is Reason.CONNECTION_REFUSED
