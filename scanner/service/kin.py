"""Kin: holds an endpoint against its siblings, the other ports and addresses of its host and the other MX."""

from collections.abc import Iterable
from dataclasses import replace

from scanner.model import Observation, State, Verdict
from scanner.model.observation import Key
from scanner.verdict import Sighting, judge_siblings, sight


class Kin:
    """Keeps of each endpoint what siblings are compared by, and what came of it.

    Most probes show what the one before showed: then nothing is compared again.
    """

    def __init__(self) -> None:
        self._sightings: dict[Key, Sighting | None] = {}
        self._told: dict[Key, tuple[Verdict, ...]] = {}

    def judge(self, seen: Observation, others: Iterable[Key]) -> Observation:
        """Return the observation with what its siblings make of it, unless our own network was in the way."""
        if seen.state is State.UNKNOWN:
            return seen
        key, sighting = seen.endpoint.key, sight(seen)
        others = tuple(others)
        if key not in self._sightings or self._sightings[key] != sighting:
            self._sightings[key] = sighting
            for other in others:
                self._told.pop(other, None)
            self._told.pop(key, None)
        told = self._told.get(key)
        if told is None:
            told = self._told[key] = self._compare(key, others)
        return replace(seen, verdicts=(*seen.verdicts, *told)) if told else seen

    def forget(self, key: Key) -> None:
        """Forget an endpoint that is watched no more."""
        self._sightings.pop(key, None)
        self._told.clear()  # seldom; whose sibling it was is not kept

    def _compare(self, key: Key, others: Iterable[Key]) -> tuple[Verdict, ...]:
        family = [
            sighting
            for each in dict.fromkeys((key, *others))
            if (sighting := self._sightings.get(each)) is not None
        ]
        return tuple(verdict for worse, verdict in judge_siblings(family) if worse == key)
