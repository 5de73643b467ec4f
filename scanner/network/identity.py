"""The name this machine gives in EHLO when the operator set none."""

import re
import socket

_FULL_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?")
# TEST-NET-1 (RFC 5737): connecting a UDP socket sends nothing, it only picks the local address.
_ANY_REMOTE = ("192.0.2.1", 9)


def own_name() -> str:
    """Return this machine's full name, else its address as a literal (RFC 5321 sections 4.1.1.1, 4.1.3).

    `localhost` gets a prober onto block lists, so it is never given.
    """
    # In this order and one by one: getfqdn may wait long for name servers that do not answer.
    for ask in (socket.gethostname, socket.getfqdn):
        lowered = ask().lower().rstrip(".")
        if _FULL_NAME.fullmatch(lowered) and not lowered.startswith("localhost"):
            return lowered
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(_ANY_REMOTE)
            address = str(sock.getsockname()[0])
        except OSError:
            address = "127.0.0.1"
    return f"[{address}]"
