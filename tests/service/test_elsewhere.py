"""What other vantages see: confirmed, told as one incident a cause, and over when it is over."""

from dataclasses import dataclass, field, replace

import pytest

from scanner.model import Observation, Reason, StandingVerdict, StartTls
from scanner.model.incident import Incident
from scanner.model.observation import Key
from scanner.service.elsewhere import CONFIRM_SECONDS, Elsewhere
from scanner.verdict.vantages import Word, compare
from tests.verdict.observations import NOW, ended, healthy, in_clear, judged

GOOD = healthy(25)
SILENT = ended(25, reason=Reason.CONNECT_TIMEOUT)
OURS = ended(25, reason=Reason.EGRESS_BLOCKED)
STRIPPED = in_clear(25, StartTls(offered=False))
KEY = GOOD.endpoint.key


@dataclass
class Stage:
    """What `b` and `c` see beside the main vantage `a`."""

    incidents: tuple[Incident, ...] = ()
    hastened: list[tuple[str, Key, float]] = field(default_factory=list)
    standing: tuple[StandingVerdict, ...] = ()

    def __post_init__(self) -> None:
        self.elsewhere = Elsewhere(
            2, self.show, lambda *told: self.hastened.append(told), lambda _: self.standing
        )

    def show(self, incidents: tuple[Incident, ...]) -> None:
        self.incidents = incidents

    def see(self, name: str, seen: Observation, *others: Observation) -> Observation:
        named = [judged(replace(each, vantage=other)) for other, each in zip("axy", others, strict=False)]
        found = compare(judged(replace(seen, vantage=name)), named)
        if found.word is Word.PATH:
            found = replace(found, observation=found.told_by(judged(found.observation)))
        return self.elsewhere.take(found)

    @property
    def told(self) -> list[tuple[str, str, str | None]]:
        return [(each.name, each.subject, each.vantage) for each in self.incidents]

    @property
    def compared_with(self) -> list[tuple[str, ...]]:
        return [each.compared_with for each in self.incidents]


@pytest.mark.parametrize(("seen", "name"), [(SILENT, "target_blocks_us"), (STRIPPED, "starttls_missing")])
def test_a_difference_counts_when_a_second_look_shows_it(seen: Observation, name: str) -> None:
    stage = Stage()
    stage.see("b", seen, GOOD)
    assert (stage.told, stage.hastened) == ([], [("b", KEY, CONFIRM_SECONDS)])
    shown = stage.see("b", seen, GOOD)
    assert stage.told == [(name, "mail.example.org", "b")]
    assert [each.verdict.id for each in shown.standing or ()] == [name]
    assert stage.elsewhere.of(KEY) == (shown,)
    stage.see("c", seen, GOOD)
    stage.see("c", seen, GOOD)
    assert stage.told == [(name, "mail.example.org", "b, c")]
    assert stage.compared_with == [("a",)]
    for vantage in "bc":
        stage.see(vantage, GOOD)
        stage.see(vantage, GOOD)
    assert stage.told == []


def test_what_is_so_everywhere_is_told_by_the_main_vantage_alone() -> None:
    stage = Stage()
    seen = judged(SILENT)
    stage.standing = tuple(StandingVerdict(verdict, NOW, NOW) for verdict in seen.verdicts)
    stage.see("b", SILENT, SILENT)
    stage.see("b", SILENT, SILENT)
    shown = stage.see("b", SILENT, SILENT)
    assert stage.told == []
    assert [each.verdict.id for each in shown.standing or ()] == ["port_blocked"]


def test_what_nobody_can_tell_changes_nothing() -> None:
    stage = Stage()
    stage.see("b", SILENT, GOOD)
    stage.see("b", SILENT, GOOD)
    before = stage.told
    for _ in range(3):
        stage.see("b", SILENT, OURS)
    assert stage.told == before != []


def test_a_fault_of_its_own_network_is_no_trouble_of_a_server() -> None:
    stage = Stage()
    stage.see("b", OURS, GOOD)
    shown = stage.see("b", OURS, GOOD)
    assert stage.told == []
    assert [each.verdict.id for each in shown.standing or ()] == ["egress_blocked"]


def test_it_goes_on_over_a_restart_until_somebody_has_looked() -> None:
    stage = Stage()
    stage.see("b", STRIPPED, GOOD)
    stage.see("b", STRIPPED, GOOD)
    open_before = stage.incidents
    again = Stage()
    again.elsewhere.restore(open_before, {"b"})
    assert again.incidents == open_before
    again.see("b", STRIPPED, GOOD)  # seen once, to be confirmed
    assert again.told == stage.told
    again.see("b", STRIPPED, GOOD)
    assert again.told == stage.told
    other = Stage()
    other.elsewhere.restore(open_before, {"b"})
    other.see("b", GOOD)
    assert other.told == []
    without = Stage()  # what is so from the main vantage, or from one that was removed, is no word of others
    without.elsewhere.restore(open_before, {"c"})
    assert without.told == []


def test_what_is_probed_no_more_is_told_no_more() -> None:
    stage = Stage()
    stage.see("b", STRIPPED, GOOD)
    stage.see("b", STRIPPED, GOOD)
    stage.elsewhere.forget(KEY, "b")
    assert (stage.told, stage.elsewhere.of(KEY)) == ([], ())
