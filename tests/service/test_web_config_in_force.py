"""`mailport serve --web-config`: Prometheus scrapes it over TLS with a password, and asks it for probes."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import yaml

from tests.cli.command import run
from tests.cli.running_farm import RunningFarm
from tests.servers.certificates import Authority, create_authority
from tests.servers.prometheus import ScrapeJob, StartPrometheus
from tests.service.serving import Service, serving
from tests.service.test_start_and_stop import document

PASSWORD = "correct horse"
WEB = {
    "tls_server_config": {"cert_file": "server.crt", "key_file": "server.key", "min_version": "TLS12"},
    "basic_auth_users": {"prometheus": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()},
}


def issue(authority: Authority, folder: Path) -> None:
    leaf = authority.issue("localhost", addresses=["127.0.0.1"])
    leaf.key_file.replace(folder / "server.key")
    leaf.certificate_file.replace(folder / "server.crt")


def write_web(folder: Path, **changes: Any) -> Path:
    path = folder / "web.yml"
    path.write_text(yaml.safe_dump(WEB | changes))
    return path


def show_certificate(service: Service) -> str:
    host, _, port = service.address.rpartition(":")
    return ssl.get_server_certificate((host, int(port)))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = create_authority(tmp_path / "ca")
    issue(made, tmp_path)
    return made


def test_prometheus_scrapes_and_probes_over_tls_with_a_password(
    farm: RunningFarm, tmp_path: Path, authority: Authority, start_prometheus: StartPrometheus
) -> None:
    targets = farm.targets("healthy", "greeting-554")
    settings = document(farm, "healthy", "greeting-554")
    with serving(tmp_path, settings, "--web-config", str(write_web(tmp_path))) as service:
        more = {
            "scheme": "https",
            "basic_auth": {"username": "prometheus", "password": PASSWORD},
            "tls_config": {"ca_file": str(authority.ca_file)},
        }
        relabelled = [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": service.address},
        ]
        prometheus = start_prometheus(
            [
                ScrapeJob("mailport", [service.address], more=more),
                ScrapeJob(
                    "probe",
                    targets,
                    path="/probe",
                    more=more
                    | {"relabel_configs": relabelled, "scrape_interval": "4s", "scrape_timeout": "4s"},
                ),
                ScrapeJob("stranger", [service.address], more=more | {"basic_auth": {"username": "x"}}),
            ]
        )
        up = prometheus.wait_for('up{job="mailport"} == 1')
        assert len(up) == 1
        assert prometheus.wait_for('mailport_endpoint_state{job="mailport",state="open"} == 1')
        found = prometheus.wait_for('probe_success{job="probe"}', lambda seen: len(seen) == len(targets))
        success = {sample.labels["instance"]: sample.value for sample in found}
        assert success == {target: float("healthy" in target) for target in targets}
        assert prometheus.wait_for('mailport_probe_phase_seconds{job="probe",phase="connect"}')
        assert prometheus.wait_for('up{job="stranger"} == 0')
        (stranger,) = [each for each in prometheus.targets() if each["labels"]["job"] == "stranger"]
        assert "401" in stranger["lastError"]


def test_a_new_certificate_and_another_password_need_no_restart(
    farm: RunningFarm, tmp_path: Path, authority: Authority
) -> None:
    path = write_web(tmp_path)
    with serving(tmp_path, document(farm, "healthy"), "--web-config", str(path)) as service:
        before = show_certificate(service)
        issue(authority, tmp_path)
        service.running.wait_until(lambda: show_certificate(service) != before)
        path.write_text("basic_auth_users: [")
        assert service.wait_for_event("web_config_not_loaded")["problems"]
        assert show_certificate(service) != before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: write_web(folder, basic_auth_user={}), "web.yml:1: basic_auth_user: unknown key"),
        (lambda folder: (folder / "server.key").write_text("no key"), "no PEM certificate with its key"),
        (lambda folder: (folder / "web.yml").unlink(), "there is no such file"),
    ],
)
def test_check_and_serve_tell_what_is_wrong(
    tmp_path: Path, authority: Authority, change: Callable[[Path], object], said: str
) -> None:
    del authority
    path = write_web(tmp_path)
    good = run("check", path)
    assert (good.status, good.stdout) == (0, f"{path}: good, a web configuration: TLS on, 1 user\n")
    change(tmp_path)
    config = tmp_path / "mailport.yml"
    config.write_text("targets: [example.org]\n")
    bad = run("check", path)
    assert bad.status == 2
    assert said in bad.stderr
    served = run("serve", "--config", config, "--listen", "127.0.0.1:0", "--web-config", path)
    assert served.status == 2
    assert said in served.stderr
    assert "Traceback" not in served.stderr
