"""What a scan says of its progress where standard error is no terminal."""

import pytest

from scanner.cli import progress
from scanner.cli.progress import ScanProgress
from scanner.model.record import to_record
from tests.metrics.samples import GOOD


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def scan(clock: Clock, *pauses: float) -> None:
    with ScanProgress(1) as shown:
        shown.resolved(1)
        shown.planned(len(pauses))
        for pause in pauses:
            clock.now += pause
            shown.found(to_record(GOOD))


def test_the_end_is_told_once_even_where_it_was_just_told(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    scan(clock, 1, 5)
    assert [line.split(",")[0] for line in capsys.readouterr().err.splitlines()] == ["mailport: 2 of 2 done"]


def test_the_end_is_told_after_an_earlier_line(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    scan(clock, 6, 1)
    assert [line.split(",")[0] for line in capsys.readouterr().err.splitlines()] == [
        "mailport: 1 of 2 done",
        "mailport: 2 of 2 done",
    ]
