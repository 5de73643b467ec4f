"""The rows of an endpoint's page that hold its vantages against each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from scanner.model import Observation
from scanner.web.view import LEVELS, mark_of, say_age, say_name


@dataclass(frozen=True, slots=True)
class VantageRow:
    """What one vantage saw last."""

    vantage: str
    mark: str
    glyph: str
    state: str
    level: str
    own: tuple[str, ...]
    """The verdicts that stand there and are not shown by all, in words."""
    age: str


def list_vantages(seen: Observation, others: Sequence[Observation], now: datetime) -> tuple[VantageRow, ...]:
    """Return a row for each vantage, the main one first; none where there is only that one."""
    if not others:
        return ()
    looks = (seen, *sorted(others, key=lambda each: each.vantage))
    shared = set.intersection(*({verdict.id for verdict in each.counting} for each in looks))
    return tuple(_row(each, shared, now) for each in looks)


def _row(seen: Observation, shared: Iterable[str], now: datetime) -> VantageRow:
    state = say_name(seen.state)
    return VantageRow(
        vantage=seen.vantage,
        mark=mark_of(seen),
        glyph="" if seen.state == "open" else seen.state.value,
        state=state if seen.reason is None else f"{state}: {say_name(seen.reason)}",
        level=f"{seen.level}: {LEVELS[min(max(seen.level, 0), len(LEVELS) - 1)]}",
        own=tuple(say_name(each.id) for each in seen.counting if each.id not in shared),
        age=say_age(max(now, seen.started_at) - seen.started_at),
    )
