"""A real Prometheus that scrapes what a test gives it, and promtool's opinion of metrics and rules."""

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from tests.servers.process import find_program, free_port, running, wait_until

HTTP_SECONDS = 5.0


def get_text(url: str, data: bytes | None = None, seconds: float = HTTP_SECONDS) -> str:
    """Fetch a URL of a local server (POST where there is data) and return the body, also of an error."""
    headers = {"Content-Type": "application/json"} if data is not None else {}
    request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 - always our own loopback server
    try:
        with urllib.request.urlopen(request, timeout=seconds) as response:  # noqa: S310 - the same
            return str(response.read().decode("utf-8"))
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode("utf-8", "replace")


def is_answering(url: str) -> bool:
    """Tell whether a local server answers a request with success."""
    try:
        with urllib.request.urlopen(url, timeout=HTTP_SECONDS):  # noqa: S310 - always our own loopback server
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class ScrapeJob:
    """One scrape job: where, which path, and what else its YAML says (`relabel_configs`, `basic_auth`)."""

    name: str
    targets: Sequence[str]
    path: str = "/metrics"
    parameters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_yaml(self) -> dict[str, Any]:
        """Return the job as Prometheus's configuration wants it."""
        return {
            "job_name": self.name,
            "metrics_path": self.path,
            "params": {name: list(values) for name, values in self.parameters.items()},
            "static_configs": [{"targets": list(self.targets)}] if self.targets else [],
            **self.more,
        }


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of an answer and its newest value."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus."""

    url: str
    log_file: Path

    def query(self, promql: str) -> list[Sample]:
        """Ask now. ValueError with Prometheus's own words where it does not take the query."""
        answer = self._get("query", query=promql)
        kind, result = answer["resultType"], answer["result"]
        if kind == "scalar":
            return [Sample({}, float(result[1]))]
        return [Sample(item["metric"], float(item["value"][1])) for item in result]

    def wait_for(
        self, promql: str, predicate: Callable[[list[Sample]], bool] = bool, seconds: float = 20.0
    ) -> list[Sample]:
        """Ask until the predicate holds, and return that answer; AssertionError with the last if never."""
        last: list[Sample] = []

        def holds() -> bool:
            nonlocal last
            last = self.query(promql)
            return predicate(last)

        if not wait_until(holds, seconds):
            raise AssertionError(f"{promql} after {seconds} s: {last}; targets: {self.targets()}")
        return last

    def targets(self) -> list[dict[str, Any]]:
        """Return the active targets with `health` and `lastError`."""
        found: list[dict[str, Any]] = self._get("targets", state="active")["activeTargets"]
        return found

    def alerts(self) -> list[dict[str, Any]]:
        """Return the pending and firing alerts with `labels`, `annotations` and `state`."""
        found: list[dict[str, Any]] = self._get("alerts")["alerts"]
        return found

    def _get(self, what: str, **parameters: str) -> dict[str, Any]:
        body = get_text(f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}")
        answer = json.loads(body)
        if answer["status"] != "success":
            raise ValueError(f"{what} {parameters}: {answer.get('error')}")
        data: dict[str, Any] = answer["data"]
        return data


class StartPrometheus(Protocol):
    """What the fixture `start_prometheus` hands out."""

    def __call__(
        self,
        jobs: Sequence[ScrapeJob],
        *,
        rule_files: Sequence[Path] = (),
        alertmanagers: Sequence[str] = (),
        interval: str = "1s",
    ) -> Prometheus:
        """Start a Prometheus that runs until the test's session ends."""


@contextmanager
def run_prometheus(
    folder: Path,
    jobs: Sequence[ScrapeJob],
    *,
    rule_files: Sequence[Path] = (),
    alertmanagers: Sequence[str] = (),
    interval: str = "1s",
) -> Iterator[Prometheus]:
    """Run Prometheus on a free port of 127.0.0.1, scraping and judging rules every interval."""
    folder.mkdir(parents=True)
    configuration = folder / "prometheus.yml"
    configuration.write_text(
        yaml.safe_dump(
            {
                "global": {
                    "scrape_interval": interval,
                    "scrape_timeout": interval,
                    "evaluation_interval": interval,
                },
                "rule_files": [str(path.resolve()) for path in rule_files],
                "alerting": {"alertmanagers": [{"static_configs": [{"targets": list(alertmanagers)}]}]},
                "scrape_configs": [job.as_yaml() for job in jobs],
            }
        )
    )
    address = f"127.0.0.1:{free_port()}"
    log = folder / "prometheus.log"
    argv = [
        find_program("prometheus", "prometheus"),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with running(argv, is_ready=lambda: is_answering(f"http://{address}/-/ready"), logs=[log]):
        yield Prometheus(f"http://{address}", log)


@pytest.fixture(scope="session")
def start_prometheus(server_folder: Path) -> Iterator[StartPrometheus]:
    """A function that starts Prometheus servers; all of them stop at the end of the session."""
    with ExitStack() as stack:

        def start(
            jobs: Sequence[ScrapeJob],
            *,
            rule_files: Sequence[Path] = (),
            alertmanagers: Sequence[str] = (),
            interval: str = "1s",
        ) -> Prometheus:
            folder = server_folder / f"prometheus-{len(list(server_folder.glob('prometheus-*')))}"
            running_server = run_prometheus(
                folder, jobs, rule_files=rule_files, alertmanagers=alertmanagers, interval=interval
            )
            return stack.enter_context(running_server)

        yield start


@dataclass(frozen=True, slots=True)
class PromtoolReport:
    """What promtool said. Of metrics, status 3 means: valid, but against the conventions."""

    exit_status: int
    output: str

    @property
    def is_clean(self) -> bool:
        """True where promtool found nothing to say."""
        return self.exit_status == 0


def run_promtool(*arguments: str | Path, stdin: str | None = None) -> PromtoolReport:
    """Run promtool, for example `run_promtool("test", "rules", path)`."""
    done = subprocess.run(
        [find_program("promtool", "prometheus"), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return PromtoolReport(done.returncode, (done.stdout + done.stderr).strip())


def promtool_check_metrics(text: str) -> PromtoolReport:
    """Return promtool's opinion of an exposition in text format 0.0.4."""
    return run_promtool("check", "metrics", stdin=text)
