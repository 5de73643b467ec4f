"""The real Prometheus, Alertmanager, promtool and blackbox exporter do what the tests need of them."""

import itertools
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.servers.alertmanager import Alertmanager
from tests.servers.blackbox import StartBlackbox, smtp_starttls_module
from tests.servers.mail_host import MailHost
from tests.servers.process import ServerNotStartedError
from tests.servers.prometheus import (
    ScrapeJob,
    StartPrometheus,
    promtool_check_metrics,
    run_promtool,
)

CLEAN = "# HELP demo_scrapes_total Scrapes so far.\n# TYPE demo_scrapes_total counter\ndemo_scrapes_total 1\n"
RULES = {
    "groups": [
        {
            "name": "tests",
            "rules": [
                {
                    "alert": "DemoScraped",
                    "expr": "demo_scrapes_total > 1",
                    "labels": {"severity": "info"},
                    "annotations": {"summary": "Scraped."},
                }
            ],
        }
    ]
}


@pytest.fixture
def exporter() -> Iterator[str]:
    """A tiny exporter that counts its scrapes; yields `address:port`."""
    scrapes = itertools.count(1)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(CLEAN.replace("total 1\n", f"total {next(scrapes)}\n").encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_prometheus_scrapes_and_alertmanager_hears_of_it(
    exporter: str,
    tmp_path: Path,
    start_prometheus: StartPrometheus,
    start_alertmanager: Callable[..., Alertmanager],
) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(yaml.safe_dump(RULES))
    assert run_promtool("check", "rules", rules).is_clean
    alertmanager = start_alertmanager()
    prometheus = start_prometheus(
        [ScrapeJob("demo", [exporter])], rule_files=[rules], alertmanagers=[alertmanager.address]
    )
    samples = prometheus.wait_for("demo_scrapes_total", lambda found: bool(found) and found[0].value >= 2)
    assert samples[0].labels["instance"] == exporter
    assert [target["health"] for target in prometheus.targets()] == ["up"]
    message = alertmanager.wait_for_notification(lambda found: found["status"] == "firing")
    assert message["alerts"][0]["labels"]["alertname"] == "DemoScraped"
    assert prometheus.alerts()[0]["state"] == "firing"
    assert [alert["labels"]["severity"] for alert in alertmanager.alerts()] == ["info"]


def test_a_query_that_prometheus_refuses_is_told_in_its_words(start_prometheus: StartPrometheus) -> None:
    prometheus = start_prometheus([])
    assert prometheus.query("scalar(vector(3))")[0].value == 3.0
    with pytest.raises(ValueError, match="parse error"):
        prometheus.query("sum(")
    with pytest.raises(AssertionError, match="no_such_metric"):
        prometheus.wait_for("no_such_metric", seconds=0.1)


def test_a_server_that_does_not_start_shows_its_log(start_prometheus: StartPrometheus) -> None:
    with pytest.raises(ServerNotStartedError, match="no_such_key"):
        start_prometheus([ScrapeJob("bad", [], more={"no_such_key": 1})])


def test_promtool_tells_clean_metrics_from_others() -> None:
    assert promtool_check_metrics(CLEAN).is_clean
    no_help = promtool_check_metrics("demo_seconds 1\n")
    assert not no_help.is_clean
    assert "no help text" in no_help.output
    assert not promtool_check_metrics("not an exposition\n").is_clean


def test_blackbox_probes_the_real_submission_port(mail_host: MailHost, start_blackbox: StartBlackbox) -> None:
    blackbox = start_blackbox(
        {
            "smtp_starttls": smtp_starttls_module(mail_host.ca_file, mail_host.name),
            "wrong_name": smtp_starttls_module(mail_host.ca_file, "other.mail.test"),
        }
    )
    target = f"{mail_host.address}:587"
    metrics = blackbox.probe(target)
    assert metrics["probe_success"] == 1
    assert metrics["probe_ssl_earliest_cert_expiry"] > 0
    assert blackbox.probe(target, "wrong_name")["probe_success"] == 0
