"""Three hosts in network namespaces (client, router, server) and the packet filters between them.

Nothing here touches the machine's own addresses, routes or rules, and no packet leaves the namespaces.
"""

import ctypes
import itertools
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.servers.packet_filter import TABLE, Filter, Hook
from tests.servers.process import DIES_WITH_US, ServerNotStartedError, find_program, wait_until

CLONE_NEWNET = 0x40000000
COMMAND_SECONDS = 30.0
PREFIX = "mp"
_numbers = itertools.count()

_QUIET = (
    "net.ipv4.icmp_ratelimit=0",  # else a second refusal within a second is dropped
    "net.ipv6.icmp.ratelimit=0",
)


def _run(*argv: str, stdin: str | None = None) -> None:
    done = subprocess.run(
        argv, input=stdin, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
    )
    if done.returncode != 0:
        raise ServerNotStartedError(f"{' '.join(argv)} said: {done.stderr.strip()} (namespaces need root)")


@dataclass(frozen=True, slots=True)
class Namespace:
    """One host: a network of its own, with nftables rules of its own."""

    name: str

    def argv(self, argv: Sequence[str]) -> list[str]:
        """Return the command line that runs a program on this host; the process is the program itself."""
        return [find_program("ip", "iproute2"), "netns", "exec", self.name, *argv]

    def ip(self, *arguments: str) -> None:
        """Run `ip` for this host."""
        _run(find_program("ip", "iproute2"), "-n", self.name, *arguments)

    def nft(self, commands: str) -> None:
        """Feed commands to `nft` on this host."""
        _run(*self.argv([find_program("nft", "nftables"), "-f", "-"]), stdin=commands)

    def filter_port(self, port: int, kind: Filter, hook: Hook, address: str | None = None) -> None:
        """Filter TCP connections to a port (to one address, or to all) from now on, established ones too."""
        where = ""
        if address is not None:
            where = f"ip6 daddr {address}" if ":" in address else f"ip daddr {address}"
        for family, action in (("ipv4", kind.value), ("ipv6", kind.ipv6)):
            if address is None or (":" in address) == (family == "ipv6"):
                rule = f"meta nfproto {family} {where} tcp dport {port} {action}"
                self.nft(f"add rule inet tests {hook} {rule}\n")

    def clear_filters(self) -> None:
        """Let everything through again."""
        self.nft("flush table inet tests\n")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Make sockets of the calling thread on this host (setns(2)); the thread comes back at the end."""
        libc = ctypes.CDLL(None, use_errno=True)
        own = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)
        try:
            inside = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
            try:
                _set_namespace(libc, inside)
            finally:
                os.close(inside)
            try:
                yield
            finally:
                _set_namespace(libc, own)
        finally:
            os.close(own)


def _set_namespace(libc: ctypes.CDLL, descriptor: int) -> None:
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "setns")


def run_in(
    namespace: Namespace, argv: Sequence[str], *, stdin: str | None = None, seconds: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run a program on a host to its end and return its output; TimeoutExpired if it takes longer."""
    return subprocess.run(
        namespace.argv(argv), input=stdin, capture_output=True, text=True, timeout=seconds, check=False
    )


def _is_refused(address: str) -> bool:
    try:
        socket.create_connection((address, 9), 2.0).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


@dataclass(frozen=True, slots=True)
class Network:
    """client — router — server. The server has a second address, `control`, for tests of control targets."""

    client: Namespace
    router: Namespace
    server: Namespace
    client_ipv4: str
    client_ipv6: str
    router_ipv4: str
    router_ipv6: str
    server_ipv4: str
    server_ipv6: str
    control_ipv4: str
    control_ipv6: str
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, argv: Sequence[str], *, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a program on the client to its end."""
        return run_in(self.client, argv, seconds=seconds)

    def spawn(self, namespace: Namespace, argv: Sequence[str], ready_line: bytes) -> subprocess.Popen[bytes]:
        """Start a program on a host and wait for its first line; it ends with the test."""
        child = subprocess.Popen(
            [*DIES_WITH_US, *namespace.argv(argv)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._children.append(child)
        assert child.stdout is not None
        has_line = bool(select.select([child.stdout], [], [], COMMAND_SECONDS)[0])
        if not has_line or child.stdout.readline().strip() != ready_line:
            raise ServerNotStartedError(f"{argv} on {namespace.name} did not say {ready_line!r}")
        return child

    def listen(self, *ports: int) -> None:
        """Answer as a plain SMTP server on these ports of all the server's addresses."""
        script = Path(__file__).with_name("smtp_listener.py")
        self.spawn(self.server, [sys.executable, str(script), *map(str, ports)], b"ready")

    def is_connected(self) -> bool:
        """Tell whether the server's hosts answer the client's (that nothing listens), IPv4 and IPv6."""
        addresses = (self.server_ipv4, self.server_ipv6, self.control_ipv4, self.control_ipv6)
        with self.client.entered():
            return all(map(_is_refused, addresses))

    def clear_filters(self) -> None:
        """Let everything through on all three hosts."""
        for namespace in (self.client, self.router, self.server):
            namespace.clear_filters()

    def end_children(self) -> None:
        """End all that `spawn` and `listen` started."""
        for child in self._children:
            child.send_signal(signal.SIGKILL)
            child.wait(COMMAND_SECONDS)
            if child.stdout is not None:
                child.stdout.close()
        self._children.clear()


def _connect(left: tuple[Namespace, str, Sequence[str]], right: tuple[Namespace, str, Sequence[str]]) -> None:
    """Lay a cable between two hosts: (host, name of its interface, its addresses with prefix lengths)."""
    (one, one_device, _), (other, other_device, _) = left, right
    ip = find_program("ip", "iproute2")
    ends = ("netns", one.name, "type", "veth", "peer", "name", other_device, "netns", other.name)
    _run(ip, "link", "add", one_device, *ends)
    for host, device, addresses in (left, right):
        for address in addresses:
            host.ip("address", "add", address, "dev", device, *(["nodad"] if ":" in address else []))
        host.ip("link", "set", device, "up")


@contextmanager
def _namespace(name: str) -> Iterator[Namespace]:
    ip = find_program("ip", "iproute2")
    _run(ip, "netns", "add", name)
    try:
        host = Namespace(name)
        host.ip("link", "set", "lo", "up")
        _run(*host.argv([find_program("sysctl", "procps"), "-q", "-w", *_QUIET]))
        host.nft(TABLE)
        yield host
    finally:
        _run(ip, "netns", "delete", name)


def _sweep() -> None:
    """Remove the hosts of test runs that were killed; their names tell the process id."""
    for path in Path("/run/netns").glob(f"{PREFIX}-*-*"):
        if not Path("/proc", path.name.split("-")[1]).exists():
            _run(find_program("ip", "iproute2"), "netns", "delete", path.name)


@contextmanager
def build_network() -> Iterator[Network]:
    """Make the three hosts, and remove them and all they run at the end."""
    _sweep()
    number = next(_numbers) % 256
    prefix, prefix6 = f"10.213.{number}", f"fd00:213:{number:x}"
    with ExitStack() as stack:
        client, router, server = (
            stack.enter_context(_namespace(f"{PREFIX}-{os.getpid()}-{number}{role}")) for role in "crs"
        )
        _connect(
            (client, "up0", [f"{prefix}.1/30", f"{prefix6}:1::1/64"]),
            (router, "down0", [f"{prefix}.2/30", f"{prefix6}:1::2/64"]),
        )
        _connect(
            (router, "up0", [f"{prefix}.17/28", f"{prefix6}:2::1/64"]),
            (
                server,
                "down0",
                [f"{prefix}.18/28", f"{prefix}.19/28", f"{prefix6}:2::2/64", f"{prefix6}:2::3/64"],
            ),
        )
        forward = ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        _run(*router.argv([find_program("sysctl", "procps"), "-q", "-w", *forward]))
        client.ip("route", "add", "default", "via", f"{prefix}.2")
        client.ip("route", "add", "default", "via", f"{prefix6}:1::2")
        server.ip("route", "add", "default", "via", f"{prefix}.17")
        server.ip("route", "add", "default", "via", f"{prefix6}:2::1")
        network = Network(
            client=client,
            router=router,
            server=server,
            client_ipv4=f"{prefix}.1",
            client_ipv6=f"{prefix6}:1::1",
            router_ipv4=f"{prefix}.2",
            router_ipv6=f"{prefix6}:1::2",
            server_ipv4=f"{prefix}.18",
            server_ipv6=f"{prefix6}:2::2",
            control_ipv4=f"{prefix}.19",
            control_ipv6=f"{prefix6}:2::3",
        )
        stack.callback(network.end_children)
        if not wait_until(network.is_connected, COMMAND_SECONDS):
            raise ServerNotStartedError(f"no way from {client.name} to {server.name}")
        yield network


@pytest.fixture(scope="session")
def shared_network() -> Iterator[Network]:
    """The session's client, router and server; ask for `network` instead."""
    with build_network() as network:
        yield network


@pytest.fixture
def network(shared_network: Network) -> Iterator[Network]:
    """Client, router and server; the filters and programs of a test go away with it."""
    yield shared_network
    shared_network.end_children()
    shared_network.clear_filters()
