"""The providers of the guide: where an account with nothing but an address signs in, and with what."""

import re
from pathlib import Path

import pytest

from scanner.accounts.advice import advise
from scanner.accounts.attempt import AccountFailure
from scanner.accounts.providers import find_account_warnings
from scanner.accounts.servers import KeepingFinder, find_server
from scanner.config.account_settings import Account
from scanner.config.catalogue import Provider
from scanner.discovery import Catalogue
from scanner.discovery.found import Found
from scanner.discovery.mx import MxFound
from scanner.discovery.offer import Offer, Place, Trouble
from scanner.model import Protocol, Reason, TlsMode
from scanner.model.account import AccountReason, Activity
from scanner.model.ports import Preference
from scanner.model.published import Service, Source, UserName

DOCUMENT = (Path(__file__).parents[2] / "docs" / "accounts.md").read_text("utf-8")
OUDEL = {
    "id": "oudel",
    "domains": ["oudel.test"],
    "submission": [{"host": "one.oudel.test", "port": 587, "slot": "Email Server 1"}],
    "imap": [{"host": "one.oudel.test", "port": 993, "slot": "Email Server 1"}],
    "pop3": [{"host": "one.oudel.test", "port": 995, "slot": "Email Server 1"}],
}
CATALOGUE = Catalogue([Provider.model_validate(OUDEL)])
ROWS = {
    "Gmail": (
        "gmail.com",
        "smtp.gmail.com:587",
        "imap.gmail.com:993",
        "pop.gmail.com:995",
        "password or token",
    ),
    "Outlook.com": (
        "outlook.com",
        "smtp-mail.outlook.com:587",
        "outlook.office365.com:993",
        "outlook.office365.com:995",
        "token",
    ),
    "Microsoft 365": (
        "customer.test",
        "smtp.office365.com:587",
        "outlook.office365.com:993",
        "outlook.office365.com:995",
        "token",
    ),
    "Yahoo": (
        "yahoo.com",
        "smtp.mail.yahoo.com:465",
        "imap.mail.yahoo.com:993",
        "pop.mail.yahoo.com:995",
        "password or token",
    ),
    "Zoho": ("zoho.com", "smtp.zoho.com:465", "imap.zoho.com:993", "pop.zoho.com:995", "password"),
    "Oudel": ("oudel.test", "one.oudel.test:587", "one.oudel.test:993", "one.oudel.test:995", "password"),
}
MODES = {465: "implicit", 587: "starttls", 993: "implicit", 995: "implicit"}


async def find(domain: str) -> Found:
    """Find what discovery would: the catalogue, or the provider that the MX hosts belong to."""
    offer = CATALOGUE.find(domain)
    if offer is None and domain == "customer.test":
        provider = CATALOGUE.by_mx("customer-test.mail.protection.outlook.com")
        assert provider is not None
        places = CATALOGUE.offer(provider).places
        offer = Offer(Source.INFERRED, places, provider=provider.id)
    return Found(domain, MxFound(Offer(Source.MX)), () if offer is None else (offer,))


def make_account(domain: str, **keys: object) -> Account:
    values = {"name": "a", "username": f"jane@{domain}", "pop3": True, "password_file": "s", **keys}
    return Account.model_validate({key: value for key, value in values.items() if value is not None})


@pytest.mark.parametrize("provider", ROWS)
async def test_an_address_alone_leads_to_the_servers_of_the_guide(provider: str) -> None:
    domain, *servers, _ = ROWS[provider]
    account = make_account(domain)
    for activity, server in zip((Activity.SMTP, Activity.IMAP, Activity.POP3), servers, strict=True):
        found = await find_server(account, activity, find, CATALOGUE)
        assert str(found) == f"{server}:{MODES[found.port]}"


@pytest.mark.parametrize("provider", ROWS)
def test_the_documented_row_of_a_provider_is_true(provider: str) -> None:
    row = re.search(rf"^\| {re.escape(provider)} \|(.*)\|$", DOCUMENT, re.MULTILINE)
    assert row is not None
    _, smtp, imap, pop3, credential = ROWS[provider]
    if provider == "Oudel":
        assert "slots" in row[1]
        return
    cells = [cell.strip(" `") for cell in row[1].split("|")]
    assert cells[:3] == [smtp, imap, pop3]
    assert ("token_command" in cells[3]) == ("token" in credential)
    assert ("password" in cells[3].replace("no password", "")) == ("password" in credential)


@pytest.mark.parametrize("provider", ["Gmail", "Outlook.com", "Yahoo", "Zoho"])
def test_a_credential_that_the_provider_does_not_take_is_told_before_it_is_tried(provider: str) -> None:
    domain, *_, credential = ROWS[provider]
    with_password = list(find_account_warnings([make_account(domain)], CATALOGUE))
    assert bool(with_password) == ("password" not in credential)
    token = make_account(domain, password_file=None, token_command=["/bin/token"])
    assert bool(list(find_account_warnings([token], CATALOGUE))) == ("token" not in credential)
    local = make_account(domain, username="jane", pop3=None, imap=ROWS[provider][2])
    assert any("full address" in warning for warning in find_account_warnings([local], CATALOGUE))


def test_the_advice_for_a_refusal_has_the_words_of_the_provider() -> None:
    gmail = CATALOGUE.get("gmail")
    text = advise(AccountReason.APP_PASSWORD_REQUIRED, gmail)
    assert "OAuth 2 (token_command) or an app password" in text
    assert "2-step verification" in text
    assert "takes OAuth 2" in advise(AccountReason.AUTH_DISABLED, CATALOGUE.get("outlook-com"))
    assert "Gmail" not in advise(AccountReason.CONNECT_TIMEOUT, gmail)


@pytest.mark.parametrize("reason", AccountReason)
def test_every_reason_has_advice_in_whole_sentences(reason: AccountReason) -> None:
    text = advise(reason)
    assert text[0].isupper()
    assert text.endswith((".", ")")), text


def test_whoever_gave_the_whole_address_is_not_told_to_give_it() -> None:
    assert "whole address" in advise(AccountReason.AUTH_FAILED, None, UserName.LOCAL_PART)
    assert "whole address" not in advise(AccountReason.AUTH_FAILED, None, UserName.FULL_ADDRESS)


async def test_the_operator_chooses_the_port_for_sending() -> None:
    yahoo = make_account("yahoo.com")
    found = await find_server(yahoo, Activity.SMTP, find, CATALOGUE, Preference.STARTTLS)
    assert found.port == 587
    gmail = make_account("gmail.com")
    assert (await find_server(gmail, Activity.SMTP, find, CATALOGUE, Preference.RFC8314)).port == 465


def place(host: str, port: int = 993) -> Place:
    return Place(Service.IMAP, host, port, Protocol.IMAP, TlsMode.IMPLICIT)


@pytest.mark.parametrize(
    "source", [Source.SRV, Source.AUTOCONFIG, Source.ISPDB, Source.GUESS, Source.INFERRED]
)
@pytest.mark.parametrize(
    ("host", "is_trusted"),
    [
        ("mail.example.org", True),
        ("imap.gmail.com", True),
        ("imap.attacker.test", False),
        ("example.org.attacker.test", False),
        ("127.0.0.1", False),
    ],
)
async def test_no_password_goes_where_forged_dns_could_lead_it(
    source: Source, host: str, is_trusted: bool
) -> None:
    async def find_one(domain: str) -> Found:
        return Found(domain, MxFound(Offer(Source.MX)), (Offer(source, (place(host),)),))

    account = make_account("example.org")
    if is_trusted:
        assert (await find_server(account, Activity.IMAP, find_one, CATALOGUE)).host == host
        return
    with pytest.raises(AccountFailure, match=f"until you write imap: {host}:993") as caught:
        await find_server(account, Activity.IMAP, find_one, CATALOGUE)
    assert caught.value.reason is AccountReason.NO_SERVER


async def test_where_nothing_is_published_it_says_what_to_write() -> None:
    async def find_none(domain: str) -> Found:
        return Found(domain, MxFound(Offer(Source.MX)))

    with pytest.raises(AccountFailure, match="write imap: HOST:PORT"):
        await find_server(make_account("example.org"), Activity.IMAP, find_none, CATALOGUE)


async def test_the_sources_are_asked_once_an_hour_and_sooner_where_one_could_not_tell() -> None:
    asked: list[str] = []
    now = [1000.0]

    async def ask(domain: str) -> Found:
        asked.append(domain)
        trouble = Trouble(Reason.DNS_FAILURE, "no answer") if domain == "ill.example" else None
        return Found(domain, MxFound(Offer(Source.MX)), (Offer(Source.SRV, trouble=trouble),))

    finder = KeepingFinder(ask, lambda: now[0])
    for seconds in (0, 10, 290, 301, 3601):
        now[0] = 1000.0 + seconds
        for domain in ("well.example", "ill.example"):
            await finder(domain)
    assert asked == ["well.example", "ill.example", "ill.example", "well.example", "ill.example"]
