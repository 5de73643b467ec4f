"""Three vantages in network namespaces around a hub, a broker in the hub, and mail servers in a fourth."""

import json
import os
import socket
import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from prometheus_client.parser import text_string_to_metric_families

from scanner.model import Protocol
from tests.cli.command import SECONDS, Running, started
from tests.servers.certificates import Authority
from tests.servers.listener import PATIENCE_SECONDS, run_listener, talk_in_clear
from tests.servers.netns import Namespace, _connect, _namespace, _run
from tests.servers.process import find_program, running
from tests.servers.relay import pass_on
from tests.servers.stripper import Replies
from tests.service.serving import Sample, read_log, write_config

MAIN, ROME, OSLO = "default", "rome", "oslo"
VANTAGES = (MAIN, ROME, OSLO)
SMTP = 25
STRIPPER_PORT, BOX_PORT = 2525, 2526
BROKER_PORT = 6379
PASSWORD = "pass-word"
INTERVAL = 2.0
NET = "10.215"
SERVER, CONTROLS = f"{NET}.9.2", (f"{NET}.9.3", f"{NET}.9.4")
SITE, DARK = f"{NET}.9.5:8443", f"{NET}.9.200"
"""A site for the controls, and an address where nobody is."""
HUB = f"{NET}.9.1"
DETOUR = """\
table ip detour {{
  chain prerouting {{
    type nat hook prerouting priority -100; policy accept;
    iifname "to-{vantage}" {to} tcp dport {port} dnat to {hub}:{proxy}
  }}
}}
"""


@dataclass(slots=True)
class Places:
    """The namespaces, and what is done to packets in the hub between them."""

    hub: Namespace
    server: Namespace
    vantages: dict[str, Namespace] = field(default_factory=dict)

    def drop(self, vantage: str, *, address: str | None = SERVER) -> None:
        """Let packets of one vantage to port 25 vanish: to one address, or to all."""
        to = f"ip daddr {address} " if address is not None else ""
        self.hub.nft(f'add rule inet tests forward iifname "to-{vantage}" {to}tcp dport 25 drop\n')

    def cut(self, vantage: str) -> None:
        """Let one vantage get nowhere; the broker is in the hub itself."""
        self.hub.nft(f'add rule inet tests forward iifname "to-{vantage}" drop\n')

    def strip(self, vantage: str) -> None:
        """Let a proxy in the hub take STARTTLS out of what the server says to one vantage."""
        self._lead(vantage, STRIPPER_PORT, f"ip daddr {SERVER}")

    def box_in(self, vantage: str) -> None:
        """Let a box in the hub accept each connection of one vantage to port 25, wherever that goes."""
        self._lead(vantage, BOX_PORT)

    def _lead(self, vantage: str, proxy: int, to: str = "") -> None:
        self.hub.nft(DETOUR.format(vantage=vantage, to=to, port=SMTP, hub=HUB, proxy=proxy))

    def mend(self) -> None:
        """Let everything through again, as it is."""
        self.hub.clear_filters()
        self.hub.nft("table ip detour\ndelete table ip detour\n")


@dataclass(slots=True)
class Watching:
    """A scheduler at the main vantage and a worker at each."""

    places: Places
    home: Namespace
    """Where the scheduler is."""
    scheduler: Running
    listen: str
    workers: dict[str, Running]

    def ask(self, path: str) -> str:
        """Return what the scheduler answers."""
        with (
            self.home.entered(),
            urllib.request.urlopen(f"http://{self.listen}{path}", timeout=SECONDS) as answer,
        ):
            body: bytes = answer.read()
        return body.decode()

    def samples(self, name: str, **labels: str) -> list[Sample]:
        """Scrape once; return the samples of this name that carry these labels."""
        families = text_string_to_metric_families(self.ask("/metrics"))
        found = (sample for family in families for sample in family.samples if sample.name == name)
        return [Sample(one.labels, one.value) for one in found if labels.items() <= one.labels.items()]

    def of_target(self, name: str, **labels: str) -> dict[str, float]:
        """Return the value of a family for the target, by vantage."""
        found = self.samples(name, host=SERVER, **labels)
        return {one.labels["vantage"]: one.value for one in found}

    def incidents(self) -> set[tuple[str, str]]:
        """Return name and subject of what is open."""
        return {(one.labels["name"], one.labels["subject"]) for one in self.samples("mailport_incident")}

    def wait_for_incidents(self, *expected: tuple[str, str]) -> None:
        """Wait until exactly these are open."""
        self.scheduler.wait_until(lambda: self.incidents() == set(expected), 2 * SECONDS)

    def endpoint(self) -> dict[str, Any]:
        """Return the target by the HTTP interface."""
        listed = json.loads(self.ask("/api/v1/endpoints"))["endpoints"]
        (found,) = [one for one in listed if one["observation"]["host"] == SERVER]
        whole: dict[str, Any] = json.loads(self.ask(f"/api/v1/endpoints/{found['id']}"))
        return whole


@contextmanager
def build_places(authority: Authority) -> Iterator[Places]:
    """Make the namespaces with their servers and the broker; all of it goes when the block ends."""
    leaf = authority.issue("mx.vantages.test", addresses=[SERVER, *CONTROLS])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.certificate_file, leaf.key_file)
    with ExitStack() as stack:
        make = [stack.enter_context(_namespace(f"mp-{os.getpid()}-v{role}")) for role in "hs012"]
        hub, server, *vantages = make
        _run(*hub.argv([find_program("sysctl", "procps"), "-q", "-w", "net.ipv4.ip_forward=1"]))
        site, _, site_port = SITE.partition(":")
        ends = [f"{address}/24" for address in (SERVER, *CONTROLS, site)]
        _connect((hub, "to-server", [f"{HUB}/24"]), (server, "up0", ends))
        server.ip("route", "add", "default", "via", HUB)
        places = Places(hub, server, dict(zip(VANTAGES, vantages, strict=True)))
        for number, (name, place) in enumerate(places.vantages.items()):
            way = f"{NET}.{number}"
            _connect((hub, f"to-{name}", [f"{way}.1/24"]), (place, "up0", [f"{way}.2/24"]))
            place.ip("route", "add", "default", "via", f"{way}.1")

        def serve(connection: socket.socket) -> None:
            if talk_in_clear(connection, Protocol.SMTP, offers_tls=True):
                with context.wrap_socket(connection, server_side=True) as tunnel:
                    _talk(tunnel)

        def strip(connection: socket.socket) -> None:
            with hub.entered():
                upstream = socket.create_connection((SERVER, SMTP), PATIENCE_SECONDS)
            with upstream:
                pass_on(connection, upstream, Replies().strip)

        def say_nothing(connection: socket.socket) -> None:
            while connection.recv(1024):
                pass

        with server.entered():
            for address in (SERVER, *CONTROLS):
                stack.enter_context(run_listener(address, SMTP, serve))
            stack.enter_context(run_listener(site, int(site_port), say_nothing))
        with hub.entered():
            stack.enter_context(run_listener(HUB, STRIPPER_PORT, strip))
            stack.enter_context(run_listener(HUB, BOX_PORT, say_nothing))
        stack.enter_context(_run_broker(hub, authority.folder))
        yield places


@contextmanager
def watching(
    places: Places, folder: Path, ca_file: Path, *, home: Namespace | None = None, **more: Any
) -> Iterator[Watching]:
    """Run the scheduler and the workers while the block does; `home` is in the network of the main ones."""
    home = places.vantages[MAIN] if home is None else home
    document: dict[str, Any] = {
        "targets": [f"{SERVER}:{SMTP}"],
        "probe": {
            "timeout": 1,
            "total_timeout": 3,
            "allow_private": True,
            "versions_interval": None,
            "ca_file": str(ca_file),
        },
        "schedule": {"interval": INTERVAL, "jitter": 0},
        "limits": {"rate": 0, "per_address_gap": 0.05},
        "resolver": {"servers": ["127.0.0.1:9"], "timeout": 0.5},
        "controls": {"ports": {SMTP: list(CONTROLS)}, "https": [SITE], "dark": DARK, "interval": INTERVAL},
        "cluster": {
            "broker": f"redis://:{PASSWORD}@{HUB}:{BROKER_PORT}/0",
            "lease": 5,
            "vantages": [{"name": name, "interval": INTERVAL, "rate": 0} for name in VANTAGES[1:]],
        },
        "store": False,
        **more,
    }
    with ExitStack() as stack:
        workers = {}
        for name in VANTAGES:
            own = folder / name
            own.mkdir()
            path = write_config(own, {**document, "vantage": name})
            place = places.vantages[name]
            workers[name] = stack.enter_context(_start(place, own, "worker", "--config", path))
        own = folder / "scheduler"
        own.mkdir()
        path = write_config(own, document)
        arguments = ("serve", "--config", path, "--listen", "127.0.0.1:0")
        scheduler = stack.enter_context(_start(home, own, *arguments))
        scheduler.wait_until(lambda: any(line["event"] == "serving" for line in read_log(scheduler)))
        (line,) = (line for line in read_log(scheduler) if line["event"] == "serving")
        yield Watching(places, home, scheduler, line["listen"], workers)


def _start(place: Namespace, folder: Path, *arguments: object) -> Any:
    return started(folder, *arguments, "--log-format", "json", prefix=place.argv([]))


def _talk(tunnel: ssl.SSLSocket) -> None:
    """Answer inside TLS until the client says goodbye."""
    pending = b""
    while data := tunnel.recv(4096):
        pending += data
        while b"\n" in pending:
            line, _, pending = pending.partition(b"\n")
            if line.upper().startswith(b"QUIT"):
                tunnel.sendall(b"221 2.0.0 Bye\r\n")
                return
            tunnel.sendall(b"250-mx.vantages.test\r\n250 8BITMIME\r\n")


@contextmanager
def _run_broker(hub: Namespace, folder: Path) -> Iterator[None]:
    argv = [
        find_program("redis-server", "redis-server"),
        *("--port", str(BROKER_PORT), "--bind", "0.0.0.0", "--requirepass", PASSWORD),
        *("--dir", str(folder), "--save", ""),
    ]

    def answers() -> bool:
        try:
            with hub.entered(), redis.Redis(host=HUB, port=BROKER_PORT, password=PASSWORD) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    with running(hub.argv(argv), is_ready=answers, logs=[folder / "broker.log"]):
        yield
