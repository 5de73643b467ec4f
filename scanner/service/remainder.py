"""The remainder: what a wide cause leaves behind is no trouble of its own before a probe says so."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from scanner.model.incident import Cause, Incident
from scanner.model.observation import Key
from scanner.verdict.condition import Condition

_WIDE = frozenset({Cause.PROVIDER_DOWN, Cause.HOST_DOWN, Cause.ADDRESS_DOWN})


class Remainder:
    """Knows the endpoints that a wide cause explained until it ended and that were not probed since."""

    def __init__(self) -> None:
        self._waiting: dict[Key, datetime] = {}
        """With the time of the last probe before."""

    def release(
        self, before: Mapping[str, Incident], current: Mapping[str, Incident], known: Mapping[Key, Condition]
    ) -> None:
        """Take note of what wide causes explained before and do not now."""
        ended = [each for id_, each in before.items() if each.cause in _WIDE and current.get(id_) != each]
        if not ended:
            return
        explained = {key for each in current.values() if each.cause in _WIDE for key in each.keys}
        for key in (key for each in ended for key in each.keys):
            if key in known and key not in explained:
                self._waiting.setdefault(key, known[key].seen_at)

    def is_probed(self, key: Key, at: datetime) -> bool:
        """Tell whether the probe of an endpoint that is waited for has come."""
        if key not in self._waiting or at == self._waiting[key]:
            return False
        del self._waiting[key]
        return True

    def without(self, found: Iterable[Incident], before: Mapping[str, Incident]) -> dict[str, Incident]:
        """Return the incidents by their id, but for those that may not begin yet.

        Of these no last probe shows anything that was made since a wider cause ended.
        """
        return {each.id: each for each in found if each.id in before or not self._is_left(each)}

    def forget(self, key: Key) -> None:
        """Forget an endpoint that is watched no more."""
        self._waiting.pop(key, None)

    def _is_left(self, incident: Incident) -> bool:
        if not self._waiting and not incident.fading:
            return False
        return bool(incident.keys) and all(
            key in incident.fading or key in self._waiting for key in incident.keys
        )
