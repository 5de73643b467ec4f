"""Judging the same again: nothing is said otherwise than by judging anew, and dates are kept."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scanner.model import Observation, Phase, Reason
from scanner.probe import judged
from scanner.probe import judgements as room
from scanner.probe.judgements import Judgements
from scanner.verdict import Policy
from tests.verdict.observations import with_certificate

POLICY = Policy()
START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 6, 1, tzinfo=UTC)


class Counting:
    """Judges, and counts how often."""

    def __init__(self) -> None:
        self.count = 0

    def judge(self, seen: Observation, policy: Policy) -> Observation:
        self.count += 1
        return judged(seen, policy)


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def judgements(counting: Counting) -> Judgements:
    return Judgements(POLICY, counting.judge)


def seen_at(moment: datetime, **changes: Any) -> Observation:
    """Return a probe's observation, equal to the others but not made of the same objects."""
    probe = replace(
        with_certificate(587, not_before=START, not_after=END),
        started_at=moment,
        banner=b"220 mx.example.org".decode(),
    )
    return replace(probe, **changes)


def test_the_same_again_is_not_judged_anew(judgements: Judgements, counting: Counting) -> None:
    first = judgements.judged(seen_at(START + timedelta(days=1), duration=0.1))
    again = seen_at(START + timedelta(days=2), duration=0.2, phases={Phase.CONNECT: 0.1}, bytes_read=7)

    second = judgements.judged(again)

    assert counting.count == 1
    assert second == judged(again, POLICY)
    assert (second.duration, second.phases, second.bytes_read) == (0.2, {Phase.CONNECT: 0.1}, 7)
    assert second.banner is first.banner


@pytest.mark.parametrize(
    "change",
    [
        {"reason": Reason.READ_TIMEOUT},
        {"banner": "another"},
        {"capabilities": ("PIPELINING",)},
        {"certificate": None},
        {"tls": None},
        {"versions": {"TLSv1.0": True}},
        {"preauth": True},
        {"is_egress_clear": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_anything_else_is_judged_anew(
    change: dict[str, Any], judgements: Judgements, counting: Counting
) -> None:
    judgements.judged(seen_at(START + timedelta(days=1)))
    other = seen_at(START + timedelta(days=1), **change)

    assert judgements.judged(other) == judged(other, POLICY)
    assert counting.count == 2


def test_whatever_the_moment_the_same_is_said_as_by_judging_anew(judgements: Judgements) -> None:
    warned = END - timedelta(days=POLICY.certificate_warning_days)
    instant = timedelta(microseconds=1)
    moments = [
        moment + shift
        for moment in (START, warned, END)
        for shift in (-timedelta(days=1), -instant, timedelta(0), instant, timedelta(days=1))
    ]
    said = []
    for moment in [*moments, *reversed(moments)]:
        probe = seen_at(moment)
        found = judgements.judged(probe)
        assert found == judged(probe, POLICY), moment
        said.append(tuple(verdict.id for verdict in found.verdicts))

    assert len(set(said)) >= 4  # too early, good, ending soon, over


def test_an_endpoint_before_and_after_its_sweep_are_kept_apart(
    judgements: Judgements, counting: Counting
) -> None:
    for day in (1, 2, 3):
        moment = START + timedelta(days=day)
        judgements.judged(seen_at(moment))
        judgements.judged(seen_at(moment, versions={"TLSv1.0": True}))

    assert counting.count == 2


def test_every_field_of_an_observation_is_evidence_but_for_times_and_counts() -> None:
    """A new field must not be left out of the comparison unseen."""
    left_out = {field.name for field in fields(Observation)} - set(room._NAMES)
    assert left_out == {"started_at", "duration", "phases", "bytes_read", "level", "verdicts"}
