"""A program's settings held against what was measured: the field that differs is named."""

from dataclasses import replace

import pytest

from scanner.explain.client_settings import parse_client_settings
from scanner.explain.compare import Comparison, Gap, Measured, compare, targets_for
from scanner.model import Observation, Protocol, Reason, TlsMode
from scanner.model.target import parse_target
from scanner.verdict.recommendation import Taste, choose
from tests.metrics.samples import CERTIFICATE
from tests.verdict.test_recommendation import bad, by_key, good, members

HOST = "mail.example.org"
ALL = tuple(good(port) for port in (465, 587, 143, 993, 110, 995))


def held(
    text: str, *seen: Observation, hosts: frozenset[str] | None = None, devices: int | None = None
) -> Comparison:
    """Compare settings with what was measured of `mail.example.org`, the domain's own server."""
    settings = parse_client_settings(text)
    everything = seen or ALL
    choice = choose(settings.service, members(everything), by_key(everything), Taste())
    named = frozenset({HOST}) if hosts is None else hosts
    here = tuple(one for one in everything if one.endpoint.host == settings.host)
    return compare(settings, Measured("example.org", choice, named, here), devices=devices)


def fields(comparison: Comparison) -> list[tuple[str, str]]:
    return [(each.field, each.id) for each in comparison.differences]


@pytest.mark.parametrize(
    "text", [f"{HOST}:993:ssl", f"{HOST}:995:ssl", f"{HOST}:587:starttls", f"{HOST}:465:ssl"]
)
def test_settings_that_fit_are_told_so(text: str) -> None:
    comparison = held(text)
    assert fields(comparison) == []
    assert comparison.is_measured


@pytest.mark.parametrize(
    ("text", "field", "rule", "wanted"),
    [
        (f"{HOST}:143:starttls", "port", "wrong_port", "993"),
        (f"{HOST}:110:starttls", "port", "wrong_port", "995"),
        (f"{HOST}:25:starttls", "port", "app_uses_25", "587"),
        (f"imap://{HOST}:995:ssl", "port", "wrong_port", "993"),
        (f"{HOST}:993:none", "mode", "ssl_not_enabled", "SSL/TLS"),
        (f"{HOST}:993:starttls", "mode", "ssl_not_enabled", "SSL/TLS"),
        (f"{HOST}:587:ssl", "mode", "ssl_not_enabled", "STARTTLS"),
        (f"{HOST}:587:none", "mode", "ssl_not_enabled", "STARTTLS"),
        ("old.example.net:993:ssl", "host", "server_mismatch", HOST),
    ],
)
def test_the_field_that_differs_is_named(text: str, field: str, rule: str, wanted: str) -> None:
    """F46, F47, F48."""
    comparison = held(text)
    assert fields(comparison) == [(field, rule)]
    assert comparison.differences[0].wanted == wanted


def test_a_port_that_is_closed_or_blocked_is_the_wrong_one() -> None:
    for reason in (Reason.CONNECTION_REFUSED, Reason.CONNECT_TIMEOUT):
        comparison = held(f"{HOST}:465:ssl", bad(465, reason), good(587))
        assert fields(comparison) == [("port", "wrong_port")]
        assert comparison.differences[0].wanted == "587"


def test_what_is_measured_outweighs_what_is_usual() -> None:
    """A 465 that begins in plain text wants STARTTLS, whatever the port table says."""
    plain = bad(465, Reason.PLAINTEXT_ON_TLS_PORT)
    assert fields(held(f"{HOST}:465:starttls", plain)) == []
    assert fields(held(f"{HOST}:465:ssl", plain)) == [("mode", "ssl_not_enabled")]
    wrapped = bad(587, Reason.TLS_ON_PLAINTEXT_PORT)
    assert fields(held(f"{HOST}:587:ssl", wrapped)) == []
    assert fields(held(f"{HOST}:587:starttls", wrapped)) == [("mode", "ssl_not_enabled")]


def test_a_certificate_of_another_is_the_wrong_host() -> None:
    other = replace(CERTIFICATE, name_matches=False, matched_name=None, names=("*.example.net",))
    comparison = held(f"{HOST}:993:ssl", replace(good(993), certificate=other))
    assert fields(comparison) == [("host", "server_mismatch")]
    difference = comparison.differences[0]
    assert "*.example.net" in difference.why
    assert difference.wanted == "*.example.net"


def test_of_an_address_the_certificate_tells_the_name_to_use() -> None:
    other = replace(CERTIFICATE, name_matches=False, matched_name=None, names=(HOST,))
    seen = replace(good(993, host="192.0.2.7"), certificate=other)
    (difference,) = held("192.0.2.7:993:ssl", seen, hosts=frozenset()).differences
    assert (difference.field, difference.yours, difference.wanted) == ("host", "192.0.2.7", HOST)


def test_a_host_that_does_not_exist_is_the_wrong_one() -> None:
    settings = parse_client_settings("imap.exmaple.org:993:ssl")
    choice = choose(settings.service, members(ALL), by_key(ALL), Taste())
    measured = Measured("example.org", choice, frozenset({HOST}), (), "it does not exist in the DNS")
    comparison = compare(settings, measured)
    assert [(each.field, each.wanted) for each in comparison.differences] == [("host", HOST)]


def test_a_host_that_nothing_is_known_of_is_not_called_wrong() -> None:
    """Silent name servers say nothing of the host; what the port table tells is told all the same."""
    gap = Gap(is_of_names=True, why="no answer from the name servers", advice=None)
    for text, told in (("mail.example.org:993:ssl", []), ("mail.example.org:25:starttls", ["port"])):
        settings = parse_client_settings(text)
        choice = choose(settings.service, (), {}, Taste())
        comparison = compare(settings, Measured(None, choice, frozenset(), (), None, gap))
        assert [each.field for each in comparison.differences] == told
        assert comparison.gap is gap


def test_what_was_measured_leaves_no_gap() -> None:
    """One of two targets may fail where the other has answered."""
    settings = parse_client_settings(f"{HOST}:993:ssl")
    choice = choose(settings.service, members(ALL), by_key(ALL), Taste())
    gap = Gap(is_of_names=True, why="no answer from the name servers", advice=None)
    assert compare(settings, Measured("example.org", choice, frozenset({HOST}), ALL, None, gap)).gap is None


def test_several_fields_are_told_in_order() -> None:
    comparison = held("old.example.net:143:none")
    assert [each.field for each in comparison.differences] == ["host", "port", "mode"]


def test_pop3_with_several_devices_is_told() -> None:
    """F49."""
    assert fields(held(f"{HOST}:995:ssl", devices=3)) == [("protocol", "use_imap")]
    assert fields(held(f"{HOST}:995:ssl", devices=1)) == []
    assert fields(held(f"{HOST}:993:ssl", devices=3)) == []


def test_what_could_not_be_measured_is_no_agreement() -> None:
    comparison = held(f"{HOST}:993:ssl", bad(993, Reason.EGRESS_BLOCKED))
    assert not comparison.is_measured
    assert comparison.way is None


def test_the_ports_of_the_protocol_are_probed_and_the_programs_own() -> None:
    settings = parse_client_settings("smtp://[2001:db8::1]:2525:ssl")
    targets = targets_for(settings, parse_target)
    assert {target.port for target in targets} == {25, 465, 587, 2525}
    assert {target.protocol for target in targets} == {Protocol.SMTP}
    assert [target.tls_mode for target in targets if target.port == 2525] == [TlsMode.IMPLICIT]
