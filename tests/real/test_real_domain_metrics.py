"""The domain series of a running service: what was found, what works, what goes with a removed domain."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.dane_postfix import DaneHosts
from tests.servers.mail_host import MailHost
from tests.servers.name_service import NameService
from tests.servers.policy_web import PolicyWeb
from tests.servers.prometheus import promtool_check_metrics
from tests.servers.sites import Sites
from tests.service.serving import Service, serving

DOMAINS = [
    "complete.plain.test",
    "complete.secure.test",
    "null-mx.plain.test",
    "guess.plain.test",
    "nowhere.plain.test",
    "dane-mixed.secure.test",
    "sts-enforce.plain.test",
    "sts-mismatch.plain.test",
    "three-hundred.plain.test",
    "mx-missing.plain.test",
    "mx-no-address.plain.test",
    "mx-literal.plain.test",
    "lame.plain.test",
]
WITHOUT_SERVER = DOMAINS[-4:]
SERVICES = ("mx", "submission", "imap", "pop3")


def settings(names: NameService, sites: Sites, *domains: str) -> dict[str, Any]:
    address, port = names.resolver
    return {
        "targets": list(domains),
        "probe": {"allow_private": True, "ca_file": str(sites.ca_file)},
        "limits": {"rate": 0, "per_address": 4, "per_address_gap": 0},
        "resolver": {"servers": [f"{address}:{port}"]},
        "discovery": {"ispdb_url": "https://ispdb.plain.test/v1.1/"},
    }


@pytest.fixture(scope="module")
def service(
    name_service: NameService,
    policy_web: PolicyWeb,
    dane_hosts: DaneHosts,
    complete_host: MailHost,
    sites: Sites,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """A service that has probed everything once."""
    folder = tmp_path_factory.mktemp("serving")
    with serving(folder, settings(name_service, sites, *DOMAINS)) as running:
        running.wait_ready()
        yield running


def values(service: Service, name: str, label: str) -> dict[tuple[str, str], float]:
    return {(sample.labels["domain"], sample.labels[label]): sample.value for sample in service.samples(name)}


def by_domain(service: Service, name: str) -> dict[str, float]:
    return {sample.labels["domain"]: sample.value for sample in service.samples(name)}


def test_each_service_of_a_complete_domain_is_up(service: Service) -> None:
    up = values(service, "mailport_domain_service_up", "service")
    for domain in ("complete.plain.test", "complete.secure.test"):
        assert {name: up[domain, name] for name in SERVICES} == dict.fromkeys(SERVICES, 1)
    assert ("null-mx.plain.test", "mx") not in up


def test_the_level_of_a_service_is_the_best_that_its_endpoints_give(service: Service) -> None:
    levels = values(service, "mailport_domain_level", "service")
    assert levels["complete.plain.test", "mx"] == 5
    assert levels["complete.plain.test", "imap"] == 4
    assert levels["dane-mixed.secure.test", "mx"] == 5  # one host is right, one wrong


def test_what_is_recommended_works_or_not(service: Service) -> None:
    recommended = by_domain(service, "mailport_domain_recommended")
    assert recommended["complete.plain.test"] == 1
    assert recommended["guess.plain.test"] == 1
    # The others have an MX and no more, or nothing at all.
    assert recommended.keys() == {"complete.plain.test", "complete.secure.test", "guess.plain.test"}


def test_a_mistake_in_the_policy_of_one_domain_is_no_other_domains(service: Service) -> None:
    """Three domains have mx.plain.test: one policy is kept, one does not allow the host, one is not there."""
    up = values(service, "mailport_domain_service_up", "service")
    level = values(service, "mailport_domain_level", "service")
    names = ("sts-enforce.plain.test", "sts-mismatch.plain.test", "guess.plain.test")
    assert [(up[name, "mx"], level[name, "mx"]) for name in names] == [(1, 5), (0, 4), (1, 4)]
    shared = {"host": "mx.plain.test", "port": "25"}
    assert service.value("mailport_probe_success", **shared) == 1
    assert service.value("mailport_endpoint_downgraded", **shared) == 1
    assert service.value("mailport_endpoint_verdict", verdict="mta_sts_violated", **shared) == 1
    page = service.ask("/?size=200")[1].replace("The MTA", "the MTA")
    assert "the MTA-STS policy of sts-mismatch.plain.test" in page


def test_a_domain_whose_mx_hosts_are_gone_has_no_mx_that_is_up(service: Service) -> None:
    up = values(service, "mailport_domain_service_up", "service")
    level = values(service, "mailport_domain_level", "service")
    for name in ("mx-missing.plain.test", "mx-no-address.plain.test", "mx-literal.plain.test"):
        assert (up[name, "mx"], level[name, "mx"]) == (0, 0)
    # Not known to be gone: its name servers refuse to tell, or it has no MX record.
    assert not {("lame.plain.test", "mx"), ("nowhere.plain.test", "mx")} & up.keys()


def test_some_mx_hosts_that_do_not_exist_are_no_failure_of_discovery(service: Service) -> None:
    """Ten of the hosts exist, so that the domain takes its mail."""
    up = values(service, "mailport_domain_service_up", "service")
    assert up["three-hundred.plain.test", "mx"] == 1
    news = [line for line in service.log if line.get("reason") == "dns_failure"]
    assert by_domain(service, "mailport_domain_discovery_success")["three-hundred.plain.test"] == 1, news
    assert "mx11.plain.test does not exist in the DNS" in service.ask("/domains/three-hundred.plain.test")[1]


def test_discovery_says_where_each_endpoint_was_learnt(service: Service) -> None:
    sources = values(service, "mailport_domain_endpoint_info", "source")
    assert {source for domain, source in sources if domain == "complete.plain.test"} == {"mx", "srv"}
    assert {source for domain, source in sources if domain == "guess.plain.test"} == {"mx", "guess"}
    assert by_domain(service, "mailport_domain_discovery_success") == {
        **dict.fromkeys(DOMAINS, 1),
        "nowhere.plain.test": 0,
        **dict.fromkeys(WITHOUT_SERVER, 0),
    }


def test_what_is_published_is_exported(service: Service) -> None:
    modes = values(service, "mailport_domain_mta_sts_info", "mode")
    enforcing = ("complete.plain.test", "complete.secure.test", "sts-enforce.plain.test")
    assert modes == {(name, "enforce"): 1 for name in (*enforcing, "sts-mismatch.plain.test")}
    dane = by_domain(service, "mailport_domain_dane")
    assert (dane["complete.secure.test"], dane["complete.plain.test"], dane["dane-mixed.secure.test"]) == (
        1,
        0,
        1,
    )


def test_promtool_has_nothing_to_say_about_the_scrape(service: Service) -> None:
    report = promtool_check_metrics(service.ask("/metrics")[1])
    assert report.is_clean, report


def test_the_page_of_a_domain_tells_what_is_odd_about_it(service: Service) -> None:
    for domain, odd in {
        "null-mx.plain.test": "null-mx.plain.test says that it takes no mail",
        "nowhere.plain.test": "nowhere.plain.test does not exist in the DNS",
    }.items():
        assert odd in service.ask(f"/domains/{domain}")[1]


def test_the_series_of_a_removed_domain_go_with_it_and_shared_ones_stay(
    name_service: NameService, complete_host: MailHost, dane_hosts: DaneHosts, sites: Sites, tmp_path: Path
) -> None:
    shared, other = "alias-domain.plain.test", "complete.plain.test"
    with serving(tmp_path, settings(name_service, sites, shared, other)) as service:
        service.wait_ready()
        (sample,) = service.samples("mailport_endpoint_domains", port="25")
        assert sample.value == 2
        service.write_config(settings(name_service, sites, shared))
        assert service.ask("/-/reload", method="POST")[0] == 200
        service.running.wait_until(lambda: len(service.places()) == 1)
        service.running.wait_until(lambda: other not in by_domain(service, "mailport_domain_service_up"))
        assert values(service, "mailport_domain_service_up", "service") == {(shared, "mx"): 1}
        assert by_domain(service, "mailport_domain_discovery_success") == {shared: 1}
