"""The command, the page, the HTTP interface and the metric recommend the same for all domains of the farm."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.cli.advise import provider_of
from scanner.cli.advise_view import advice_to_json
from scanner.cli.survey import Network, survey
from scanner.config.load import load_settings
from scanner.explain.advice import Wish, advise
from scanner.model.ports import Preference
from tests.cli.command import run
from tests.cli.running_farm import RunningFarm, open_farm
from tests.cli.test_advise import RECORDS
from tests.service.serving import CONFIG, Service, serving
from tests.web.page import Element, parse

DOMAINS = ("mail.test", *(name for name in RECORDS if not name.startswith("_")))
PREFERENCES = tuple(Preference)
"""Of which the service gets one after the other by reloads."""


@pytest.fixture(scope="module")
def farm() -> Iterator[RunningFarm]:
    with open_farm(records=RECORDS, greeting_delay=0.5) as opened:
        yield opened


def document(farm: RunningFarm, preference: Preference) -> dict[str, Any]:
    settings = farm.settings
    return {
        **settings,
        "probe": {**settings["probe"], "timeout": 2.0, "versions_interval": None},
        "targets": list(DOMAINS),
        "policy": {"submission_preference": preference.value},
        "schedule": {"interval": "1h"},
        "controls": False,
        "store": False,
    }


def shown_on(page: Element) -> dict[str, tuple[str, int]]:
    """Return what a page says to set up: host and port by purpose."""
    (panel,) = [each for each in page.find("section", class_="panel") if "What to set up" in each.text]
    rows = [row for body in panel.find("tbody") for row in body.find("tr")]
    return {
        row.find("th")[0].text: (
            row.find("td", data_label="Server")[0].text,
            int(row.find("td", data_label="Port")[0].text),
        )
        for row in rows
    }


PURPOSES = {"submission": "Sending", "imap": "Reading by IMAP", "pop3": "Reading by POP3"}


def compare(service: Service, told: dict[str, Any]) -> tuple[str, int] | None:
    """Hold one domain's page, record and metric against what the command says; return what sends."""
    name = told["domain"]
    record = json.loads(service.ask(f"/api/v1/domains/{name}")[1])
    said = {key: value for key, value in told.items() if key not in ("kind", "notes", "findings")}
    assert record["advice"] == said, name
    assert record["recommended"] is told["recommended"]
    used = {
        PURPOSES[key]: (one["use"]["host"], one["use"]["port"])
        for key, one in told["services"].items()
        if one["use"] is not None
    }
    assert shown_on(parse(service.ask(f"/domains/{name}")[1])) == used
    measured = [sample.value for sample in service.samples("mailport_domain_recommended", domain=name)]
    assert measured == ([] if told["recommended"] is None else [float(told["recommended"])])
    return used.get("Sending")


def advise_all(file: Path) -> list[dict[str, Any]]:
    """Return what the command says of each domain, of one look at all of them."""
    settings = load_settings(file, {})
    look = survey(settings, Network())
    said = []
    for name in DOMAINS:
        facts = look.facts_of(name)
        assert facts is not None
        provider = provider_of(settings, facts, look)
        advice = advise(facts, look.latest, provider, Wish(), settings.policy.submission_preference)
        said.append(json.loads(json.dumps(advice_to_json(advice, look.findings_of(name)))))
    return said


def test_all_say_the_same_with_every_preference(farm: RunningFarm, tmp_path: Path) -> None:
    sending = {}
    with serving(tmp_path, document(farm, PREFERENCES[0])) as service:
        service.wait_ready()
        for preference in PREFERENCES:
            service.write_config(document(farm, preference))
            assert service.ask("/-/reload", method="POST")[0] == 200
            for told in advise_all(tmp_path / CONFIG):
                assert told["submission_preference"] == preference.value
                sending[preference, told["domain"]] = compare(service, told)
        command = run("advise", "mail.test", "--config", tmp_path / CONFIG, "--format", "json")
        assert compare(service, json.loads(command.stdout)) == sending[PREFERENCES[-1], "mail.test"]
    assert [sending[preference, "mail.test"] for preference in PREFERENCES] == [
        ("healthy.mail.test", 587),
        ("healthy.mail.test", 465),
        ("healthy.mail.test", 465),
    ]
