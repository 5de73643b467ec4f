"""docs/from-blackbox-exporter.md: what a real blackbox exporter and mailport say of the same servers."""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from scanner.demo import Scenario
from scanner.model import Protocol, TlsMode
from tests.cli.running_farm import RunningFarm, open_farm
from tests.servers.blackbox import Blackbox, StartBlackbox
from tests.servers.prometheus import run_promtool
from tests.service.serving import Service, serving

PAGE = (Path(__file__).parents[2] / "docs" / "from-blackbox-exporter.md").read_text("utf-8")
README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
ROWS = re.findall(
    r"^\| (?:[^|]+) \(`([\w-]+)`, (\d+)\) \| (\d) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE
)
YAML = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)]
SCRAPES = [document for document in YAML if "scrape_configs" in document]
TIMEOUT = 6.0
"""Of a module, in seconds; on a busy machine a probe that need not wait for it takes one or two."""
MODULES = {
    (Protocol.SMTP, TlsMode.STARTTLS): "smtp_starttls",
    (Protocol.SMTP, TlsMode.IMPLICIT): "smtps",
    (Protocol.IMAP, TlsMode.STARTTLS): "imap_starttls",
    (Protocol.IMAP, TlsMode.IMPLICIT): "imaps",
    (Protocol.POP3, TlsMode.STARTTLS): "pop3_stls",
}
HEALTHY = [("healthy", port) for port in (25, 465, 587, 143, 993, 110)]


@dataclass(frozen=True, slots=True)
class Pair:
    """Both, and the servers that they ask."""

    farm: RunningFarm
    blackbox: Blackbox
    service: Service

    def row(self, name: str, port: int) -> Scenario:
        """Return a row of the farm's table."""
        return next(one for one in self.farm.farm.scenarios if (one.name, one.port) == (name, port))

    def ask(self, row: Scenario) -> dict[str, float]:
        """Return what the blackbox exporter says of a row."""
        farm = self.farm.farm
        return self.blackbox.probe(f"{farm.address_of(row)}:{farm.port_of(row)}", module_of(row))

    def says(self, row: Scenario) -> set[str]:
        """Return the words of mailport for a row: state, reason and verdicts."""
        place = {"host": row.host, "port": str(self.farm.farm.port_of(row))}
        states = self.service.samples("mailport_endpoint_state", **place)
        words = {one.labels["state"] for one in states if one.value == 1}
        words |= {
            one.labels["reason"] for one in self.service.samples("mailport_endpoint_reason_info", **place)
        }
        return words | {
            one.labels["verdict"] for one in self.service.samples("mailport_endpoint_verdict", **place)
        }


def module_of(row: Scenario) -> str:
    return f"{MODULES[row.protocol, row.tls_mode]}-{row.host}"


def modules_for(rows: Iterator[Scenario], ca_file: Path) -> dict[str, Mapping[str, Any]]:
    """The modules of the page, one a host, since each names the server whose certificate it expects."""
    (shown,) = (document["modules"] for document in YAML if "modules" in document)
    modules: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        module = shown[MODULES[row.protocol, row.tls_mode]]
        trust = {"ca_file": str(ca_file), "server_name": row.host}
        tcp = {**module["tcp"], "preferred_ip_protocol": "ip4", "tls_config": trust}
        modules[module_of(row)] = {**module, "timeout": f"{TIMEOUT}s", "tcp": tcp}
    return modules


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, start_blackbox: StartBlackbox) -> Iterator[Pair]:
    wanted = {(name, int(port)) for name, port, *_ in ROWS} | set(HEALTHY)
    folder = tmp_path_factory.mktemp("beside")
    with open_farm() as farm:
        rows = [row for row in farm.farm.scenarios if (row.name, row.port) in wanted]
        assert len(rows) == len(wanted)
        sections = farm.settings
        settings = {
            **sections,
            "targets": [farm.farm.target_of(row) for row in rows],
            "probe": {**sections["probe"], "timeout": 3},
            "policy": {"confirm_after": 1},
            "controls": False,
        }
        blackbox = start_blackbox(modules_for(iter(rows), farm.farm.ca_file))
        with serving(folder, settings) as service:
            service.wait_ready()
            yield Pair(farm, blackbox, service)


@pytest.fixture(scope="module")
def answers(pair: Pair) -> dict[tuple[str, int], dict[str, float]]:
    """What the blackbox exporter says of each row of the page."""
    places = [(name, int(port)) for name, port, *_ in ROWS]
    with ThreadPoolExecutor(len(places)) as pool:
        return dict(zip(places, pool.map(lambda place: pair.ask(pair.row(*place)), places), strict=True))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_a_row_is_what_both_say(
    row: tuple[str, ...], pair: Pair, answers: dict[tuple[str, int], dict[str, float]]
) -> None:
    name, port, success, ends, tls, words = row
    answer = answers[name, int(port)]
    is_late = answer["probe_duration_seconds"] > TIMEOUT * 0.95
    has_tls = any(series.startswith("probe_tls_version_info") for series in answer)
    assert answer["probe_success"] == int(success)
    assert ends == ("at the timeout" if is_late else "at once")
    assert tls == ("yes" if has_tls else "no")
    assert set(re.findall(r"`(\w+)`", words)) <= pair.says(pair.row(name, int(port)))


def test_sixteen_situations_look_the_same_and_have_their_own_words() -> None:
    alike = [
        words
        for _, _, success, ends, tls, words in ROWS
        if (success, ends, tls) == ("0", "at the timeout", "no")
    ]
    assert len(alike) >= 16
    assert len(set(alike)) >= 9
    assert f"one and the same answer for {len(alike)} of {len(ROWS)} servers" in README


@pytest.mark.parametrize(("name", "port"), HEALTHY)
def test_metrics_agree_where_the_page_says_so(name: str, port: int, pair: Pair) -> None:
    row = pair.row(name, port)
    answer = pair.ask(row)
    place = {"host": row.host, "port": str(pair.farm.farm.port_of(row))}
    value = pair.service.value
    assert answer["probe_success"] == value("mailport_probe_success", **place) == 1
    ends = value("mailport_certificate_not_after_timestamp_seconds", **place)
    assert answer["probe_ssl_earliest_cert_expiry"] == ends
    assert any(series.startswith("probe_ssl_last_chain_expiry_timestamp_seconds") for series in answer)
    assert 'probe_tls_version_info{version="TLS 1.3"}' in answer
    (version,) = pair.service.samples("mailport_tls_version_info", **place)
    assert version.labels["version"] == "TLSv1.3"
    (chain,) = (series for series in answer if series.startswith("probe_ssl_last_chain_info"))
    (certificate,) = pair.service.samples("mailport_certificate_info", **place)
    assert f'fingerprint_sha256="{certificate.labels["fingerprint_sha256"]}"' in chain
    assert "probe_dns_lookup_time_seconds" in answer
    assert pair.service.samples("mailport_probe_phase_seconds", phase="dns", **place)
    assert answer["probe_failed_due_to_regex"] == 0
    assert not pair.service.samples("mailport_endpoint_reason_info", **place)


@pytest.mark.parametrize("number", range(3))
def test_prometheus_takes_the_scrape_configurations(number: int, tmp_path: Path) -> None:
    assert len(SCRAPES) == 3
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(SCRAPES[number]), "utf-8")
    done = run_promtool("check", "config", str(file))
    assert done.is_clean, done


def test_every_metric_of_the_page_is_one(pair: Pair) -> None:
    documented = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text("utf-8")
    for name in set(re.findall(r"`(mailport_\w+)", PAGE)):
        assert f"| `{name}`" in documented, name
