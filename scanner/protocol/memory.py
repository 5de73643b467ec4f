"""A bounded memory: what was learnt of servers already met, the oldest forgotten first."""

from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """Remembers up to `limit` values by key."""

    __slots__ = ("_held", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: dict[Key, Value] = {}

    def recall(self, key: Key) -> Value | None:
        """Return what is remembered under a key, or None."""
        return self._held.get(key)

    def keep(self, key: Key, value: Value) -> None:
        """Remember a value in place of the one under that key; a full memory forgets its oldest."""
        if key not in self._held and len(self._held) >= self._limit:
            del self._held[next(iter(self._held))]
        self._held[key] = value

    def forget(self, key: Key) -> None:
        """Forget what is remembered under a key, if anything is."""
        self._held.pop(key, None)
