"""A client behind a router that is our own network's way out, and servers known to be up beyond it."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.netns import Network, build_network
from tests.servers.packet_filter import Filter, Hook

SMTP, SUBMISSION, WEB = 25, 587, 443
NAT = """\
table ip detour {{
  chain prerouting {{
    type nat hook prerouting priority -100; policy accept;
    tcp dport {port} dnat to {proxy}:{port}
  }}
}}
"""
LISTENER = str(Path(__file__).parents[1] / "servers" / "smtp_listener.py")


@dataclass(frozen=True, slots=True)
class Place:
    """A client behind a router that is our own network's way out, and servers beyond it."""

    network: Network
    folder: Path

    @property
    def target(self) -> str:
        return self.network.server_ipv4

    @property
    def controls(self) -> tuple[str, str]:
        """Two addresses where servers are known to be up."""
        second = self.network.control_ipv4.rpartition(".")
        return self.network.control_ipv4, f"{second[0]}.{int(second[2]) + 1}"

    @property
    def dark(self) -> str:
        """An address that nobody has."""
        last = self.network.control_ipv4.rpartition(".")
        return f"{last[0]}.{int(last[2]) + 9}"

    def scan(self, *ports: int, settings: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        """Scan ports of the target with these controls."""
        config = self.configure(*ports, settings=settings)
        command = [sys.executable, "-m", "scanner", "scan", "--format", "ndjson", "--config", str(config)]
        done = self.network.run(command, seconds=40)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def configure(self, *ports: int, settings: dict[str, Any] | None = None, **more: Any) -> Path:
        """Write a configuration that watches ports of the target; `settings` are those of the controls."""
        controls = {
            "ports": {port: list(self.controls) for port in (SMTP, SUBMISSION)},
            "https": [f"{self.controls[0]}:{WEB}"],
            "dark": None,
        }
        document = {
            "targets": [f"{self.target}:{port}" for port in ports],
            "controls": {**controls, **(settings or {})},
            "probe": {"timeout": 0.5, "allow_private": True, "versions_interval": None},
            "limits": {"rate": 0, "per_address_gap": 0},
            "resolver": {"servers": ["127.0.0.1:9"], "timeout": 0.5},
            **more,
        }
        config = self.folder / "mailport.yml"
        config.write_text(yaml.safe_dump(document))
        return config

    def drop_on_the_way_out(self, *ports: int, kind: Filter = Filter.DROP) -> None:
        for port in ports:
            self.network.router.filter_port(port, kind, Hook.FORWARD)

    def drop_at_the_target(self, port: int) -> None:
        self.network.server.filter_port(port, Filter.DROP, Hook.INPUT, self.target)

    def redirect(self, port: int) -> None:
        """Let a proxy of our own network answer the port, whoever is meant."""
        self.network.router.nft(NAT.format(port=port, proxy=self.network.router_ipv4))


@pytest.fixture(scope="module")
def built() -> Iterator[Network]:
    with build_network() as network:
        last = network.control_ipv4.rpartition(".")
        network.server.ip("address", "add", f"{last[0]}.{int(last[2]) + 1}/28", "dev", "down0")
        network.listen(SMTP, SUBMISSION, WEB)
        proxy = [sys.executable, LISTENER, "--greeting=220 relay.provider.test ESMTP", str(SMTP)]
        network.spawn(network.router, proxy, b"ready")
        yield network


@pytest.fixture
def place(built: Network, tmp_path: Path) -> Iterator[Place]:
    yield Place(built, tmp_path)
    built.clear_filters()
    built.router.nft("table ip detour\ndelete table ip detour\n")
