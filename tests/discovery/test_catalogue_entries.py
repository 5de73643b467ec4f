"""The operator's own entries in the catalogue: new providers, changed ones, and the slots of Oudel."""

from pathlib import Path

import pytest

from scanner.config import parse_settings
from scanner.config.catalogue import SLOTS, Provider
from scanner.discovery.catalogue import Catalogue
from scanner.model import Expectation, Service, TlsMode


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue()


def own(text: str) -> Catalogue:
    document = "catalogue:\n" + text
    return Catalogue(
        parse_settings(document, source="c.yml", base=Path(), environ={}, require_targets=False).catalogue
    )


def get(catalogue: Catalogue, name: str) -> Provider:
    provider = catalogue.get(name)
    assert provider is not None
    return provider


OUDEL = """\
  - id: oudel
    domains: [oudel.example]
    submission:
      - {host: mail1.oudel.example, port: 587, slot: Email Server 1}
      - {host: bulk.oudel.example, port: 2525, tls_mode: starttls, slot: 10K Inbox Server}
    imap:
      - {host: mail1.oudel.example, port: 993, slot: Email Server 1}
"""


def test_oudel_has_four_slots_and_no_host(catalogue: Catalogue) -> None:
    oudel = get(catalogue, "oudel")
    assert oudel.slots == SLOTS["oudel"]
    assert len(SLOTS["oudel"]) == 4
    assert not catalogue.offer(oudel).places


def test_the_operator_fills_the_slots() -> None:
    catalogue = own(OUDEL)
    filled = [server.slot for server in get(catalogue, "oudel").submission or ()]
    assert filled == ["Email Server 1", "10K Inbox Server"]
    offer = catalogue.find("oudel.example")
    assert offer is not None
    assert [(place.host, place.port, place.tls_mode) for place in offer.places] == [
        ("mail1.oudel.example", 587, TlsMode.STARTTLS),
        ("bulk.oudel.example", 2525, TlsMode.STARTTLS),
        ("mail1.oudel.example", 993, TlsMode.IMPLICIT),
    ]
    expected = Expectation("oudel", starttls=True)
    assert catalogue.expectation("bulk.oudel.example", 2525, Service.SUBMISSION) == expected


def test_an_entry_replaces_only_what_it_gives(catalogue: Catalogue) -> None:
    changed = own("  - {id: gmail, min_tls: TLSv1.2, pop3: [], domains: [gmail.com, corp.example]}\n")
    before, after = get(catalogue, "gmail"), get(changed, "gmail")
    assert (after.min_tls, after.pop3) == ("TLSv1.2", ())
    assert (after.submission, after.imap, after.name) == (before.submission, before.imap, before.name)
    assert changed.find("corp.example") == changed.find("gmail.com") != catalogue.find("gmail.com")
    assert changed.find("googlemail.com") is None
    assert len(changed.providers) == len(catalogue.providers)
    assert changed.version == catalogue.version


def test_an_entry_may_add_what_was_not_offered() -> None:
    catalogue = own("""\
  - {id: microsoft-365, submission: [{host: smtp.office365.com, port: 465}]}
  - {id: icloud, pop3: [{host: pop.mail.me.com, port: 995}]}
""")
    assert catalogue.not_offered("microsoft-365").ports == frozenset()
    offer = catalogue.find("me.com")
    assert offer is not None
    assert offer.not_offered == frozenset()
    assert offer.places[-1].host == "pop.mail.me.com"


def test_an_entry_may_take_away_what_was_offered() -> None:
    catalogue = own("  - {id: gmx-net, not_offered: [465, pop3]}\n")
    offer = catalogue.find("gmx.net")
    assert offer is not None
    assert [place.port for place in offer.places] == [587, 993, 143]
    assert offer.not_offered == {Service.POP3}


def test_the_operators_word_comes_before_the_built_in_one() -> None:
    """Whatever stands in both, in whatever order the entries are."""
    catalogue = own("""\
  - {id: gmail, name: Google}
  - id: relay
    domains: [gmail.com]
    mx_suffixes: [google.com]
    submission: [{host: smtp.gmail.com, port: 587}]
""")
    offer = catalogue.find("gmail.com")
    assert offer is not None
    owners = [catalogue.by_mx("aspmx.l.google.com"), catalogue.by_host("smtp.gmail.com")]
    assert [offer.provider, *(one.id if one else None for one in owners)] == ["relay"] * 3
    assert [one.id for one in catalogue.providers[:2]] == ["gmail", "relay"]


def test_the_built_in_data_is_read_once_and_never_changes(catalogue: Catalogue) -> None:
    own(OUDEL)
    assert get(Catalogue(), "oudel") is get(catalogue, "oudel")
    with pytest.raises(AttributeError):
        catalogue.extra = 1  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        catalogue._by_domain["x"] = get(catalogue, "gmail")  # type: ignore[index]


def test_the_longest_suffix_counts() -> None:
    text = """\
  - {id: all, mx_suffixes: [mx.example], imap: [{host: a.example, port: 993}]}
  - {id: some, mx_suffixes: [eu.mx.example], imap: [{host: b.example, port: 993}]}
"""
    catalogue = own(text)
    found = [catalogue.by_mx(host) for host in ("us.mx.example", "a.eu.mx.example", "aeu.mx.example")]
    assert [one.id if one else None for one in found] == ["all", "some", "all"]
