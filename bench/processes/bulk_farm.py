"""Mail servers of thousands of hosts: `bulk_farm.py BUNDLE DOMAINS PART PARTS` is every PARTS-th of them.

Says "ready" when all of its ports listen. What a port does is in `conduct_of`: the driver works the bound out
by the same words.
"""

import asyncio
import math
import random
import resource
import socket
import ssl
import sys
from contextlib import suppress
from enum import Enum
from typing import NamedTuple, cast

import uvloop

from scanner.protocol.opening import LAST_WORD_SECONDS

PORTS = (25, 465, 587, 143, 993, 110, 995)
IMPLICIT = {465, 993, 995}
DEAD_HOSTS, DEAF_HOSTS = 0.10, 0.05
"""Shares of hosts that say nothing on any port, and that listen on none."""
SILENT_PORTS, CLOSED_PORTS = 0.10 / 0.85, 0.05 / 0.85
"""Shares of the ports of all other hosts: in all a fifth is silent and a tenth is closed."""
SHORTEST, LONGEST = 0.005, 0.3
"""Seconds before every reply, the same for all of a port's; the logarithms are even."""


class Kind(Enum):
    """What a port does."""

    GOOD = "good"
    SILENT = "silent"
    CLOSED = "closed"


class Conduct(NamedTuple):
    """What a port does, and how slowly."""

    kind: Kind
    delay: float

    def seconds(self, port: int, timeout: float) -> float:
        """Return how long one connection takes whose client waits `timeout` seconds for a word."""
        if self.kind is Kind.CLOSED:
            return 0.0
        if self.kind is Kind.SILENT:
            # Whoever owes a greeting is asked by a ClientHello in the end, and has a moment to answer it.
            return timeout if port in IMPLICIT else timeout + LAST_WORD_SECONDS
        # Greeting, capabilities, farewell; with STARTTLS the go-ahead and the capabilities once more.
        return self.delay * (3 if port in IMPLICIT else 5)


def conduct_of(domain: int, port: int) -> Conduct:
    """Return what a port of a domain's host does."""
    host, single = random.Random(domain), random.Random(domain * 100_000 + port)
    delay = math.exp(single.uniform(math.log(SHORTEST), math.log(LONGEST)))
    draw = host.random()
    if draw < DEAD_HOSTS:
        return Conduct(Kind.SILENT, delay)
    if draw < DEAD_HOSTS + DEAF_HOSTS:
        return Conduct(Kind.CLOSED, delay)
    draw = single.random()
    if draw < SILENT_PORTS:
        return Conduct(Kind.SILENT, delay)
    return Conduct(Kind.CLOSED if draw < SILENT_PORTS + CLOSED_PORTS else Kind.GOOD, delay)


def address_of(domain: int) -> str:
    """Return the address of a domain's host."""
    return f"127.{1 + domain // 62500}.{domain // 250 % 250}.{1 + domain % 250}"


SMTP = {
    b"EHLO": b"250-bulk.test\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 8BITMIME\r\n",
    b"STAR": b"220 2.0.0 Ready to start TLS\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}
SMTP_TLS = SMTP | {b"EHLO": b"250-bulk.test\r\n250-PIPELINING\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n"}
POP3 = {
    b"CAPA": b"+OK\r\nUSER\r\nUIDL\r\nSTLS\r\n.\r\n",
    b"STLS": b"+OK begin TLS\r\n",
    b"QUIT": b"+OK bye\r\n",
}
POP3_TLS = POP3 | {b"CAPA": b"+OK\r\nUSER\r\nUIDL\r\n.\r\n"}


def answer(port: int, line: bytes, *, is_secure: bool) -> bytes:
    """Return the reply to one line."""
    if port in (143, 993):
        tag, _, verb = line.partition(b" ")
        starttls = b"" if is_secure else b" STARTTLS LOGINDISABLED"
        said = {
            b"CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN%s\r\n" % starttls,
            b"LOGOUT": b"* BYE\r\n",
        }
        return said.get(verb.upper(), b"") + tag + b" OK done\r\n"
    if port in (110, 995):
        return (POP3_TLS if is_secure else POP3).get(line[:4].upper(), b"-ERR unknown\r\n")
    return (SMTP_TLS if is_secure else SMTP).get(line[:4].upper(), b"502 5.5.2 unknown\r\n")


GREETINGS = {143: b"* OK ready\r\n", 993: b"* OK ready\r\n", 110: b"+OK ready\r\n", 995: b"+OK ready\r\n"}


class Conversation(asyncio.Protocol):
    """Answers one client, each time after the delay, until it says farewell or goes away."""

    def __init__(self, port: int, delay: float, context: ssl.SSLContext) -> None:
        self._port = port
        self._delay = delay
        self._context = context
        self._is_secure = port in IMPLICIT
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._lines = b""
        self._securing: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._say(GREETINGS.get(self._port, b"220 bulk.test ESMTP\r\n"))

    def data_received(self, data: bytes) -> None:
        *lines, self._lines = (self._lines + data).split(b"\r\n")
        for line in lines:
            words = line.upper().split()
            self._say(answer(self._port, line, is_secure=self._is_secure), words[-1] if words else b"")

    def _say(self, reply: bytes, then: bytes = b"") -> None:
        self._loop.call_later(self._delay, self._write, reply, then)

    def _write(self, reply: bytes, then: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(reply)
        if then in {b"STARTTLS", b"STLS"}:
            self._securing = self._loop.create_task(self._secure(self._transport))
        elif then in {b"QUIT", b"LOGOUT"}:
            self._transport.close()

    async def _secure(self, plain: asyncio.Transport) -> None:
        self._is_secure = True
        with suppress(OSError):
            self._transport = await self._loop.start_tls(plain, self, self._context, server_side=True)


async def talk(client: socket.socket, port: int, delay: float, context: ssl.SSLContext) -> None:
    """Begin a conversation."""
    loop = asyncio.get_running_loop()
    secure = context if port in IMPLICIT else None
    with suppress(OSError):
        await loop.connect_accepted_socket(lambda: Conversation(port, delay, context), client, ssl=secure)


async def hold(sock: socket.socket) -> None:
    """Say nothing until the client goes away."""
    loop = asyncio.get_running_loop()
    with sock:
        try:
            while await loop.sock_recv(sock, 4096):
                pass
        except OSError:
            return


def listen(domain: int, port: int, context: ssl.SSLContext, running: set[asyncio.Task[None]]) -> None:
    """Open one port."""
    loop = asyncio.get_running_loop()
    conduct = conduct_of(domain, port)
    if conduct.kind is Kind.CLOSED:
        return
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address_of(domain), port))
    sock.listen(64)

    def accept() -> None:
        try:
            client, _ = sock.accept()
        except OSError:
            return
        client.setblocking(False)
        is_good = conduct.kind is Kind.GOOD
        task = loop.create_task(talk(client, port, conduct.delay, context) if is_good else hold(client))
        running.add(task)
        task.add_done_callback(running.discard)

    loop.add_reader(sock.fileno(), accept)


async def main() -> None:
    bundle, domains, part, parts = sys.argv[1], *map(int, sys.argv[2:5])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle)
    context.num_tickets = 0
    running: set[asyncio.Task[None]] = set()
    for domain in range(part, domains, parts):
        for port in PORTS:
            listen(domain, port, context, running)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(main())
