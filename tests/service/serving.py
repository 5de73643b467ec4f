"""Runs `mailport serve` on a free port, asks it over HTTP, and reads its log."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.command import SECONDS, Running, started

CONFIG = "mailport.yml"
_STARTED = {"serving", "standing_by"}
"""What a service says once it answers: one of them, the latter where another scheduler leads."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of the scrape."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Service:
    """A running `mailport serve`."""

    running: Running
    folder: Path
    address: str

    @property
    def url(self) -> str:
        """Where it is served, without a slash at the end."""
        return f"http://{self.address}"

    @property
    def log(self) -> list[dict[str, Any]]:
        """The whole lines of its log so far."""
        return read_log(self.running)

    def ask(self, path: str, *, method: str = "GET") -> tuple[int, str]:
        """Return the status and the body of an answer."""
        request = urllib.request.Request(self.url + path, method=method)  # noqa: S310 - our own server
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as response:  # noqa: S310 - the same
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def samples(self, name: str, **labels: str) -> list[Sample]:
        """Scrape once; return the samples of this name that carry these labels."""
        families = text_string_to_metric_families(self.ask("/metrics")[1])
        found = (sample for family in families for sample in family.samples if sample.name == name)
        return [
            Sample(sample.labels, sample.value) for sample in found if labels.items() <= sample.labels.items()
        ]

    def value(self, name: str, **labels: str) -> float:
        """Scrape once; return the value of the only sample of this name with these labels."""
        (sample,) = self.samples(name, **labels)
        return sample.value

    def places(self) -> set[tuple[str, int]]:
        """Return the host and port of every endpoint that has a state."""
        samples = self.samples("mailport_endpoint_state", state="open")
        return {(sample.labels["host"], int(sample.labels["port"])) for sample in samples}

    def write_config(self, document: Mapping[str, Any] | str) -> None:
        """Replace the configuration file."""
        write_config(self.folder, document)

    def wait_ready(self) -> None:
        """Wait until every endpoint has been probed."""
        self.running.wait_until(lambda: self.ask("/-/ready")[0] == 200)

    def wait_for_event(self, event: str, number: int = 1) -> dict[str, Any]:
        """Wait until the log has so many lines of an event; return the last of them."""

        def lines() -> list[dict[str, Any]]:
            return [line for line in self.log if line["event"] == event]

        self.running.wait_until(lambda: len(lines()) >= number)
        return lines()[-1]


def read_log(running: Running) -> list[dict[str, Any]]:
    """Return the whole lines of a JSON log; every line must be JSON."""
    return [json.loads(line) for line in running.stderr.splitlines(keepends=True) if line.endswith("\n")]


def write_config(folder: Path, document: Mapping[str, Any] | str) -> Path:
    """Write a configuration file in one step, as an editor does."""
    path = folder / CONFIG
    draft = path.with_suffix(".new")
    draft.write_text(document if isinstance(document, str) else yaml.safe_dump(dict(document)))
    draft.replace(path)
    return path


@contextmanager
def serving(
    folder: Path, document: Mapping[str, Any], *options: str, env: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """Serve a configuration from a folder while the block runs; it logs JSON."""
    path = write_config(folder, document)
    arguments = ("serve", "--config", path, "--listen", "127.0.0.1:0", "--log-format", "json", *options)
    with started(folder, *arguments, env=env) as running:

        def started_at() -> list[str]:
            return [line["listen"] for line in read_log(running) if line["event"] in _STARTED]

        running.wait_until(lambda: bool(started_at()))
        yield Service(running, folder, started_at()[0])
