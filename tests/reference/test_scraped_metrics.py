"""docs/metrics.md against a real scrape: every family is there, with its type, labels and help."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.cli.running_farm import open_farm
from tests.service.serving import Service, serving

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"
COMMON = {
    "Endpoints": {"host", "address", "port", "protocol"},
    "Domains": {"domain"},
    "Our own network": {"port", "vantage"},
    "Incidents": set[str](),
    "Accounts": {"account"},
    "The scanner itself": set[str](),
}
"""What the text of each chapter says that every series of it carries."""


UNSEEN = {
    *(  # the farm has no accounts: tests/accounts/test_served_accounts.py signs in to real servers
        "mailport_account_success",
        "mailport_account_failures",
        "mailport_account_reason_info",
        "mailport_account_phase_seconds",
        "mailport_account_check_timestamp_seconds",
        "mailport_account_success_timestamp_seconds",
        "mailport_account_next_check_timestamp_seconds",
        "mailport_roundtrip_seconds",
        "mailport_roundtrip_junk",
    ),
    *("mailport_egress_blocked", "mailport_egress_intercepted"),  # nobody asks controls on loopback
    "mailport_domain_mta_sts_info",  # the farm publishes no policy
    "mailport_endpoint_incident_info",  # no host of it is down as a whole
    "mailport_domain_client_ready",  # there are no shards
}


@dataclass(frozen=True, slots=True)
class Family:
    """What can be known of a family without its values."""

    type: str
    labels: frozenset[str]
    help: str


def documented() -> Iterator[tuple[str, Family]]:
    for chapter in re.split(r"^## ", DOCUMENT.read_text("utf-8"), flags=re.MULTILINE):
        title = chapter.splitlines()[0]
        rows = re.findall(r"^\| `(mailport_\w+)`(?: \*\w\*)? \|(.*)\|$", chapter, re.MULTILINE)
        for name, rest in rows:
            *between, text = [cell.strip() for cell in rest.split("|")]
            words = " ".join(between)
            found = re.search(r"\b(counter|gauge|histogram)\b", re.sub(r"`[^`]*`", "", words))
            labels = COMMON[title] | set(re.findall(r"`(\w+)`", words))
            yield name, Family(found[1] if found else "gauge", frozenset(labels), text)


def scraped(text: str) -> Iterator[tuple[str, Family]]:
    helps = dict(re.findall(r"^# HELP (mailport_\w+) (.*)$", text, re.MULTILINE))
    for name, kind in re.findall(r"^# TYPE (mailport_\w+) (\w+)$", text, re.MULTILINE):
        suffix = "_bucket" if kind == "histogram" else ""
        lines = re.findall(rf"^{name}{suffix}(?:\{{(.*)\}})? \S+$", text, re.MULTILINE)
        labels = {label for line in lines for label in re.findall(r'(\w+)="(?:[^"\\]|\\.)*"', line)}
        yield name, Family(kind, frozenset(labels - {"le"}), helps[name])


def has_samples(service: Service, name: str) -> bool:
    return bool(service.samples(name))


@pytest.fixture(scope="module")
def scrape(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("scrape")
    with open_farm(greeting_delay=0.2) as farm:
        settings = {
            **farm.settings,
            "targets": [*farm.targets(), "shop.mail.test"],
            "metrics": {"detail": "full"},
            "policy": {"confirm_after": 1},
            "probe": {**farm.settings["probe"], "timeout": 2, "groups": True, "versions_gap": 0},
            "limits": {**farm.settings["limits"], "concurrency": 200},
            "controls": False,
            "store": f"sqlite:///{folder / 'mailport.db'}",
        }
        with serving(folder, settings) as service:
            service.wait_ready()
            for late in ("mailport_tls_version_accepted", "mailport_tls_post_quantum", "mailport_incident"):
                service.running.wait_until(partial(has_samples, service, late))
            return service.ask("/metrics")[1]


def test_a_real_scrape_is_what_the_page_says(scrape: str) -> None:
    told = dict(documented())
    seen = dict(scraped(scrape))
    assert len(told) > 40
    assert told.keys() - UNSEEN == seen.keys()
    for name, family in seen.items():
        assert told[name] == family, name
