"""What stands is told apart from what was seen once, and from what the last probe did not show."""

from dataclasses import replace
from datetime import timedelta

from scanner.model import Observation, Reason, StandingVerdict
from scanner.web.standing import Concern, concern_of
from scanner.web.view import describe
from tests.verdict.observations import NOW, ended, healthy, judged

BLOCKED = judged(ended(587, reason=Reason.CONNECT_TIMEOUT))
STANDING = StandingVerdict(BLOCKED.verdicts[0], NOW - timedelta(hours=3), NOW)


def notes(seen: Observation) -> list[tuple[str, str]]:
    return [(shown.verdict.id, shown.note) for shown in describe(seen, NOW).verdicts]


def test_without_memory_nothing_is_noted() -> None:
    assert notes(BLOCKED) == [("port_blocked", "")]


def test_what_was_seen_once_is_to_be_confirmed() -> None:
    assert notes(replace(BLOCKED, standing=())) == [("port_blocked", "seen once, to be confirmed")]


def test_what_stands_says_since_when() -> None:
    assert notes(replace(BLOCKED, standing=(STANDING,))) == [("port_blocked", "began 3 h ago")]


def test_what_stands_and_was_not_seen_is_shown_and_counts() -> None:
    seen = replace(judged(healthy(587)), standing=(STANDING,))
    assert notes(seen) == [("port_blocked", "not seen by the last probe; began 3 h ago")]
    assert concern_of(seen) is Concern.NOW
