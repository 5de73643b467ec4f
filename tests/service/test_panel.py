"""Who is asked when a vantage is in doubt, what waits for whom, and what is told in the end."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from scanner.model import Endpoint, Observation, Reason, StartTls
from scanner.service.panel import SAME_TIME_SECONDS, Panel, Seat
from scanner.verdict.vantages import Compared, Word
from tests.verdict.observations import ended, healthy, in_clear, judged

PATIENCE = 30.0
HOUR = 3600.0
GOOD = healthy(25)
SILENT = ended(25, reason=Reason.CONNECT_TIMEOUT)
OURS = ended(25, reason=Reason.EGRESS_BLOCKED)
STRIPPED = in_clear(25, StartTls(offered=False))


@dataclass
class Put:
    """Something that was put off."""

    at: float
    work: Callable[[], None]
    is_off: bool = False

    def cancel(self) -> None:
        self.is_off = True


@dataclass
class Stage:
    """A panel of `a`, `b` and `c` on a clock of the test's own."""

    now: float = 1000.0
    asked: list[str] = field(default_factory=list)
    told: list[tuple[str, Word]] = field(default_factory=list)
    last: Compared | None = None
    away: set[str] = field(default_factory=set)
    later: list[Put] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.panel = Panel(PATIENCE, clock=lambda: self.now, later=self.put_off)
        for name in "abc":
            self.panel.join(name, Seat(lambda: HOUR, partial(self.ask, name), self.tell))

    def put_off(self, seconds: float, work: Callable[[], None]) -> Put:
        self.later.append(Put(self.now + seconds, work))
        return self.later[-1]

    def ask(self, name: str, _: Endpoint) -> bool:
        if name not in self.away:
            self.asked.append(name)
        return name not in self.away

    def tell(self, compared: Compared) -> None:
        self.told.append((compared.observation.vantage, compared.word))
        self.last = compared

    def see(self, name: str, seen: Observation) -> None:
        self.panel.take(judged(replace(seen, vantage=name)))

    def wait(self, seconds: float) -> None:
        self.now += seconds
        for each in [each for each in self.later if each.at <= self.now]:
            self.later.remove(each)
            if not each.is_off:
                each.work()

    def take_told(self) -> list[tuple[str, Word]]:
        told, self.told = self.told, []
        return told


def test_what_is_sound_passes_at_once_and_asks_nobody() -> None:
    stage = Stage()
    for name in "abc":
        stage.see(name, GOOD)
    assert stage.take_told() == [(name, Word.SOUND) for name in "abc"]
    assert stage.asked == []
    assert stage.later == []


def test_a_result_in_doubt_waits_until_all_have_looked() -> None:
    stage = Stage()
    stage.see("a", SILENT)
    assert (stage.asked, stage.take_told()) == (["b", "c"], [])
    stage.see("b", GOOD)
    assert stage.take_told() == [("b", Word.SOUND)]
    stage.see("c", GOOD)
    assert stage.take_told() == [("c", Word.SOUND), ("a", Word.PATH)]


def test_who_saw_nothing_wrong_before_is_asked_again() -> None:
    stage = Stage()
    stage.see("b", GOOD)
    stage.see("c", GOOD)
    stage.wait(1)
    stage.see("a", SILENT)
    assert stage.asked == ["b", "c"]
    stage.see("b", SILENT)
    stage.see("c", SILENT)
    assert dict(stage.take_told()) == dict.fromkeys("abc", Word.EVERYWHERE)


def test_who_has_just_seen_the_same_is_not_asked_again() -> None:
    stage = Stage(away={"c"})
    stage.see("a", SILENT)
    stage.see("b", SILENT)
    assert stage.take_told() == [("b", Word.EVERYWHERE), ("a", Word.EVERYWHERE)]
    stage.asked.clear()
    stage.wait(SAME_TIME_SECONDS - 1)
    stage.see("a", STRIPPED)
    assert stage.asked == []
    assert stage.take_told() == [("a", Word.UNTOLD)]
    stage.wait(2)
    stage.see("a", STRIPPED)
    assert stage.asked == ["b"]


def test_all_in_doubt_wait_for_each_other_and_come_to_an_end() -> None:
    stage = Stage()
    for name in "abc":
        stage.see(name, SILENT)
    assert sorted(stage.take_told()) == [(name, Word.EVERYWHERE) for name in "abc"]


def test_a_vantage_that_cannot_be_asked_is_not_waited_for() -> None:
    stage = Stage(away={"b", "c"})
    stage.see("a", SILENT)
    assert stage.take_told() == [("a", Word.UNTOLD)]


def test_a_vantage_that_does_not_answer_is_waited_for_only_so_long() -> None:
    stage = Stage()
    stage.see("a", SILENT)
    stage.see("b", SILENT)
    # A newer result takes the place of the one that waits, and no more time.
    stage.wait(PATIENCE - 1)
    stage.see("a", SILENT)
    stage.take_told()
    stage.wait(1)
    assert sorted(stage.take_told()) == [("a", Word.EVERYWHERE), ("b", Word.EVERYWHERE)]
    assert stage.panel.patience == PATIENCE
    stage.wait(HOUR)
    assert stage.take_told() == []


def test_a_fault_of_another_network_says_nothing() -> None:
    stage = Stage(away={"c"})
    stage.see("a", SILENT)
    stage.see("b", OURS)
    assert stage.take_told() == [("b", Word.SOUND), ("a", Word.UNTOLD)]


def test_who_is_down_for_all_is_not_asked_more_often_since_one_asks_often() -> None:
    stage = Stage()
    for name in "abc":
        stage.see(name, SILENT)
    stage.asked.clear()
    stage.take_told()
    for _ in range(4):
        stage.wait(900)
        stage.see("a", SILENT)
    assert stage.asked == []
    assert stage.take_told() == [("a", Word.EVERYWHERE)] * 4
    # Another sees it in order: then it is compared anew.
    stage.see("b", GOOD)
    stage.wait(900)
    stage.see("a", SILENT)
    assert stage.asked == ["b", "c"]


def test_a_path_is_compared_with_what_is_so_now() -> None:
    stage = Stage()
    stage.see("a", SILENT)
    stage.see("b", GOOD)
    stage.see("c", GOOD)
    stage.take_told()
    stage.wait(900)
    stage.see("a", SILENT)
    stage.see("b", SILENT)
    stage.see("c", SILENT)
    assert sorted(stage.take_told()) == [(name, Word.EVERYWHERE) for name in "abc"]


def test_an_interception_is_told_of_the_vantage_that_has_it() -> None:
    stage = Stage()
    stage.see("c", STRIPPED)
    stage.see("a", GOOD)
    stage.see("b", STRIPPED)
    assert dict(stage.take_told()) == {"a": Word.SOUND, "b": Word.CHANGED, "c": Word.CHANGED}


def test_what_is_forgotten_waits_no_more() -> None:
    stage = Stage()
    stage.see("a", SILENT)
    stage.panel.forget(GOOD.endpoint.key, "a")
    stage.see("b", GOOD)
    stage.see("c", GOOD)
    stage.wait(HOUR)
    assert stage.take_told() == [("b", Word.SOUND), ("c", Word.SOUND)]
    stage.see("b", SILENT)
    stage.asked.clear()
    stage.panel.keep_only("b", lambda _: False)
    stage.see("a", SILENT)
    assert stage.asked == ["b", "c"]


def test_what_waits_of_a_vantage_that_leaves_is_told_and_counts_no_more() -> None:
    stage = Stage()
    stage.see("a", SILENT)
    stage.panel.leave("a")
    assert stage.take_told() == [("a", Word.UNTOLD)]
    stage.wait(PATIENCE)
    stage.see("b", SILENT)
    stage.see("c", GOOD)
    assert stage.take_told() == [("c", Word.SOUND), ("b", Word.PATH)]
    assert stage.panel._looks.keys() == {GOOD.endpoint.key}
    stage.panel.leave("b")
    stage.panel.leave("c")
    assert not stage.panel._looks
