"""A way out that is closed for one worker: packets from its address that begin a connection vanish."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers.process import find_program

SOURCE = "127.77.0.9"
"""From where the worker with the closed way connects."""
_TABLE = "inet mailport_cut_off"


@contextmanager
def closed(*ports: int) -> Iterator[None]:
    """Let that worker begin no connection to these ports while the block runs."""
    _filter(f"add table {_TABLE}\nadd chain {_TABLE} output {{ type filter hook output priority 0; }}\n")
    for port in ports:
        close(port)
    try:
        yield
    finally:
        _filter(f"delete table {_TABLE}\n")


def close(port: int, address: str | None = None) -> None:
    """Close one more, to one address or to all, until the end of the block.

    Connections that are open stay: a server that never hears of their end would count them for ever.
    """
    to = "" if address is None else f"ip daddr {address} "
    begins = "tcp flags & (syn | ack) == syn"
    _filter(f"add rule {_TABLE} output ip saddr {SOURCE} {to}tcp dport {port} {begins} drop\n")


def _filter(commands: str) -> None:
    subprocess.run([find_program("nft", "nftables"), "-f", "-"], input=commands, text=True, check=True)
