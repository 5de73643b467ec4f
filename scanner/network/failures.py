"""The one table that turns a failed connect into its reason, by errno and by the ICMP error behind it."""

import errno
import ipaddress
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass

from scanner.model import Reason

_SO_EE_ORIGIN_ICMP = 2
_SO_EE_ORIGIN_ICMP6 = 3
# struct sock_extended_err of linux/errqueue.h: errno, origin, type, code, pad, info, data.
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
IP_RECVERR = 11
IPV6_RECVERR = 25

OUR_OWN_SHORTAGE = (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM)
"""What this machine lacks: descriptors, local ports, buffers, memory. It says nothing of any other."""
SHORTAGE_RETRY_SECONDS = 0.05
"""How soon a socket is asked for again where this machine had none: somebody closes one any moment."""
_REASONS = {
    errno.ECONNREFUSED: Reason.CONNECTION_REFUSED,
    errno.ETIMEDOUT: Reason.CONNECT_TIMEOUT,
    errno.EHOSTUNREACH: Reason.HOST_UNREACHABLE,
    errno.EHOSTDOWN: Reason.HOST_UNREACHABLE,
    errno.ENETUNREACH: Reason.NETWORK_UNREACHABLE,
    # Without ICMP evidence these two come from our own host: iptables OUTPUT, seccomp.
    errno.EACCES: Reason.EGRESS_BLOCKED,
    errno.EPERM: Reason.EGRESS_BLOCKED,
    # A reset in answer to the request is ECONNREFUSED; these two mean that the connection stood, and was
    # broken before we looked (EPIPE where it had been closed first).
    errno.ECONNRESET: Reason.RESET_BEFORE_GREETING,
    errno.EPIPE: Reason.RESET_BEFORE_GREETING,
} | dict.fromkeys(OUR_OWN_SHORTAGE, Reason.PROBE_RESOURCES)

# Without ICMP evidence these come from our own routing table; EINVAL is what a blackhole route gives.
_NO_WAY_OUT = (errno.ENETUNREACH, errno.EAFNOSUPPORT, errno.EINVAL)

# ICMP types and codes that only a filter sends (RFC 792, RFC 1812 section 5.2.7.1, RFC 4443 section 3.1).
# Port unreachable is one: a TCP stack answers a closed port with RST (RFC 9293), never with ICMP.
_PROHIBITED = {(3, 2), (3, 3), (3, 9), (3, 10), (3, 13)}
_PROHIBITED_V6 = {(1, 1), (1, 4), (1, 5), (1, 6)}


@dataclass(frozen=True, slots=True)
class IcmpError:
    """An ICMP error that ended a connect: who sent it, its type and code."""

    version: int
    type: int
    code: int
    offender: str | None

    @property
    def is_prohibition(self) -> bool:
        """Whether only a filter sends this."""
        return (self.type, self.code) in (_PROHIBITED if self.version == 4 else _PROHIBITED_V6)


def keep_icmp_errors(sock: socket.socket, *, is_ipv6: bool, keep: bool = True) -> None:
    """Ask the kernel to keep ICMP errors of a connect in the socket's error queue (Linux, ip(7)).

    Switched off again once connected: else one stray ICMP error would end an established connection
    that TCP itself would have kept (RFC 1122 section 4.2.3.9).
    """
    with suppress(OSError):
        if is_ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, int(keep))
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, int(keep))


def read_icmp_error(sock: socket.socket) -> IcmpError | None:
    """Return the ICMP error kept for a failed connect, or None where there is none."""
    try:
        _, ancillary, _, _ = sock.recvmsg(512, 512, socket.MSG_ERRQUEUE)
    except OSError:
        return None
    for _, _, data in ancillary:
        if len(data) >= _EXTENDED_ERROR.size:
            _, origin, kind, code, _, _, _ = _EXTENDED_ERROR.unpack_from(data)
            if origin in (_SO_EE_ORIGIN_ICMP, _SO_EE_ORIGIN_ICMP6):
                offender = _read_offender(data[_EXTENDED_ERROR.size :])
                return IcmpError(4 if origin == _SO_EE_ORIGIN_ICMP else 6, kind, code, offender)
    return None


def _read_offender(sockaddr: bytes) -> str | None:
    if len(sockaddr) < 8:
        return None
    (family,) = struct.unpack_from("=H", sockaddr)
    if family == socket.AF_INET:
        return str(ipaddress.IPv4Address(sockaddr[4:8]))
    if family == socket.AF_INET6 and len(sockaddr) >= 24:
        return str(ipaddress.IPv6Address(sockaddr[8:24]))
    return None


def word_error(error: BaseException) -> str:
    """Return what the system says of an error, with its name: "Connection reset by peer (ECONNRESET)"."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error) or type(error).__name__
    name = errno.errorcode.get(error.errno or 0)
    return error.strerror if name is None else f"{error.strerror} ({name})"


def explain_connect_error(
    error: OSError, icmp: IcmpError | None, *, own_address: str | None, target: str
) -> tuple[Reason, str]:
    """Return the reason and the evidence in words.

    A filter that answers is told apart from a host that does not listen by the ICMP error itself;
    when the answer came from our own address it is our own filter, and the target is not blamed.
    Nor is it where this machine has no route to the target: a router without one answers with ICMP.
    """
    number = error.errno or 0
    name = errno.errorcode.get(number, "no errno")
    said = f"{error.strerror or error} ({name})"
    if icmp is not None:
        said += f", ICMPv{icmp.version} type {icmp.type} code {icmp.code} from {icmp.offender or 'unknown'}"
        if icmp.is_prohibition:
            is_ours = own_address is not None and icmp.offender == own_address and own_address != target
            return (Reason.EGRESS_BLOCKED if is_ours else Reason.ADMIN_PROHIBITED), said
        if number in (errno.EACCES, errno.EPERM):
            return Reason.ADMIN_PROHIBITED, said
    elif number in _NO_WAY_OUT:
        return Reason.SKIPPED, f"this machine has no route to {target}: {said}; {_leave_out(target)}"
    return _REASONS.get(number, Reason.HOST_UNREACHABLE), said


def _leave_out(target: str) -> str:
    lacking, other = ("IPv6", "IPv4") if ":" in target else ("IPv4", "IPv6")
    return f"if it has no {lacking} at all, use --{other.lower()} (probe.families: [{other.lower()}])"
