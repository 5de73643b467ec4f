"""The other scanners on servers of known TLS versions: they run, and we read them right."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from scanner.model import Protocol, TlsMode
from tests.servers.canned_tls import StartCanned
from tests.servers.process import reserved_address
from tests.servers.tls_farms import NETWORK, SMTP_PORTS, Farm
from tests.servers.tls_place import (
    ALL_VERSIONS,
    VERSIONS,
)
from tests.servers.tls_scanners import (
    SCANNERS,
    Answers,
    ScannerFailedError,
    ask_nmap,
    ask_sslscan,
    ask_sslyze,
    read_nmap,
    read_sslscan,
    read_sslyze,
    read_testssl,
)


def said_on(answers: Answers) -> set[str]:
    return {version for version, is_on in answers.items() if is_on}


# testssl.sh takes ten seconds, so it gets the one question that is the hardest.
@pytest.mark.parametrize(
    ("scanner", "versions"),
    [
        ("testssl.sh", {"TLSv1.0", "TLSv1.2"}),
        ("sslscan", {"TLSv1.0", "TLSv1.2"}),
        ("sslscan", {"TLSv1.2", "TLSv1.3"}),
        ("nmap", {"TLSv1.0", "TLSv1.2"}),
        ("nmap", {"TLSv1.2", "TLSv1.3"}),
        ("sslyze", {"TLSv1.0", "TLSv1.2"}),
        ("sslyze", {"TLSv1.2", "TLSv1.3"}),
    ],
)
def test_other_scanners_see_what_postfix_serves(postfix_farm: Farm, scanner: str, versions: set[str]) -> None:
    answers = SCANNERS[scanner](postfix_farm[frozenset(versions), 25])
    assert said_on(answers) == versions
    assert all(answers[version] is False for version in VERSIONS if version not in versions)


def test_other_scanners_see_what_dovecot_serves(dovecot_farm: Farm) -> None:
    modern = frozenset({"TLSv1.2", "TLSv1.3"})
    for port in (143, 993):
        assert said_on(ask_sslscan(dovecot_farm[modern, port])) == modern
    assert said_on(ask_nmap(dovecot_farm[modern, 110])) == modern
    assert said_on(ask_sslyze(dovecot_farm[modern, 110])) == modern


def test_other_scanners_take_canned_bytes_for_every_version(start_canned: StartCanned) -> None:
    with reserved_address(NETWORK, SMTP_PORTS) as address:
        place = start_canned("everything", Protocol.SMTP, TlsMode.STARTTLS, where=(address, 25)).place
        assert said_on(ask_sslscan(place)) == set(ALL_VERSIONS)
        assert said_on(ask_nmap(place)) == set(ALL_VERSIONS)


def test_other_scanners_find_nothing_where_nothing_listens(start_canned: StartCanned) -> None:
    with reserved_address(NETWORK, SMTP_PORTS) as address:
        place = replace(start_canned("everything").place, address=address, port=465)
        assert set(ask_nmap(place).values()) == {None}
        assert set(ask_sslscan(place).values()) == {None}
        assert set(ask_sslyze(place).values()) == {None}


def test_sslyze_says_nothing_where_no_handshake_can_be_completed(start_canned: StartCanned) -> None:
    assert set(ask_sslyze(start_canned("hello-retry-request").place).values()) == {None}


@pytest.mark.parametrize(
    ("finding", "meaning"),
    [
        ("not offered", False),
        ("TLSv1.1 is not offered, and downgraded to a weaker protocol", False),
        ("likely not offered", None),
        ("offered (deprecated)", True),
        ("offered, no cipher", True),
        ("vulnerable with 2 ciphers", True),
        ("couldn't be tested, socket problem", None),
        ("connection failed rather than downgrading to TLSv1.2", None),
    ],
)
def test_what_testssl_writes_is_understood(finding: str, meaning: bool | None) -> None:
    report = json.dumps([{"id": "TLS1_1", "finding": finding}])
    assert read_testssl(report)["TLSv1.1"] is meaning
    assert read_testssl(report)["TLSv1.2"] is None


@pytest.mark.parametrize("read", [read_testssl, read_sslscan, read_nmap, read_sslyze])
def test_a_scanner_without_a_report_is_told(read: Callable[[str], Answers]) -> None:
    with pytest.raises(ScannerFailedError, match="wrote no report"):
        read("Segmentation fault")
