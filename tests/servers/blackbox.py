"""A real blackbox exporter, to compare with: what it says of a mail port, and what that costs."""

import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from tests.servers.process import find_program, free_port, running
from tests.servers.prometheus import get_text, is_answering

SMTP_MODULE = "smtp_starttls"
SECONDS = 60.0
"""A probe ends with its module's timeout; on a busy machine its answer may come later."""


def smtp_starttls_module(ca_file: Path, server_name: str, *, wants_auth: bool = True) -> dict[str, Any]:
    """Return a module for SMTP with STARTTLS, like the exporter's own example, with our authority."""
    hello = "EHLO prober\r"
    dialogue: list[dict[str, Any]] = [
        {"expect": "^220 ([^ ]+) ESMTP (.+)$"},
        {"send": hello},
        {"expect": "^250-STARTTLS"},
        {"send": "STARTTLS\r"},
        {"expect": "^220"},
        {"starttls": True},
        {"send": hello},
        {"expect": "^250-AUTH" if wants_auth else "^250 "},
        {"send": "QUIT\r"},
    ]
    return _module(dialogue, ca_file, server_name)


def imaps_module(ca_file: Path, server_name: str) -> dict[str, Any]:
    """Return a module for IMAP with TLS from the first byte."""
    dialogue: list[dict[str, Any]] = [
        {"expect": r"^\* OK"},
        {"send": "a1 CAPABILITY\r"},
        {"expect": "^a1 OK"},
        {"send": "a2 LOGOUT\r"},
    ]
    return _module(dialogue, ca_file, server_name, tls=True)


def pop3_stls_module(ca_file: Path, server_name: str) -> dict[str, Any]:
    """Return a module for POP3 with STLS."""
    capabilities: list[dict[str, Any]] = [{"send": "CAPA\r"}, {"expect": r"^\.$"}]
    dialogue: list[dict[str, Any]] = [
        {"expect": r"^\+OK"},
        *capabilities,
        {"send": "STLS\r"},
        {"expect": r"^\+OK"},
        {"starttls": True},
        *capabilities,
        {"send": "QUIT\r"},
    ]
    return _module(dialogue, ca_file, server_name)


def _module(
    dialogue: list[dict[str, Any]], ca_file: Path, server_name: str, *, tls: bool = False
) -> dict[str, Any]:
    trust = {"ca_file": str(ca_file), "server_name": server_name}
    tcp = {"preferred_ip_protocol": "ip4", "query_response": dialogue, "tls_config": trust, "tls": tls}
    return {"prober": "tcp", "timeout": "10s", "tcp": tcp}


@dataclass(frozen=True, slots=True)
class Blackbox:
    """A running blackbox exporter."""

    url: str
    pid: int
    log_file: Path

    def probe_url(self, target: str, module: str = SMTP_MODULE) -> str:
        """Return the URL that makes one probe of `address:port`."""
        return f"{self.url}/probe?{urllib.parse.urlencode({'target': target, 'module': module})}"

    def probe(self, target: str, module: str = SMTP_MODULE) -> dict[str, float]:
        """Probe once; return the metrics by name, those with labels written as the exporter does."""
        metrics = {}
        for line in get_text(self.probe_url(target, module), seconds=SECONDS).splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                metrics[name] = float(value)
        return metrics


class StartBlackbox(Protocol):
    """What the fixture `start_blackbox` hands out."""

    def __call__(self, modules: Mapping[str, Mapping[str, Any]]) -> Blackbox:
        """Start a blackbox exporter that runs until the test's session ends."""


@contextmanager
def run_blackbox(
    folder: Path, modules: Mapping[str, Mapping[str, Any]], env: Mapping[str, str] | None = None
) -> Iterator[Blackbox]:
    """Run the exporter on a free port of 127.0.0.1 with these modules."""
    folder.mkdir(parents=True)
    configuration = folder / "blackbox.yml"
    configuration.write_text(
        yaml.safe_dump({"modules": {name: dict(module) for name, module in modules.items()}})
    )
    address = f"127.0.0.1:{free_port()}"
    log = folder / "blackbox.log"
    argv = [
        find_program("prometheus-blackbox-exporter", "prometheus-blackbox-exporter"),
        f"--config.file={configuration}",
        f"--web.listen-address={address}",
    ]
    with running(
        argv, is_ready=lambda: is_answering(f"http://{address}/-/healthy"), logs=[log], env=env
    ) as process:
        yield Blackbox(f"http://{address}", process.pid, log)


@pytest.fixture(scope="session")
def start_blackbox(server_folder: Path) -> Iterator[StartBlackbox]:
    """A function that starts blackbox exporters; all of them stop at the end of the session."""
    with ExitStack() as stack:

        def start(modules: Mapping[str, Mapping[str, Any]]) -> Blackbox:
            folder = server_folder / f"blackbox-{len(list(server_folder.glob('blackbox-*')))}"
            return stack.enter_context(run_blackbox(folder, modules))

        yield start
