"""Domains in, servers out: `mailport scan` against a real name server, web server, Postfix and Dovecot."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import run
from tests.servers.dane_postfix import DaneHosts
from tests.servers.mail_host import MailHost
from tests.servers.name_service import NameService
from tests.servers.policy_web import PolicyWeb
from tests.servers.sites import ODD_SUBMISSION_PORT, Sites
from tests.servers.zone_names import crowd

Record = dict[str, Any]

CONFIG = """\
discovery:
  ispdb_url: https://ispdb.plain.test/v1.1/
limits: {rate: 0, per_address: 4, per_address_gap: 0, concurrency: 200}
probe: {timeout: 5}
"""

# Each domain is one situation of the zones, with the servers that its records lead to.
ALL_SEVEN = [(465, "srv"), (587, "srv"), (143, "srv"), (993, "srv"), (110, "srv"), (995, "srv")]
COMPLETE = {("mail.complete.plain.test", port, source) for port, source in [(25, "mx"), *ALL_SEVEN]}
MX = {("mx.plain.test", 25, "mx")}
FILE = {("mail.complete.plain.test", port, "autoconfig") for port in (465, 587, 993, 995)}
SERVERS: dict[str, set[tuple[str, int, str]]] = {
    "complete.plain.test": COMPLETE,
    "complete.secure.test": {
        ("mail.complete.secure.test", port, source) for port, source in [(25, "mx"), *ALL_SEVEN]
    },
    "alias-domain.plain.test": {("mail.complete.plain.test", 25, "mx")},
    "implicit.plain.test": {("implicit.plain.test", 25, "mx")}
    | {("implicit.plain.test", port, "operator") for port, _ in ALL_SEVEN},
    "null-mx.plain.test": set(),
    "null-mx-with-a.plain.test": set(),
    "null-mx-beside.plain.test": MX,
    "mx-alias.plain.test": {("alias-host.plain.test", 25, "mx")},
    "mx-localhost.plain.test": set(),
    "mx-literal.plain.test": set(),
    "mx-no-address.plain.test": set(),
    "mx-missing.plain.test": set(),
    "nowhere.plain.test": set(),
    "loop.plain.test": set(),
    "mx-loop.plain.test": set(),
    "lame.plain.test": set(),
    "bogus.test": set(),
    "expired.test": set(),
    "equal.plain.test": {(f"mx{number}.plain.test", 25, "mx") for number in range(3)},
    "ten.plain.test": {(f"mx{number}.plain.test", 25, "mx") for number in range(10)},
    "srv-none.plain.test": MX,
    "srv-odd.plain.test": MX
    | {("mx.plain.test", ODD_SUBMISSION_PORT, "srv"), ("mx.plain.test", 2993, "srv")},
    "srv-alias.plain.test": MX | {("srv-alias-host.plain.test", 993, "srv")},
    "srv-order.plain.test": MX | {(f"mx{number}.plain.test", 993, "srv") for number in (1, 2, 3)},
    "guess.plain.test": MX
    | {("smtp.guess.plain.test", port, "guess") for port in (465, 587)}
    | {("imap.guess.plain.test", port, "guess") for port in (143, 993)}
    | {("pop3.guess.plain.test", port, "guess") for port in (110, 995)},
    # Every name exists there and leads to a real server, whose certificate names another host.
    "wild.plain.test": MX,
    "xn--bcher-kva.plain.test": {("mx.xn--bcher-kva.plain.test", 25, "mx")},
    "mx-dual.plain.test": {("dual.plain.test", 25, "mx")},
    "mx-ipv6.plain.test": {("only-ipv6.plain.test", 25, "mx")},
    "silent.plain.test": {("silent-host.plain.test", 25, "mx")},
    "auto.plain.test": MX | FILE,
    "auto-well-known.plain.test": MX | FILE,
    "auto-http.plain.test": MX | FILE,
    "exchange.plain.test": MX,
    "auto-broken.plain.test": MX,
    "listed.plain.test": MX | {("mail.complete.plain.test", port, "ispdb") for port in (465, 587, 993, 995)},
    "huge-txt.plain.test": MX,
    # Of three hundred the first 32 count, of which ten are there.
    "three-hundred.plain.test": {(f"mx{number}.plain.test", 25, "mx") for number in range(10)},
    "dead.plain.test": set(),
}

TOLD: dict[str, list[tuple[str, str | None]]] = {
    "null-mx.plain.test": [("not_offered", "null_mx")],
    "null-mx-with-a.plain.test": [("not_offered", "null_mx")],
    "null-mx-beside.plain.test": [("unknown", "mx_bogus")],
    "mx-alias.plain.test": [("unknown", "mx_cname")],
    "mx-localhost.plain.test": [("unknown", "mx_bogus")],
    "mx-literal.plain.test": [("unknown", "mx_bogus")],
    "mx-no-address.plain.test": [("unreachable", "no_address")],
    "mx-missing.plain.test": [("unreachable", "name_not_found")],
    "nowhere.plain.test": [("unreachable", "name_not_found")],
    "loop.plain.test": [("unreachable", "dns_failure")],
    "mx-loop.plain.test": [("unreachable", "dns_failure")],
    "lame.plain.test": [("unreachable", "dns_failure")],
    "dead.plain.test": [("unreachable", "dns_failure")],
    "huge-txt.plain.test": [("unknown", "mta_sts_broken")],
    "three-hundred.plain.test": [("unknown", "mx_bogus"), *[("unreachable", "name_not_found")] * 22],
    "bogus.test": [("unreachable", "dns_failure")],
    "expired.test": [("unreachable", "dns_failure")],
    "srv-none.plain.test": [("not_offered", "srv_not_offered")] * 3,
    "auto-http.plain.test": [("unknown", "autoconfig_over_http")],
    "exchange.plain.test": [("unknown", "autodiscover_hint")],
    "exchange-moved.plain.test": [("unknown", "autodiscover_hint")],
    "sts-404.plain.test": [("unknown", "mta_sts_broken")],
    "sts-redirect.plain.test": [("unknown", "mta_sts_broken")],
    "sts-huge.plain.test": [("unknown", "mta_sts_broken")],
    "sts-garbage.plain.test": [("unknown", "mta_sts_broken")],
    "sts-expired.plain.test": [("unknown", "mta_sts_broken")],
    "sts-wrong-name.plain.test": [("unknown", "mta_sts_broken")],
    "sts-twice.plain.test": [("unknown", "mta_sts_broken")],
    "parked.plain.test": [("unknown", "parked")],
    "implicit.plain.test": [],
    "sts-html.plain.test": [("unknown", "mta_sts_content_type")],
    "complete.plain.test": [],
    "complete.secure.test": [],
    "sts-enforce.plain.test": [],
    "sts-other.plain.test": [],
}

# MX host of one domain: what is published, how the chain stands to it, the level, and what is judged of it.
DANE: dict[str, tuple[str, str | None, int, set[str]]] = {
    "ee.secure.test": ("secure", "dane-ee", 5, set()),
    "ee-full.secure.test": ("secure", "dane-ee", 5, set()),
    "rollover.secure.test": ("secure", "dane-ee", 5, set()),
    "odd.secure.test": ("secure", "dane-ee", 5, set()),
    "ta.secure.test": ("secure", "dane-ta", 5, set()),
    "ta-full.secure.test": ("secure", "dane-ta", 5, set()),
    "ta-name.secure.test": ("secure", "mismatch", 2, {"dane_violated"}),
    "wrong.secure.test": ("secure", "mismatch", 2, {"dane_violated"}),
    "bare.secure.test": ("secure", None, 1, {"dane_violated", "starttls_missing"}),
    "pkix.secure.test": ("unusable", None, 4, {"dane_unverifiable"}),
    "broken-tlsa.secure.test": ("failed", None, 4, {"dane_unverifiable"}),
    "unsigned.plain.test": ("insecure", None, 2, {"dane_unverifiable"}),
    "mail.complete.secure.test": ("secure", "dane-ee", 5, set()),
}
DANE_DOMAINS = [
    *(
        f"dane-{name}.secure.test"
        for name in ("ee", "ee-full", "rollover", "odd", "ta", "ta-full", "ta-name")
    ),
    *(f"dane-{name}.secure.test" for name in ("wrong", "bare", "pkix", "broken", "host-insecure", "none")),
]
POLICY_VERDICTS = {"dane_violated", "dane_unverifiable", "starttls_missing", "mta_sts_violated"}


@dataclass(frozen=True, slots=True)
class World:
    """All the servers that a scan of domains meets, and how to start one."""

    names: NameService
    web: PolicyWeb
    sites: Sites
    folder: Path

    def scan(self, *domains: str, config: str = CONFIG, is_allowed: bool = True) -> list[Record]:
        """Scan domains by the validating resolver; `is_allowed` lets it connect to loopback addresses."""
        settings = self.folder / "mailport.yml"
        settings.write_text(config)
        address, port = self.names.resolver
        outcome = run(
            *("scan", *domains, "--format", "ndjson", "--config", str(settings)),
            *("--resolver", f"{address}:{port}", "--ca-file", str(self.sites.ca_file)),
            *(["--allow-private"] if is_allowed else []),
        )
        assert outcome.status == 0, outcome.stderr
        return outcome.records


@pytest.fixture(scope="module")
def world(
    name_service: NameService,
    policy_web: PolicyWeb,
    dane_hosts: DaneHosts,
    complete_host: MailHost,
    sites: Sites,
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    return World(name_service, policy_web, sites, tmp_path_factory.mktemp("domains"))


@pytest.fixture(scope="module")
def everything(world: World) -> list[Record]:
    """The records of one scan of all situations."""
    return world.scan(*dict.fromkeys([*SERVERS, *TOLD, *DANE_DOMAINS]))


def endpoints(records: list[Record], domain: str) -> list[Record]:
    return [record for record in records if domain in record["domains"] and record["port"] is not None]


def findings(records: list[Record], domain: str) -> list[tuple[str, str | None]]:
    told = [record for record in records if record["domain"] == domain and record["port"] is None]
    lines = [(record["state"], record["reason"] or record["verdicts"][0]["id"]) for record in told]
    # Most of these domains have an MX and no more, which is told too.
    return [line for line in lines if line != ("unknown", "no_server_found")]


@pytest.mark.parametrize("domain", SERVERS)
def test_every_domain_leads_to_its_servers_and_to_no_other(everything: list[Record], domain: str) -> None:
    found = {(record["host"], record["port"]) for record in endpoints(everything, domain)}
    assert found == {(host, port) for host, port, _ in SERVERS[domain]}


@pytest.mark.parametrize(
    "domain",
    [
        "complete.secure.test",
        "guess.plain.test",
        "implicit.plain.test",
        "auto.plain.test",
        "listed.plain.test",
    ],
)
def test_every_server_says_where_it_was_learnt(everything: list[Record], domain: str) -> None:
    """Whatever other domains have learnt the same servers from."""
    found = {
        (record["host"], record["port"], record["sources"].get(domain, record["source"]))
        for record in endpoints(everything, domain)
    }
    assert found == SERVERS[domain]


@pytest.mark.parametrize("domain", TOLD)
def test_what_is_odd_about_a_domain_is_told_once_and_nothing_else(
    everything: list[Record], domain: str
) -> None:
    assert findings(everything, domain) == TOLD[domain]


def test_a_complete_domain_works_on_all_seven_ports(everything: list[Record]) -> None:
    for record in endpoints(everything, "complete.plain.test"):
        assert (record["state"], record["verdicts"]) == ("open", [])
        assert record["level"] == (5 if record["port"] == 25 else 4)


@pytest.mark.parametrize("host", DANE)
def test_dane_is_judged_by_what_the_signed_zone_says(everything: list[Record], host: str) -> None:
    (record,) = [record for record in everything if record["host"] == host and record["port"] == 25]
    status, match, level, verdicts = DANE[host]
    assert (record["dane"]["status"], record["dane"]["match"], record["level"]) == (status, match, level)
    assert {verdict["id"] for verdict in record["verdicts"]} & POLICY_VERDICTS == verdicts


def test_a_secure_host_without_tlsa_records_is_left_in_peace(everything: list[Record]) -> None:
    (record,) = endpoints(everything, "dane-none.secure.test")
    assert record["dane"] is None
    assert record["verdicts"] == []


@pytest.mark.parametrize("severity", ["critical"])
def test_a_server_that_breaks_dane_is_downgraded(everything: list[Record], severity: str) -> None:
    (record,) = endpoints(everything, "dane-wrong.secure.test")
    (verdict,) = [verdict for verdict in record["verdicts"] if verdict["id"] == "dane_violated"]
    assert (verdict["kind"], verdict["severity"]) == ("downgrade", severity)


@pytest.mark.parametrize(
    ("domain", "mode", "is_allowed", "level", "severity"),
    [
        ("sts-enforce.plain.test", "enforce", True, 5, None),
        ("sts-wildcard.plain.test", "enforce", True, 5, None),
        ("sts-testing.plain.test", "testing", True, 4, None),
        ("sts-none.plain.test", "none", False, 4, None),
        ("sts-mismatch.plain.test", "enforce", False, 4, "critical"),
        ("sts-self-signed.plain.test", "enforce", True, 2, "critical"),
        ("sts-bare.plain.test", "enforce", True, 1, "critical"),
    ],
)
def test_mta_sts_is_judged_by_the_policy(
    domain: str,
    mode: str,
    is_allowed: bool,
    level: int,
    severity: str | None,
    world: World,
) -> None:
    # By itself: many of these domains share one MX host, whose record would tell of all their policies.
    (record,) = endpoints(world.scan(domain), domain)
    assert record["mta_sts"] == [{"domains": [domain], "mode": mode, "allowed": is_allowed}]
    assert record["level"] == level
    violated = [verdict for verdict in record["verdicts"] if verdict["id"] == "mta_sts_violated"]
    assert [verdict["severity"] for verdict in violated] == ([] if severity is None else [severity])


@pytest.mark.parametrize(
    "domain", ["mx-private", "mx-metadata", "mx-localhost", "mx-mixed", "complete", "auto"]
)
def test_without_leave_no_private_address_is_touched(domain: str, world: World) -> None:
    before = len(world.web.requests)
    records = world.scan(f"{domain}.plain.test", is_allowed=False)
    assert all(record["port"] is None for record in records)
    refused = {record["host"] for record in records if record["reason"] == "address_not_allowed"}
    assert refused or domain == "mx-localhost"  # which is no host name in the first place
    assert len(world.web.requests) == before


def test_what_a_resolver_says_of_dnssec_counts_only_if_it_is_trusted(world: World) -> None:
    config = f"{CONFIG}resolver: {{trust_ad: false}}\n"
    (record,) = endpoints(world.scan("dane-ee.secure.test", config=config), "dane-ee.secure.test")
    assert (record["dane"]["status"], record["dane"]["match"], record["level"]) == ("untrusted", None, 2)
    (verdict,) = [verdict for verdict in record["verdicts"] if verdict["id"] == "dane_unverifiable"]
    assert verdict["severity"] == "notice"
    assert "resolver.trust_ad" in verdict["advice"]


@pytest.mark.parametrize(("source", "lost"), [("srv", 6), ("mx", 1), ("mta_sts", 0), ("dane", 0)])
def test_each_source_can_be_switched_off(source: str, lost: int, world: World) -> None:
    config = CONFIG.replace("discovery:\n", f"discovery:\n  {source}: false\n  guess: false\n")
    found = endpoints(world.scan("complete.secure.test", config=config), "complete.secure.test")
    assert len(found) == 7 - lost
    if source in {"mta_sts", "dane"}:
        (mx,) = [record for record in found if record["port"] == 25]
        assert mx[source] is None


def test_a_domain_without_servers_for_its_users_is_told(everything: list[Record]) -> None:
    told = [record for record in everything if record["domain"] == "sts-other.plain.test"]
    (verdict,) = [verdict for record in told for verdict in record["verdicts"] if record["port"] is None]
    assert verdict["id"] == "no_server_found"
    assert verdict["summary"].endswith("was found for submission and IMAP and POP3.")


def test_many_domains_of_one_provider_cost_one_probe(world: World) -> None:
    domains = crowd()
    before = Counter(world.names.questions())
    (record,) = [record for record in world.scan(*domains) if record["port"] is not None]
    assert len(record["domains"]) == len(domains)
    asked = Counter(world.names.questions()) - before
    # What is the provider's is asked for once, whoever wants it.
    assert {count for (name, _), count in asked.items() if not name.startswith("crowd")} == {1}
