"""What other vantages than the main one see: their last looks, and what is confirmed to be so there only."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from scanner.model import Observation, StandingVerdict
from scanner.model.incident import Incident
from scanner.model.memory import Memory
from scanner.model.observation import Key
from scanner.verdict.confirmation import is_undecided, settle
from scanner.verdict.vantage_incidents import Difference, find_vantage_incidents
from scanner.verdict.vantages import Compared, Word

CONFIRM_SECONDS = 60.0
"""How soon a vantage looks again where it saw something that is to be confirmed."""
Place = tuple[Key, str]
"""An endpoint, as one vantage sees it."""


class Elsewhere:
    """Remembers of other vantages no more than how they differ: the baseline is the main one's.

    Args:
        show: is handed all incidents of what is so from one vantage only, when they may have changed.
        hasten: has a vantage look at an endpoint again in so many seconds.
        find_standing: returns what stands of an endpoint by the main vantage.
    """

    def __init__(
        self,
        confirm_after: int,
        show: Callable[[tuple[Incident, ...]], None],
        hasten: Callable[[str, Key, float], None],
        find_standing: Callable[[Key], Iterable[StandingVerdict]],
    ) -> None:
        self.confirm_after = confirm_after
        self._show = show
        self._hasten = hasten
        self._find_standing = find_standing
        self._latest: dict[Key, dict[str, Observation]] = {}
        self._memories: dict[Place, Memory] = {}
        self._differences: dict[Place, tuple[Difference, ...]] = {}
        self._carried: list[tuple[Incident, set[Place]]] = []
        """What was open before the process began, and where nobody has looked since."""

    def restore(self, incidents: Iterable[Incident], vantages: Collection[str]) -> None:
        """Let what was so from one of these vantages go on to be so until that one has looked again."""
        for each in incidents:
            places = {(key, name) for key in each.keys for name in each.vantages if name in vantages}
            if places:
                self._carried.append((each, places))
        if self._carried:
            self._publish()

    def of(self, key: Key) -> tuple[Observation, ...]:
        """Return the last look of each other vantage at an endpoint."""
        return tuple(self._latest.get(key, {}).values())

    def take(self, compared: Compared) -> Observation:
        """Take what a vantage saw; return it with what stands of it."""
        seen = compared.observation
        key, name = place = (seen.endpoint.key, seen.vantage)
        memory = self._memories.get(place, Memory())
        if compared.word is not Word.UNTOLD:
            memory = _remember(memory, compared, self.confirm_after)
            if memory.standing or any(memory.recent) or memory.resolved_at:
                self._memories[place] = memory
            else:
                self._memories.pop(place, None)
            if is_undecided(memory):
                self._hasten(name, key, CONFIRM_SECONDS)
            self._note(place, seen, memory)
        shown = {verdict.id for verdict in seen.verdicts} - memory.standing.keys()
        shared = (each for each in self._find_standing(key) if each.verdict.id in shown)
        seen = replace(seen, standing=(*memory.standing.values(), *shared))
        self._latest.setdefault(key, {})[name] = seen
        return seen

    def forget(self, key: Key, vantage: str) -> None:
        """Forget what a vantage saw of an endpoint."""
        looks = self._latest.get(key, {})
        looks.pop(vantage, None)
        if not looks:
            self._latest.pop(key, None)
        self._memories.pop((key, vantage), None)
        if self._differences.pop((key, vantage), None) or self._is_carried((key, vantage)):
            self._publish()

    def _note(self, place: Place, seen: Observation, memory: Memory) -> None:
        """Tell of what differs, where that is news."""
        found = tuple(
            Difference(place[0], seen.endpoint.domains, place[1], each)
            for id_, each in memory.standing.items()
            if not each.is_first and not id_.startswith("egress_")
        )
        is_carried = (bool(found) or not is_undecided(memory)) and self._is_carried(place)
        if found == self._differences.get(place, ()) and not is_carried:
            return
        if found:
            self._differences[place] = found
        else:
            self._differences.pop(place, None)
        self._publish()

    def _is_carried(self, place: Place) -> bool:
        """Tell whether something from before hangs on a place, and let it hang no longer."""
        is_any = False
        for _, places in self._carried:
            is_any |= place in places
            places.discard(place)
        return is_any

    def _publish(self) -> None:
        found = find_vantage_incidents(each for some in self._differences.values() for each in some)
        known = {each.id for each in found}
        self._carried = [(each, places) for each, places in self._carried if places and each.id not in known]
        self._show((*found, *(each for each, _ in self._carried)))


def _remember(memory: Memory, compared: Compared, confirm_after: int) -> Memory:
    """Confirm or resolve what is so from one vantage only; what else it sees is the main one's to tell."""
    seen = compared.observation
    own = seen.verdicts if compared.word is Word.PATH else compared.own
    if seen.reason is not None and seen.reason.startswith("egress_"):
        own = seen.verdicts
    memory = settle(memory, replace(seen, verdicts=own), confirm_after).memory
    # Up or down is told by the main vantage, for all.
    return replace(memory, state=None, state_since=None, rival_state=None, rival_state_count=0)
