"""The plot of an endpoint's latency: where its points lie, and where a probe failed there is a gap."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from scanner.model import Observation, State

WIDTH, HEIGHT = 720, 180
LEFT, RIGHT, TOP, BOTTOM = 72, 712, 12, 150
MOST_POINTS = 400
_STEPS = (1, 2, 5)
_SHORTEST, _LONGEST = 1e-6, 1e6
"""Seconds; no probe is as quick or as slow, whatever a store says."""
_TICKS = 3


@dataclass(frozen=True, slots=True)
class Point:
    """One probe; `y` is None where it failed."""

    x: float
    y: float | None
    seen: Observation


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis, in units of the drawing, and what it says."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """All that the drawing needs, the oldest probe first."""

    points: tuple[Point, ...]
    lines: tuple[str, ...]
    """The points of each stretch without a failure, as SVG wants them."""
    lonely: tuple[Point, ...]
    """Those that no line reaches, having failures on both sides."""
    failed: tuple[Point, ...]
    heights: tuple[Tick, ...]
    times: tuple[Tick, ...]
    fastest: float
    median: float
    slowest: float
    """Seconds of the probes that succeeded."""


def plot_latency(history: Sequence[Observation]) -> Plot | None:
    """Return the plot of some probes, in any order; None where fewer than two are known."""
    seen = sorted(history, key=lambda each: each.started_at)[-MOST_POINTS:]
    if len(seen) < 2:
        return None
    good = sorted(each.duration for each in seen if each.state is State.OPEN)
    top = nice_top(good[-1] if good else 1.0)
    begin, end = seen[0].started_at, seen[-1].started_at
    whole = max((end - begin).total_seconds(), 1e-9)
    points = tuple(
        Point(
            round(LEFT + (RIGHT - LEFT) * (each.started_at - begin).total_seconds() / whole, 1),
            round(BOTTOM - (BOTTOM - TOP) * min(each.duration / top, 1.0), 1)
            if each.state is State.OPEN
            else None,
            each,
        )
        for each in seen
    )
    stretches = list(_stretches(points))
    return Plot(
        points=points,
        lines=tuple(" ".join(f"{p.x},{p.y}" for p in each) for each in stretches if len(each) > 1),
        lonely=tuple(each[0] for each in stretches if len(each) == 1),
        failed=tuple(point for point in points if point.y is None),
        heights=_heights(top),
        times=_times(begin, end),
        fastest=good[0] if good else 0.0,
        median=good[len(good) // 2] if good else 0.0,
        slowest=good[-1] if good else 0.0,
    )


def _height(share: float) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * min(share, 1.0), 1)


def nice_top(most: float) -> float:
    """Return the next number of 1, 2 or 5 times a power of ten, so that the scale reads well."""
    most = min(max(most, _SHORTEST), _LONGEST)
    power = 10.0 ** math.floor(math.log10(most))
    return next((step * power for step in _STEPS if step * power >= most), 10 * power)


def _stretches(points: Sequence[Point]) -> list[list[Point]]:
    stretches: list[list[Point]] = [[]]
    for point in points:
        if point.y is None:
            stretches.append([])
        else:
            stretches[-1].append(point)
    return [each for each in stretches if each]


def _heights(top: float) -> tuple[Tick, ...]:
    return tuple(
        Tick(_height(number / (_TICKS - 1)), _say(top * number / (_TICKS - 1))) for number in range(_TICKS)
    )


def _say(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _times(begin: datetime, end: datetime) -> tuple[Tick, ...]:
    form = "%H:%M:%S" if (end - begin).total_seconds() < 2 * 86400 else "%Y-%m-%d"
    return tuple(
        Tick(place, moment.astimezone(UTC).strftime(form))
        for place, moment in ((LEFT, begin), ((LEFT + RIGHT) / 2, begin + (end - begin) / 2), (RIGHT, end))
    )
