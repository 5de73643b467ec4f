"""Where everything in the farm lives: one loopback address a host, and bound sockets for all ports."""

import errno
import ipaddress
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from scanner.demo.scenario import NoServer, Scenario

HIGH_PORT_OFFSET = 20_000
"""Added to every port where the real ones are not to be had."""

_DNS_PORT = 53
_QUEUE = 128
_BLOCKS = 64


class FarmError(Exception):
    """The farm cannot be set up; the text says why and what to do."""


@dataclass(slots=True)
class Layout:
    """The addresses of all hosts, and the sockets that hold their ports until a server takes them over."""

    offset: int
    resolver: tuple[str, int]
    addresses: dict[str, str]
    sockets: dict[tuple[str, int], socket.socket]
    """By the scenario's key. The socket of a refused port is bound and never listens."""
    dns: tuple[socket.socket, ...]
    """UDP, then TCP."""

    def hand_over(self, scenario: Scenario) -> socket.socket:
        """Give the scenario's socket to its server, which closes it from now on."""
        return self.sockets.pop(scenario.key)

    def hand_over_dns(self) -> tuple[socket.socket, ...]:
        """Give the UDP and the TCP socket to the DNS server, which closes them from now on."""
        sockets, self.dns = self.dns, ()
        return sockets

    def close(self) -> None:
        """Close the sockets that nobody has taken over."""
        for sock in (*self.sockets.values(), *self.dns):
            sock.close()


def lay_out(scenarios: Sequence[Scenario], *, base: str | None, real_ports: bool | None) -> Layout:
    """Bind all ports and return the layout.

    `base` is the network address that the hosts are counted from; None looks for a free block of 127.0.0.0/8.
    `real_ports` None tries the real ports and then the high ones. Raises FarmError.
    """
    offsets = {True: (0,), False: (HIGH_PORT_OFFSET,), None: (0, HIGH_PORT_OFFSET)}[real_ports]
    problem: OSError | None = None
    for offset in offsets:
        for block in _free_blocks() if base is None else (base,):
            try:
                return _bind_all(scenarios, block, offset)
            except OSError as error:
                problem = error
                if error.errno != errno.EADDRINUSE:
                    break
    raise FarmError(_explain(problem, offsets[-1])) from problem


def _free_blocks() -> Iterator[str]:
    # Farms of several processes begin at different places, so that they seldom meet.
    start = os.getpid()
    for step in range(_BLOCKS):
        number = (start + step) % (_BLOCKS * 64)
        yield f"127.{64 + number // 64}.{number % 64 * 4}.0"


def _bind_all(scenarios: Sequence[Scenario], base: str, offset: int) -> Layout:
    addresses = _host_addresses(base)
    hosts: dict[str, str] = {}
    sockets: dict[tuple[str, int], socket.socket] = {}
    with ExitStack() as held:
        resolver = next(addresses)
        dns, dns_port = _bind_dns(resolver, offset)
        for sock in dns:
            held.callback(sock.close)
        for scenario in scenarios:
            if scenario.host not in hosts:
                hosts[scenario.host] = next(addresses)
            sockets[scenario.key] = _bind(scenario, (hosts[scenario.host], scenario.port + offset))
            held.callback(sockets[scenario.key].close)
        held.pop_all()
    return Layout(offset, (resolver, dns_port), hosts, sockets, dns)


def _host_addresses(base: str) -> Iterator[str]:
    """Yield the addresses behind `base` in order, without those that end in 0 or 255."""
    first = int(ipaddress.IPv4Address(base))
    last = int(ipaddress.IPv4Address("127.255.255.255"))
    for number in range(first + 1, last):
        if number % 256 not in (0, 255):
            yield str(ipaddress.IPv4Address(number))


def _bind(scenario: Scenario, place: tuple[str, int]) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(0)
        if scenario.behaviour is not NoServer.REFUSED:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(place)
        if scenario.behaviour is not NoServer.REFUSED:
            # At once, since two sockets may be bound to one port as long as neither listens.
            sock.listen(0 if scenario.behaviour is NoServer.BLOCKED else _QUEUE)
    except BaseException:
        sock.close()
        raise
    return sock


def _bind_dns(address: str, offset: int) -> tuple[tuple[socket.socket, socket.socket], int]:
    """Bind UDP and TCP to port 53 where that can be had, else to the high port."""
    problem: OSError | None = None
    for port in dict.fromkeys((_DNS_PORT + offset, _DNS_PORT + HIGH_PORT_OFFSET)):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            for sock in (udp, tcp):
                sock.settimeout(0)
                sock.bind((address, port))
            tcp.listen(_QUEUE)
        except OSError as error:
            udp.close()
            tcp.close()
            problem = error
        else:
            return (udp, tcp), port
    raise problem or OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _explain(problem: OSError | None, offset: int) -> str:
    number = problem.errno if problem is not None else None
    if number in (errno.EACCES, errno.EPERM):
        return (
            "the demo may not open ports below 1024: run it as root, "
            "lower net.ipv4.ip_unprivileged_port_start, or let it use high ports"
        )
    if number == errno.EADDRINUSE:
        return (
            f"a port of the demo is taken on the loopback addresses (mail ports + {offset}): "
            "end the other demo or mail server, or choose another base address"
        )
    if number == errno.EADDRNOTAVAIL:
        return "the demo needs 127.0.0.0/8 on the loopback interface, and this system has less of it"
    return f"the demo cannot open its ports: {problem}"
