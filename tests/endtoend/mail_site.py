"""Real mail servers beyond a router: one that is watched, one beside it that stays well, and their names."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certificates import Authority, Leaf
from tests.servers.dovecot import run_dovecot
from tests.servers.mail_host import MAIL_PORTS
from tests.servers.name_service import run_authority, write_zones
from tests.servers.netns import Network, build_network
from tests.servers.packet_filter import Filter, Hook
from tests.servers.postfix import run_postfix
from tests.servers.stripper import run_stripper
from tests.servers.zones import Signing, Zone

DOMAIN, HOST = "acme.test", "mx.acme.test"
"""The domain that things happen to, and the host of its seven ports."""
OTHER_DOMAIN, OTHER_HOST = "other.test", "mx.other.test"
"""A domain of somebody else, which is always well."""
CONCERNED = "Watched domains concerned: 1."
"""What alerts about the host say in the end."""
ENDPOINTS = 2 * len(MAIL_PORTS)
NAME_SERVER = "127.0.0.1"
WEB_PORT = 443
"""Where a site can be connected to as long as the network works at all."""

# What the owner of a domain publishes (RFC 5321 section 5, RFC 6186, RFC 8314).
_RECORDS = """\
{label} MX 10 mx.{label}
mx.{label} A {address}
_submission._tcp.{label} SRV 0 1 587 mx.{label}
_submissions._tcp.{label} SRV 0 1 465 mx.{label}
_imap._tcp.{label} SRV 0 1 143 mx.{label}
_imaps._tcp.{label} SRV 0 1 993 mx.{label}
_pop3._tcp.{label} SRV 0 1 110 mx.{label}
_pop3s._tcp.{label} SRV 0 1 995 mx.{label}
"""
_TWIN = """\
table ip twin {{
  chain prerouting {{
    type nat hook prerouting priority -100;
    ip daddr {twin} dnat to {address}
  }}
}}
"""
_DETOUR = """\
table ip detour {{
  chain prerouting {{
    type nat hook prerouting priority -100;
    ip daddr {host} tcp dport {port} dnat to {proxy}:{proxy_port}
  }}
}}
"""
_NO_DETOUR = "table ip detour\ndelete table ip detour\n"


@dataclass(frozen=True, slots=True)
class MailSite:
    """The network of `tests.servers.netns` with a Postfix and a Dovecot for each of two domains."""

    network: Network
    authority: Authority
    leaf: Leaf
    """What the watched host shows; its files are written anew when that changes."""
    folder: Path

    @property
    def address(self) -> str:
        """The watched host's."""
        return self.network.server_ipv4

    @property
    def controls(self) -> tuple[str, str]:
        """Two addresses, apart from the watched one, where all seven ports are up."""
        return self.network.control_ipv4, _twin_of(self.network.control_ipv4)

    @contextmanager
    def stripped(self, *ports: int) -> Iterator[None]:
        """Let a proxy on the way take STARTTLS out of what the watched host offers."""
        router = self.network.router
        with ExitStack() as stack:
            for port in ports:
                with router.entered():  # the proxy's threads stay there
                    proxy = stack.enter_context(
                        run_stripper((self.network.router_ipv4, 0), (self.address, port))
                    )
                detour = {"proxy": proxy.address, "proxy_port": proxy.port}
                router.nft(_DETOUR.format(host=self.address, port=port, **detour))
            try:
                yield
            finally:
                router.nft(_NO_DETOUR)

    @contextmanager
    def silent(self, *ports: int) -> Iterator[None]:
        """Let the watched host's own filter drop what comes for these ports; for none named, everything."""
        server = self.network.server
        for port in ports:
            server.filter_port(port, Filter.DROP, Hook.INPUT, self.address)
        if not ports:
            server.nft(f"add rule inet tests input ip daddr {self.address} drop\n")
        try:
            yield
        finally:
            server.clear_filters()

    @contextmanager
    def cut_off(self, *ports: int) -> Iterator[None]:
        """Let our own network drop what we send to these ports, wherever; for none named, everything."""
        router = self.network.router
        for port in ports:
            router.filter_port(port, Filter.DROP, Hook.FORWARD)
        if not ports:  # what a proxy on the router answers, too
            router.nft("add rule inet tests forward drop\nadd rule inet tests input iifname down0 drop\n")
        try:
            yield
        finally:
            router.clear_filters()

    @contextmanager
    def showing(self, leaf: Leaf) -> Iterator[None]:
        """Let all seven ports of the watched host show another certificate."""
        own = self.folder / "own"
        own.mkdir()
        for name in ("certificate_file", "key_file", "bundle_file"):
            shutil.copy(getattr(self.leaf, name), own / name)
            shutil.copy(getattr(leaf, name), getattr(self.leaf, name))
        self._reload()
        try:
            yield
        finally:
            for name in ("certificate_file", "key_file", "bundle_file"):
                shutil.copy(own / name, getattr(self.leaf, name))
            shutil.rmtree(own)
            self._reload()

    def _reload(self) -> None:
        """Have Postfix and Dovecot read their files again, as after a renewal."""
        for pid_file in ("postfix/queue/pid/master.pid", "dovecot/run/master.pid"):
            os.kill(int((self.folder / HOST / pid_file).read_text()), signal.SIGHUP)


def _twin_of(address: str) -> str:
    network, _, last = address.rpartition(".")
    return f"{network}.{int(last) + 1}"


def _records_of(domain: str, address: str) -> str:
    return _RECORDS.format(label=domain.removesuffix(".test"), address=address)


@contextmanager
def build_mail_site(folder: Path, authority: Authority) -> Iterator[MailSite]:
    """Start everything; the calling thread, and what it starts, is on the client's host within the block."""
    with ExitStack() as stack:
        network = stack.enter_context(build_network())
        host, other = network.server_ipv4, network.control_ipv4
        twin = _twin_of(other)
        leaf = authority.issue(HOST)
        network.server.ip("address", "add", f"{twin}/28", "dev", "down0")
        network.server.nft(_TWIN.format(twin=twin, address=other))
        network.listen(WEB_PORT)
        with network.server.entered():
            for name, address, shown in (
                (HOST, host, leaf),
                (OTHER_HOST, other, authority.issue(OTHER_HOST)),
            ):
                (folder / name / "dovecot").mkdir(parents=True)
                dovecot = stack.enter_context(run_dovecot(folder / name / "dovecot", address, shown))
                stack.enter_context(run_postfix(folder / name / "postfix", name, address, shown, dovecot))
        stack.enter_context(network.client.entered())
        (folder / "names").mkdir()
        records = _records_of(DOMAIN, host) + _records_of(OTHER_DOMAIN, other)
        zones = [Zone("test", None, Signing.NONE, records)]
        write_zones(folder / "names", zones)
        stack.enter_context(run_authority(folder / "names", NAME_SERVER, zones))
        yield MailSite(network, authority, leaf, folder)
