"""Endpoints that several sections of a list lead to: each is probed once, and told for all of them."""

from collections import OrderedDict, deque
from collections.abc import Hashable

from scanner.model import Endpoint, Observation
from scanner.model.observation import Key
from scanner.service.likeness import asked_of
from scanner.service.sections import Section

MOST_KEPT = 10_000
"""Results that later sections may use; an endpoint whose result is gone by then is probed again."""

Claim = tuple[Section, Endpoint]
"""A section that wants a result, and the endpoint as it knows it: with its domains and their policies."""


class Sharing:
    """Knows who waits for which endpoint, and what the last ones showed; the longest unused goes first."""

    def __init__(self, size: int = MOST_KEPT) -> None:
        self._size = size
        self._claims: dict[Hashable, list[Claim]] = {}
        self._kept: OrderedDict[Hashable, Observation] = OrderedDict()
        self._lines: dict[Key, deque[Endpoint]] = {}
        """Endpoints that are probed now, and what else is wanted of them behind that."""

    def claim(self, section: Section, endpoint: Endpoint) -> bool:
        """Note that a section wants an endpoint; return whether it has to be probed now.

        While it is probed for one with other names or TLSA records it waits for `next_of`: two probes of an
        endpoint at once would take each other's versions away.
        """
        claims = self._claims.setdefault(_likeness(endpoint), [])
        claims.append((section, endpoint))
        if len(claims) > 1:
            return False
        if endpoint.key in self._lines:
            self._lines[endpoint.key].append(endpoint)
            return False
        self._lines[endpoint.key] = deque()
        return True

    def recall(self, endpoint: Endpoint) -> Observation | None:
        """Return what a probe for another section showed, if that is still known."""
        likeness = _likeness(endpoint)
        seen = self._kept.get(likeness)
        if seen is not None:
            self._kept.move_to_end(likeness)
        return seen

    def settle(self, observation: Observation, *, is_last: bool) -> list[Claim]:
        """Return who waits for this result; it is kept for those to come, unless there are none."""
        likeness = _likeness(observation.endpoint)
        if not is_last:
            self._kept[likeness] = observation
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return self._claims.pop(likeness, [])

    def next_of(self, key: Key) -> Endpoint | None:
        """Return what has to be probed now that a probe of this endpoint is settled, if anything."""
        line = self._lines.get(key)
        if line:
            return line.popleft()
        self._lines.pop(key, None)
        return None


def _likeness(endpoint: Endpoint) -> Hashable:
    return endpoint.key, asked_of(endpoint)
