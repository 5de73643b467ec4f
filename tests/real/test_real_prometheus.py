"""A real Prometheus scrapes a running mailport, and its answers are the facts of the real mail servers."""

from pathlib import Path

from tests.cli.running_farm import open_farm
from tests.servers.mail_host import MAIL_PORTS, MailHost
from tests.servers.prometheus import ScrapeJob, StartPrometheus, promtool_check_metrics
from tests.service.serving import serving

OF_AN_ENDPOINT = {"host", "address", "port", "protocol"}
OF_PROMETHEUS = {"__name__", "job", "instance"}


def test_the_series_of_a_real_host_arrive_in_prometheus(
    tmp_path: Path, mail_host: MailHost, start_prometheus: StartPrometheus
) -> None:
    with open_farm((), records={mail_host.name: {"A": [mail_host.address]}}) as names:
        settings = {
            "targets": [mail_host.name],
            "probe": {"allow_private": True, "ca_file": str(mail_host.ca_file)},
            "limits": {"rate": 0, "per_address_gap": 0},
            "resolver": {"servers": [names.farm.resolver]},
        }
        with serving(tmp_path, settings) as service:
            service.wait_ready()
            report = promtool_check_metrics(service.ask("/metrics")[1])
            assert report.is_clean, report
            prometheus = start_prometheus([ScrapeJob("mailport", [service.address])])
            prometheus.wait_for("mailport_probe_success == 1", lambda found: len(found) == 7)

            (up,) = prometheus.query('up{job="mailport"}')
            assert up.value == 1
            levels = prometheus.query("mailport_endpoint_level")
            assert {int(sample.labels["port"]): sample.value for sample in levels} == dict.fromkeys(
                MAIL_PORTS, 4
            )
            assert all(set(sample.labels) - OF_PROMETHEUS == OF_AN_ENDPOINT for sample in levels)
            assert {sample.labels["host"] for sample in levels} == {mail_host.name}
            (opened,) = prometheus.query('sum(mailport_endpoint_state{state="open"})')
            assert opened.value == 7
            phases = prometheus.query('mailport_probe_phase_seconds{port="587"}')
            assert {sample.labels["phase"] for sample in phases} == {
                *("dns", "connect", "greeting", "capabilities", "starttls", "tls", "capabilities_tls", "quit")
            }
            (ends,) = prometheus.query(
                "count_values('end', mailport_certificate_not_after_timestamp_seconds)"
            )
            assert ends.value == 7
            versions = prometheus.query("mailport_tls_version_info")
            assert {sample.labels["version"] for sample in versions} == {"TLSv1.3"}
            (probes,) = prometheus.query("sum(mailport_probes_total)")
            assert probes.value >= 7
