"""A small web server of the tests, on ports 443 and 80 of one loopback address, that can also misbehave."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scanner.model import Reason
from scanner.network import ResolveFailure
from scanner.network.web import WebClient
from tests.network.name_servers import Clock
from tests.servers.certificates import Authority, Leaf
from tests.servers.process import reserved_address

PORTS = (443, 80)
SITE = "site.test"
"""The host of tests that need just one."""
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Answer = bytes | Talk
"""The bytes of a whole response, or a conversation after the request was read."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: "https://host/path" and the header lines."""

    url: str
    head: str
    address: str


def respond(body: bytes = b"", *headers: str, status: int = 200) -> bytes:
    """Write a response with its length."""
    lines = [f"HTTP/1.1 {status} Said so", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def redirect(location: str, status: int = 302) -> bytes:
    return respond(b"", f"Location: {location}", status=status)


@dataclass(slots=True)
class Site:
    """The pages by address, the requests so far, and how many connections are and were open at once."""

    address: str
    ports: list[int] = field(default_factory=list)
    pages: dict[str, Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    open_now: int = 0
    most_open: int = 0

    @property
    def asked(self) -> list[str]:
        return [request.url for request in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            host = next(line[6:] for line in head.split("\r\n") if line.lower().startswith("host: "))
            scheme = "https" if writer.get_extra_info("ssl_object") else "http"
            url = f"{scheme}://{host}{head.split(' ')[1]}"
            self.requests.append(Request(url, head, writer.get_extra_info("sockname")[0]))
            answer = self.pages.get(url, respond(b"not here", status=404))
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # a client may leave when it likes
        finally:
            self.open_now -= 1
            writer.close()


@contextmanager
def web_address(network: str = "127.0.30") -> Iterator[str]:
    """Reserve an address whose web ports are free."""
    with reserved_address(network, PORTS) as address:
        yield address


@asynccontextmanager
async def web_site(
    leaf: Leaf, *, address: str | None = None, ports: Sequence[int] = PORTS
) -> AsyncIterator[Site]:
    """Serve a site until the block ends; port 80 in clear, all others by TLS, port 0 on a free one."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(leaf.certificate_file, leaf.key_file)
    with web_address() as reserved:
        site = Site(address or reserved)
        servers = [
            await asyncio.start_server(
                site.serve, site.address, port, ssl=None if port == 80 else context, limit=2**20
            )
            for port in ports
        ]
        site.ports += [server.sockets[0].getsockname()[1] for server in servers]
        try:
            yield site
        finally:
            for server in servers:
                server.close()


class Names:
    """A resolver of the tests: addresses by host, and one answer after the other where there are several."""

    def __init__(self, **hosts: Sequence[str]) -> None:
        self.hosts: dict[str, list[tuple[str, ...]]] = {}
        self.asked: list[str] = []
        for host, addresses in hosts.items():
            self.put(host, *addresses)

    def put(self, host: str, *addresses: str) -> None:
        """Let a host be at addresses."""
        self.hosts[host] = [addresses]

    def then(self, host: str, *addresses: str) -> None:
        """Let it be elsewhere at the next look-up."""
        self.hosts[host].append(addresses)

    async def addresses(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        answers = self.hosts.get(host)
        if answers is None:
            raise ResolveFailure(Reason.NAME_NOT_FOUND, f"{host} does not exist in the DNS (NXDOMAIN)")
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if not found:
            raise ResolveFailure(Reason.DNS_FAILURE, f"the name servers failed for {host}: SERVFAIL")
        return found


@asynccontextmanager
async def web_client(
    names: Names,
    ca_file: Path,
    *,
    allow_private: bool = True,
    timeout: float = 5.0,
    families: Sequence[int] = (4, 6),
    clock: Clock | None = None,
) -> AsyncIterator[WebClient]:
    """Make a client and close it at the end."""
    client = WebClient(
        names,
        allow_private=allow_private,
        ca_file=ca_file,
        timeout=timeout,
        families=families,
        clock=clock or Clock(),
    )
    try:
        yield client
    finally:
        await client.close()


@dataclass(frozen=True, slots=True)
class World:
    """A site, its names, and a client that may ask it."""

    site: Site
    names: Names
    client: WebClient
    clock: Clock
    authority: Authority


@asynccontextmanager
async def world(authority: Authority, leaf: Leaf, *hosts: str, timeout: float = 5.0) -> AsyncIterator[World]:
    """Serve hosts of which the certificate names what it names."""
    names, clock = Names(), Clock()
    async with (
        web_site(leaf) as site,
        web_client(names, authority.ca_file, timeout=timeout, clock=clock) as client,
    ):
        for host in hosts:
            names.put(host, site.address)
        yield World(site, names, client, clock, authority)
