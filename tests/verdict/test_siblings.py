"""Endpoints that belong together and differ: ports of an address, addresses of a host, hosts of a domain."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest

from scanner.model import Endpoint, Expectation, Kind, Observation, Reason, Severity, StartTls, Tls, Verdict
from scanner.verdict import Sighting, judge_siblings, level_of, sight
from tests.verdict.observations import CERTIFICATE, healthy

OLD = Tls("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", "X25519")
PLAIN: dict[str, Any] = {
    "starttls": StartTls(offered=False),
    "tls": None,
    "certificate": None,
    "capabilities": ("PIPELINING",),
}
SWEPT = dict.fromkeys(("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"), False) | {"TLSv1.2": True, "TLSv1.3": True}
LEGACY = SWEPT | {"TLSv1.0": True, "TLSv1.1": True}
W, N = Severity.WARNING, Severity.NOTICE


def at(port: int, host: str = "mail.example.org", address: str = "192.0.2.7", **changes: Any) -> Observation:
    """Return an observation of a port, levelled, in good order but for the changes."""
    places = {name: changes.pop(name) for name in ("domains", "expectation") if name in changes}
    found = healthy(port)
    endpoint = replace(found.endpoint, host=host, address=address, **places)
    found = replace(found, endpoint=endpoint, **changes)
    return replace(found, level=level_of(found))


def sightings(observations: Sequence[Observation]) -> list[Sighting]:
    return [sighting for each in observations if (sighting := sight(each)) is not None]


def judge(*observations: Observation) -> dict[tuple[str, str, int], Verdict]:
    """Return the verdicts by host, address and port; in any order they weigh the same."""
    found = dict(judge_siblings(sightings(observations)))
    backwards = dict(judge_siblings(sightings(observations[::-1])))
    weights = {key: (verdict.kind, verdict.severity) for key, verdict in found.items()}
    assert weights == {key: (verdict.kind, verdict.severity) for key, verdict in backwards.items()}
    assert all(verdict.id == "siblings_disagree" for verdict in found.values())
    return {key[:3]: verdict for key, verdict in found.items()}


def one(*observations: Observation) -> tuple[int, str, Kind, Severity]:
    """Return port, address, kind and severity of the only verdict."""
    ((key, verdict),) = judge(*observations).items()
    return key[2], key[1], verdict.kind, verdict.severity


# Ports of one address.


def test_siblings_in_good_order_agree() -> None:
    assert judge(*(at(port, versions=SWEPT) for port in (25, 465, 587, 143, 993, 110, 995))) == {}


def test_starttls_on_587_and_missing_on_25_is_stripping() -> None:
    found = judge(at(25, **PLAIN), at(587))
    verdict = found["mail.example.org", "192.0.2.7", 25]
    assert (verdict.kind, verdict.severity) == (Kind.DOWNGRADE, W)
    assert verdict.summary == (
        "Port 25 of mail.example.org (192.0.2.7) offers no TLS, "
        "while port 587 of mail.example.org (192.0.2.7) speaks TLSv1.3."
    )
    assert "filter on the path" in verdict.advice
    assert len(found) == 1


def test_starttls_missing_beside_implicit_tls_alone_proves_less() -> None:
    assert one(at(587, **PLAIN), at(465)) == (587, "192.0.2.7", Kind.WEAKNESS, W)
    assert one(at(143, **PLAIN), at(993)) == (143, "192.0.2.7", Kind.WEAKNESS, W)


def test_the_product_tells_the_daemon_across_protocols() -> None:
    dovecot = {"software": "Dovecot"}
    assert one(at(110, **PLAIN, **dovecot), at(143, **dovecot)) == (110, "192.0.2.7", Kind.DOWNGRADE, W)
    assert judge(at(110, **PLAIN), at(143)) == {}
    assert judge(at(110, **PLAIN, software="Cyrus"), at(143, **dovecot)) == {}


def test_another_product_on_the_same_protocol_is_another_server() -> None:
    """A gateway takes the mail from outside, a group server that of its users: one address, two machines."""
    gateway, exchange = {"software": "Cisco IronPort"}, {"software": "Microsoft Exchange"}
    assert judge(at(25, **PLAIN, **gateway), at(587, **exchange)) == {}
    newer, older = at(587, software="Postfix 3.10"), at(25, **PLAIN, software="Postfix 3.4")
    assert one(newer, older)[2:] == (Kind.DOWNGRADE, W)


@pytest.mark.parametrize(
    "changes",
    [
        {**PLAIN, "starttls": StartTls(offered=False, masked=True)},
        {**PLAIN, "starttls": StartTls(offered=True, reply="454 4.7.0 not now")},
        {**PLAIN, "ehlo_reply": "502 5.5.2 Error"},
        {**PLAIN, "preauth": True},
        {**PLAIN, "starttls": None, "reason": Reason.GREETING_TEMPFAIL},
        {**PLAIN, "reason": Reason.CONNECTION_LOST},
        {"reason": Reason.TLS_TIMEOUT, "tls": None, "certificate": None},
    ],
)
def test_a_port_whose_tls_could_not_be_told_or_is_told_of_elsewhere_says_nothing(
    changes: dict[str, Any],
) -> None:
    assert judge(at(25, **changes), at(587), at(25, address="192.0.2.8")) == {}


def test_a_port_that_is_down_disagrees_with_nobody() -> None:
    down = Observation(at(25).endpoint, at(25).started_at, 0.2, reason=Reason.CONNECT_TIMEOUT)
    assert sight(down) is None
    assert judge(down, at(587), at(25, address="2001:db8::7")) == {}


def test_the_highest_version_differs_between_ports() -> None:
    assert one(at(25, tls=OLD), at(465)) == (25, "192.0.2.7", Kind.WEAKNESS, W)
    postfix = {"software": "Postfix"}
    assert one(at(25, tls=OLD, **postfix), at(465, **postfix)) == (25, "192.0.2.7", Kind.DOWNGRADE, W)
    assert one(at(25, tls=OLD), at(993)) == (25, "192.0.2.7", Kind.WEAKNESS, N)
    verdict = judge(at(25, tls=OLD), at(993))["mail.example.org", "192.0.2.7", 25]
    assert "Port 25 of mail.example.org (192.0.2.7) agrees on TLSv1.2 at best" in verdict.summary
    assert "port 993 of mail.example.org (192.0.2.7) agrees on TLSv1.3" in verdict.summary


def test_ports_of_other_names_at_the_address_are_siblings_too() -> None:
    assert one(at(25, host="mx.example.org", **PLAIN), at(587, host="smtp.example.org"))[:3] == (
        25,
        "192.0.2.7",
        Kind.DOWNGRADE,
    )
    assert judge(at(25, host="mx.example.org", **PLAIN), at(587, address="192.0.2.8")) == {}


def test_old_versions_that_a_sibling_refuses_are_worth_knowing() -> None:
    verdict = judge(at(465, versions=LEGACY), at(587, versions=SWEPT))["mail.example.org", "192.0.2.7", 465]
    assert (verdict.kind, verdict.severity) == (Kind.WEAKNESS, N)
    assert "accepts TLSv1.0, TLSv1.1, which port 587" in verdict.summary


def test_what_a_sweep_could_not_tell_is_no_difference() -> None:
    untold = SWEPT | dict.fromkeys(("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"))
    assert judge(at(465, versions=LEGACY), at(587, versions=untold)) == {}
    assert judge(at(465, versions=LEGACY), at(587)) == {}


def test_an_mx_may_take_older_versions_than_ports_for_clients() -> None:
    assert judge(at(25, versions=LEGACY), at(465, versions=SWEPT), at(993, versions=SWEPT)) == {}


def test_what_the_catalogue_tolerates_is_left_out() -> None:
    tolerant = Expectation(provider="gmail", tolerated=frozenset({"legacy_tls_accepted"}))
    elsewhere = at(25, address="2001:db8::7", versions=SWEPT)
    assert one(at(25, versions=LEGACY), elsewhere)[3] is N
    assert judge(at(25, versions=LEGACY, expectation=tolerant), elsewhere) == {}
    softened = Expectation(provider="own", tolerated=frozenset({"siblings_disagree"}))
    assert one(at(25, **PLAIN, expectation=softened), at(587))[2:] == (Kind.NOTICE, N)


def test_a_certificate_that_verifies_on_the_other_port_for_clients() -> None:
    bad = replace(CERTIFICATE, trusted=False, problems=("self_signed",), trust_fault="self_signed")
    assert one(at(465, certificate=bad), at(993)) == (465, "192.0.2.7", Kind.WEAKNESS, W)
    assert judge(at(25, certificate=bad), at(993), at(465)) == {}  # an MX may have any (RFC 7435)
    assert judge(at(465, certificate=bad, host="a.example.org"), at(993)) == {}  # of another name


def test_a_port_that_greets_in_another_s_name_may_be_redirected() -> None:
    """Facts 4.7: the greeting names somebody else, while 587 or 465 of the same address differ."""
    foreign = {"banner": "220 relay.carrier.net ESMTP", **PLAIN, "starttls": None}
    assert one(at(25, **foreign), at(587)) == (25, "192.0.2.7", Kind.NOTICE, N)
    verdict = judge(at(25, **foreign), at(587))["mail.example.org", "192.0.2.7", 25]
    assert 'greets in another\'s name ("220 relay.carrier.net ESMTP"), and port 587' in verdict.summary
    bad = replace(CERTIFICATE, name_matches=False, problems=("name_mismatch",))
    own = at(
        465, certificate=bad, banner="220 mx7.example.org ESMTP", domains=("firm.com",), host="a.firm.com"
    )
    assert judge(at(25, **foreign, host="a.firm.com"), own) == {}  # a name that anybody's software may bear


@pytest.mark.parametrize(
    "changes",
    [
        {"banner": "220 relay.carrier.net ESMTP"},  # its certificate says who it is
        {"banner": "220 ESMTP ready", **PLAIN, "starttls": None},
        {"banner": "220 localhost.localdomain ESMTP", **PLAIN, "starttls": None},
        {"banner": "220 mx2.firm.com ESMTP", **PLAIN, "starttls": None, "domains": ("firm.com",)},
        {"banner": "220 relay.carrier.net ESMTP", **PLAIN, "starttls": None, "host": "mx.carrier.net"},
    ],
)
def test_a_name_of_its_own_or_of_nobody_is_no_redirection(changes: dict[str, Any]) -> None:
    assert judge(at(25, **changes), at(587)) == {}


def test_no_name_is_known_to_be_another_s_than_that_of_an_address() -> None:
    place: dict[str, Any] = {"host": "192.0.2.7", "domains": ("192.0.2.7",)}
    named = at(25, **place, banner="220 mx.firm.com ESMTP", **PLAIN | {"starttls": None})
    assert judge(named, at(587, **place)) == {}


# Addresses of one host.


def test_addresses_of_a_host_disagree() -> None:
    six = "2001:db8::7"
    assert one(at(25), at(25, address=six, **PLAIN)) == (25, six, Kind.DOWNGRADE, W)
    assert one(at(993), at(993, address=six, tls=OLD)) == (993, six, Kind.WEAKNESS, W)
    bad = replace(CERTIFICATE, name_matches=False, problems=("name_mismatch",))
    assert one(at(993), at(993, address=six, certificate=bad)) == (993, six, Kind.WEAKNESS, W)
    assert one(at(25), at(25, address=six, certificate=bad)) == (25, six, Kind.WEAKNESS, N)


def test_all_that_is_worse_at_an_endpoint_is_one_verdict() -> None:
    bad = replace(CERTIFICATE, name_matches=False, problems=("name_mismatch",))
    found = judge(
        at(993, versions=SWEPT), at(993, address="2001:db8::7", tls=OLD, certificate=bad, versions=LEGACY)
    )
    (verdict,) = found.values()
    assert (verdict.kind, verdict.severity) == (Kind.WEAKNESS, W)
    assert [word in verdict.summary for word in ("at best", "does not verify", "which port 993")] == [
        True
    ] * 3


# MX hosts of one domain.


def test_mx_hosts_of_one_organisation_disagree() -> None:
    first, second = at(25, host="mx1.example.org"), {"host": "mx2.example.org", "address": "192.0.2.8"}
    assert one(first, at(25, **second, **PLAIN)) == (25, "192.0.2.8", Kind.DOWNGRADE, W)
    assert one(first, at(25, **second, tls=OLD)) == (25, "192.0.2.8", Kind.WEAKNESS, W)
    bad = replace(CERTIFICATE, trusted=False, problems=("untrusted",))
    assert one(first, at(25, **second, certificate=bad)) == (25, "192.0.2.8", Kind.WEAKNESS, N)


def test_mx_hosts_of_strangers_disagree_less() -> None:
    first, second = at(25, host="mx1.example.org"), {"host": "backup.example.net", "address": "192.0.2.8"}
    assert one(first, at(25, **second, **PLAIN)) == (25, "192.0.2.8", Kind.WEAKNESS, W)
    assert one(first, at(25, **second, tls=OLD)) == (25, "192.0.2.8", Kind.WEAKNESS, N)
    bad = replace(CERTIFICATE, trusted=False, problems=("untrusted",))
    assert judge(first, at(25, **second, certificate=bad)) == {}


def test_a_provider_of_the_catalogue_is_one_organisation() -> None:
    ours = Expectation(provider="own")
    first = at(25, host="mx1.example.org", expectation=ours)
    second = at(25, host="mx.example.net", address="192.0.2.8", expectation=ours, **PLAIN)
    assert one(first, second)[2] is Kind.DOWNGRADE


def test_mx_hosts_of_other_domains_are_no_siblings() -> None:
    first = at(25, host="mx.example.org", domains=("example.org",))
    assert (
        judge(first, at(25, host="mx.example.net", address="192.0.2.8", domains=("example.net",), **PLAIN))
        == {}
    )
    both = ("example.org", "example.net")
    assert len(judge(first, at(25, host="mx.example.net", address="192.0.2.8", domains=both, **PLAIN))) == 1


def test_an_mx_host_counts_by_its_best_address() -> None:
    """That its addresses differ is one finding, of the worse address; its other hosts have no part in it."""
    first = at(25, host="mx1.example.org")
    good = at(25, host="mx2.example.org", address="192.0.2.8")
    bad = at(25, host="mx2.example.org", address="2001:db8::8", **PLAIN)
    assert one(first, good, bad) == (25, "2001:db8::8", Kind.DOWNGRADE, W)


def test_a_domain_whose_mail_is_elsewhere_than_its_mx_has_no_siblings() -> None:
    mx = at(25, host="mx.filter.example", **PLAIN)
    assert judge(mx, at(993, host="imap.provider.example", address="198.51.100.1")) == {}


# What is kept.


def test_the_work_grows_with_the_number_of_endpoints_alone() -> None:
    """Ten thousand hosts behind one address, and a domain of a thousand MX hosts."""
    kept = sight(at(25, **PLAIN))
    assert kept is not None

    def host(number: int, name: str, **changes: Any) -> Endpoint:
        return replace(at(25).endpoint, host=f"{name}{number}.example.org", **changes)

    def make(count: int) -> list[Sighting]:
        crowd = [
            replace(kept, key=host(number, "a").key, domains=(f"{number}.test",)) for number in range(count)
        ]
        mx = [
            replace(kept, key=host(number, "mx", address=f"x{number}").key) for number in range(count // 10)
        ]
        return crowd + mx

    def count_calls(count: int) -> int:
        group, calls = make(count), 0

        def hear(frame: FrameType, event: str, _: object) -> None:
            nonlocal calls
            calls += event == "call"

        sys.setprofile(hear)
        try:
            assert list(judge_siblings(group)) == []
        finally:
            sys.setprofile(None)
        return calls

    assert count_calls(8_000) < 10 * count_calls(1_000)
