"""Thrift: a result stays equal whatever it shares, and what nobody shows any more is let go."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Observation, Phase, State
from scanner.model.size import size_of
from scanner.model.thrift import PhaseTimes, Thrift
from tests.store.observations import FULL

TIMES = st.dictionaries(st.sampled_from(Phase), st.floats(0.0, 100.0))


def again(seen: Observation) -> Observation:
    """Make an equal result of values of its own, as a probe does."""
    assert seen.certificate is not None
    assert seen.capabilities is not None
    assert seen.banner is not None
    return replace(
        seen,
        banner="".join(list(seen.banner)),
        capabilities=tuple(each[:1] + each[1:] for each in seen.capabilities),
        certificate=replace(seen.certificate),
        verdicts=tuple(replace(verdict) for verdict in seen.verdicts),
    )


@given(TIMES)
def test_times_of_phases_are_as_they_were(times: dict[Phase, float]) -> None:
    packed = PhaseTimes(times)
    assert packed == times
    assert times == packed
    assert list(packed) == [phase for phase in Phase if phase in times]
    assert len(packed) == len(times)
    assert all((phase in packed) == (phase in times) for phase in Phase)
    assert PhaseTimes(packed) == packed
    assert dict(packed.items()) == times


def test_a_result_shares_what_is_equal_with_the_one_before_and_with_others() -> None:
    thrift = Thrift()
    first = thrift.share(again(FULL), None)
    assert first == FULL
    second = thrift.share(replace(again(FULL), started_at=FULL.started_at + timedelta(minutes=15)), first)
    assert second == replace(FULL, started_at=FULL.started_at + timedelta(minutes=15))
    assert second.banner is first.banner
    assert second.certificate is first.certificate
    assert second.capabilities is first.capabilities
    assert all(one is other for one, other in zip(first.verdicts, second.verdicts, strict=True))
    stranger = thrift.share(again(FULL), None)
    assert stranger.certificate is first.certificate
    assert stranger.starttls is first.starttls


def test_what_differs_stays_so() -> None:
    thrift = Thrift()
    first = thrift.share(FULL, None)
    assert FULL.certificate is not None
    other = replace(
        FULL, banner=None, tls=None, certificate=replace(FULL.certificate, trusted=False), capabilities=None
    )
    assert thrift.share(other, first) == other


def test_what_is_not_met_any_more_is_let_go() -> None:
    thrift = Thrift(most=50)
    former = thrift.share(FULL, None)
    for number in range(1000):
        thrift.share(replace(FULL, capabilities=(f"X-{number}",)), former)
    assert len(thrift._lately) + len(thrift._before) <= 100
    assert FULL.tls in thrift._lately or FULL.tls in thrift._before, "it is met all the time"


def test_servers_cannot_have_much_held_by_long_texts() -> None:
    most = 200_000
    thrift = Thrift(most_bytes=most)
    held: list[object] = []
    for number in range(2000):
        thrift.share(replace(FULL, capabilities=(f"X-{number} " + "x" * 1000,)), None)
        held = [*thrift._lately, *thrift._before]
        assert sum(map(size_of, held)) < 2.1 * most
    assert len(held) > 100, "there is something that is shared"


def test_a_huge_value_is_shared_with_nobody_and_takes_no_room() -> None:
    thrift = Thrift(most_bytes=200_000)
    huge = replace(FULL, capabilities=("x" * 50_000,))
    assert thrift.share(huge, None) == huge
    assert huge.capabilities not in thrift._lately
    assert FULL.tls in thrift._lately


def test_the_size_of_a_value_counts_all_that_is_in_it() -> None:
    assert FULL.certificate is not None
    longer = replace(FULL.certificate, names=("n" * 10_000,), chain=())
    assert 10_000 < size_of(longer) < 13_000
    assert size_of(("ä" * 1000,)) > size_of(("a" * 1000,))
    assert size_of({"a": ("b" * 500,)}) > 500
    assert size_of(None) == size_of(State.OPEN) == 0
