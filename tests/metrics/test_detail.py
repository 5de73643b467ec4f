"""How much a scrape shows by `metrics.detail`, and that the shipped alerts work with the least of it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from scanner.config.metrics_settings import Detail
from scanner.metrics import Exposition, Telemetry, full
from scanner.metrics.accounts import FAMILIES as ACCOUNT_FAMILIES
from scanner.metrics.detail import FULL_ONLY, MINIMAL
from scanner.metrics.domain_lines import FAMILIES as DOMAIN_FAMILIES
from scanner.metrics.egress import FAMILIES as EGRESS_FAMILIES
from scanner.metrics.families import FAMILIES
from scanner.metrics.incidents import FAMILIES as INCIDENT_FAMILIES
from scanner.model import Kind, Reason, Service, StsMode, StsPolicy
from scanner.model.domain import DomainFacts, Membership, Part
from scanner.model.published import Source
from tests.alerts.ruling import rules
from tests.metrics.reading import read
from tests.metrics.samples import GOOD, STORE, SUBMISSION, at, failed, verdict
from tests.servers.prometheus import promtool_check_metrics

ELSEWHERE = {
    *("mailport_shard_info", "mailport_cluster_leader", "mailport_cluster_worker_cut_off"),
    *("mailport_cluster_broker_up", "mailport_cluster_jobs_in_flight", "mailport_cluster_results_total"),
}
"""What a mailport shows that is one of several shards, or has a cluster."""


class Reader:
    """An exposition and its setting, which a test changes as a reload does."""

    def __init__(self, detail: Detail) -> None:
        self.detail = detail
        registry = CollectorRegistry()
        Telemetry(registry).show_store(lambda: STORE)
        self.exposition = Exposition(registry=registry, detail=lambda: self.detail)
        for _ in self.exposition.domains.replace(FACTS):
            pass
        self.exposition.accept(GOOD)
        self.exposition.accept(SILENT)

    def names(self) -> set[str]:
        return {name for name in read(self.exposition) if name.startswith("mailport_")}


SILENT = failed(
    Reason.CONNECT_TIMEOUT,
    endpoint=at("blocked.example.org"),
    verdicts=(verdict("port_blocked", Kind.BLOCKED),),
)
FACTS = (
    DomainFacts(
        "example.org",
        (Membership(Service.SUBMISSION, SUBMISSION.key, Source.SRV),),
        policy=StsPolicy(StsMode.ENFORCE, ("mx.example.org",), 86400),
        dane=True,
    ),
    # The same servers under another name, as one of several shards tells of them.
    DomainFacts(
        "example.net",
        (Membership(Service.SUBMISSION, SUBMISSION.key, Source.SRV),),
        part=Part(is_owner=True, elsewhere=frozenset({Service.MX})),
    ),
)


def asked_for() -> Iterator[str]:
    """Every metric of ours that a shipped alert needs: for its expression, its texts, or a recording."""
    recorded = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
    texts = [_texts(rule) for rule in rules() if "alert" in rule]
    while texts:
        text = texts.pop()
        for name in re.findall(r"[a-z_]+(?::[a-z_:]+)?", text):
            if name in recorded:
                texts.append(recorded[name])
            elif name.startswith("mailport_"):
                yield name


def _texts(rule: dict[str, Any]) -> str:
    notes = (text for name, text in rule["annotations"].items() if name != "runbook_url")
    return " ".join((rule["expr"], *notes))


def test_the_least_detail_has_every_series_that_the_alerts_ask_for() -> None:
    everywhere = (
        {
            family.name + ("_total" if family.type == "counter" else "")
            for family in _own().collect()
            if family.name.startswith("mailport_")
        }
        | INCIDENT_FAMILIES.keys()
        | EGRESS_FAMILIES.keys()
        | ACCOUNT_FAMILIES.keys()
        | ELSEWHERE
    )
    asked = set(asked_for())

    assert len(asked) > 15
    assert asked - everywhere <= MINIMAL


def _own() -> CollectorRegistry:
    registry = CollectorRegistry()
    Telemetry(registry).show_store(lambda: STORE)
    return registry


def test_every_name_of_a_detail_is_a_family() -> None:
    by_endpoint = {family.name for family in (*FAMILIES, *full.FAMILIES)} | {full.HISTOGRAM}

    assert by_endpoint | DOMAIN_FAMILIES.keys() >= MINIMAL
    assert {family.name for family in full.FAMILIES} | {full.HISTOGRAM} == FULL_ONLY


def test_a_reload_shows_more_and_less() -> None:
    reader = Reader(Detail.MINIMAL)
    least = reader.names()
    reader.detail = Detail.STANDARD
    usual = reader.names()
    reader.detail = Detail.FULL
    reader.exposition.accept(replace(GOOD, started_at=GOOD.started_at + timedelta(minutes=15)))
    most = reader.names()
    reader.detail = Detail.MINIMAL

    assert least & (MINIMAL | DOMAIN_FAMILIES.keys()) == MINIMAL
    assert usual - least == ({family.name for family in FAMILIES} | DOMAIN_FAMILIES.keys()) - MINIMAL
    assert most - usual == FULL_ONLY
    assert reader.names() == least


@pytest.mark.parametrize("detail", list(Detail))
def test_every_detail_is_valid_in_both_forms(detail: Detail) -> None:
    reader = Reader(detail)

    report = promtool_check_metrics(reader.exposition.render(openmetrics=False).decode())
    assert report.is_clean, report.output
    text, marked = read(reader.exposition), read(reader.exposition, openmetrics=True)
    assert sum(len(family.samples) for family in text.values()) == sum(
        len(family.samples) for family in marked.values()
    )


def histogram(exposition: Exposition, host: str = SUBMISSION.host) -> dict[str, float]:
    """The buckets by their bound, the sum and the count of one endpoint."""
    family = read(exposition, openmetrics=True)[full.HISTOGRAM]
    assert family.type == "histogram"
    return {
        sample.labels.get("le", sample.name.removeprefix(full.HISTOGRAM)): sample.value
        for sample in family.samples
        if sample.labels["host"] == host
    }


def test_a_histogram_counts_each_probe_once_by_how_long_it_took() -> None:
    reader = Reader(Detail.FULL)
    for minutes, seconds in ((1, 0.25), (2, 45.0), (2, 45.0), (3, 90.0)):
        started = GOOD.started_at + timedelta(minutes=minutes)
        reader.exposition.accept(replace(GOOD, started_at=started, duration=seconds))

    told = histogram(reader.exposition)

    # 0.213 of GOOD, then the three above; that of the second minute was told twice.
    assert (told["0.1"], told["0.25"], told["30.0"], told["60.0"], told["+Inf"]) == (0, 2, 2, 3, 4)
    assert told["_count"] == 4
    assert told["_sum"] == pytest.approx(0.213 + 0.25 + 45 + 90)
    assert histogram(reader.exposition, "blocked.example.org")["_count"] == 1


def test_the_histogram_of_a_removed_endpoint_vanishes_and_its_successor_begins_anew() -> None:
    reader = Reader(Detail.FULL)
    reader.exposition.remove(SUBMISSION.key)
    assert histogram(reader.exposition) == {}

    reader.exposition.accept(replace(GOOD, endpoint=at("new.example.org")))

    assert histogram(reader.exposition, "new.example.org")["_count"] == 1


def test_histograms_are_forgotten_while_they_are_not_shown() -> None:
    reader = Reader(Detail.FULL)
    reader.detail = Detail.STANDARD
    reader.exposition.render(openmetrics=False)
    reader.detail = Detail.FULL

    assert full.HISTOGRAM not in read(reader.exposition)
