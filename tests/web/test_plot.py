"""The plot of the latency: every probe has its place, and none is drawn where it failed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Observation, Reason
from scanner.web.plot import BOTTOM, LEFT, MOST_POINTS, RIGHT, TOP, nice_top, plot_latency
from tests.web.samples import NOW, good

USUAL = good("mx.example.org", 25)


def probes(*durations: float | None) -> list[Observation]:
    """Return probes a minute apart, the newest first as the store gives them; None = it failed."""
    made = [
        replace(
            USUAL,
            started_at=NOW + timedelta(minutes=number),
            duration=duration or 10.0,
            reason=None if duration is not None else Reason.CONNECT_TIMEOUT,
        )
        for number, duration in enumerate(durations)
    ]
    return made[::-1]


def places(line: str) -> list[list[float]]:
    return [[float(number) for number in point.split(",")] for point in line.split()]


def test_one_probe_is_no_course() -> None:
    assert plot_latency(()) is None
    assert plot_latency(probes(0.1)) is None


def test_the_line_is_broken_where_a_probe_failed() -> None:
    plot = plot_latency(probes(0.1, 0.2, None, 0.1, None, 0.2, 0.2, 0.4))

    assert plot is not None
    assert [len(places(line)) for line in plot.lines] == [2, 3]
    assert len(plot.lonely) == 1
    assert len(plot.failed) == 2
    assert (plot.fastest, plot.median, plot.slowest) == (0.1, 0.2, 0.4)
    # What failed took as long as a time limit, and says nothing of the scale.
    assert [tick.text for tick in plot.heights] == ["0 ms", "250 ms", "500 ms"]
    assert places(plot.lines[0])[0] == [LEFT, round(BOTTOM - (BOTTOM - TOP) * 0.2, 1)]
    assert places(plot.lines[1])[-1][0] == RIGHT


def test_an_endpoint_that_never_answered_has_a_plot_of_failures() -> None:
    plot = plot_latency(probes(None, None, None))

    assert plot is not None
    assert (plot.lines, plot.lonely, len(plot.failed)) == ((), (), 3)


def test_of_very_many_the_newest_are_drawn() -> None:
    plot = plot_latency(probes(*[0.1] * (MOST_POINTS + 5)))

    assert plot is not None
    assert len(plot.points) == MOST_POINTS
    assert plot.points[-1].seen.started_at == NOW + timedelta(minutes=MOST_POINTS + 4)


@given(st.lists(st.one_of(st.none(), st.floats(min_value=0, max_value=1e5)), min_size=2, max_size=60))
def test_every_point_is_inside_the_drawing(durations: Sequence[float | None]) -> None:
    plot = plot_latency(probes(*durations))

    assert plot is not None
    assert len(plot.points) == len(durations)
    for point in plot.points:
        assert LEFT <= point.x <= RIGHT
        assert point.y is None or TOP <= point.y <= BOTTOM
    drawn = sum(len(places(line)) for line in plot.lines) + len(plot.lonely) + len(plot.failed)
    assert drawn == len(durations)


@given(st.floats(min_value=1e-6, max_value=1e6))
def test_the_scale_ends_at_a_round_number_just_above(most: float) -> None:
    top = nice_top(most)

    assert most <= top * (1 + 1e-9)
    assert top <= most * 2.5 * (1 + 1e-9)
