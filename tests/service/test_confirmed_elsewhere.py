"""What another vantage sees at the same time confirms a loss, in place of a second probe a minute later."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from scanner.model import Observation, Reason, StartTls, State
from scanner.model.event import Event, EventKind
from scanner.model.memory import Memory
from scanner.service.recollection import Recollection
from scanner.verdict import Policy
from scanner.verdict.remember import Patience
from tests.verdict.observations import NOW, ended, healthy, in_clear, judged

SILENT = judged(ended(25, reason=Reason.CONNECT_TIMEOUT))
REFUSED = judged(ended(25, reason=Reason.CONNECTION_REFUSED))


@dataclass
class Kept:
    """Takes down what is told."""

    events: list[Event] = field(default_factory=list)

    def accept(self, _: Observation, __: Memory, events: Sequence[Event]) -> None:
        self.events.extend(events)


def from_rome(seen: Observation) -> Observation:
    return replace(seen, vantage="rome", started_at=NOW + timedelta(hours=2, seconds=3))


def known() -> tuple[Recollection, Kept]:
    """Return what remembers a server that was always in order."""
    kept = Kept()
    recollection = Recollection(Policy(), Patience(), [kept])
    for hour in range(5):
        recollection.remember(replace(judged(healthy(25)), started_at=NOW + timedelta(minutes=15 * hour)))
    kept.events.clear()
    return recollection, kept


def test_two_vantages_that_see_the_same_are_as_good_as_two_probes() -> None:
    recollection, kept = known()
    seen = recollection.remember(replace(SILENT, started_at=NOW + timedelta(hours=2)))
    assert (seen.standing, kept.events) == ((), [])
    shown = recollection.confirm(seen, from_rome(SILENT))
    assert [each.verdict.id for each in shown.standing or ()] == ["port_blocked"]
    # What is shown is what was seen here; where it was confirmed from, the events say.
    assert (shown.vantage, shown.started_at) == ("default", seen.started_at)
    assert {event.kind for event in kept.events} == {EventKind.STATE_CHANGED, EventKind.VERDICT_RAISED}
    assert {event.after["confirmed_from"] for event in kept.events} == {"rome"}
    assert recollection.of(seen.endpoint.key).state is State.BLOCKED


def test_only_what_both_show_is_confirmed() -> None:
    recollection, kept = known()
    seen = recollection.remember(replace(SILENT, started_at=NOW + timedelta(hours=2)))
    shown = recollection.confirm(seen, from_rome(REFUSED))
    assert shown.standing == ()
    assert [event for event in kept.events if event.kind is EventKind.VERDICT_RAISED] == []


def test_one_look_of_another_vantage_counts_once() -> None:
    kept = Kept()
    recollection = Recollection(Policy(), Patience(confirm_after=4), [kept])
    for hour in range(5):
        recollection.remember(replace(judged(healthy(25)), started_at=NOW + timedelta(minutes=15 * hour)))
    kept.events.clear()
    witness, later = from_rome(SILENT), NOW + timedelta(hours=2, minutes=1)
    first = recollection.remember(replace(SILENT, started_at=NOW + timedelta(hours=2)))
    recollection.confirm(first, witness)
    second = recollection.remember(replace(SILENT, started_at=later))
    # Two probes and one look, which the second probe is held against as well: three things seen, not four.
    assert recollection.confirm(second, witness) is second
    assert (second.standing, kept.events) == ((), [])
    again = replace(witness, started_at=later + timedelta(seconds=3))
    shown = recollection.confirm(second, again)
    assert [each.verdict.id for each in shown.standing or ()] == ["port_blocked"]
    assert recollection.of(second.endpoint.key).state is State.BLOCKED


def test_what_another_vantage_shows_is_not_resolved_by_its_look() -> None:
    recollection, kept = known()
    plain = judged(in_clear(25, StartTls(offered=False)))
    names = {verdict.id for verdict in plain.verdicts}
    for minute in (0, 1):
        recollection.remember(replace(plain, started_at=NOW + timedelta(hours=2, minutes=minute)))
    standing = recollection.of(plain.endpoint.key).standing
    assert names & standing.keys()
    better = replace(judged(healthy(25)), started_at=NOW + timedelta(hours=2, minutes=2))
    seen = recollection.remember(better)
    kept.events.clear()
    recollection.confirm(seen, replace(plain, vantage="rome", started_at=NOW + timedelta(hours=2, minutes=2)))
    assert kept.events == []
    assert recollection.of(seen.endpoint.key).standing.keys() >= names & standing.keys()
