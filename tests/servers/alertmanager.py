"""A real Alertmanager with a receiver that keeps what it was told."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.process import find_program, free_port, running, wait_until
from tests.servers.prometheus import get_text, is_answering


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """A running Alertmanager; give `address` to Prometheus."""

    address: str
    webhook_url: str
    """Where the receiver listens, for configurations that a test writes itself."""
    log_file: Path
    notifications: list[dict[str, Any]] = field(default_factory=list)
    """The webhook messages that came in, in their order."""

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that Alertmanager knows, with `labels`, `annotations` and `status`."""
        found: list[dict[str, Any]] = json.loads(get_text(f"http://{self.address}/api/v2/alerts"))
        return found

    def wait_for_notification(
        self, predicate: Callable[[dict[str, Any]], bool], seconds: float = 30.0
    ) -> dict[str, Any]:
        """Return the first message that the predicate takes; AssertionError with all of them if none."""
        if not wait_until(lambda: any(map(predicate, self.notifications)), seconds):
            raise AssertionError(
                f"no such message in {seconds} s: {self.notifications}; alerts: {self.alerts()}"
            )
        return next(filter(predicate, self.notifications))


@contextmanager
def receive(messages: list[dict[str, Any]]) -> Iterator[str]:
    """Listen for webhook messages in a thread; yield the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Keep the tests' output quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def run_alertmanager(folder: Path, configuration_file: Path | None = None) -> Iterator[Alertmanager]:
    """Run Alertmanager with a configuration, or with one that hands every alert to the receiver at once."""
    folder.mkdir(parents=True)
    messages: list[dict[str, Any]] = []
    with receive(messages) as webhook_url:
        if configuration_file is None:
            configuration_file = folder / "alertmanager.yml"
            route = {"receiver": "tests", "group_wait": "0s", "group_interval": "1s", "group_by": ["..."]}
            webhook = {"url": webhook_url, "send_resolved": True}
            receivers = [{"name": "tests", "webhook_configs": [webhook]}]
            configuration_file.write_text(yaml.safe_dump({"route": route, "receivers": receivers}))
        address = f"127.0.0.1:{free_port()}"
        log = folder / "alertmanager.log"
        argv = [
            find_program("prometheus-alertmanager", "prometheus-alertmanager"),
            f"--config.file={configuration_file}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address={address}",
            "--cluster.listen-address=",
        ]
        with running(argv, is_ready=lambda: is_answering(f"http://{address}/-/ready"), logs=[log]):
            yield Alertmanager(address, webhook_url, log, messages)


@pytest.fixture(scope="session")
def start_alertmanager(server_folder: Path) -> Iterator[Callable[..., Alertmanager]]:
    """A function that starts an Alertmanager (`configuration_file=` is optional) for the session."""
    with ExitStack() as stack:

        def start(configuration_file: Path | None = None) -> Alertmanager:
            folder = server_folder / f"alertmanager-{len(list(server_folder.glob('alertmanager-*')))}"
            return stack.enter_context(run_alertmanager(folder, configuration_file))

        yield start
