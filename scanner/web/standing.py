"""Sorts and counts observations for the status page: what needs a look comes first."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from scanner.model import Observation, Severity, State, TargetFinding
from scanner.verdict import is_downgraded, works
from scanner.verdict.weight import weigh


class Concern(IntEnum):
    """How soon a person should look at an endpoint or a target: what it weighs."""

    NONE = 0
    NOTICE = Severity.NOTICE
    SOON = Severity.WARNING
    NOW = Severity.CRITICAL


_WORST_FIRST = (
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

ALL = "all"
DOWNGRADED = "downgraded"


@dataclass(frozen=True, slots=True)
class Count:
    """One figure at the top of the page; `show` is the filter that lists what it counts."""

    show: str
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


def sort_worst_first(observations: Iterable[Observation]) -> list[Observation]:
    """Return the observations in the order in which a person should read them."""
    return sorted(observations, key=_rank)


def count(observations: Sequence[Observation]) -> tuple[Count, ...]:
    """Return the figures for the top of the page: the main ones always, the others where not zero."""
    states = Counter(observation.state for observation in observations)
    downgraded = sum(is_downgraded(observation) for observation in observations)
    main = (
        Count(ALL, "endpoints", len(observations)),
        Count(State.OPEN, "open", states[State.OPEN]),
        Count(State.BLOCKED, "blocked", states[State.BLOCKED]),
        Count(DOWNGRADED, "downgraded", downgraded),
        Count(State.BROKEN, "broken", states[State.BROKEN]),
    )
    named = {figure.show for figure in main}
    others = (
        Count(state, state.replace("_", " "), states[state])
        for state in State
        if states[state] and state not in named
    )
    return (*main, *others)


def select(observations: Iterable[Observation], show: str) -> list[Observation]:
    """Return the observations that a filter lists; an unknown filter lists all."""
    if show == DOWNGRADED:
        return [observation for observation in observations if is_downgraded(observation)]
    if show in set(State):
        return [observation for observation in observations if observation.state == show]
    return list(observations)


def _rank(observation: Observation) -> tuple[int, bool, int, int, str, int, str]:
    endpoint = observation.endpoint
    return (
        -concern_of(observation),
        works(observation),
        _WORST_FIRST.index(observation.state),
        observation.level,
        endpoint.host,
        endpoint.port,
        endpoint.address,
    )
