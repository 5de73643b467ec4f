"""Sorts and counts observations for the status page: what needs a look comes first."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from scanner.model import Observation, Severity, State, TargetFinding
from scanner.verdict.weight import weigh


class Concern(IntEnum):
    """How soon a person should look at an endpoint or a target: what it weighs."""

    NONE = 0
    NOTICE = Severity.NOTICE
    SOON = Severity.WARNING
    NOW = Severity.CRITICAL


WORST_FIRST = (
    State.BLOCKED,
    State.BROKEN,
    State.OPEN,
    State.UNREACHABLE,
    State.REJECTING,
    State.CLOSED,
    State.UNKNOWN,
    State.NOT_OFFERED,
)
"""Among equals: ports that cannot be used, then open ones (they have verdicts), then the others."""


class Tellable(Protocol):
    """What is counted: an endpoint's state, and whether it is downgraded."""

    @property
    def state(self) -> State:
        """The state by the last probe."""

    @property
    def is_downgraded(self) -> bool:
        """Whether it shows less protection than promised."""


@dataclass(frozen=True, slots=True)
class Count:
    """One figure at the top of the page; `state` is the filter that lists what it counts, empty = all."""

    state: str
    label: str
    number: int


def severities_of(seen: Observation | TargetFinding) -> list[Severity]:
    """Return what weighs on an endpoint or a target: what the last probe shows and what stands."""
    verdicts = list(seen.verdicts)
    if isinstance(seen, Observation):
        verdicts += seen.counting
    return [verdict.severity for verdict in verdicts]


def concern_of(seen: Observation | TargetFinding) -> Concern:
    """Return how soon to look: the worst of the reason, what the last probe shows and what stands."""
    return Concern(weigh(seen.reason, severities_of(seen)) or 0)


def count_targets(findings: Iterable[TargetFinding]) -> Counter[Concern]:
    """Return how many targets are of each concern, each by the worst that was found about itself."""
    worst: dict[str, Concern] = {}
    for finding in findings:
        worst[finding.domain] = max(worst.get(finding.domain, Concern.NONE), concern_of(finding))
    return Counter(worst.values())


WAITING = "waiting"
"""In the place of a state: no probe has told one yet."""


def count(briefs: Sequence[Tellable], waiting: int = 0) -> tuple[Count, ...]:
    """Return the figures for the top of the page: the main ones always, the others where not zero.

    `waiting` are endpoints that were not probed yet, and targets whose endpoints are not known yet.
    """
    states = Counter(brief.state for brief in briefs)
    downgraded = sum(brief.is_downgraded for brief in briefs)
    main = (
        Count("", "endpoints", len(briefs)),
        Count(State.OPEN, "open", states[State.OPEN]),
        Count(State.BLOCKED, "blocked", states[State.BLOCKED]),
        Count("downgraded", "downgraded", downgraded),
        Count(State.CLOSED, "closed", states[State.CLOSED]),
        Count(State.BROKEN, "broken", states[State.BROKEN]),
    )
    named = {figure.state for figure in main}
    others = (
        Count(state, state.replace("_", " "), states[state])
        for state in State
        if states[state] and state not in named
    )
    still = (Count(WAITING, "waiting", waiting),) if waiting else ()
    return (*main, *others, *still)
