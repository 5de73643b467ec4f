"""Random worlds: healthy servers with their bad moments wake nobody, and one fault is one alert."""

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.model import Observation
from tests.scenarios import faults as f
from tests.scenarios.life import BLIPS
from tests.scenarios.scenario import Outcome, Scenario
from tests.scenarios.world import Change, Fault, Server, World, at, between, both, every, on

PORTS = (25, 465, 587, 143, 993, 110, 995)
APART = 3 * 1000.0
"""So far apart that no 2 of 3 probes in a row can meet two bad moments."""
SINGLE: Mapping[str, tuple[Change, tuple[int, ...]]] = {
    "port_blocked": (f.silent, PORTS),
    "port_closed": (f.refused, (25, 465, 587, 993, 995)),
    "starttls_missing": (f.stripped, (25, 587, 143, 110)),
    "starttls_refused": (f.answering("500 5.5.1 unrecognised"), (25, 587)),
    "starttls_masked": (f.masked, (25, 587)),
    "plaintext_on_tls_port": (f.in_plain_text, (465, 993, 995)),
    "wrong_protocol": (BLIPS["HTTP"], PORTS),
    "auth_not_offered": (f.with_auth(), (465, 587)),
    "tls_version_dropped": (f.with_tls("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"), PORTS),
    "certificate_untrusted": (f.with_certificate(**f.UNTRUSTED), (465, 587, 143, 993, 110, 995)),
}
"""Faults of one port: what the alert on each is called."""


def play(world: World) -> Outcome:
    return Scenario("random", world).play()


@st.composite
def servers(draw: st.DrawFn) -> tuple[Server, ...]:
    """One to three hosts in good order, as different as these are."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        ports = draw(st.sets(st.sampled_from(PORTS), min_size=1))
        v4 = tuple(f"9.7.{number}.{place}" for place in range(1, draw(st.integers(1, 2)) + 1))
        addresses = (*v4, f"2a00:1450::{number + 1}") if draw(st.booleans()) else v4
        seconds = draw(st.sampled_from([0.05, 0.2, 2.0, 9.0]))
        found.append(Server(f"mail{number}.site.test", addresses, tuple(sorted(ports)), seconds=seconds))
    return tuple(found)


@settings(max_examples=20)
@given(
    servers=servers(),
    seed=st.integers(0, 10**6),
    blips=st.lists(
        st.tuples(
            st.sampled_from(sorted(BLIPS)),
            st.floats(0.0, APART),
            st.floats(1.0, 50.0),
            st.sets(st.sampled_from(PORTS), min_size=1),
        ),
        min_size=1,
        max_size=1,
    ),
)
def test_bad_moments_shorter_than_the_confirmation_wake_nobody(
    servers: tuple[Server, ...],
    seed: int,
    blips: list[tuple[str, float, float, set[int]]],
) -> None:
    faults = tuple(
        Fault(BLIPS[name], on(*ports), every(APART, length, start)) for name, start, length, ports in blips
    )
    outcome = play(World(servers, faults=faults, seed=seed, hours=3))
    assert outcome.alerts == ()


@settings(max_examples=20)
@given(
    servers=servers(),
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(sorted(BLIPS)),
    first=st.integers(0, 6),
    data=st.data(),
)
def test_one_bad_probe_in_four_wakes_nobody(
    servers: tuple[Server, ...], seed: int, kind: str, first: int, data: st.DataObject
) -> None:
    phases: dict[object, int] = {}
    counts: dict[object, int] = {}

    def blip(seen: Observation) -> Observation:
        key = seen.endpoint.key
        phase = phases.setdefault(key, (hash(key[:3]) + first) % 4)
        counts[key] = counts.get(key, -1) + 1
        return BLIPS[kind](seen) if counts[key] % 4 == phase else seen

    outcome = play(World(servers, faults=(Fault(blip, when=between(0)),), seed=seed))
    assert outcome.alerts == ()


@settings(max_examples=20)
@given(
    name=st.sampled_from(sorted(SINGLE)),
    seed=st.integers(0, 10**6),
    start=st.floats(2400.0, 3400.0),
    others=st.integers(0, 2),
    data=st.data(),
)
def test_one_fault_is_one_alert(name: str, seed: int, start: float, others: int, data: st.DataObject) -> None:
    change, ports = SINGLE[name]
    port = data.draw(st.sampled_from(ports))
    hosts = tuple(Server(f"mail{number}.site.test", (f"9.7.0.{number + 1}",)) for number in range(others + 1))
    fault = Fault(change, both(at("mail0.site.test"), on(port)), between(start))
    outcome = play(World(hosts, faults=(fault,), seed=seed, hours=2))
    assert [alert.name for alert in outcome.alerts] == [name]
    (alert,) = outcome.alerts
    assert alert.ended is None
    assert len(alert.labels) == 1
