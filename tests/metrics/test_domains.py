"""The domain families: what the endpoints of a domain add up to, for one domain and for many at once."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from scanner.metrics import Exposition
from scanner.model import (
    Dane,
    DaneMatch,
    DaneStatus,
    Endpoint,
    Expectation,
    Kind,
    Observation,
    Reason,
    Role,
    Service,
    Severity,
    Source,
    StsClaim,
    StsMode,
    StsPolicy,
    Tls,
    TlsMode,
)
from scanner.model.domain import DomainFacts, Membership
from tests.metrics.reading import read, samples
from tests.metrics.samples import GOOD, at, verdict

UP = "mailport_domain_service_up"
LEVEL = "mailport_domain_level"
RECOMMENDED = "mailport_domain_recommended"
INFO = "mailport_domain_endpoint_info"

SERVICE_OF = {
    25: Service.MX,
    465: Service.SUBMISSION,
    587: Service.SUBMISSION,
    143: Service.IMAP,
    993: Service.IMAP,
    110: Service.POP3,
    995: Service.POP3,
}


def members(*endpoints: Endpoint, source: Source = Source.SRV) -> tuple[Membership, ...]:
    return tuple(Membership(SERVICE_OF[one.port], one.key, source) for one in endpoints)


def put(exposition: Exposition, facts: Iterable[DomainFacts]) -> None:
    for _ in exposition.domains.replace(facts):
        pass


def board(*facts: DomainFacts) -> Exposition:
    exposition = Exposition()
    put(exposition, facts)
    return exposition


def up(endpoint: Endpoint, version: str = "TLSv1.3") -> Observation:
    return replace(GOOD, endpoint=endpoint, tls=Tls(version, "ECDHE-RSA-AES256-GCM-SHA384", "X25519"))


def down(endpoint: Endpoint) -> Observation:
    return replace(GOOD, endpoint=endpoint, reason=Reason.CONNECT_TIMEOUT, tls=None, level=0)


def by_domain(exposition: Exposition, name: str) -> dict[str, float]:
    return {labels["domain"]: value for labels, value in samples(exposition, name)}


def by_service(exposition: Exposition, name: str) -> dict[str, float]:
    return {labels["service"]: value for labels, value in samples(exposition, name)}


SUBMISSION = at("smtp.example.org", 587)
SUBMISSIONS = at("smtp.example.org", 465, tls_mode=TlsMode.IMPLICIT)
IMAPS = at("imap.example.org", 993, tls_mode=TlsMode.IMPLICIT)
POP3S = at("pop.example.org", 995, tls_mode=TlsMode.IMPLICIT)
MX = replace(at("mx.example.org", 25), role=Role.MX)
KEPT = StsPolicy(StsMode.ENFORCE, ("mx.example.org",), 86400)
BROKEN = StsPolicy(StsMode.ENFORCE, ("mx.example.net",), 86400)


def test_a_service_is_up_while_one_endpoint_of_it_works() -> None:
    exposition = board(DomainFacts("example.org", members(SUBMISSION, SUBMISSIONS)))
    exposition.accept(down(SUBMISSION))
    assert samples(exposition, UP) == []  # the other one may still work
    exposition.accept(up(SUBMISSIONS, "TLSv1.2"))
    assert by_service(exposition, UP) == {"submission": 1}
    assert by_service(exposition, LEVEL) == {"submission": 3}
    exposition.accept(down(SUBMISSIONS))
    assert by_service(exposition, UP) == {"submission": 0}
    assert by_service(exposition, LEVEL) == {"submission": 0}


def test_a_stripped_port_is_not_up() -> None:
    stripped = verdict("starttls_missing", Kind.DOWNGRADE, Severity.CRITICAL)
    exposition = board(DomainFacts("example.org", members(SUBMISSION)))
    exposition.accept(replace(up(SUBMISSION), verdicts=(stripped,)))
    assert by_service(exposition, UP) == {"submission": 0}


@pytest.mark.parametrize(
    ("working", "failing", "expected"),
    [
        ([SUBMISSION, IMAPS], [], 1),
        ([SUBMISSIONS, IMAPS], [SUBMISSION], 1),
        ([IMAPS], [SUBMISSION], 0),
        ([SUBMISSION], [IMAPS], 0),
        ([SUBMISSION, at("imap.example.org", 143)], [], 0),
        ([SUBMISSION, IMAPS, POP3S], [], 1),
        ([SUBMISSION, IMAPS], [POP3S], 0),
    ],
)
def test_what_is_recommended_has_to_work(
    working: list[Endpoint], failing: list[Endpoint], expected: float
) -> None:
    exposition = board(DomainFacts("example.org", members(*working, *failing)))
    for endpoint in working:
        exposition.accept(up(endpoint))
    assert samples(exposition, RECOMMENDED) == [] or not failing
    for endpoint in failing:
        exposition.accept(down(endpoint))
    assert samples(exposition, RECOMMENDED) == [({"domain": "example.org"}, expected)]


def test_what_is_recommended_has_to_be_secure_and_let_users_sign_in() -> None:
    closed = verdict("auth_not_offered", Kind.MISCONFIGURATION, Severity.WARNING)
    for seen, expected in (
        (up(SUBMISSION, "TLSv1.2"), 1),
        (up(SUBMISSION, "TLSv1.1"), 0),
        (replace(up(SUBMISSION), verdicts=(closed,)), 0),
    ):
        exposition = board(DomainFacts("example.org", members(SUBMISSION, IMAPS)))
        exposition.accept(seen)
        exposition.accept(up(IMAPS))
        assert by_service(exposition, UP)["submission"] == 1
        assert by_domain(exposition, RECOMMENDED) == {"example.org": expected}


def test_a_host_that_the_operator_named_is_not_asked_for_all_that_a_domain_needs() -> None:
    exposition = board(DomainFacts("smtp.example.org", members(SUBMISSION), is_domain=False))
    exposition.accept(up(SUBMISSION))
    assert by_service(exposition, UP) == {"submission": 1}
    assert samples(exposition, RECOMMENDED) == []


def test_a_guess_that_is_not_proven_is_none_of_the_domain() -> None:
    exposition = board(DomainFacts("example.org", members(SUBMISSION, IMAPS, source=Source.GUESS)))
    exposition.accept(up(SUBMISSION))
    exposition.domains.rule_out(IMAPS.key)
    assert by_service(exposition, UP) == {"submission": 1}
    assert [labels["port"] for labels, _ in samples(exposition, INFO)] == ["587"]
    exposition.accept(up(IMAPS))
    assert by_service(exposition, UP) == {"submission": 1, "imap": 1}
    assert [labels["port"] for labels, _ in samples(exposition, INFO)] == ["587", "993"]


def test_each_domain_is_joined_to_its_endpoints_with_its_own_source() -> None:
    exposition = board(
        DomainFacts("a.test", members(SUBMISSION, source=Source.CATALOGUE)),
        DomainFacts("b.test", members(SUBMISSION, source=Source.INFERRED)),
    )
    exposition.accept(up(SUBMISSION))
    shared = {"host": "smtp.example.org", "address": "192.0.2.7", "port": "587"}
    assert samples(exposition, INFO) == [
        ({"domain": "a.test", **shared, "source": "catalogue"}, 1),
        ({"domain": "b.test", **shared, "source": "inferred"}, 1),
    ]


def test_what_is_published_is_shown_before_the_first_probe() -> None:
    exposition = board(
        DomainFacts("a.test", members(SUBMISSION), policy=KEPT, dane=True),
        DomainFacts("b.test", dane=False, is_found=False),
    )
    name = "mailport_domain_mta_sts_info"
    assert samples(exposition, name) == [({"domain": "a.test", "mode": "enforce"}, 1)]
    assert samples(exposition, "mailport_domain_dane") == [
        ({"domain": "a.test"}, 1),
        ({"domain": "b.test"}, 0),
    ]
    assert samples(exposition, "mailport_domain_discovery_success") == [
        ({"domain": "a.test"}, 1),
        ({"domain": "b.test"}, 0),
    ]
    assert "mailport_domain_mta_sts" in read(exposition, openmetrics=True)


def test_the_series_of_a_removed_domain_vanish_and_those_of_others_stay() -> None:
    facts = [DomainFacts(name, members(SUBMISSION)) for name in ("a.test", "b.test")]
    exposition = board(*facts)
    exposition.accept(up(SUBMISSION))
    put(exposition, facts[1:])
    for name in (UP, LEVEL, INFO, "mailport_domain_discovery_success"):
        assert {labels["domain"] for labels, _ in samples(exposition, name)} == {"b.test"}
    put(exposition, [])
    assert not [name for name in read(exposition) if name.startswith("mailport_domain")]


def test_a_new_plan_keeps_what_is_known_of_endpoints_that_stay() -> None:
    exposition = board(DomainFacts("a.test", members(SUBMISSION)))
    exposition.accept(up(SUBMISSION))
    put(exposition, [DomainFacts("a.test", members(SUBMISSION, IMAPS))])
    assert by_service(exposition, UP) == {"submission": 1}
    exposition.accept(up(IMAPS))
    assert by_service(exposition, UP) == {"submission": 1, "imap": 1}


def test_no_domain_is_shown_twice_or_half_while_a_new_plan_is_taken() -> None:
    """A scrape may come at any step, and at any of them the replacement may be broken off for the next."""
    before = [DomainFacts(name, members(SUBMISSION)) for name in ("a.test", "b.test")]
    after = [DomainFacts("b.test", members(SUBMISSION, IMAPS)), DomainFacts("c.test", members(SUBMISSION))]
    count = 1 + sum(1 for _ in board(*before).domains.replace(after))
    for last in range(count):
        exposition = board(*before)
        exposition.accept(up(SUBMISSION))
        steps = exposition.domains.replace(after)
        for _ in range(last):
            next(steps)
            found = by_domain(exposition, UP)
            assert found in ({"a.test": 1, "b.test": 1}, {"b.test": 1, "c.test": 1})
            assert len(samples(exposition, UP)) == len(found)
        steps.close()
        put(exposition, after)
        assert by_domain(exposition, UP) == {"b.test": 1, "c.test": 1}
        exposition.accept(up(IMAPS))
        assert len(samples(exposition, INFO)) == 3
        exposition.accept(down(SUBMISSION))
        assert by_domain(exposition, UP)["c.test"] == 0
        put(exposition, [])
        assert exposition.domains.endpoints() == 0


def test_hostile_names_cannot_break_the_document() -> None:
    exposition = board(DomainFacts('evil"\n} 1.test', members(SUBMISSION)))
    exposition.accept(up(SUBMISSION))
    assert {labels["domain"] for labels, _ in samples(exposition, UP)} == {'evil"\n} 1.test'}


# ----------------------------------------------------------------------- many domains, one host, own policies


def shared(*, dane: DaneMatch | None = None, tls: bool = True) -> Observation:
    """A probe of an MX whose domains keep and break their policies, judged as a whole."""
    claims = (StsClaim(KEPT, ("kept.test",)), StsClaim(BROKEN, ("broken.test",)))
    published = Dane(DaneStatus.SECURE) if dane is not None else None
    expectation = Expectation(mta_sts=claims, dane=published)
    domains = ("kept.test", "broken.test", "plain.test")
    violated = verdict("mta_sts_violated", Kind.DOWNGRADE, Severity.CRITICAL)
    seen = replace(up(MX), endpoint=replace(MX, domains=domains, expectation=expectation))
    seen = replace(seen, dane=dane, verdicts=(violated,))
    return seen if tls else replace(seen, tls=None)


def three_domains() -> list[DomainFacts]:
    policies = {"kept.test": KEPT, "broken.test": BROKEN, "plain.test": None}
    return [DomainFacts(name, members(MX), policy=policy) for name, policy in policies.items()]


def test_the_policy_of_one_domain_is_none_of_the_others() -> None:
    exposition = board(*three_domains())
    exposition.accept(shared())
    assert by_domain(exposition, UP) == {"kept.test": 1, "broken.test": 0, "plain.test": 1}
    assert by_domain(exposition, LEVEL) == {"kept.test": 5, "broken.test": 4, "plain.test": 4}
    assert samples(exposition, "mailport_probe_success")[0][1] == 1
    exposition.accept(shared(tls=False))
    assert set(by_domain(exposition, UP).values()) == {0}


def test_dane_of_a_host_counts_where_the_mx_record_of_the_domain_is_secure() -> None:
    exposition = board(
        DomainFacts("signed.test", members(MX)),
        DomainFacts("plain.test", members(MX), has_secure_mx=False),
        DomainFacts("kept.test", members(MX), policy=KEPT, has_secure_mx=False),
    )
    exposition.accept(shared(dane=DaneMatch.EE))
    assert by_domain(exposition, LEVEL) == {"signed.test": 5, "plain.test": 4, "kept.test": 5}


def test_a_policy_that_changes_counts_before_the_next_probe() -> None:
    exposition = board(DomainFacts("a.test", members(MX), policy=KEPT))
    exposition.accept(shared())
    assert by_domain(exposition, UP) == {"a.test": 1}
    put(exposition, [DomainFacts("a.test", members(MX), policy=BROKEN)])
    assert by_domain(exposition, UP) == {"a.test": 0}
    put(exposition, [DomainFacts("a.test", members(MX))])
    assert (by_domain(exposition, UP), by_domain(exposition, LEVEL)) == ({"a.test": 1}, {"a.test": 4})


def test_an_endpoint_that_left_is_forgotten() -> None:
    exposition = board(*three_domains())
    exposition.accept(shared())
    put(exposition, [])
    put(exposition, three_domains())
    assert samples(exposition, UP) == []


def test_a_policy_for_the_mx_says_nothing_about_other_services() -> None:
    """Not even where a domain sends its own people to the port that others use as MX."""
    own = (Membership(Service.SUBMISSION, MX.key, Source.SRV), *members(MX))
    exposition = board(DomainFacts("a.test", own, policy=BROKEN))
    exposition.accept(shared())
    assert by_service(exposition, UP) == {"mx": 0, "submission": 1}


# ------------------------------------------------------------------------------------ what leads to no server


def test_a_service_whose_hosts_are_all_gone_is_down() -> None:
    """Known from the DNS alone, before and after any probe."""
    lost = frozenset({Service.MX, Service.IMAP})
    exposition = board(DomainFacts("a.test", members(SUBMISSION), lost=lost))
    assert by_service(exposition, UP) == {"mx": 0, "imap": 0}
    exposition.accept(up(SUBMISSION))
    assert by_service(exposition, UP) == {"mx": 0, "imap": 0, "submission": 1}
    assert by_service(exposition, LEVEL) == {"mx": 0, "imap": 0, "submission": 4}
    assert by_domain(exposition, RECOMMENDED) == {"a.test": 0}


def test_domains_that_lost_other_services_are_told_apart() -> None:
    exposition = board(
        DomainFacts("a.test", lost=frozenset({Service.MX})),
        DomainFacts("b.test", lost=frozenset({Service.POP3})),
        DomainFacts("c.test"),
    )
    assert [(labels["domain"], labels["service"]) for labels, _ in samples(exposition, UP)] == [
        ("a.test", "mx"),
        ("b.test", "pop3"),
    ]


def test_a_server_that_is_there_outweighs_one_that_is_gone() -> None:
    """A single port that the operator named beside the domain may stand in."""
    exposition = board(DomainFacts("a.test", members(IMAPS), lost=frozenset({Service.IMAP})))
    assert samples(exposition, UP) == []
    exposition.accept(up(IMAPS))
    assert by_service(exposition, UP) == {"imap": 1}


def test_pop3_whose_hosts_are_gone_is_expected_all_the_same() -> None:
    facts = DomainFacts("a.test", members(SUBMISSION, IMAPS), lost=frozenset({Service.POP3}))
    exposition = board(facts)
    for endpoint in (SUBMISSION, IMAPS):
        exposition.accept(up(endpoint))
    assert by_domain(exposition, RECOMMENDED) == {"a.test": 0}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (DomainFacts("unknown.test", is_found=False), {}),
        (DomainFacts("null-mx.test"), {}),
        (DomainFacts("mx-only.test", members(MX)), {}),
        (DomainFacts("gone.test", lost=frozenset({Service.MX})), {}),
        (DomainFacts("never-probed.test", members(POP3S)), {}),
        (DomainFacts("not-proven.test", members(MX, IMAPS, source=Source.GUESS)), {}),
        (DomainFacts("partly.test", members(MX, SUBMISSION)), {"partly.test": 0}),
        (DomainFacts("lost.test", lost=frozenset({Service.IMAP})), {"lost.test": 0}),
    ],
)
def test_nothing_is_recommended_where_no_server_for_clients_is_known(
    facts: DomainFacts, expected: dict[str, float]
) -> None:
    exposition = board(facts)
    for endpoint in (MX, SUBMISSION):
        exposition.accept(up(endpoint))
    exposition.domains.rule_out(IMAPS.key)
    assert by_domain(exposition, RECOMMENDED) == expected
