"""A real Prometheus with the shipped rules: every alert can fire, and no text of theirs is broken."""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from scanner.metrics.labels import label
from tests.alerts.hurry import write_rules
from tests.alerts.ruling import Rule, alerts
from tests.servers.process import free_port, wait_until
from tests.servers.prometheus import ScrapeJob, StartPrometheus

NARROW = {
    "port_blocked": "blocked",
    "port_closed": "misconfiguration",
    "greeting_rejected": "misconfiguration",
    "host_unreachable": "misconfiguration",
    "no_greeting": "misconfiguration",
    "starttls_missing": "downgrade",
    "tls_version_below_policy": "downgrade",
    "mta_sts_violated": "downgrade",
    "dane_violated": "downgrade",
    "dane_unverifiable": "downgrade",
    "cipher_weak": "weakness",
    "target_blocks_us": "misconfiguration",
}
WIDE = {
    "provider_down": 'Acme "Mail" \\ (Berlin',
    "host_down": "mx.down.test",
    "address_down": "mx.half.test [2001:db8::7]",
    "egress_blocked": "port 25",
}
DAY = 86400


def sample(metric: str, value: float, /, **labels: str) -> str:
    return f"{metric}{{{','.join(label(key, text) for key, text in labels.items())}}} {value}"


def troubled() -> Iterator[str]:
    """What a mailport says of which every server is in trouble, each in another way."""
    place = {"host": "mx.test", "address": "192.0.2.7", "port": "587", "protocol": "smtp"}
    for name, kind in NARROW.items():
        incident = {"cause": "verdict", "name": name, "kind": kind, "subject": "mx.test"}
        yield sample("mailport_incident", 2, **incident, severity="critical")
        if name not in {"host_unreachable", "no_greeting"}:
            verdict = {"verdict": name, "kind": kind, "severity": "critical"}
            yield sample("mailport_endpoint_verdict", 1, **place, **verdict)
    for cause, subject in WIDE.items():
        incident = {"cause": cause, "name": cause, "kind": "blocked", "subject": subject}
        yield sample("mailport_incident", 3, **incident, severity="warning")
        yield sample("mailport_endpoint_incident_info", 1, **place, cause=cause, subject=subject)
    yield sample("mailport_egress_intercepted", 1, port="143", vantage="default")
    yield sample("mailport_endpoint_reason_info", 1, **place, reason="no_greeting")
    yield sample("mailport_probe_success", 1, **place | {"port": "993"})
    yield sample("mailport_domain_discovery_success", 0, domain="gone.test")
    for number, (name, days) in enumerate(
        {
            "certificate_expiring": 3.0,
            "certificate_expired": -2.0,
            "certificate_untrusted": 90.0,
            "certificate_changed": 90.0,
        }.items()
    ):
        shown = place | {"port": "993", "host": f"imap{number}.test"}
        fingerprint = f"{number}" * 64
        verdict = {"verdict": name, "kind": "misconfiguration", "severity": "critical"}
        incident = {"cause": "certificate", "name": name, "kind": "misconfiguration"}
        yield sample("mailport_endpoint_verdict", 1, **shown, **verdict)
        yield sample(
            "mailport_certificate_info",
            1,
            **shown,
            subject=f"CN=imap{number}.test",
            issuer='O="Old, Trusty"',
            fingerprint_sha256=fingerprint,
        )
        yield sample("mailport_certificate_not_after_timestamp_seconds", time.time() + days * DAY, **shown)
        yield sample(
            "mailport_incident", 1, **incident, subject=f"certificate {fingerprint[:16]}", severity="critical"
        )


def locked_out() -> Iterator[str]:
    """What a mailport says whose accounts cannot sign in, send or receive, and whose workers are gone."""
    for account, protocol, reason in (
        ('sales "Nord"', "imap", "app_password_required"),
        ("shop", "smtp", "certificate_untrusted"),
        ("desk", "roundtrip", "delivery_timeout"),
    ):
        check = {"account": account, "protocol": protocol}
        yield sample("mailport_account_failures", 2, **check)
        yield sample("mailport_account_reason_info", 1, **check, reason=reason)
    yield sample("mailport_roundtrip_seconds", 4000, account="desk")
    yield sample("mailport_cluster_broker_up", 1)
    yield sample("mailport_cluster_jobs_in_flight", 7)
    yield sample("mailport_cluster_results_total", 70, outcome="taken")
    yield sample("mailport_account_next_check_timestamp_seconds", time.time() - DAY, account="desk")


def ailing(scrapes: int) -> Iterator[str]:
    """What a mailport says that is itself in trouble."""
    place = {"host": "mx.other.test", "address": "192.0.2.9", "port": "25", "protocol": "smtp"}
    yield sample("process_start_time_seconds", scrapes)
    yield sample("mailport_config_last_reload_successful", 0)
    yield sample("mailport_probe_timestamp_seconds", time.time() - DAY, **place)
    yield sample("mailport_probe_success", 1, **place)
    yield sample("mailport_endpoints", 9)
    yield sample("mailport_sink_errors_total", scrapes, sink="metrics")
    yield sample("mailport_store_up", 0)
    yield sample("mailport_store_pending_entries", 40)
    yield sample("mailport_store_dropped_samples_total", scrapes)
    yield sample("mailport_shard_info", 1, shard="2", shards="3")
    yield sample("mailport_cluster_leader", 1)
    yield sample("mailport_cluster_worker_cut_off", 1, worker="two")
    yield sample("mailport_cluster_broker_up", 0)
    for domain in "abcd":
        yield sample("mailport_domain_discovery_success", 0, domain=f"{domain}.test")


def standby() -> Iterator[str]:
    """What a scheduler says that waits for another one."""
    yield sample("mailport_cluster_leader", 0)


@contextmanager
def exporter() -> Iterator[str]:
    """Serve each under a path of its own; what has fallen answers for two scrapes alone."""
    scrapes, before_the_fall = itertools.count(1), itertools.count(1)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            lines = {
                "/troubled": lambda: itertools.chain(troubled(), locked_out()),
                "/ailing": lambda: ailing(next(scrapes)),
                "/leaderless": standby,
                "/fallen": standby,
            }[self.path]()
            is_down = self.path == "/fallen" and next(before_the_fall) > 2
            self.send_response(500 if is_down else 200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.end_headers()
            self.wfile.write("\n".join([*lines, ""]).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Keep the tests' output quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def impatient(rule: Rule) -> None:
    """Let a rule's alert fire without any waiting."""
    if "alert" in rule:
        rule["for"] = "0s"


def job(name: str, target: str, path: str, watch: str = "mailport") -> ScrapeJob:
    labels = {"job": watch, "instance": f"{name}:9587"}
    relabel = [{"target_label": key, "replacement": value} for key, value in labels.items()]
    return ScrapeJob(name, [target], path, more={"relabel_configs": relabel})


def test_every_alert_fires_and_its_text_is_whole(tmp_path: Path, start_prometheus: StartPrometheus) -> None:
    with exporter() as address:
        jobs = [
            job("troubled", address, "/troubled"),
            job("ailing", address, "/ailing"),
            job("leaderless", address, "/leaderless", watch="another cluster"),
            job("fallen", address, "/fallen"),
            job("dead", f"127.0.0.1:{free_port()}", "/metrics"),
        ]
        prometheus = start_prometheus(jobs, rule_files=write_rules(tmp_path, impatient))
        wanted = {rule["alert"] for rule in alerts()}

        def names() -> set[str]:
            return {each["labels"]["alertname"] for each in prometheus.alerts()}

        assert wait_until(lambda: names() == wanted, 60.0), (wanted - names(), names() - wanted)
        told = prometheus.alerts()

    for each in told:
        notes = each["annotations"]
        assert each["labels"]["severity"] in {"critical", "warning"}, each
        for text in notes.values():
            assert text.strip(), each
            assert "<error " not in text, each  # how Prometheus tells that a template failed
            assert "<no value>" not in text, each
            assert "  " not in text, each
            assert "{{" not in text, each
    by_name = {each["labels"]["alertname"]: each["annotations"]["description"] for each in told}
    assert by_name["MailportProviderDown"].startswith('Acme "Mail" \\ (Berlin: provider_down, at mx.test:587')
    assert by_name["MailportServiceBroken"] == (
        "mx.test: no_greeting, at mx.test:587; the last probes say no_greeting; this host still serves 993. "
        "Watched domains concerned: 2."
    )
    assert (
        '(CN=imap2.test, by O="Old, Trusty"): certificate_untrusted, at imap2.test:993'
        in (by_name["MailportCertificateInvalid"])
    )
    assert " ago, at imap1.test:993" in by_name["MailportCertificateExpired"]
    assert by_name["MailportAccountSignInFailed"].startswith(
        'The account sales "Nord" cannot sign in by imap: app_password_required.'
    )
    assert by_name["MailportRoundTripFailed"].endswith("test messages failed: delivery_timeout.")
