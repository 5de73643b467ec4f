"""Domains of providers that the catalogue knows: their published ports are planned, and no others."""

import pytest

from scanner.config import default_settings, override
from scanner.demo.zone import Records
from scanner.discovery import Plan
from scanner.model.target import parse_target
from scanner.service.parts import build_parts
from tests.network.name_servers import serving

# Which host does what, by facts that the providers publish; 465 is none of Microsoft's.
EXPECTED = {
    "gmail.com": {
        ("mx", "gmail-smtp-in.l.google.com", 25),
        ("catalogue", "smtp.gmail.com", 465),
        ("catalogue", "smtp.gmail.com", 587),
        ("catalogue", "imap.gmail.com", 993),
        ("catalogue", "pop.gmail.com", 995),
    },
    "outlook.com": {
        ("mx", "outlook-com.olc.protection.outlook.com", 25),
        ("catalogue", "smtp-mail.outlook.com", 587),
        ("catalogue", "outlook.office365.com", 993),
        ("catalogue", "outlook.office365.com", 995),
    },
    "customer.test": {
        ("mx", "customer-test.mail.protection.outlook.com", 25),
        ("inferred", "smtp.office365.com", 587),
        ("inferred", "outlook.office365.com", 993),
        ("inferred", "outlook.office365.com", 995),
    },
    "filtered.test": {("mx", "mx1.pphosted.com", 25)},
}
RECORDS: Records = {
    **{
        domain: {"MX": [f"10 {host}." for source, host, _ in sorted(places) if source == "mx"]}
        for domain, places in EXPECTED.items()
    },
    **{host: {"A": ["127.9.9.9"]} for places in EXPECTED.values() for _, host, _ in places},
}


async def plan(*domains: str) -> Plan:
    async with serving(RECORDS) as (_, (address, port)):
        settings = override(
            default_settings([parse_target(domain) for domain in domains]),
            {
                "resolver.servers": [f"{address}:{port}"],
                "probe.allow_private": True,
                "discovery.autoconfig": False,
                "discovery.ispdb": False,
                "discovery.autodiscover": False,
            },
        )
        parts = build_parts(settings)
        try:
            return await parts.planner.plan(settings.targets)
        finally:
            await parts.close()


@pytest.mark.parametrize("domain", EXPECTED)
async def test_the_ports_that_a_provider_publishes_are_probed(domain: str) -> None:
    found = await plan(domain)
    assert {(one.source, one.host, one.port) for one in found.endpoints} == EXPECTED[domain]
    assert not [finding for finding in found.findings if finding.reason is not None]


async def test_what_a_provider_says_of_itself_is_expected_of_it() -> None:
    found = await plan("gmail.com")
    by_port = {one.port: one.expectation for one in found.endpoints}
    submission, mx = by_port[587], by_port[25]
    assert submission is not None
    assert (submission.provider, submission.starttls) == ("gmail", True)
    assert mx is not None
    assert mx.tolerated == {"legacy_tls_accepted"}


async def test_customers_of_one_provider_share_its_servers() -> None:
    found = await plan("outlook.com", "customer.test")
    (imap,) = [one for one in found.endpoints if one.port == 993]
    assert imap.domains == ("outlook.com", "customer.test")
    assert dict(imap.sources) == {"outlook.com": "catalogue", "customer.test": "inferred"}
