"""The endpoints of one provider by their hosts: what one event asks costs the same however many there are."""

from collections.abc import Iterator

from scanner.model.observation import Key
from scanner.verdict.condition import Condition


class Members:
    """Conditions by host and key, and the hosts in the order in which they came."""

    def __init__(self) -> None:
        self._hosts: dict[str, dict[Key, Condition]] = {}
        self._order: list[str] = []
        """Hosts that have gone stay in it until there are more of them than of others."""

    def __bool__(self) -> bool:
        return bool(self._hosts)

    def __iter__(self) -> Iterator[Condition]:
        for own in self._hosts.values():
            yield from own.values()

    def put(self, condition: Condition) -> None:
        """Take the condition of an endpoint in the place of its former one."""
        own = self._hosts.get(condition.host)
        if own is None:
            own = self._hosts[condition.host] = {}
            self._order.append(condition.host)
        own[condition.key] = condition

    def remove(self, key: Key) -> None:
        """Let go of an endpoint."""
        own = self._hosts.get(key[0], {})
        own.pop(key, None)
        if not own:
            self._hosts.pop(key[0], None)
            if len(self._order) > 2 * len(self._hosts) + 16:
                self._order = list(self._hosts)

    def of_host(self, host: str) -> tuple[Key, ...]:
        """Return the endpoints of a host."""
        return tuple(self._hosts.get(host, ()))

    def scouts(self, start: int, most: int, but: str) -> tuple[tuple[Key, ...], int]:
        """Return an endpoint that has answered of each of the next `most` hosts, and where to go on.

        Whoever goes on from there comes to every host once, to those that came meanwhile as well; one where
        nothing has answered, or that is left out, is passed over.

        Args:
            start: 0, or where the search before ended.
            most: hosts.
            but: a host that is left out.
        """
        found: list[Key] = []
        while start < len(self._order) and len(found) < most:
            host = self._order[start]
            start += 1
            answered = (each.key for each in self._hosts.get(host, {}).values() if each.has_answered)
            key = None if host == but else next(answered, None)
            if key is not None:
                found.append(key)
        return tuple(found), start
