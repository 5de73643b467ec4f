"""The catalogue asked: whose a domain, an MX host or a server is, and what is expected there."""

import pytest

from scanner.config.catalogue import Provider
from scanner.discovery.catalogue import Catalogue, read_built_in
from scanner.discovery.offer import Offer, Place
from scanner.model import Expectation, Login, Protocol, Service, Source, TlsMode

ALL = frozenset({Service.SUBMISSION, Service.IMAP, Service.POP3})
MX = {
    "aspmx.l.google.com": "gmail",
    "alt1.gmail-smtp-in.l.google.com": "gmail",
    "google.com": "gmail",
    "example-org.mail.protection.outlook.com": "microsoft-365",
    "example-org.a-v1.mx.microsoft": "microsoft-365",
    "outlook-com.olc.protection.outlook.com": "outlook-com",
    "mta5.am0.yahoodns.net": "yahoo",
    "mx-aol.mail.gm0.yahoodns.net": "aol",
    "mx.zoho.com": "zoho-own",
    "mx2.zoho.com": None,
    "mx.zoho.eu": "zoho-eu-own",
    "mx.zoho.in": "zoho-in-own",
    "mx.zoho.com.au": "zoho-au-own",
    "mx.zoho.jp": "zoho-jp-own",
    "mx.zohocloud.ca": "zoho-ca-own",
    "mx01.mail.icloud.com": "icloud",
    "in1-smtp.messagingengine.com": "fastmail",
    "mx00.gmx.net": "gmx-net",
    "mx00.gmx.com": "gmx-com",
    "mx00.mail.com": "mail-com",
    "mail.protonmail.ch": "proton",
    "mxs.mail.ru": "mail-ru",
    "mx.yandex.ru": "yandex",
    "mx3.qq.com": "qq",
    "163mx01.mxmail.netease.com": "netease",
    "mx1.mail.ovh.net": "ovh",
    "mx00.kundenserver.de": "ionos",
    "mx01.schlund.de": "ionos",
    "evilgoogle.com": None,
    "google.com.evil.example": None,
    "protection.outlook.com": None,
    "yahoodns.net": None,
    "com": None,
    "": None,
    "192.0.2.1": None,
    ".": None,
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue()


def get(catalogue: Catalogue, name: str) -> Provider:
    provider = catalogue.get(name)
    assert provider is not None
    return provider


@pytest.mark.parametrize(
    ("domain", "provider"),
    [
        ("gmail.com", "gmail"),
        ("googlemail.com", "gmail"),
        ("outlook.com", "outlook-com"),
        ("hotmail.co.uk", "outlook-com"),
        ("yahoo.fr", "yahoo"),
        ("zoho.com", "zoho"),
        ("zohomail.eu", "zoho-eu"),
        ("me.com", "icloud"),
        ("proton.me", "proton"),
        ("gmx.de", "gmx-net"),
        ("gmx.com", "gmx-com"),
        ("foxmail.com", "qq"),
        ("126.com", "netease-126"),
    ],
)
def test_a_domain_is_found_exactly(domain: str, provider: str, catalogue: Catalogue) -> None:
    offer = catalogue.find(domain)
    assert offer is not None
    assert offer.provider == provider
    assert catalogue.find(f"mail.{domain}x") is None
    assert catalogue.find(f"sub.{domain}") is None
    assert catalogue.find(f"evil{domain}") is None


@pytest.mark.parametrize("domain", ["google.com", "microsoft.com", "yahoo.co.jp", "example.org", "com", ""])
def test_other_domains_are_nobodys(domain: str, catalogue: Catalogue) -> None:
    assert catalogue.find(domain) is None


def test_an_offer_in_full(catalogue: Catalogue) -> None:
    assert catalogue.find("icloud.com") == Offer(
        source=Source.CATALOGUE,
        places=(
            Place(Service.SUBMISSION, "smtp.mail.me.com", 587, Protocol.SMTP, TlsMode.STARTTLS),
            Place(Service.IMAP, "imap.mail.me.com", 993, Protocol.IMAP, TlsMode.IMPLICIT),
        ),
        not_offered=frozenset({Service.POP3}),
        provider="icloud",
    )


def test_proton_has_no_server_for_mail_programs(catalogue: Catalogue) -> None:
    offer = catalogue.find("proton.me")
    assert offer is not None
    assert (offer.places, offer.not_offered) == ((), ALL)
    assert "Bridge" in str(get(catalogue, "proton").notes)


@pytest.mark.parametrize(("host", "provider"), MX.items())
def test_an_mx_host_is_matched_by_whole_labels(host: str, provider: str | None, catalogue: Catalogue) -> None:
    found = catalogue.by_mx(host)
    assert (found.id if found else None) == provider


def test_every_suffix_leads_to_its_own_provider(catalogue: Catalogue) -> None:
    for provider in read_built_in():
        for suffix in provider.mx_suffixes or ():
            for host in (suffix, f"mx1.{suffix}", f"a.b.{suffix}"):
                assert catalogue.by_mx(host) is provider
            wrong = catalogue.by_mx(f"x{suffix}")
            assert wrong is not provider, suffix


def test_a_server_is_found_by_its_name(catalogue: Catalogue) -> None:
    hosts = ("smtp.gmail.com", "pop.gmail.com", "outlook.office365.com", "smtp-mail.outlook.com", "gmail.com")
    found = [catalogue.by_host(host) for host in hosts]
    assert [one.id if one else None for one in found] == [
        "gmail",
        "gmail",
        "microsoft-365",
        "outlook-com",
        None,
    ]


# ------------------------------------------------------------------------------------------- what is expected

OAUTH, CODE = (Login.OAUTH2,), (Login.AUTHORISATION_CODE,)
OAUTH_OR_APP = (Login.OAUTH2, Login.APP_PASSWORD)
EXPECTED = [
    (
        "smtp.gmail.com",
        587,
        Service.SUBMISSION,
        Expectation("gmail", "TLSv1.0", starttls=True, login=OAUTH_OR_APP),
    ),
    ("smtp.gmail.com", 465, Service.SUBMISSION, Expectation("gmail", "TLSv1.0", login=OAUTH_OR_APP)),
    ("imap.gmail.com", 993, Service.IMAP, Expectation("gmail", "TLSv1.0", login=OAUTH_OR_APP)),
    ("imap.gmail.com", 143, Service.IMAP, Expectation("gmail", "TLSv1.0", login=OAUTH_OR_APP)),
    (
        "alt2.gmail-smtp-in.l.google.com",
        25,
        Service.MX,
        Expectation("gmail", tolerated=frozenset({"legacy_tls_accepted"})),
    ),
    (
        "smtp.office365.com",
        587,
        Service.SUBMISSION,
        Expectation("microsoft-365", "TLSv1.2", starttls=True, login=OAUTH),
    ),
    ("x.mail.protection.outlook.com", 25, Service.MX, Expectation("microsoft-365")),
    ("imap.gmx.net", 143, Service.IMAP, Expectation("gmx-net", starttls=True, login=(Login.PASSWORD,))),
    ("pop.mail.ru", 110, Service.POP3, Expectation("mail-ru", starttls=True, login=OAUTH_OR_APP)),
    ("imap.yandex.com", 143, Service.IMAP, Expectation("yandex")),
    (
        "smtp.qq.com",
        587,
        Service.SUBMISSION,
        Expectation("qq", starttls=True, tolerated=frozenset({"auth_before_tls"}), login=CODE),
    ),
    ("pop.qq.com", 110, Service.POP3, Expectation("qq")),
    ("mx1.qq.com", 25, Service.MX, Expectation("qq")),
    (
        "smtp.163.com",
        25,
        Service.MX,
        Expectation("netease", tolerated=frozenset({"auth_before_tls"})),
    ),
    (
        "163mx00.mxmail.netease.com",
        25,
        Service.MX,
        Expectation("netease", tolerated=frozenset({"auth_before_tls"})),
    ),
    ("mx.evilgoogle.com", 25, Service.MX, None),
    ("aspmx.l.google.com", 587, Service.SUBMISSION, None),
    ("mail.example.org", 993, Service.IMAP, None),
]


@pytest.mark.parametrize(("host", "port", "service", "expected"), EXPECTED)
def test_what_is_expected(
    host: str, port: int, service: Service, expected: Expectation | None, catalogue: Catalogue
) -> None:
    assert catalogue.expectation(host, port, service) == expected


def test_legacy_tls_is_tolerated_on_gmails_mx_only(catalogue: Catalogue) -> None:
    tolerant = {
        (provider.id, service)
        for provider in read_built_in()
        for service in Service
        if provider.tolerated and "legacy_tls_accepted" in getattr(provider.tolerated, service.value)
    }
    assert tolerant == {("gmail", Service.MX)}


def test_a_shared_server_belongs_to_whom_it_was_found_by(catalogue: Catalogue) -> None:
    host = "outlook.office365.com"
    owners = ["outlook-com", "microsoft-365", "gmail", "unheard-of", None]
    found = [catalogue.expectation(host, 993, Service.IMAP, owner) for owner in owners]
    assert [one.provider if one else None for one in found] == ["outlook-com", *["microsoft-365"] * 4]


def test_what_is_not_offered(catalogue: Catalogue) -> None:
    assert catalogue.not_offered("proton").services == ALL
    assert catalogue.not_offered("microsoft-365").services == frozenset()
    assert catalogue.not_offered("icloud").services == {Service.POP3}
    assert catalogue.not_offered("unheard-of").ports == frozenset()


def test_ways_to_sign_in_that_are_unverified_are_not_expected() -> None:
    entry = {"id": "own", "domains": ["own.example"], "imap": [{"host": "m.own.example", "port": 993}]}
    login = {"methods": ["oauth2"]}
    fact = {"fields": ["login"], "source": "hearsay", "checked": "2026-09-18", "confidence": "unverified"}
    ways = []
    for evidence in ([], [fact], [fact, fact | {"confidence": "confirmed"}]):
        provider = Provider.model_validate(entry | {"login": login, "evidence": evidence})
        expectation = Catalogue([provider]).expectation("m.own.example", 993, Service.IMAP)
        assert expectation is not None
        ways.append(expectation.login)
    assert ways == [OAUTH, (), OAUTH]
