"""The same answer at hosts that have nothing to do with each other: a proxy near us, or one operator."""

from dataclasses import replace
from typing import Any

import pytest

from scanner.model import Certificate, Expectation, Kind, Observation, Severity, Verdict
from scanner.model.observation import Key
from scanner.verdict import judge_repeats, level_of, sight
from tests.verdict.observations import CERTIFICATE, healthy

PROXY = replace(
    CERTIFICATE,
    subject="CN=gateway",
    issuer="CN=Office Inspection CA",
    names=(),
    fingerprint_sha256="cd" * 32,
    trusted=False,
    name_matches=False,
    problems=("untrusted", "name_mismatch"),
    trust_fault="unknown_ca",
)
SELF_SIGNED = replace(PROXY, issuer=PROXY.subject, problems=("self_signed",), trust_fault="self_signed")
GREETING = "220 relay.carrier.net ESMTP ready"


def at(
    host: str,
    address: str,
    port: int = 993,
    provider: str | None = None,
    *,
    certificate: Certificate = PROXY,
    domain: str | None = None,
    **changes: Any,
) -> Observation:
    """Return an observation of a port behind the proxy."""
    found = healthy(port)
    expectation = Expectation(provider=provider) if provider is not None else None
    domains = (domain or host,)
    endpoint = replace(found.endpoint, host=host, address=address, domains=domains, expectation=expectation)
    found = replace(found, endpoint=endpoint, certificate=certificate, **changes)
    return replace(found, level=level_of(found))


def judge(*observations: Observation) -> list[tuple[Key, Verdict]]:
    kept = [sighting for each in observations if (sighting := sight(each)) is not None]
    found = sorted(judge_repeats(kept), key=lambda pair: pair[0])
    assert found == sorted(judge_repeats(kept[::-1]), key=lambda pair: pair[0])
    return found


GMAIL = at("imap.gmail.com", "192.0.2.1", provider="gmail")
OUTLOOK = at("outlook.office365.com", "198.51.100.1", provider="microsoft-365")
ELSEWHERE = at("mail.firm.net", "203.0.113.1")


@pytest.mark.parametrize("certificate", [PROXY, SELF_SIGNED])
def test_one_certificate_for_several_providers_is_a_proxy_near_us(certificate: Certificate) -> None:
    found = judge(replace(GMAIL, certificate=certificate), replace(OUTLOOK, certificate=certificate))
    assert [key[0] for key, _ in found] == ["imap.gmail.com", "outlook.office365.com"]
    for _, verdict in found:
        assert (verdict.id, verdict.kind, verdict.severity) == (
            "tls_terminated_by_proxy",
            Kind.DOWNGRADE,
            Severity.WARNING,
        )
        assert "Hosts of different providers (imap.gmail.com, outlook.office365.com)" in verdict.summary
        assert "something between here and them ends TLS" in verdict.summary


def test_one_unknown_ca_for_several_providers_is_a_proxy_near_us() -> None:
    made_to_fit = replace(PROXY, names=("outlook.office365.com",), fingerprint_sha256="ef" * 32)
    found = judge(GMAIL, replace(OUTLOOK, certificate=made_to_fit))
    assert [verdict.id for _, verdict in found] == ["tls_terminated_by_proxy"] * 2
    assert '"CN=Office Inspection CA"' in found[0][1].summary


def test_a_leaf_that_came_alone_and_is_not_logged_is_of_no_public_ca() -> None:
    alone = replace(PROXY, trust_fault="incomplete_chain", missing_intermediate=None)
    logged = replace(PROXY, trust_fault="incomplete_chain", missing_intermediate=True)
    other = replace(PROXY, trust_fault="incomplete_or_unknown_ca", missing_intermediate=None)
    assert len(judge(replace(GMAIL, certificate=alone), replace(OUTLOOK, certificate=alone))) == 2
    for public in (logged, other):
        assert judge(replace(GMAIL, certificate=public), replace(OUTLOOK, certificate=public)) == []


def test_where_only_domains_differ_it_is_one_notice() -> None:
    """The customers of one hoster, or every box of a vendor: they may look alike with nothing wrong."""
    found = judge(ELSEWHERE, at("mail.club.org", "203.0.113.2"), at("mail.shop.com", "203.0.113.3"))
    ((_, verdict),) = found
    assert (verdict.id, verdict.kind, verdict.severity) == (
        "tls_terminated_by_proxy",
        Kind.NOTICE,
        Severity.NOTICE,
    )
    assert "mail.club.org, mail.firm.net, mail.shop.com" in verdict.summary


def test_one_private_ca_may_serve_many() -> None:
    other = replace(PROXY, fingerprint_sha256="ef" * 32)
    assert judge(ELSEWHERE, at("mail.club.org", "203.0.113.2", certificate=other)) == []


@pytest.mark.parametrize(
    "other",
    [
        at("mail.club.org", "203.0.113.1"),  # one address, many names: a hoster
        at("imap.firm.net", "203.0.113.2"),  # one organisation
        at("mail.club.org", "203.0.113.2", domain="mail.firm.net"),  # they serve one domain
        at("mail.club.org", "203.0.113.2", domain="firm.net"),
        at("mail.club.org", "203.0.113.2", certificate=replace(PROXY, fingerprint_sha256="ef" * 32)),
        at("mail.club.org", "203.0.113.2", certificate=CERTIFICATE),
    ],
    ids=["address", "organisation", "domain", "registrable domain", "another certificate", "a good one"],
)
def test_who_belongs_together_may_answer_alike(other: Observation) -> None:
    assert judge(ELSEWHERE, other) == []


def test_a_certificate_that_names_one_of_them_is_its_own() -> None:
    own = replace(PROXY, names=("*.firm.net",))
    first, second = (
        replace(each, certificate=own) for each in (ELSEWHERE, at("mail.club.org", "203.0.113.2"))
    )
    assert judge(first, second) == []


def test_hosts_of_one_provider_are_one_organisation() -> None:
    assert (
        judge(at("a.one.net", "203.0.113.1", provider="own"), at("b.two.net", "203.0.113.2", provider="own"))
        == []
    )


# Greetings.


def greeted(host: str, address: str, banner: str = GREETING, **more: Any) -> Observation:
    """Return a port 25 in clear."""
    return replace(at(host, address, 25, **more), banner=banner, tls=None, certificate=None, level=1)


def test_one_greeting_for_several_providers_is_a_proxy_near_us() -> None:
    found = judge(
        greeted("aspmx.l.google.com", "192.0.2.1", provider="gmail"),
        greeted("a.mail.protection.outlook.com", "198.51.100.1", provider="microsoft-365"),
    )
    assert len(found) == 2
    assert {(verdict.id, verdict.kind, verdict.severity) for _, verdict in found} == {
        ("egress_intercepted", Kind.BLOCKED, Severity.WARNING)
    }
    assert GREETING in found[0][1].summary


def test_one_greeting_for_other_domains_is_one_notice() -> None:
    numbered = GREETING.replace("relay", "relay7"), GREETING.replace("relay", "relay12")
    found = judge(
        greeted("mx.firm.net", "203.0.113.1", numbered[0]), greeted("mx.club.org", "203.0.113.2", numbered[1])
    )
    assert [(verdict.id, verdict.severity) for _, verdict in found] == [
        ("egress_intercepted", Severity.NOTICE)
    ]


@pytest.mark.parametrize(
    "banner",
    [
        "220 mail ESMTP Postfix (Debian/GNU)",
        "220 localhost.localdomain ESMTP Exim 4.98",
        "220 mail.example.com ESMTP",
        "220 ESMTP Sendmail 8.18.1/8.18.1",
        "220 aspmx.l.google.com ESMTP",  # of the one in whose name it is
        "220 ****",
    ],
)
def test_what_any_server_may_say_tells_nothing(banner: str) -> None:
    first = greeted("aspmx.l.google.com", "192.0.2.1", banner, provider="gmail")
    second = greeted("a.mail.protection.outlook.com", "198.51.100.1", banner, provider="microsoft-365")
    assert judge(first, second) == []


def test_a_certificate_that_verifies_vouches_for_the_greeting() -> None:
    """What two brands of one company say under their own certificates is their own word."""
    first = at("smtp.one.net", "192.0.2.1", 465, "one", certificate=CERTIFICATE, banner=GREETING)
    second = at("smtp.two.net", "198.51.100.1", 465, "two", certificate=CERTIFICATE, banner=GREETING)
    assert judge(first, second) == []


def test_the_protocol_keeps_greetings_apart() -> None:
    text = GREETING.removeprefix("220 ")
    imap = replace(at("imap.firm.net", "203.0.113.1"), banner=f"* OK {text}", certificate=None)
    assert judge(imap, greeted("mx.club.org", "203.0.113.2", f"220 {text}")) == []


# Targets that are addresses.


@pytest.mark.parametrize(
    ("other", "who"),
    [
        ("203.0.113.2", "Addresses that are not known to belong together (203.0.113.1, 203.0.113.2)"),
        (
            "mx.club.org",
            "Hosts and addresses that are not known to belong together (203.0.113.1, mx.club.org)",
        ),
    ],
)
def test_of_addresses_it_is_not_said_whose_they_are(other: str, who: str) -> None:
    """The name in a greeting may be that of the machine, and nobody has said that the domains differ."""
    one = greeted("203.0.113.1", "203.0.113.1")
    ((_, verdict),) = judge(one, greeted(other, "203.0.113.2"))
    assert verdict.severity is Severity.NOTICE
    assert verdict.summary == f'{who} give the very same greeting: "{GREETING}".'
    ((_, verdict),) = judge(at("203.0.113.1", "203.0.113.1"), at(other, "203.0.113.2"))
    assert verdict.summary.startswith(f"{who} present the very same certificate")


def test_a_certificate_that_names_one_of_the_addresses_is_its_own() -> None:
    own = replace(PROXY, names=("203.0.113.1",))
    first, second = (at(each, each, certificate=own) for each in ("203.0.113.1", "203.0.113.2"))
    assert judge(first, second) == []
