"""The incident families of the scrape: one sample a cause, and the endpoints that a wide one explains."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from scanner.metrics.incidents import FAMILIES, IncidentLines
from scanner.metrics.labels import show
from scanner.metrics.own import END
from scanner.model import Kind, Protocol, Reason, Severity, TlsMode
from scanner.model.incident import Cause, Incident
from scanner.model.observation import Key
from tests.servers.prometheus import promtool_check_metrics
from tests.service.incident_board import Board
from tests.verdict.observations import NOW, ended, healthy, with_certificate

Samples = dict[str, list[tuple[dict[str, str], float]]]

HOSTILE = 'a"b\\c\nd\x1b[31m{},=# \u202e'
MX: Key = ("mx.test", "192.0.2.7", 25, Protocol.SMTP, TlsMode.STARTTLS)


HOST_DOWN = Incident(
    cause=Cause.HOST_DOWN,
    subject="mx.test",
    name="host_down",
    kind=Kind.BLOCKED,
    severity=Severity.CRITICAL,
    since=NOW,
    keys=(MX,),
    domains=("a.test", "b.test"),
    summary="None of its ports answers.",
    advice="Mend it.",
)
EXPIRED = replace(
    HOST_DOWN,
    cause=Cause.CERTIFICATE,
    subject="certificate 0123456789abcdef",
    name="certificate_expired",
    kind=Kind.MISCONFIGURATION,
    severity=Severity.WARNING,
)


def samples(lines: IncidentLines, *, openmetrics: bool = False) -> Samples:
    document = lines.render(openmetrics=openmetrics).decode()
    families = read_openmetrics(document + END.decode()) if openmetrics else read_text(document)
    found: Samples = {}
    for family in families:
        assert family.name not in found
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def showing(*incidents: Incident) -> IncidentLines:
    lines = IncidentLines()
    lines.replace(incidents)
    return lines


def test_promtool_has_nothing_to_say_of_hostile_subjects_either() -> None:
    lines = showing(HOST_DOWN, EXPIRED, replace(HOST_DOWN, cause=Cause.PROVIDER_DOWN, subject=HOSTILE))
    report = promtool_check_metrics(lines.render(openmetrics=False).decode())
    assert report.is_clean, report.output


def test_an_incident_is_one_sample_with_the_number_of_its_domains() -> None:
    assert samples(showing(HOST_DOWN, EXPIRED))["mailport_incident"] == [
        (
            {
                "cause": "host_down",
                "name": "host_down",
                "kind": "blocked",
                "subject": "mx.test",
                "severity": "critical",
            },
            2,
        ),
        (
            {
                "cause": "certificate",
                "name": "certificate_expired",
                "kind": "misconfiguration",
                "subject": "certificate 0123456789abcdef",
                "severity": "warning",
            },
            2,
        ),
    ]


@pytest.mark.parametrize("cause", Cause)
def test_wide_causes_name_the_endpoints_that_they_explain_and_narrow_ones_do_not(cause: Cause) -> None:
    found = samples(showing(replace(HOST_DOWN, cause=cause))).get("mailport_endpoint_incident_info", [])
    place = {"host": "mx.test", "address": "192.0.2.7", "port": "25", "protocol": "smtp"}
    expected = [(place | {"cause": cause.value, "subject": "mx.test"}, 1)]
    assert found == ([] if cause in {Cause.CERTIFICATE, Cause.VERDICT} else expected)


def test_two_endpoints_that_differ_in_the_tls_mode_alone_are_one_series() -> None:
    twice = (MX, (*MX[:4], TlsMode.IMPLICIT))
    assert len(samples(showing(replace(HOST_DOWN, keys=twice)))["mailport_endpoint_incident_info"]) == 1


def test_what_is_over_is_absent_and_nothing_at_all_is_an_empty_document() -> None:
    lines = showing(HOST_DOWN, EXPIRED)
    lines.replace([EXPIRED])
    assert [labels["cause"] for labels, _ in samples(lines)["mailport_incident"]] == ["certificate"]
    assert "mailport_endpoint_incident_info" not in samples(lines)
    lines.replace([])
    assert lines.render(openmetrics=False) == b""


def test_both_forms_carry_the_same_samples_under_help_and_type() -> None:
    lines = showing(HOST_DOWN, EXPIRED)
    assert samples(lines) == samples(lines, openmetrics=True)
    text = lines.render(openmetrics=False).decode()
    for name in FAMILIES:
        assert text.count(f"# HELP {name} ") == 1
        assert text.count(f"# TYPE {name} gauge\n") == 1
    assert "# TYPE mailport_endpoint_incident info\n" in lines.render(openmetrics=True).decode()


@given(
    st.text(st.one_of(st.characters(), st.sampled_from('\\"\n\r\x00\x1b\u202e{},=# \ud800')), max_size=700)
)
def test_any_subject_survives_both_parsers(subject: str) -> None:
    lines = showing(replace(HOST_DOWN, subject=subject))
    for is_openmetrics in (True, False):
        found = samples(lines, openmetrics=is_openmetrics)
        for name in FAMILIES:
            assert [labels["subject"] for labels, _ in found[name]] == [show(subject)]


def test_what_a_board_settles_is_what_a_scrape_shows() -> None:
    board = Board()
    for port in (25, 587, 993):
        board.see(healthy(port), times=4)
        board.see(ended(port, reason=Reason.CONNECT_TIMEOUT), times=3)
    fault = {"trusted": False, "problems": ("untrusted",)}
    board.see(with_certificate(993, **fault), host="imap.one.test", domains=("one.test",), times=2)
    board.see(with_certificate(993, **fault), host="imap.two.test", domains=("two.test",), times=2)
    board.settle()

    found = samples(board.lines)
    assert {(labels["cause"], labels["subject"]): value for labels, value in found["mailport_incident"]} == {
        ("host_down", "mx1.acme.test"): 1,
        ("certificate", "certificate abababababababab"): 2,
    }
    ports = {labels["port"] for labels, _ in found["mailport_endpoint_incident_info"]}
    assert ports == {"25", "587", "993"}

    for port in (25, 587, 993):
        board.see(healthy(port), times=2)
    board.settle()
    assert [labels["cause"] for labels, _ in samples(board.lines)["mailport_incident"]] == ["certificate"]
