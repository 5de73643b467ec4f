"""The failures table: errno and ICMP error to reason, as a table; the kernel's structure, byte by byte."""

import errno
import os
import socket
import struct

import pytest

from scanner.model import Reason
from scanner.network.failures import (
    IcmpError,
    explain_connect_error,
    keep_icmp_errors,
    read_icmp_error,
    word_error,
)

OWN, ROUTER, TARGET = "192.0.2.1", "198.51.100.1", "203.0.113.25"
OWN6, ROUTER6, TARGET6 = "2001:db8::1", "2001:db8:1::1", "2001:db8:2::25"

BY_ERRNO = {
    errno.ECONNREFUSED: Reason.CONNECTION_REFUSED,
    errno.ECONNRESET: Reason.RESET_BEFORE_GREETING,
    errno.EPIPE: Reason.RESET_BEFORE_GREETING,
    errno.ETIMEDOUT: Reason.CONNECT_TIMEOUT,
    errno.EHOSTUNREACH: Reason.HOST_UNREACHABLE,
    errno.EHOSTDOWN: Reason.HOST_UNREACHABLE,
    errno.EACCES: Reason.EGRESS_BLOCKED,
    errno.EPERM: Reason.EGRESS_BLOCKED,
    errno.EMFILE: Reason.PROBE_RESOURCES,
    errno.ENFILE: Reason.PROBE_RESOURCES,
    errno.EADDRNOTAVAIL: Reason.PROBE_RESOURCES,
    errno.ENOBUFS: Reason.PROBE_RESOURCES,
    errno.ENOMEM: Reason.PROBE_RESOURCES,
    errno.EIO: Reason.HOST_UNREACHABLE,  # one that no connect is known to give
}

# version, type, code; the errno the kernel makes of it; the reason where somebody else sent it
BY_ICMP = [
    (4, 3, 0, errno.ENETUNREACH, Reason.NETWORK_UNREACHABLE),
    (4, 3, 1, errno.EHOSTUNREACH, Reason.HOST_UNREACHABLE),
    (4, 3, 2, errno.ENOPROTOOPT, Reason.ADMIN_PROHIBITED),
    (4, 3, 3, errno.ECONNREFUSED, Reason.ADMIN_PROHIBITED),
    (4, 3, 9, errno.ENETUNREACH, Reason.ADMIN_PROHIBITED),
    (4, 3, 10, errno.EHOSTUNREACH, Reason.ADMIN_PROHIBITED),
    (4, 3, 13, errno.EHOSTUNREACH, Reason.ADMIN_PROHIBITED),
    (4, 11, 0, errno.EHOSTUNREACH, Reason.HOST_UNREACHABLE),
    (6, 1, 0, errno.ENETUNREACH, Reason.NETWORK_UNREACHABLE),
    (6, 1, 1, errno.EACCES, Reason.ADMIN_PROHIBITED),
    (6, 1, 3, errno.EHOSTUNREACH, Reason.HOST_UNREACHABLE),
    (6, 1, 4, errno.ECONNREFUSED, Reason.ADMIN_PROHIBITED),
    (6, 1, 5, errno.EACCES, Reason.ADMIN_PROHIBITED),
    (6, 1, 6, errno.EACCES, Reason.ADMIN_PROHIBITED),
    (6, 3, 0, errno.EHOSTUNREACH, Reason.HOST_UNREACHABLE),
]


def explain(
    number: int, icmp: IcmpError | None, own: str | None = None, target: str = TARGET
) -> tuple[Reason, str]:
    return explain_connect_error(OSError(number, os.strerror(number)), icmp, own_address=own, target=target)


@pytest.mark.parametrize(("number", "reason"), BY_ERRNO.items(), ids=str)
def test_an_errno_alone(number: int, reason: Reason) -> None:
    found, detail = explain(number, None)
    assert found is reason
    assert detail == f"{os.strerror(number)} ({errno.errorcode[number]})"


@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EAFNOSUPPORT, errno.EINVAL], ids=str)
@pytest.mark.parametrize(("target", "lacking", "other"), [(TARGET, 4, 6), (TARGET6, 6, 4)])
def test_no_route_of_our_own_says_how_to_mend_it(number: int, target: str, lacking: int, other: int) -> None:
    reason, detail = explain(number, None, target=target)
    assert reason is Reason.SKIPPED
    assert detail == (
        f"this machine has no route to {target}: {os.strerror(number)} ({errno.errorcode[number]}); "
        f"if it has no IPv{lacking} at all, use --ipv{other} (probe.families: [ipv{other}])"
    )


@pytest.mark.parametrize(("version", "kind", "code", "number", "reason"), BY_ICMP)
def test_an_icmp_error_of_others(version: int, kind: int, code: int, number: int, reason: Reason) -> None:
    own, sender, target = (OWN, ROUTER, TARGET) if version == 4 else (OWN6, ROUTER6, TARGET6)
    for offender in (sender, target):
        found, detail = explain(number, IcmpError(version, kind, code, offender), own, target)
        assert found is reason
        assert detail.endswith(f"ICMPv{version} type {kind} code {code} from {offender}")


@pytest.mark.parametrize(("version", "kind", "code", "number", "reason"), BY_ICMP)
def test_an_icmp_error_of_our_own_address(
    version: int, kind: int, code: int, number: int, reason: Reason
) -> None:
    own, target = (OWN, TARGET) if version == 4 else (OWN6, TARGET6)
    found, _ = explain(number, IcmpError(version, kind, code, own), own, target)
    # Our own host also says that a neighbour does not answer: no prohibition, so the host is unreachable.
    is_prohibition = reason is Reason.ADMIN_PROHIBITED
    assert found is (Reason.EGRESS_BLOCKED if is_prohibition else reason)


def test_a_filter_on_the_very_host_that_is_probed_is_the_targets() -> None:
    found, _ = explain(errno.EHOSTUNREACH, IcmpError(4, 3, 13, OWN), OWN, OWN)
    assert found is Reason.ADMIN_PROHIBITED


def test_a_permission_error_with_an_unknown_icmp_code_is_a_prohibition() -> None:
    found, _ = explain(errno.EACCES, IcmpError(6, 1, 9, ROUTER6), OWN6, TARGET6)
    assert found is Reason.ADMIN_PROHIBITED


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer (ECONNRESET)"),
        (OSError(99_999, "Never heard of"), "Never heard of"),
        (OSError("odd"), "odd"),
        (ConnectionResetError(), "ConnectionResetError"),
        (ValueError("no number"), "no number"),
    ],
)
def test_an_error_is_worded_without_its_number(error: Exception, words: str) -> None:
    assert word_error(error) == words


def test_an_error_without_an_errno_is_told_too() -> None:
    found, detail = explain_connect_error(OSError("odd"), None, own_address=None, target=TARGET)
    assert found is Reason.HOST_UNREACHABLE
    assert detail == "odd (no errno)"


def test_a_sender_that_the_kernel_does_not_name_is_unknown() -> None:
    _, detail = explain(errno.EHOSTUNREACH, IcmpError(4, 3, 13, None), OWN)
    assert detail.endswith("from unknown")


class Queue(socket.socket):
    """A socket with an error queue as the test wants it."""

    def __init__(self, *ancillary: bytes) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_STREAM)
        self._ancillary = ancillary

    def recvmsg(self, *_: object) -> tuple[bytes, list[tuple[int, int, bytes]], int, object]:
        return b"", [(0, 11, data) for data in self._ancillary], 0, None


def extended(origin: int, kind: int, code: int, sender: bytes) -> bytes:
    return struct.pack("=IBBBBII", errno.EHOSTUNREACH, origin, kind, code, 0, 0, 0) + sender


SENDER = struct.pack("=H2x4s8x", socket.AF_INET, socket.inet_aton(ROUTER))
SENDER6 = struct.pack("=H6x16s4x", socket.AF_INET6, socket.inet_pton(socket.AF_INET6, ROUTER6))


@pytest.mark.parametrize(
    ("ancillary", "expected"),
    [
        ((extended(2, 3, 13, SENDER),), IcmpError(4, 3, 13, ROUTER)),
        ((extended(3, 1, 1, SENDER6),), IcmpError(6, 1, 1, ROUTER6)),
        ((extended(2, 3, 13, b""),), IcmpError(4, 3, 13, None)),
        ((extended(2, 3, 13, SENDER[:4]),), IcmpError(4, 3, 13, None)),
        ((extended(3, 1, 1, SENDER6[:12]),), IcmpError(6, 1, 1, None)),
        ((extended(2, 3, 13, struct.pack("=H14x", 99)),), IcmpError(4, 3, 13, None)),
        ((extended(1, 0, 0, SENDER),), None),  # the error is our own kernel's, not ICMP's
        ((b"short",), None),
        ((), None),
        ((extended(1, 0, 0, b""), extended(2, 3, 10, SENDER)), IcmpError(4, 3, 10, ROUTER)),
    ],
)
def test_the_error_queue_is_read_with_care(ancillary: tuple[bytes, ...], expected: IcmpError | None) -> None:
    with Queue(*ancillary) as sock:
        assert read_icmp_error(sock) == expected


def test_an_empty_error_queue_does_not_wait() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        keep_icmp_errors(sock, is_ipv6=False)
        assert read_icmp_error(sock) is None


@pytest.mark.parametrize(
    ("family", "level", "option"),
    [(socket.AF_INET, socket.IPPROTO_IP, 11), (socket.AF_INET6, socket.IPPROTO_IPV6, 25)],
)
def test_the_error_queue_is_switched_on_and_off(family: int, level: int, option: int) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        for keep in (True, False):
            keep_icmp_errors(sock, is_ipv6=family == socket.AF_INET6, keep=keep)
            assert sock.getsockopt(level, option) == int(keep)
