"""The built-in catalogue: every row of the table of facts, each fact with its source and day."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from scanner.config.catalogue import BUILT_IN, Confidence, Provider
from scanner.discovery.catalogue import Catalogue, read_built_in
from scanner.model import PORTS, Login, Proof, Service, Source, TlsMode

FILE = Path(__file__).parents[2] / "scanner" / "discovery" / "providers.yml"
CLIENT_SERVICES = (Service.SUBMISSION, Service.IMAP, Service.POP3)
ALL = frozenset(CLIENT_SERVICES)

TABLE = """
gmail         | smtp.gmail.com 587t 465s          | imap.gmail.com 993s            | pop.gmail.com 995s
microsoft-365 | smtp.office365.com 587t | outlook.office365.com 993s     | outlook.office365.com 995s
outlook-com   | smtp-mail.outlook.com 587t | outlook.office365.com 993s     | outlook.office365.com 995s
yahoo         | smtp.mail.yahoo.com 465s 587t | imap.mail.yahoo.com 993s, export.imap.mail.yahoo.com 993s \
              | pop.mail.yahoo.com 995s
aol           | smtp.aol.com 465s 587t?           | imap.aol.com 993s              | pop.aol.com 995s
zoho          | smtp.zoho.com 465s 587t           | imap.zoho.com 993s             | pop.zoho.com 995s
zoho-eu       | smtp.zoho.eu 465s 587t            | imap.zoho.eu 993s              | pop.zoho.eu 995s
zoho-in       | smtp.zoho.in 465s 587t            | imap.zoho.in 993s              | pop.zoho.in 995s
zoho-au       | smtp.zoho.com.au 465s 587t        | imap.zoho.com.au 993s          | pop.zoho.com.au 995s
zoho-jp       | smtp.zoho.jp 465s 587t            | imap.zoho.jp 993s              | pop.zoho.jp 995s
zoho-ca       | smtp.zohocloud.ca 465s 587t       | imap.zohocloud.ca 993s         | pop.zohocloud.ca 995s
zoho-own      | smtppro.zoho.com 465s 587t        | imappro.zoho.com 993s          | poppro.zoho.com 995s
zoho-eu-own   | smtppro.zoho.eu 465s 587t         | imappro.zoho.eu 993s           | poppro.zoho.eu 995s
zoho-in-own   | smtppro.zoho.in 465s 587t         | imappro.zoho.in 993s           | poppro.zoho.in 995s
zoho-au-own   | smtppro.zoho.com.au 465s 587t     | imappro.zoho.com.au 993s       | poppro.zoho.com.au 995s
zoho-jp-own   | smtppro.zoho.jp 465s 587t         | imappro.zoho.jp 993s           | poppro.zoho.jp 995s
zoho-ca-own   | smtppro.zohocloud.ca 465s 587t    | imappro.zohocloud.ca 993s      | poppro.zohocloud.ca 995s
icloud        | smtp.mail.me.com 587t             | imap.mail.me.com 993s          | -
fastmail      | smtp.fastmail.com 465s 587t       | imap.fastmail.com 993s         | pop.fastmail.com 995s
gmx-net       | mail.gmx.net 465s 587t            | imap.gmx.net 993s 143t         | pop.gmx.net 995s 110t
gmx-com       | mail.gmx.com 465s 587t            | imap.gmx.com 993s 143t         | pop.gmx.com 995s 110t
mail-com      | smtp.mail.com 465s 587t           | imap.mail.com 993s 143t        | pop.mail.com 995s 110t
proton        | -                                 | -                              | -
mail-ru       | smtp.mail.ru 465s 587t            | imap.mail.ru 993s 143t         | pop.mail.ru 995s 110t
yandex        | smtp.yandex.com 465s              | imap.yandex.com 993s 143t?     | pop.yandex.com 995s 110t?
qq            | smtp.qq.com 465s 587t             | imap.qq.com 993s               | pop.qq.com 995s? 110t?
netease       | smtp.163.com 465s                 | imap.163.com 993s 143t?        | pop.163.com 995s? 110t?
netease-126   | smtp.126.com 465s                 | imap.126.com 993s              | pop.126.com 995s?
netease-yeah  | smtp.yeah.net 465s                | imap.yeah.net 993s             | pop.yeah.net 995s?
ovh           | ssl0.ovh.net 465s 587t?           | ssl0.ovh.net 993s              | ssl0.ovh.net 995s
ionos         | smtp.1und1.de 465s 587t           | imap.1und1.de 993s 143t        | pop.1und1.de 995s 110t
oudel         | -                                 | -                              | -
"""
"""Implicit TLS is `s`, STARTTLS `t`; a server with `?` is not verified."""
ROWS = [[cell.strip() for cell in row.split("|")] for row in TABLE.strip().split("\n")]

NOT_OFFERED: dict[str, set[int]] = {
    "microsoft-365": {465},
    "outlook-com": {465},
    "icloud": {110, 995},
    "proton": {465, 587, 143, 993, 110, 995},
}
MIN_TLS = {"gmail": "TLSv1.0", "microsoft-365": "TLSv1.2", "outlook-com": "TLSv1.2"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue()


def get(catalogue: Catalogue, name: str) -> Provider:
    provider = catalogue.get(name)
    assert provider is not None
    return provider


def read_cell(cell: str, service: Service) -> list[tuple[Service, str, int, TlsMode, Proof]]:
    """Read "host 465s 587t?, other 993s" as the table has it."""
    if cell == "-":
        return []
    found = []
    for part in cell.split(","):
        host, *ports = part.split()
        for port in ports:
            match = re.fullmatch(r"([0-9]+)([st])(\??)", port)
            assert match is not None, port
            mode = TlsMode.IMPLICIT if match[2] == "s" else TlsMode.STARTTLS
            proof = Proof.GREETING if match[3] else Proof.NONE
            found.append((service, host, int(match[1]), mode, proof))
    return found


# ------------------------------------------------------------------------------------- the built-in facts


def test_the_table_has_every_provider() -> None:
    assert {row[0] for row in ROWS} == BUILT_IN == {provider.id for provider in read_built_in()}
    assert len(ROWS) == len(BUILT_IN)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_row_of_the_table(row: list[str], catalogue: Catalogue) -> None:
    name, *cells = row
    expected = [
        server
        for service, cell in zip(CLIENT_SERVICES, cells, strict=True)
        for server in read_cell(cell, service)
    ]
    offer = catalogue.offer(get(catalogue, name))
    assert [(p.service, p.host, p.port, p.tls_mode, p.proof) for p in offer.places] == expected
    assert all(place.protocol is PORTS[place.port].protocol for place in offer.places)
    assert catalogue.not_offered(name).ports == NOT_OFFERED.get(name, set())
    assert get(catalogue, name).min_tls == MIN_TLS.get(name)
    assert (offer.source, offer.provider) == (Source.CATALOGUE, name)


def test_port_25_is_never_for_mail_programs() -> None:
    assert not [
        one.id for one in read_built_in() for service in ALL for s in one.servers(service) if s.port == 25
    ]


def test_all_facts_have_a_source_and_a_day() -> None:
    for provider in read_built_in():
        told = {key for fact in provider.evidence or () for key in fact.fields}
        given = {key for key in Provider.model_fields if getattr(provider, key) is not None}
        assert given - {"id", "name", "notes", "evidence"} <= told, provider.id
        assert told <= given, provider.id
        for fact in provider.evidence or ():
            assert date(2020, 1, 1) <= fact.checked <= datetime.now(UTC).date(), provider.id


def test_servers_that_are_not_verified_have_evidence_that_says_so() -> None:
    doubtful = []
    for provider in read_built_in():
        for service in CLIENT_SERVICES:
            if any(one.confidence is Confidence.UNVERIFIED for one in provider.servers(service)):
                doubtful.append((provider.id, service.value))
                facts = [fact for fact in provider.evidence or () if service.value in fact.fields]
                assert Confidence.UNVERIFIED in {fact.confidence for fact in facts}, provider.id
    assert len(doubtful) == 9


@pytest.mark.parametrize(
    "name",
    ["icloud", "proton", "qq", "netease", "zoho-eu-own", "zoho-in-own", "zoho-au-own", "zoho-jp-own"],
)
def test_mx_suffixes_from_memory_are_marked(name: str, catalogue: Catalogue) -> None:
    facts = [fact for fact in get(catalogue, name).evidence or () if "mx_suffixes" in fact.fields]
    assert {fact.confidence for fact in facts} == {Confidence.UNVERIFIED}


def test_no_domain_suffix_or_id_is_in_two_entries() -> None:
    """Also by the file's own text, since reading it would already refuse doubles."""
    entries = yaml.safe_load(FILE.read_text("utf-8"))["catalogue"]
    for key in ("domains", "mx_suffixes"):
        names = [name for entry in entries for name in entry.get(key, [])]
        assert len(names) == len(set(names)) > 20
    assert len({entry["id"] for entry in entries}) == len(entries)


def test_the_version_is_the_day_of_the_newest_fact(catalogue: Catalogue) -> None:
    days = re.findall(r"checked: ([0-9-]+)", FILE.read_text("utf-8"))
    assert catalogue.version == max(days)


def test_how_users_sign_in(catalogue: Catalogue) -> None:
    ways = {}
    for provider in read_built_in():
        ways[provider.id] = provider.login.methods if provider.login else ()
    assert ways["gmail"] == (Login.OAUTH2, Login.APP_PASSWORD)
    assert ways["microsoft-365"] == ways["outlook-com"] == (Login.OAUTH2,)
    assert ways["qq"] == ways["netease"] == ways["netease-126"] == (Login.AUTHORISATION_CODE,)
    assert ways["proton"] == (Login.BRIDGE,)
    assert ways["icloud"] == (Login.APP_PASSWORD,)
    assert [name for name, methods in ways.items() if not methods] == ["oudel"]
