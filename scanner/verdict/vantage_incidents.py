"""Incidents of what is so from one vantage only: the widest cause is the network that the vantage is in."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from scanner.model import StandingVerdict
from scanner.model.incident import Cause, Incident
from scanner.model.observation import Key
from scanner.verdict.rules import enumerate_shortly

_FEWEST = 2
"""One host that a vantage sees otherwise is that host; of several it is the way from there."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A confirmed verdict that is so from one vantage only."""

    key: Key
    domains: tuple[str, ...]
    vantage: str
    standing: StandingVerdict


def find_vantage_incidents(differences: Iterable[Difference]) -> tuple[Incident, ...]:
    """Return one incident for each cause.

    Where a vantage sees several hosts otherwise in the same manner it is about the vantage, else about the
    host, from however many vantages.
    """
    by_place: defaultdict[tuple[str, str], list[Difference]] = defaultdict(list)
    for each in differences:
        by_place[each.standing.verdict.id, each.vantage].append(each)
    groups: defaultdict[tuple[str, str], list[Difference]] = defaultdict(list)
    for (name, vantage), members in by_place.items():
        is_wide = len({each.key[0] for each in members}) >= _FEWEST
        for each in members:
            groups[name, f"vantage {vantage}" if is_wide else each.key[0]].append(each)
    return tuple(_make(name, subject, members) for (name, subject), members in sorted(groups.items()))


def _make(name: str, subject: str, members: list[Difference]) -> Incident:
    worst = max((each.standing.verdict for each in members), key=lambda verdict: verdict.severity)
    vantages = {each.vantage for each in members}
    better = {name for each in members for name in each.standing.verdict.compared_with} - vantages
    places = tuple(dict.fromkeys(f"{each.key[0]}:{each.key[2]}" for each in members))
    return Incident(
        cause=Cause.VERDICT,
        subject=subject,
        name=name,
        kind=worst.kind,
        severity=worst.severity,
        since=min(each.standing.since for each in members),
        keys=tuple(dict.fromkeys(each.key for each in members)),
        domains=tuple(sorted({domain for each in members for domain in each.domains})),
        summary=f"{worst.summary} It is so at {enumerate_shortly(places)}.",
        advice=worst.advice,
        fading=frozenset(each.key for each in members if each.standing.absent),
        vantage=", ".join(sorted(vantages)),
        compared_with=tuple(sorted(better)),
    )
