"""`mailport advise` against a real Postfix and Dovecot, by a real name server."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import run
from tests.servers.dane_postfix import DaneHosts
from tests.servers.mail_host import MailHost
from tests.servers.name_service import NameService
from tests.servers.policy_web import PolicyWeb
from tests.servers.sites import Sites


@pytest.fixture(scope="module")
def options(
    name_service: NameService,
    policy_web: PolicyWeb,
    dane_hosts: DaneHosts,
    complete_host: MailHost,
    sites: Sites,
    tmp_path_factory: pytest.TempPathFactory,
) -> list[str]:
    """Return the options with which everything real is found."""
    folder: Path = tmp_path_factory.mktemp("advise")
    config = folder / "mailport.yml"
    config.write_text(
        "discovery: {ispdb_url: 'https://ispdb.plain.test/v1.1/'}\n"
        "limits: {rate: 0, per_address: 4, per_address_gap: 0}\nprobe: {timeout: 5}\n"
    )
    address, port = name_service.resolver
    return [
        *("--config", str(config), "--resolver", f"{address}:{port}"),
        *("--ca-file", str(sites.ca_file), "--allow-private"),
    ]


def advise(options: list[str], *arguments: str) -> dict[str, Any]:
    outcome = run("advise", *arguments, "--format", "json", *options)
    found: dict[str, Any] = json.loads(outcome.stdout)
    assert outcome.status == (0 if found["complete"] else 1), outcome.stderr
    return found


@pytest.mark.parametrize(
    ("domain", "host", "source"),
    [
        ("complete.plain.test", "mail.complete.plain.test", "srv"),
        ("auto.plain.test", "mail.complete.plain.test", "autoconfig"),
        ("listed.plain.test", "mail.complete.plain.test", "ispdb"),
        ("guess.plain.test", "smtp.guess.plain.test", "guess"),
    ],
)
def test_what_real_servers_offer_is_recommended(
    options: list[str], domain: str, host: str, source: str
) -> None:
    advice = advise(options, domain)
    sending = advice["services"]["submission"]
    assert (sending["use"]["host"], sending["use"]["port"], sending["use"]["source"]) == (host, 587, source)
    assert sending["credentials"] == ["password"]
    assert advice["services"]["imap"]["use"]["port"] == 993
    assert advice["services"]["pop3"]["use"]["port"] == 995
    assert advice["recommended"] is True


@pytest.mark.parametrize("domain", ["null-mx.plain.test", "nowhere.plain.test", "dead.plain.test"])
def test_a_domain_without_servers_gets_no_recommendation(options: list[str], domain: str) -> None:
    advice = advise(options, domain)
    assert advice["complete"] is False
    assert advice["findings"]
    assert {setup["use"] for setup in advice["services"].values()} == {None}


def test_a_name_whose_certificate_is_anothers_is_not_recommended(options: list[str]) -> None:
    """Every name of a wildcard leads to a real server, whose certificate names another host."""
    advice = advise(options, "wild.plain.test")
    assert {setup["use"] for setup in advice["services"].values()} == {None}
