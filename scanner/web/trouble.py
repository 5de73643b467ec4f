"""Says in a few words what is wrong with an endpoint or a domain, and since when."""

from dataclasses import dataclass
from datetime import datetime

from scanner.model import Severity, TargetFinding
from scanner.verdict.reason_advice import Counsel
from scanner.web.brief import Brief
from scanner.web.matrix import Cell, Domain
from scanner.web.standing import Concern, concern_of
from scanner.web.view import LEVELS, counsel_on, mark_of, say_name

_LETTERS = {
    "blocked": "B",
    "closed": "C",
    "unreachable": "U",
    "rejecting": "R",
    "broken": "X",
    "unknown": "?",
    "not_offered": "\N{EN DASH}",
}
"""What a cell shows in place of a level where the port is not open."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """The worst thing about an endpoint or a domain."""

    mark: str
    place: str
    """The port, or what else it is about."""
    words: str
    summary: str
    advice: str
    since: datetime | None
    """When what stands began; None where that is not known."""
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class Face:
    """How a cell of the matrix looks, and how it reads aloud."""

    mark: str
    """The colour."""
    glyph: str
    letter: str
    words: str


def face_of(cell: Cell) -> Face:
    """Return how a cell looks."""
    brief = cell.shown
    state, level = brief.state.value, brief.seen.level
    mark = mark_of(brief.seen)
    is_open = state == "open"
    glyph = ("down" if brief.is_downgraded else mark) if is_open else state
    words = [f"port {cell.port}: {say_name(state)}"]
    if is_open:
        words.append(f"level {level} of 5, {LEVELS[level]}")
    if brief.is_downgraded:
        words.append("downgraded")
    if (trouble := tell_endpoint(brief)) is not None:
        words.append(trouble.words)
    if len(cell.endpoints) > 1:
        words.append(f"{cell.troubled} of {len(cell.endpoints)} endpoints like this")
    return Face(mark, glyph, str(level) if is_open else _LETTERS[state], ", ".join(words))


def tell_endpoint(brief: Brief) -> Trouble | None:
    """Return the worst thing about an endpoint; None where nothing weighs on it."""
    seen = brief.seen
    place = f"{seen.endpoint.port}"
    counsel = counsel_on(seen)
    if counsel is not None and seen.reason is not None:
        return _tell_reason(mark_of(seen), place, seen.reason, counsel)
    standing = {each.verdict.id: each.since for each in seen.standing or ()}
    verdicts = sorted(
        (*seen.counting, *seen.verdicts), key=lambda one: (-one.severity, one.id not in standing)
    )
    if not verdicts:
        return None
    worst = verdicts[0]
    return Trouble(
        mark=mark_of(seen),
        place=place,
        words=say_name(worst.id),
        summary=worst.summary,
        advice=worst.advice,
        since=standing.get(worst.id),
        is_confirmed=seen.standing is None or worst.id in standing,
    )


def tell_domain(domain: Domain) -> Trouble | None:
    """Return the worst thing about a domain, notices left out; None where nothing needs a look."""
    finding = max(domain.findings, key=concern_of, default=None)
    brief = domain.worst
    if finding is not None and (brief is None or concern_of(finding) >= brief.concern):
        return _tell_finding(finding)
    if brief is None or brief.concern < Concern.SOON:
        return None
    return tell_endpoint(brief)


def count_more(domain: Domain) -> int:
    """Return how many other endpoints and findings of a domain need a look too."""
    needy = sum(brief.concern >= Concern.SOON for brief in domain.briefs)
    needy += sum(concern_of(finding) >= Concern.SOON for finding in domain.findings)
    return max(0, needy - 1)


def _tell_finding(finding: TargetFinding) -> Trouble | None:
    counsel = counsel_on(finding)
    if finding.reason is not None and (counsel is not None or not finding.verdicts):
        return _tell_reason(mark_of(finding), "", finding.reason, counsel or Counsel("", ""))
    if not finding.verdicts:
        return None
    worst = max(finding.verdicts, key=lambda verdict: verdict.severity)
    mark = "info" if worst.severity is Severity.NOTICE else mark_of(finding)
    return Trouble(mark, "", say_name(worst.id), worst.summary, worst.advice, None, is_confirmed=True)


def _tell_reason(mark: str, place: str, reason: str, counsel: Counsel) -> Trouble:
    return Trouble(mark, place, say_name(reason), counsel.meaning, counsel.advice, None, is_confirmed=True)
