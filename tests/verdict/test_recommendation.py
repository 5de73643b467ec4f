"""What is recommended to mail programs, and what never is."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.metrics.domain_lines import Standing as Measured
from scanner.metrics.domain_lines import recommend
from scanner.model import (
    PORTS,
    Endpoint,
    Kind,
    Observation,
    Protocol,
    Reason,
    Service,
    Severity,
    Source,
    Standing,
    Tls,
    TlsMode,
    role_of,
)
from scanner.model.domain import DomainFacts, Membership
from scanner.model.observation import Key
from scanner.model.ports import Preference
from scanner.verdict.alternatives import find_alternative
from scanner.verdict.level import level_of, works
from scanner.verdict.recommendation import (
    CLIENT_PORTS,
    Choice,
    Taste,
    choose,
    fits_clients,
    is_recommended,
)
from tests.metrics.samples import GOOD, verdict

HOST = "mail.example.org"
SERVICES = {Protocol.SMTP: Service.SUBMISSION, Protocol.IMAP: Service.IMAP, Protocol.POP3: Service.POP3}


def at(port: int, host: str = HOST, address: str = "192.0.2.7", mode: TlsMode | None = None) -> Endpoint:
    row = PORTS.get(port)
    protocol = row.protocol if row is not None else Protocol.SMTP
    usual = row.tls_mode if row is not None else TlsMode.STARTTLS
    return replace(
        GOOD.endpoint,
        host=host,
        address=address,
        port=port,
        protocol=protocol,
        tls_mode=mode or usual,
        role=role_of(protocol, port),
    )


def good(port: int, host: str = HOST, address: str = "192.0.2.7") -> Observation:
    return replace(GOOD, endpoint=at(port, host, address))


def bad(port: int, reason: Reason = Reason.CONNECT_TIMEOUT, address: str = "192.0.2.7") -> Observation:
    endpoint = at(port, address=address)
    return replace(GOOD, endpoint=endpoint, reason=reason, tls=None, certificate=None, level=0)


def old(port: int) -> Observation:
    return replace(good(port), tls=Tls("TLSv1.1", "ECDHE-RSA-AES256-SHA", "X25519"))


def members(seen: Iterable[Observation], source: Source = Source.SRV) -> tuple[Membership, ...]:
    return tuple(
        Membership(
            Service.MX if one.endpoint.port == 25 else SERVICES[one.endpoint.protocol],
            one.endpoint.key,
            source,
        )
        for one in seen
    )


def by_key(seen: Iterable[Observation]) -> dict[Key, Observation]:
    return {one.endpoint.key: one for one in seen}


def pick(service: Service, *seen: Observation, taste: Taste | None = None) -> Choice:
    return choose(service, members(seen), by_key(seen), taste or Taste())


def port_of(choice: Choice) -> int | None:
    return None if choice.way is None else choice.way.port


def test_only_secure_client_ports_are_ever_recommended() -> None:
    assert CLIENT_PORTS == {Service.SUBMISSION: (587, 465), Service.IMAP: (993,), Service.POP3: (995,)}


def test_587_comes_first_while_it_is_secure_and_465_where_it_is_not() -> None:
    """S09."""
    stripped = verdict("starttls_missing", Kind.DOWNGRADE, Severity.CRITICAL)
    both = pick(Service.SUBMISSION, good(465), good(587))
    assert port_of(both) == 587
    assert [way.port for way in both.others] == [465]
    without = replace(good(587), tls=None, certificate=None, verdicts=(stripped,))
    fallen = pick(Service.SUBMISSION, good(465), without)
    assert port_of(fallen) == 465
    assert [way.port for way in fallen.failing] == [587]


@pytest.mark.parametrize(
    ("preference", "order", "expected"),
    [
        (None, (), 587),
        (None, ((HOST, 465), (HOST, 587)), 465),
        (None, ((HOST, 587), (HOST, 465)), 587),
        (Preference.STARTTLS, ((HOST, 465), (HOST, 587)), 587),
        (Preference.IMPLICIT, (), 465),
        (Preference.RFC8314, (), 465),
    ],
)
def test_who_decides_between_two_secure_ports(
    preference: Preference | None, order: tuple[tuple[str, int], ...], expected: int
) -> None:
    """The operator, then the provider, then 587."""
    assert port_of(pick(Service.SUBMISSION, good(465), good(587), taste=Taste(preference, order))) == expected


def test_a_port_that_is_not_good_enough_is_not_recommended() -> None:
    closed = verdict("auth_not_offered", Kind.MISCONFIGURATION, Severity.WARNING)
    for seen in (old(587), bad(587), replace(good(587), verdicts=(closed,)), replace(good(587), tls=None)):
        assert not fits_clients(seen)
        assert pick(Service.SUBMISSION, seen).way is None


def test_a_downgraded_port_waits_behind_one_that_is_as_ever() -> None:
    less = verdict("certificate_changed", Kind.DOWNGRADE, Severity.WARNING)
    assert port_of(pick(Service.SUBMISSION, replace(good(587), verdicts=(less,)), good(465))) == 465
    assert port_of(pick(Service.SUBMISSION, replace(good(587), verdicts=(less,)))) == 587


def test_993_alone_is_recommended_where_143_works_too() -> None:
    """S13, S11."""
    assert port_of(pick(Service.IMAP, good(143), good(993))) == 993
    assert pick(Service.IMAP, good(143), good(993)).stopgap is None


def test_a_legacy_port_is_a_stopgap_and_plain_text_is_none() -> None:
    """S42."""
    choice = pick(Service.IMAP, good(143), bad(993))
    assert choice.way is None
    assert choice.stopgap is not None
    assert (choice.stopgap.port, choice.stopgap.is_for_clients) == (143, False)
    plain = replace(good(143), tls=None, certificate=None)
    assert pick(Service.IMAP, plain, bad(993)).stopgap is None


def test_what_was_not_measured_is_not_recommended() -> None:
    seen = (good(587), bad(465, Reason.EGRESS_BLOCKED))
    choice = choose(Service.SUBMISSION, members(seen), by_key(seen[1:]), Taste())
    assert choice.way is None
    assert [member.key[2] for member in choice.unmeasured] == [587, 465]
    assert choice.failing == ()


def test_a_host_with_an_address_that_fails_waits_behind_a_whole_one() -> None:
    half = (good(587, address="192.0.2.7"), bad(587, address="192.0.2.8"))
    whole = (good(587, host="other.example.org"),)
    choice = pick(Service.SUBMISSION, *half, *whole)
    assert choice.way is not None
    assert choice.way.host == "other.example.org"
    assert [way.is_whole for way in choice.others] == [False]


def test_an_unusual_port_is_a_stopgap_only() -> None:
    choice = pick(Service.SUBMISSION, good(2525), bad(587))
    assert choice.way is None
    assert choice.stopgap is not None
    assert choice.stopgap.port == 2525


def test_what_the_domain_does_not_have_is_told() -> None:
    choice = choose(Service.POP3, (), {}, Taste(), refused={Service.POP3}, lost={Service.IMAP})
    assert (choice.way, choice.is_refused, choice.is_lost) == (None, True, False)
    assert choose(Service.IMAP, (), {}, Taste(), lost={Service.IMAP}).is_lost


def test_port_25_is_not_even_a_stopgap_for_mail_programs() -> None:
    """S38: what tells mail programs to send by port 25 is named as a mistake."""
    seen = good(25)
    named = (Membership(Service.SUBMISSION, seen.endpoint.key, Source.AUTOCONFIG),)
    choice = choose(Service.SUBMISSION, named, by_key([seen]), Taste())
    assert (choice.way, choice.stopgap, choice.failing) == (None, None, ())
    assert [way.port for way in choice.between_servers] == [25]


observations = st.sampled_from(
    [
        *(good(port) for port in (*PORTS, 2525)),
        *(bad(port) for port in (*PORTS, 2525)),
        *(old(port) for port in PORTS),
        *(replace(good(port), tls=None, certificate=None) for port in PORTS),
        *(replace(good(port), endpoint=at(port, mode=TlsMode.STARTTLS)) for port in (465, 993)),
        *(bad(port, Reason.EGRESS_BLOCKED) for port in PORTS),
    ]
)


@given(st.lists(observations, max_size=9), st.sampled_from([None, *Preference]))
def test_no_recommendation_ever_names_25_110_or_143(
    seen: list[Observation], preference: Preference | None
) -> None:
    """S19; and whatever is recommended was measured to be secure."""
    for service in SERVICES.values():
        choice = pick(service, *by_key(seen).values(), taste=Taste(preference))
        for way in (choice.way, *choice.others):
            if way is not None:
                assert way.port in CLIENT_PORTS[service]
                assert PORTS[way.port].standing in {Standing.RECOMMENDED, Standing.SECURE}
                assert level_of(way.best) >= 3
        if choice.stopgap is not None:
            assert works(choice.stopgap.best)
            assert choice.stopgap.port != 25


@given(st.lists(observations, max_size=9))
def test_the_metric_and_the_choice_are_of_one_mind(seen: list[Observation]) -> None:
    known = by_key(seen)
    facts = DomainFacts("example.org", members(known.values()))
    standings: list[tuple[Membership, Measured | None]] = [
        (
            member,
            Measured(works(known[member.key]), level_of(known[member.key]), fits_clients(known[member.key])),
        )
        for member in facts.members
    ]
    samples = [value for _, _, value in recommend(standings, frozenset())]
    services = {member.service for member in facts.members}
    fitting = {
        service
        for service in SERVICES.values()
        if choose(service, facts.members, known, Taste()).way is not None
    }
    expected = [] if services <= {Service.MX} else [is_recommended(services, fitting)]
    assert samples == expected


def test_the_alternative_of_a_verdict_is_chosen_by_the_same_rule() -> None:
    blocked = bad(993)
    assert find_alternative(blocked, [good(143)]) == (
        "mail.example.org:143, STARTTLS, a legacy port: for the time being only"
    )
    elsewhere = good(993, host="other.example.org")
    assert find_alternative(blocked, [good(143), elsewhere, old(143)]) == (
        "mail.example.org:143, STARTTLS, a legacy port: for the time being only"
    )
    assert find_alternative(bad(587), [old(465), good(465, host="other.example.org")]) == (
        "other.example.org:465, TLS from the first byte"
    )
    assert find_alternative(blocked, [replace(good(143), tls=None, certificate=None)]) is None
