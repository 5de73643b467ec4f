"""A real Prometheus scrapes a running mailport, and its answers are the facts of the real mail servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.model import PORTS, Protocol
from tests.cli.running_farm import open_farm
from tests.servers.mail_host import MAIL_PORTS, MailHost
from tests.servers.prometheus import Prometheus, ScrapeJob, StartPrometheus, promtool_check_metrics
from tests.service.serving import serving

OF_AN_ENDPOINT = {"host", "address", "port", "protocol"}
OF_PROMETHEUS = {"__name__", "job", "instance"}
# Families of an endpoint that works, and the labels that they carry beyond the endpoint's own.
FAMILIES = {
    "mailport_probe_success": set(),
    "mailport_probe_duration_seconds": set(),
    "mailport_probe_phase_seconds": {"phase"},
    "mailport_probe_timestamp_seconds": set(),
    "mailport_probe_success_timestamp_seconds": set(),
    "mailport_endpoint_state": {"state"},
    "mailport_endpoint_blocked": set(),
    "mailport_endpoint_downgraded": set(),
    "mailport_endpoint_level": set(),
    "mailport_endpoint_domains": set(),
    "mailport_starttls_offered": set(),
    "mailport_tls_version_info": {"version", "cipher", "group"},
    "mailport_certificate_not_after_timestamp_seconds": set(),
    "mailport_certificate_verified": set(),
    "mailport_certificate_info": {"subject", "issuer", "fingerprint_sha256"},
    "mailport_banner_info": {"software", "banner"},
    "mailport_auth_before_tls": set(),
}


@pytest.fixture
def prometheus(
    tmp_path: Path, mail_host: MailHost, start_prometheus: StartPrometheus
) -> Iterator[Prometheus]:
    """A Prometheus that has scraped a whole pass over the real host."""
    with open_farm((), records={mail_host.name: {"A": [mail_host.address]}}) as names:
        settings = {
            "targets": [f"{mail_host.name}:{port}" for port in MAIL_PORTS],
            "probe": {"allow_private": True, "ca_file": str(mail_host.ca_file)},
            "limits": {"rate": 0, "per_address_gap": 0},
            "resolver": {"servers": [names.farm.resolver]},
        }
        with serving(tmp_path, settings) as service:
            service.wait_ready()
            report = promtool_check_metrics(service.ask("/metrics")[1])
            assert report.is_clean, report
            started = start_prometheus([ScrapeJob("mailport", [service.address])])
            started.wait_for("mailport_probe_success == 1", lambda found: len(found) == len(MAIL_PORTS))
            yield started


def test_the_series_of_a_real_host_arrive_under_the_labels_of_the_contract(
    prometheus: Prometheus, mail_host: MailHost
) -> None:
    for name, more in FAMILIES.items():
        samples = prometheus.query(name)
        assert samples, name
        for sample in samples:
            assert sample.labels.keys() - OF_PROMETHEUS == OF_AN_ENDPOINT | more, name
            assert (sample.labels["host"], sample.labels["address"]) == (mail_host.name, mail_host.address)

    (up,) = prometheus.query('up{job="mailport"}')
    assert up.value == 1
    levels = {sample.labels["port"]: sample.value for sample in prometheus.query("mailport_endpoint_level")}
    assert levels == {str(port): 4 for port in MAIL_PORTS}
    (opened,) = prometheus.query('sum(mailport_endpoint_state{state="open"})')
    assert opened.value == len(MAIL_PORTS)
    phases = prometheus.query('mailport_probe_phase_seconds{port="587"}')
    assert {sample.labels["phase"] for sample in phases} == {
        *("dns", "connect", "greeting", "capabilities", "starttls", "tls", "capabilities_tls", "quit")
    }
    ends = prometheus.query("mailport_certificate_not_after_timestamp_seconds")
    assert [sample.value for sample in ends] == [mail_host.leaf.not_after.timestamp()] * len(MAIL_PORTS)
    versions = prometheus.query("mailport_tls_version_info")
    assert {sample.labels["version"] for sample in versions} == {"TLSv1.3"}
    banners = prometheus.query("mailport_banner_info")
    assert {int(sample.labels["port"]): sample.labels["software"] for sample in banners} == {
        port: "Postfix" if PORTS[port].protocol is Protocol.SMTP else "Dovecot" for port in MAIL_PORTS
    }
    (probes,) = prometheus.query("sum(mailport_probes_total)")
    assert probes.value >= len(MAIL_PORTS)
