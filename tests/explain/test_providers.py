"""The providers of the guide: what each has, what is expected of it, and what its users are advised."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from scanner.config import parse_settings
from scanner.config.catalogue import SLOTS
from scanner.discovery import Catalogue
from scanner.explain.advice import Advice, Wish, advise
from scanner.model import Login, Observation, Role, Service, Source
from scanner.model.domain import DomainFacts, Membership
from scanner.model.ports import Preference
from scanner.model.published import UserName
from scanner.verdict.credentials import Purpose
from tests.metrics.samples import GOOD


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the guide: a domain, its provider, and the ports in the guide's order."""

    domain: str
    provider: str
    submission: tuple[tuple[str, int], ...]
    imap: str
    pop3: str
    login: tuple[Login, ...]
    offered: tuple[str, ...]


ANY = ("PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER")
GMAIL = Row(
    "gmail.com",
    "gmail",
    (("smtp.gmail.com", 587), ("smtp.gmail.com", 465)),
    "imap.gmail.com",
    "pop.gmail.com",
    (Login.OAUTH2, Login.APP_PASSWORD),
    ANY,
)
OUTLOOK = Row(
    "outlook.com",
    "outlook-com",
    (("smtp-mail.outlook.com", 587),),
    "outlook.office365.com",
    "outlook.office365.com",
    (Login.OAUTH2,),
    ("LOGIN", "XOAUTH2"),
)
YAHOO = Row(
    "yahoo.com",
    "yahoo",
    (("smtp.mail.yahoo.com", 465), ("smtp.mail.yahoo.com", 587)),
    "imap.mail.yahoo.com",
    "pop.mail.yahoo.com",
    (Login.OAUTH2, Login.APP_PASSWORD),
    ANY,
)
ZOHO = Row(
    "zoho.com",
    "zoho",
    (("smtp.zoho.com", 465), ("smtp.zoho.com", 587)),
    "imap.zoho.com",
    "pop.zoho.com",
    (Login.PASSWORD, Login.APP_PASSWORD),
    ("PLAIN", "LOGIN"),
)
ZOHO_EU = replace(
    ZOHO,
    domain="zoho.eu",
    provider="zoho-eu",
    submission=(("smtp.zoho.eu", 465), ("smtp.zoho.eu", 587)),
    imap="imap.zoho.eu",
    pop3="pop.zoho.eu",
)
ROWS = {row.domain: row for row in (GMAIL, OUTLOOK, YAHOO, ZOHO, ZOHO_EU)}

OUDEL = """\
catalogue:
  - id: oudel
    domains: [oudel.example]
    submission:
      - {host: mail1.oudel.example, port: 587, slot: Email Server 1}
      - {host: mail2.oudel.example, port: 465, slot: Email Server 2}
    imap:
      - {host: mail1.oudel.example, port: 993, slot: Email Server 1}
    login: {methods: [password], username: full_address}
"""


def measured(catalogue: Catalogue, domain: str, offered: tuple[str, ...]) -> dict[Membership, Observation]:
    """Return a good result of every server that the catalogue names for a domain."""
    offer = catalogue.find(domain)
    assert offer is not None
    found = {}
    for place in offer.places:
        endpoint = replace(
            GOOD.endpoint,
            host=place.host,
            port=place.port,
            protocol=place.protocol,
            tls_mode=place.tls_mode,
            role=Role.SUBMISSION if place.service is Service.SUBMISSION else Role.ACCESS,
            domains=(domain,),
        )
        member = Membership(place.service, endpoint.key, Source.CATALOGUE)
        found[member] = replace(GOOD, endpoint=endpoint, auth_after_tls=offered)
    return found


def advice_for(
    domain: str,
    offered: tuple[str, ...],
    catalogue: Catalogue,
    wish: Wish | None = None,
    preference: Preference | None = None,
) -> Advice:
    seen = measured(catalogue, domain, offered)
    offer = catalogue.find(domain)
    assert offer is not None
    provider = catalogue.get(offer.provider or "")
    latest = {member.key: observation for member, observation in seen.items()}
    return advise(DomainFacts(domain, tuple(seen)), latest, provider, wish or Wish(), preference)


@pytest.mark.parametrize("domain", ROWS)
def test_the_advice_of_a_row(domain: str) -> None:
    row = ROWS[domain]
    advice = advice_for(domain, row.offered, Catalogue())
    sending = advice.services[Service.SUBMISSION]
    assert sending.choice.way is not None
    ways = [sending.choice.way, *sending.choice.others]
    assert tuple((way.host, way.port) for way in ways) == row.submission
    imap, pop3 = advice.services[Service.IMAP].choice.way, advice.services[Service.POP3].choice.way
    assert imap is not None
    assert pop3 is not None
    assert (imap.host, imap.port) == (row.imap, 993)
    assert (pop3.host, pop3.port) == (row.pop3, 995)
    assert sending.credential is not None
    assert set(sending.credential.ways) == set(row.login)
    assert (advice.user_name, advice.is_user_name_known) == (UserName.FULL_ADDRESS, True)
    assert (advice.is_complete, advice.is_met) == (True, True)


@pytest.mark.parametrize("domain", ROWS)
def test_the_expectation_of_a_row(domain: str) -> None:
    """What a provider has is looked for, and what it does not have is no fault."""
    row, catalogue = ROWS[domain], Catalogue()
    for host, port in row.submission:
        expectation = catalogue.expectation(host, port, Service.SUBMISSION)
        assert expectation is not None
        assert expectation.provider in {row.provider, "microsoft-365"}
        assert expectation.starttls is (port == 587)
        assert not expectation.not_offered
        assert set(expectation.login) == set(row.login)
    closed = catalogue.expectation(row.submission[0][0], 465, Service.SUBMISSION)
    assert closed is not None
    assert closed.not_offered is (row.provider == "outlook-com")


def test_the_operator_outweighs_the_order_of_the_provider() -> None:
    for preference, port in ((Preference.STARTTLS, 587), (Preference.RFC8314, 465)):
        for row in (GMAIL, YAHOO, ZOHO):
            way = advice_for(row.domain, row.offered, Catalogue(), None, preference)
            sending = way.services[Service.SUBMISSION].choice.way
            assert sending is not None
            assert sending.port == port


def test_a_customer_of_microsoft_365_signs_in_with_oauth() -> None:
    catalogue = Catalogue()
    provider = catalogue.by_mx("customer-test.mail.protection.outlook.com")
    assert provider is not None
    assert (provider.id, provider.ways_to_sign_in) == ("microsoft-365", (Login.OAUTH2,))
    assert provider.login is not None
    assert provider.login.username is UserName.FULL_ADDRESS


def test_a_web_site_at_gmail_needs_an_app_password() -> None:
    """S33, S37."""
    advice = advice_for("gmail.com", ANY, Catalogue(), Wish(Purpose.WORDPRESS))
    sending = advice.services[Service.SUBMISSION]
    assert sending.choice.way is not None
    assert (sending.choice.way.host, sending.choice.way.port) == ("smtp.gmail.com", 587)
    assert sending.credential is not None
    assert sending.credential.ways[0] is Login.APP_PASSWORD
    assert advice.wanted == (Service.SUBMISSION,)


def test_oudel_is_advised_by_the_hosts_that_the_operator_fills_in() -> None:
    """S23."""
    settings = parse_settings(OUDEL, source="c.yml", base=Path(), environ={}, require_targets=False)
    catalogue = Catalogue(settings.catalogue)
    oudel = catalogue.get("oudel")
    assert oudel is not None
    assert oudel.slots == SLOTS["oudel"]
    advice = advice_for("oudel.example", ("PLAIN",), catalogue)
    sending = advice.services[Service.SUBMISSION].choice
    assert sending.way is not None
    assert (sending.way.host, sending.way.port) == ("mail1.oudel.example", 587)
    assert [way.port for way in sending.others] == [465]
    assert advice.is_met is True
    assert Catalogue().find("oudel.example") is None


@pytest.mark.parametrize(
    ("devices", "is_local", "reading"),
    [
        (None, False, Service.IMAP),
        (None, True, Service.IMAP),
        (3, True, Service.IMAP),
        (1, False, Service.IMAP),
        (1, True, Service.POP3),
    ],
)
def test_pop3_is_for_one_device_that_keeps_its_mail(
    devices: int | None, is_local: bool, reading: Service
) -> None:
    """S10, S15, S44, S45."""
    advice = advice_for("gmail.com", ANY, Catalogue(), Wish(devices=devices, is_local=is_local))
    assert advice.reading is reading
    assert advice.wanted == (Service.SUBMISSION, reading)
    assert list(advice.services)[1] is reading


def test_the_caution_stands_wherever_pop3_is_recommended() -> None:
    """S14."""
    caution = advice_for("gmail.com", ANY, Catalogue()).caution
    assert caution is not None
    assert "deletes it on the server" in caution
    assert "does not synchronise" in caution
