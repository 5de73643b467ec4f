"""The metrics about our own network, and what its faults leave of the endpoints' and the domains' series."""

from dataclasses import replace

import pytest

from scanner.metrics import Exposition
from scanner.metrics.egress import FAMILIES
from scanner.model import Kind, Observation, Reason
from scanner.model.control import Gate, GateStanding, Realm, Standings, Word
from scanner.model.domain import DomainFacts
from tests.metrics.reading import read, samples, value
from tests.metrics.samples import GOOD, failed, verdict
from tests.metrics.test_domains import LEVEL, UP, members

V4, V6 = Gate(25, 4, Realm.PUBLIC), Gate(25, 6, Realm.PUBLIC)
FINE, BLOCKED, INTERCEPTED, UNTOLD = map(
    GateStanding, (Word.FINE, Word.BLOCKED, Word.INTERCEPTED, Word.UNTOLD)
)
JUDGEMENTS = ("mailport_endpoint_blocked", "mailport_endpoint_downgraded", "mailport_endpoint_level")
BY_US = (Reason.EGRESS_BLOCKED, Reason.EGRESS_INTERCEPTED)


def shown(standings: Standings, vantage: str = "default") -> Exposition:
    exposition = Exposition()
    exposition.egress.read_from(lambda: standings, lambda: vantage)
    return exposition


@pytest.mark.parametrize(
    ("standings", "expected"),
    [
        ({}, None),
        ({V4: UNTOLD}, None),
        ({V4: FINE}, (0, 0)),
        ({V4: BLOCKED}, (1, 0)),
        ({V4: INTERCEPTED}, (0, 1)),
        ({V4: FINE, V6: BLOCKED}, (1, 0)),
        ({V4: BLOCKED, V6: INTERCEPTED}, (1, 1)),
        ({V4: UNTOLD, V6: FINE}, (0, 0)),
    ],
)
def test_a_port_is_blocked_where_one_family_is_and_absent_where_nothing_is_told(
    standings: Standings, expected: tuple[float, float] | None
) -> None:
    exposition = shown(standings, "cellar")
    for index, name in enumerate(FAMILIES):
        found = [] if expected is None else [({"port": "25", "vantage": "cellar"}, expected[index])]
        assert samples(exposition, name) == found
    assert FAMILIES.keys() <= read(shown({V4: FINE}), openmetrics=True).keys()


def test_every_port_has_its_own_line() -> None:
    exposition = shown({V4: BLOCKED, replace(V4, port=587): FINE})
    assert [
        (labels["port"], blocked) for labels, blocked in samples(exposition, "mailport_egress_blocked")
    ] == [
        ("25", 1),
        ("587", 0),
    ]


def by_us(reason: Reason) -> Observation:
    """What the same endpoint shows while our own network is at fault; someone else may have answered."""
    certificate = GOOD.certificate and replace(GOOD.certificate, issuer="CN=proxy", not_after=GOOD.started_at)
    other = replace(GOOD, banner="220 relay.isp.test", software="Proxy", certificate=certificate, level=0)
    return replace(
        other if reason is Reason.EGRESS_INTERCEPTED else failed(reason),
        reason=reason,
        verdicts=(verdict(reason.value, Kind.BLOCKED),),
    )


@pytest.mark.parametrize("reason", BY_US)
def test_what_judges_the_server_stays_as_it_was_last_known(reason: Reason) -> None:
    exposition = Exposition()
    exposition.accept(GOOD)
    kept = ("mailport_certificate_not_after_timestamp_seconds", "mailport_probe_success_timestamp_seconds")
    before = {name: value(exposition, name) for name in (*JUDGEMENTS, *kept)}
    exposition.accept(by_us(reason))
    assert {name: value(exposition, name) for name in (*JUDGEMENTS, *kept)} == before
    assert value(exposition, "mailport_probe_success") == 0
    states = {labels["state"]: is_on for labels, is_on in samples(exposition, "mailport_endpoint_state")}
    assert states["unknown"] == 1
    ((labels, _),) = samples(exposition, "mailport_endpoint_verdict")
    assert labels["verdict"] == reason.value
    exposition.accept(failed(Reason.CONNECT_TIMEOUT, endpoint=GOOD.endpoint))
    assert value(exposition, "mailport_endpoint_blocked") == 1


@pytest.mark.parametrize("reason", BY_US)
def test_nothing_is_made_up_of_a_server_that_was_never_reached(reason: Reason) -> None:
    exposition = Exposition()
    exposition.accept(by_us(reason))
    names = read(exposition).keys()
    assert not names & set(JUDGEMENTS)
    assert not {name for name in names if "certificate" in name or "banner" in name or "_tls_" in name}
    assert "mailport_endpoint_reason_info" in names


@pytest.mark.parametrize("reason", BY_US)
def test_a_domain_is_not_judged_by_our_own_network(reason: Reason) -> None:
    exposition = Exposition()
    for _ in exposition.domains.replace([DomainFacts("example.org", members=members(GOOD.endpoint))]):
        pass
    exposition.accept(by_us(reason))
    assert samples(exposition, UP) == []
    exposition.accept(GOOD)
    up, level = samples(exposition, UP), samples(exposition, LEVEL)
    assert [is_up for _, is_up in up] == [1]
    exposition.accept(by_us(reason))
    assert (samples(exposition, UP), samples(exposition, LEVEL)) == (up, level)
