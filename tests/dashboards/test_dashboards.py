"""The Grafana dashboards: made from their code, and full of what a real Prometheus scraped from the demo."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.dashboards.__main__ import DASHBOARDS, FOLDER, render
from tests.cli.command import started
from tests.servers.prometheus import Prometheus, ScrapeJob, StartPrometheus

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "config" / "prometheus" / "rules").glob("*.yml"))
EVERYTHING = {"domain": ".*", "host": ".*", "port": ".*", "protocol": ".*", "__rate_interval": "10s"}
"""What Grafana puts in for the variables where all is chosen."""
VALUES = {
    "mailport-overview.json": EVERYTHING,
    "mailport-domain.json": EVERYTHING | {"domain": "office.mail.test"},
    "mailport-endpoint.json": EVERYTHING | {"host": "cert-expired.mail.test"},
}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_is_what_its_code_makes(name: str) -> None:
    assert (FOLDER / name).read_text("utf-8") == render(DASHBOARDS[name]()), "run `make dashboards`"


def panels_of(name: str) -> list[dict[str, Any]]:
    dashboard = json.loads((FOLDER / name).read_text("utf-8"))
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


PANELS = [
    pytest.param(name, panel, id=f"{name}-{panel['title']}")
    for name in DASHBOARDS
    for panel in panels_of(name)
]


@pytest.fixture(scope="module")
def prometheus(
    tmp_path_factory: pytest.TempPathFactory, start_prometheus: StartPrometheus
) -> Iterator[Prometheus]:
    """A Prometheus with the shipped rules that has scraped the demo a few times."""
    folder = tmp_path_factory.mktemp("demo")
    with started(folder, "demo", "--listen", "127.0.0.1:0") as running:
        running.wait_until(lambda: "status page http" in running.stderr)
        found = re.search(r"status page http://(127\.0\.0\.1:\d+)/", running.stderr)
        assert found is not None
        prometheus = start_prometheus([ScrapeJob("mailport", [found[1]])], rule_files=RULES)
        prometheus.wait_for("min_over_time(up[4s]) > 0 and count_over_time(up[10s]) > 4")
        yield prometheus


def fill_in(expr: str, values: dict[str, str]) -> str:
    """The query with the variables replaced as Grafana replaces them."""
    return re.sub(r"\$(\w+)", lambda name: values[name[1]], expr)


@pytest.mark.parametrize(("name", "panel"), PANELS)
def test_no_panel_is_empty_on_the_demo(prometheus: Prometheus, name: str, panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        assert prometheus.query(fill_in(target["expr"], VALUES[name])), target["expr"]
