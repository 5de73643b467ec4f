"""All sources together: their order, each switched off, and what follows from the provider of the MX."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from scanner.config.catalogue import Provider
from scanner.config.discovery_settings import DiscoverySettings
from scanner.demo.zone import Records
from scanner.discovery import Catalogue, Discovery, MtaSts
from scanner.discovery.found import Found
from scanner.model import Proof, Service, Source
from scanner.network import Resolver
from tests.discovery.web_server import Site, World, redirect, respond, world
from tests.network.name_servers import Questions, serving
from tests.servers.certificates import Authority, Leaf

FILE = "/mail/config-v1.1.xml"
WELL_KNOWN = "/.well-known/autoconfig/mail/config-v1.1.xml"
HOSTS = (
    *("own.test", "autoconfig.own.test", "autodiscover.own.test", "mta-sts.own.test"),
    *("provider.test", "autoconfig.provider.test", "autoconfig.eu.provider.test", "list.test"),
)
RECORDS: Records = {
    "own.test": {"MX": ["10 mx1.eu.provider.test."], "A": ["192.0.2.1"]},
    "_imaps._tcp.own.test": {"SRV": ["0 1 993 srv.own.test."]},
    "pop.own.test": {"A": ["192.0.2.2"]},
    "customer.test": {"MX": ["10 mx1.eu.provider.test."]},
    "protected.test": {"MX": ["10 a.pphosted.com.", "20 mx1.eu.provider.test."]},
    "self.test": {"MX": ["10 mx.self.test."]},
}
OWN = Provider.model_validate(
    {
        "id": "own",
        "domains": ["own.test"],
        "submission": [{"host": "catalogue.own.test", "port": 465}],
    }
)
ALL = {source for source in Source if source is not Source.OPERATOR}


def config(host: str, *kinds: tuple[str, str, int]) -> bytes:
    """Write a file for mail programs: servers of one host."""
    sections = "".join(
        f'<{element} type="{kind}"><hostname>{host}</hostname><port>{port}</port>'
        f"<socketType>SSL</socketType></{element}>"
        for element, kind, port in kinds
    )
    return respond(f'<clientConfig><emailProvider id="x">{sections}</emailProvider></clientConfig>'.encode())


SENDING, READING = ("outgoingServer", "smtp", 465), ("incomingServer", "imap", 993)


@dataclass(frozen=True, slots=True)
class Scene:
    """A name server and a web site, and what may be asked of them."""

    names: Questions
    site: Site
    web: World
    resolver: Resolver

    async def find(self, domain: str, **changes: object) -> Found:
        settings = {"ispdb_url": "https://list.test/v1/", **changes}
        discovery = Discovery(
            DiscoverySettings.model_validate(settings),
            self.resolver,
            self.web.client,
            Catalogue([OWN]),
            MtaSts(self.resolver, self.web.client),
        )
        return await discovery.find(domain)


@pytest.fixture(scope="session")
def sources_leaf(authority: Authority) -> Leaf:
    return authority.issue(*HOSTS)


@pytest.fixture
async def scene(authority: Authority, sources_leaf: Leaf) -> AsyncIterator[Scene]:
    async with world(authority, sources_leaf, *HOSTS) as web, serving(RECORDS) as (names, place):
        web.site.pages.update(
            {
                f"https://autoconfig.own.test{FILE}": config("file.own.test", SENDING, READING),
                "https://list.test/v1/own.test": config("listed.own.test", SENDING, READING),
                f"https://autoconfig.eu.provider.test{FILE}": config("mail.provider.test", SENDING, READING),
                "https://autodiscover.own.test/autodiscover/autodiscover.xml": redirect(
                    "https://autodiscover-s.outlook.com/autodiscover/autodiscover.xml"
                ),
            }
        )
        yield Scene(names, web.site, web, Resolver([place], timeout=1))


def told(found: Found) -> set[Source]:
    """Return the sources that said anything."""
    return {offer.source for offer in found.offers if offer.places or offer.notices}


def chosen(found: Found) -> set[tuple[str, str, int]]:
    return {(offer.source.value, place.host, place.port) for offer, place in found.chosen}


async def test_each_service_has_the_servers_of_its_highest_source(scene: Scene) -> None:
    found = await scene.find("own.test")
    assert chosen(found) == {
        ("catalogue", "catalogue.own.test", 465),
        ("mx", "mx1.eu.provider.test", 25),
        ("srv", "srv.own.test", 993),
        ("guess", "pop.own.test", 110),
        ("guess", "pop.own.test", 995),
    }
    assert {place.proof for offer, place in found.chosen if offer.source is Source.GUESS} == {Proof.GREETING}


async def test_sources_further_down_are_not_asked_once_all_is_known(scene: Scene) -> None:
    scene.names.change({**RECORDS, "_pop3s._tcp.own.test": {"SRV": ["0 1 995 srv.own.test."]}})
    found = await scene.find("own.test")
    assert told(found) == {Source.MX, Source.CATALOGUE, Source.SRV}
    assert scene.site.asked == []


async def test_all_may_be_asked_and_where_they_disagree_it_is_told(scene: Scene) -> None:
    found = await scene.find("own.test", cross_check=True)
    assert told(found) == ALL
    assert {notice.id for notice in found.disagreements()} == {"sources_disagree"}
    assert chosen(found) == chosen(await scene.find("own.test"))


@pytest.mark.parametrize("source", sorted(ALL))
async def test_each_source_can_be_switched_off(scene: Scene, source: Source) -> None:
    found = await scene.find("own.test", cross_check=True, **{source.value: False})
    # Without the MX nobody knows whose the domain is; its provider's file is a file of that kind too.
    lost = {source, Source.INFERRED} if source in {Source.MX, Source.AUTOCONFIG} else {source}
    assert told(found) == ALL - lost
    signs = {
        Source.MX: ("own.test", "MX"),
        Source.SRV: ("_imaps._tcp.own.test", "SRV"),
        Source.GUESS: ("pop.own.test", "A"),
    }
    pages = {
        Source.AUTOCONFIG: f"https://autoconfig.own.test{FILE}",
        Source.ISPDB: "https://list.test/v1/own.test",
        Source.INFERRED: f"https://autoconfig.eu.provider.test{FILE}",
        Source.AUTODISCOVER: "https://autodiscover.own.test/autodiscover/autodiscover.xml",
    }
    for other, sign in signs.items():
        assert (sign in scene.names.asked) == (other is not source), other
    for other, page in pages.items():
        assert (page in scene.site.asked) == (other not in lost), other


async def test_the_provider_of_the_mx_stands_in_by_https_alone(scene: Scene) -> None:
    """Its host without the first label is asked first, then its registrable domain."""
    found = await scene.find("customer.test", guess=False)
    assert chosen(found) == {
        ("mx", "mx1.eu.provider.test", 25),
        ("inferred", "mail.provider.test", 465),
        ("inferred", "mail.provider.test", 993),
    }


async def test_the_registrable_domain_of_the_mx_is_asked_too(scene: Scene) -> None:
    del scene.site.pages[f"https://autoconfig.eu.provider.test{FILE}"]
    scene.site.pages[f"http://autoconfig.provider.test{FILE}"] = config("clear.provider.test", READING)
    scene.site.pages[f"https://provider.test{WELL_KNOWN}"] = config("base.provider.test", READING)
    found = await scene.find("customer.test", guess=False)
    assert ("inferred", "base.provider.test", 993) in chosen(found)
    assert not [url for url in scene.site.asked if url.startswith("http://autoconfig.provider.test")]


async def test_the_list_knows_the_provider_of_the_mx_where_itself_says_nothing(scene: Scene) -> None:
    del scene.site.pages[f"https://autoconfig.eu.provider.test{FILE}"]
    scene.site.pages["https://list.test/v1/provider.test"] = config("listed.provider.test", READING)
    found = await scene.find("customer.test", guess=False)
    assert ("inferred", "listed.provider.test", 993) in chosen(found)
    without = await scene.find("customer.test", guess=False, ispdb=False)
    assert "inferred" not in {source for source, _, _ in chosen(without)}


@pytest.mark.parametrize(
    ("domain", "unasked"), [("protected.test", "pphosted.com"), ("self.test", "mx.self.test")]
)
async def test_nothing_is_inferred_from_a_filter_or_from_oneself(
    scene: Scene, domain: str, unasked: str
) -> None:
    found = await scene.find(domain, guess=False)
    assert {offer.source for offer in found.offers} >= {Source.AUTOCONFIG, Source.ISPDB}
    assert Source.INFERRED not in {offer.source for offer in found.offers}
    assert {place.service for _, place in found.chosen} == {Service.MX}
    assert not [host for host in scene.web.names.asked if host.endswith(unasked)]


async def test_the_addresses_of_web_sources_are_settings(scene: Scene) -> None:
    scene.site.pages["https://list.test/other/own.test.xml"] = config("elsewhere.own.test", READING)
    found = await scene.find(
        "own.test",
        cross_check=True,
        ispdb_url="https://list.test/other/{domain}.xml",
        autoconfig_urls=["https://own.test/here/{domain}"],
        autodiscover_urls=["https://own.test/there/{domain}"],
    )
    (ispdb,) = [offer for offer in found.offers if offer.source is Source.ISPDB]
    assert [place.host for place in ispdb.places] == ["elsewhere.own.test"]
    asked = {url for url in scene.site.asked if "own.test" in url and "provider" not in url}
    assert {"https://own.test/here/own.test", "https://own.test/there/own.test"} <= asked
    assert not [url for url in asked if url.endswith((FILE, "autodiscover.xml"))]
