"""The name service and its zones, asked by dnspython alone."""

import re
from pathlib import Path

import dns.exception
import dns.flags
import dns.rcode
import pytest

from tests.servers import zone_names
from tests.servers.dns_client import ask, is_secure, records
from tests.servers.name_service import NameService, write_zones
from tests.servers.sites import Sites
from tests.servers.zones import Signing, Zone

DNSSEC_CODES = range(5, 13)
"""Extended DNS errors that say "bogus" (RFC 8914 section 4)."""


# ------------------------------------------------------------------------------------------------- DNSSEC


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("dane-ee.secure.test", "MX"),
        ("ee.secure.test", "A"),
        ("_25._tcp.ee.secure.test", "TLSA"),
        ("broken-tlsa.secure.test", "A"),
        ("dane-host-insecure.secure.test", "MX"),
    ],
)
def test_signed_records_are_secure(name_service: NameService, name: str, kind: str) -> None:
    answer = ask(name_service.resolver, name, kind)
    assert records(answer, kind)
    assert is_secure(answer)


@pytest.mark.parametrize("name", ["missing.secure.test", "_25._tcp.mx.secure.test"])
def test_that_a_signed_name_does_not_exist_is_secure_too(name_service: NameService, name: str) -> None:
    answer = ask(name_service.resolver, name, "TLSA")
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert is_secure(answer)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("complete.plain.test", "MX"),
        ("_25._tcp.unsigned.plain.test", "TLSA"),
        ("unsigned.plain.test", "A"),
        ("dane-alias.secure.test", "MX"),
    ],
)
def test_unsigned_records_are_there_and_not_secure(name_service: NameService, name: str, kind: str) -> None:
    answer = ask(name_service.resolver, name, kind)
    assert records(answer, kind)
    assert not is_secure(answer)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("bogus.test", "MX"), ("expired.test", "MX"), ("_25._tcp.broken-tlsa.secure.test", "TLSA")],
)
def test_bogus_records_fail_with_a_dnssec_error_and_are_given_unchecked(
    name_service: NameService, name: str, kind: str
) -> None:
    answer = ask(name_service.resolver, name, kind)
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert [error.code for error in answer.extended_errors() if error.code in DNSSEC_CODES]
    unchecked = ask(name_service.resolver, name, kind, flags=dns.flags.CD)
    assert records(unchecked, kind)
    assert records(ask(name_service.authority, name, kind), kind)


# -------------------------------------------------------------------------------------------------- zones


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("complete.plain.test", "MX", ["10 mail.complete.plain.test."]),
        ("_submissions._tcp.complete.plain.test", "SRV", ["0 1 465 mail.complete.plain.test."]),
        ("_pop3._tcp.complete.secure.test", "SRV", ["9 1 110 mail.complete.secure.test."]),
        ("_mta-sts.sts-enforce.plain.test", "TXT", ['"v=STSv1; id=stsenforce1;"']),
        ("implicit.plain.test", "MX", []),
        ("null-mx.plain.test", "MX", ["0 ."]),
        ("null-mx-beside.plain.test", "MX", ["0 .", "10 mx.plain.test."]),
        ("mx-alias.plain.test", "MX", ["10 alias-host.plain.test."]),
        ("alias-host.plain.test", "CNAME", ["mx.plain.test."]),
        ("alias-domain.plain.test", "MX", ["10 mail.complete.plain.test."]),
        ("mx-localhost.plain.test", "MX", ["10 localhost."]),
        ("mx-literal.plain.test", "MX", ["10 192.0.2.1."]),
        ("private.plain.test", "A", ["10.0.0.1"]),
        ("metadata.plain.test", "A", ["169.254.169.254"]),
        ("no-address.plain.test", "A", []),
        ("equal.plain.test", "MX", [f"10 mx{number}.plain.test." for number in range(3)]),
        ("ten.plain.test", "MX", [f"{number} mx{number}.plain.test." for number in range(10)]),
        ("_imaps._tcp.srv-none.plain.test", "SRV", ["0 0 0 ."]),
        ("_imaps._tcp.srv-odd.plain.test", "SRV", ["0 1 2993 mx.plain.test."]),
        ("srv-alias-host.plain.test", "CNAME", ["mail.complete.plain.test."]),
        ("only-ipv6.plain.test", "A", []),
        ("only-ipv6.plain.test", "AAAA", ["::1"]),
        ("dual.plain.test", "AAAA", ["::1"]),
        ("bücher.plain.test", "MX", ["10 mx.xn--bcher-kva.plain.test."]),
        ("dane-host-insecure.secure.test", "MX", ["10 unsigned.plain.test."]),
        ("crowd0.plain.test", "MX", ["10 mx.plain.test."]),
        (zone_names.crowd()[-1], "MX", ["10 mx.plain.test."]),
    ],
)
def test_the_situations_of_the_zones(
    name_service: NameService, name: str, kind: str, expected: list[str]
) -> None:
    answer = ask(name_service.resolver, name, kind)
    assert answer.rcode() == dns.rcode.NOERROR
    assert records(answer, kind) == expected


def test_every_name_below_the_wildcard_exists(name_service: NameService, sites: Sites) -> None:
    for label in ("imap", "x7k2q"):
        assert records(ask(name_service.resolver, f"{label}.wild.plain.test", "A"), "A") == [sites.complete]


def test_long_answers_come_whole(name_service: NameService) -> None:
    (text,) = records(ask(name_service.resolver, "_mta-sts.huge-txt.plain.test", "TXT"), "TXT")
    assert len(re.findall('"[^"]{255}"', text)) == 250
    assert len(records(ask(name_service.resolver, "three-hundred.plain.test", "MX"), "MX")) == 300


@pytest.mark.parametrize("name", ["lame.plain.test", "loop.plain.test"])
def test_a_lame_delegation_and_a_ring_of_aliases_fail(name_service: NameService, name: str) -> None:
    answer = ask(name_service.resolver, name, "MX")
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert not [error.code for error in answer.extended_errors() if error.code in DNSSEC_CODES]


def test_a_dead_delegation_lets_time_run_out(name_service: NameService) -> None:
    with pytest.raises(dns.exception.Timeout):
        ask(name_service.resolver, "dead.plain.test", "MX", seconds=0.5)


def test_names_of_the_world_are_refused(name_service: NameService) -> None:
    assert ask(name_service.resolver, "example.com", "MX").rcode() == dns.rcode.REFUSED


# ------------------------------------------------------------------------------- what a test can ask and do


def test_questions_are_noted_and_answers_come_from_the_cache(name_service: NameService) -> None:
    name_service.forget()
    ask(name_service.resolver, "mx.plain.test", "MX")
    seen, reached = len(name_service.questions()), name_service.authority_queries()["MX"]
    for _ in range(3):
        ask(name_service.resolver, "crowd7.plain.test", "MX")
    assert name_service.questions()[seen:] == [("crowd7.plain.test", "MX")] * 3
    assert name_service.authority_queries()["MX"] == reached + 1
    name_service.forget()
    ask(name_service.resolver, "crowd7.plain.test", "MX")
    assert name_service.authority_queries()["MX"] == reached + 2


def test_a_zone_can_be_changed_for_a_while(name_service: NameService) -> None:
    def policy_record() -> list[str]:
        return records(ask(name_service.resolver, "_mta-sts.sts-enforce.plain.test", "TXT"), "TXT")

    before = policy_record()
    with name_service.changed("id=stsenforce1;", "id=newer;"):
        assert policy_record() == ['"v=STSv1; id=newer;"']
    assert policy_record() == before
    with pytest.raises(ValueError, match="no 'id=nobody;'"), name_service.changed("id=nobody;", ""):
        pass


def test_a_slip_in_a_zone_is_told_with_its_line(tmp_path: Path) -> None:
    zone = Zone("slip.test", None, Signing.NONE, "good A 127.0.0.1\nbad A 127.0.0.256\n")
    with pytest.raises(RuntimeError, match=r"slip\.test\.zone:6: .*127\.0\.0\.256"):
        write_zones(tmp_path, [zone])


def test_a_silent_resolver_answers_again_afterwards(name_service: NameService) -> None:
    with name_service.resolver_server.silent(), pytest.raises(dns.exception.Timeout):
        ask(name_service.resolver, "complete.plain.test", "MX", seconds=0.2)
    assert records(ask(name_service.resolver, "complete.plain.test", "MX"), "MX")
