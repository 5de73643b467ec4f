"""The domain families: what the endpoints of a domain add up to, for one domain and for many at once."""

from dataclasses import replace

import pytest

from scanner.metrics import Exposition
from scanner.model import Endpoint, Kind, Observation, Reason, Service, Severity, Source, StsMode
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


def board(*facts: DomainFacts) -> Exposition:
    exposition = Exposition()
    exposition.domains.replace(facts)
    return exposition


def up(endpoint: Endpoint, level: int = 4) -> Observation:
    return replace(GOOD, endpoint=endpoint, level=level)


def down(endpoint: Endpoint) -> Observation:
    return replace(GOOD, endpoint=endpoint, reason=Reason.CONNECT_TIMEOUT, tls=None, level=0)


def by_service(exposition: Exposition, name: str) -> dict[str, float]:
    return {labels["service"]: value for labels, value in samples(exposition, name)}


SUBMISSION, SUBMISSIONS = at("smtp.example.org", 587), at("smtp.example.org", 465)
IMAPS, POP3S = at("imap.example.org", 993), at("pop.example.org", 995)


def test_a_service_is_up_while_one_endpoint_of_it_works() -> None:
    exposition = board(DomainFacts("example.org", members(SUBMISSION, SUBMISSIONS)))
    exposition.accept(down(SUBMISSION))
    assert samples(exposition, UP) == []  # the other one may still work
    exposition.accept(up(SUBMISSIONS, level=3))
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
        DomainFacts("a.test", members(SUBMISSION), mta_sts=StsMode.ENFORCE, dane=True),
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
    exposition.domains.replace(facts[1:])
    for name in (UP, LEVEL, INFO, "mailport_domain_discovery_success"):
        assert {labels["domain"] for labels, _ in samples(exposition, name)} == {"b.test"}
    exposition.domains.replace([])
    assert not [name for name in read(exposition) if name.startswith("mailport_domain")]


def test_a_new_plan_keeps_what_is_known_of_endpoints_that_stay() -> None:
    exposition = board(DomainFacts("a.test", members(SUBMISSION)))
    exposition.accept(up(SUBMISSION))
    exposition.domains.replace([DomainFacts("a.test", members(SUBMISSION, IMAPS))])
    assert by_service(exposition, UP) == {"submission": 1}
    exposition.accept(up(IMAPS))
    assert by_service(exposition, UP) == {"submission": 1, "imap": 1}


def test_hostile_names_cannot_break_the_document() -> None:
    exposition = board(DomainFacts('evil"\n} 1.test', members(SUBMISSION)))
    exposition.accept(up(SUBMISSION))
    assert {labels["domain"] for labels, _ in samples(exposition, UP)} == {'evil"\n} 1.test'}
