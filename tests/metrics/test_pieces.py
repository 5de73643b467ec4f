"""A scrape in pieces: each is small, each family is of one moment, and observations may come between them."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.metrics import Exposition, full
from scanner.metrics.families import FAMILIES
from scanner.model import Kind, Observation, Reason, Service, Severity
from scanner.model.domain import DomainFacts, Membership
from scanner.model.incident import Cause, Incident
from scanner.model.published import Source
from tests.metrics.reading import read, samples
from tests.metrics.samples import GOOD, at, failed, verdict

LARGEST_PIECE = 1 << 20
MANY = 3000


def crowd(count: int = MANY) -> Iterator[Observation]:
    for number in range(count):
        yield replace(GOOD, endpoint=at(f"mx{number}.example.org"))


def exposition_of(observations: Iterator[Observation]) -> Exposition:
    exposition = Exposition()
    for observation in observations:
        exposition.accept(observation)
    return exposition


def lines_of(document: bytes, family: str) -> list[bytes]:
    return [line for line in document.splitlines() if line.startswith(f"{family}{{".encode())]


def test_pieces_are_small_and_join_to_the_whole() -> None:
    exposition = exposition_of(crowd())

    pieces = list(exposition.pieces(openmetrics=True))

    assert b"".join(pieces) == exposition.render(openmetrics=True)
    assert max(map(len, pieces)) < LARGEST_PIECE
    assert len(pieces) > len(FAMILIES)


def test_a_family_is_of_the_moment_when_it_began() -> None:
    exposition = exposition_of(crowd())
    pieces = exposition.pieces(openmetrics=False)
    begun = [next(pieces)]  # of mailport_probe_success

    for observation in crowd():
        exposition.accept(failed(Reason.CONNECT_TIMEOUT, endpoint=observation.endpoint))
    document = b"".join(begun + list(pieces))

    success = lines_of(document, "mailport_probe_success")
    assert len(success) == MANY
    assert all(line.endswith(b"} 1") for line in success)
    state = lines_of(document, "mailport_endpoint_state")
    assert sum(line.endswith(b'state="blocked"} 1') for line in state) == MANY


def test_endpoints_that_come_and_go_between_two_pieces_never_mix_their_lines() -> None:
    exposition = exposition_of(crowd())
    pieces = exposition.pieces(openmetrics=False)
    begun = [next(pieces)]
    for observation in itertools.islice(crowd(), 1000, 3000):
        exposition.remove(observation.endpoint.key)
    for number in range(1500):  # in the rows that were freed
        exposition.accept(failed(Reason.CONNECT_TIMEOUT, endpoint=at(f"new{number}.example.org")))

    document = b"".join(begun + list(pieces))

    assert len(lines_of(document, "mailport_probe_success")) == MANY
    for family in ("mailport_probe_duration_seconds", "mailport_endpoint_level"):
        assert len(lines_of(document, family)) == 1000 + 1500
    for line in lines_of(document, "mailport_probe_duration_seconds"):
        assert line.endswith(b"} 10.0" if b'host="new' in line else b"} 0.213")
    assert len(set(document.splitlines())) == len(document.splitlines())


def test_domains_may_be_planned_anew_while_they_are_written() -> None:
    exposition = Exposition()
    facts = [
        DomainFacts(f"d{number}.test", (Membership(Service.MX, at(f"mx{number}.test").key, Source.MX),))
        for number in range(50)
    ]
    for _ in exposition.domains.replace(facts):
        pass
    for number in range(50):
        exposition.accept(replace(GOOD, endpoint=at(f"mx{number}.test")))
    pieces = exposition.pieces(openmetrics=False)
    begun = []
    for piece in pieces:
        begun.append(piece)
        if not piece and any(group.pattern for group in exposition.domains._groups.values()):
            break  # the first of the groups is worked out
    for _ in exposition.domains.replace(facts[:10]):
        pass

    document = b"".join([*begun, *pieces])

    assert len(lines_of(document, "mailport_domain_service_up")) == 10
    assert len(samples(exposition, "mailport_domain_service_up")) == 10


def test_ten_thousand_domains_at_one_provider_are_written_in_small_pieces() -> None:
    exposition = Exposition()
    members = tuple(
        Membership(service, at("mx.test", port).key, Source.SRV)
        for service, port in ((Service.SUBMISSION, 587), (Service.IMAP, 993), (Service.POP3, 995))
    )
    for _ in exposition.domains.replace(DomainFacts(f"d{number}.test", members) for number in range(10_000)):
        pass
    for port in (587, 993, 995):
        exposition.accept(replace(GOOD, endpoint=at("mx.test", port)))

    pieces = list(exposition.pieces(openmetrics=False))

    assert max(map(len, pieces)) < LARGEST_PIECE
    assert len(lines_of(b"".join(pieces), "mailport_domain_endpoint_info")) == 30_000
    assert len(lines_of(b"".join(pieces), "mailport_domain_service_up")) == 30_000


def test_an_incident_of_ten_thousand_endpoints_is_written_in_small_pieces() -> None:
    keys = tuple(at(f"mx{number}.test", 25).key for number in range(10_000))
    domains = tuple(f"d{number}.test" for number in range(10_000))
    since = datetime(2026, 1, 1, tzinfo=UTC)
    incident = Incident(
        Cause.EGRESS_BLOCKED,
        "port 25",
        "egress_blocked",
        Kind.BLOCKED,
        Severity.CRITICAL,
        since,
        keys,
        domains,
        "",
        "",
    )
    exposition = Exposition()
    exposition.incidents.replace([incident])

    pieces = list(exposition.pieces(openmetrics=False))

    assert max(map(len, pieces)) < LARGEST_PIECE / 8
    assert len(lines_of(b"".join(pieces), "mailport_endpoint_incident_info")) == 10_000
    assert samples(exposition, "mailport_incident")[0][1] == 10_000


def test_each_endpoint_has_one_sample_of_a_family_unless_the_family_says_otherwise() -> None:
    many = replace(GOOD, verdicts=(verdict("key_weak"), verdict("starttls_missing")))
    for family in (*FAMILIES, *full.FAMILIES):
        for seen in (many, failed(Reason.CONNECT_TIMEOUT)):
            assert family.is_several or len(list(family.read(seen))) <= 1, family.name
        if family.is_several:
            assert len(list(family.read(many))) > 1, family.name


hosts = st.integers(0, 9).map("mx{}.example.org".format)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("good"), hosts, st.integers(0, 5)),
        st.tuples(st.just("failed"), hosts, st.just(0)),
        st.tuples(st.just("removed"), hosts, st.just(0)),
    ),
    max_size=40,
)


@given(steps)
def test_after_any_history_it_shows_what_one_without_it_would(history: list[tuple[str, str, int]]) -> None:
    exposition = Exposition()
    known: dict[str, Observation] = {}
    for what, host, level in history:
        if what == "removed":
            exposition.remove(at(host).key)
            known.pop(host, None)
            continue
        seen = replace(GOOD, endpoint=at(host), level=level)
        if what == "failed":
            seen = failed(Reason.CONNECT_TIMEOUT, endpoint=at(host))
        exposition.accept(seen)
        known[host] = seen
    fresh = exposition_of(iter(known.values()))

    shown, expected = read(exposition), read(fresh)

    kept = {family.name for family in FAMILIES if family.is_kept}
    for name in shown.keys() | expected.keys():
        if name not in kept:
            assert _flat(shown[name].samples) == _flat(expected[name].samples), name


def _flat(read_samples: list) -> set[tuple[object, ...]]:
    return {(*sorted(sample.labels.items()), sample.value) for sample in read_samples}


@pytest.mark.parametrize("is_openmetrics", [True, False])
def test_nothing_at_all_has_no_headers(is_openmetrics: bool) -> None:
    exposition = exposition_of(crowd(3))
    for observation in crowd(3):
        exposition.remove(observation.endpoint.key)

    assert exposition.render(openmetrics=is_openmetrics) == (b"# EOF\n" if is_openmetrics else b"")
