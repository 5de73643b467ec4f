"""What was begun lately: for a while it is known, and then let go of."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_Whom = TypeVar("_Whom", bound=Hashable)
_Note = TypeVar("_Note")


class Lately(Generic[_Whom, _Note]):
    """Notes that end so many seconds after the first one of each. What is over goes at no cost to speak of.

    Args:
        seconds: how long notes are kept.
        clock: seconds, never going back.
    """

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._notes: OrderedDict[_Whom, tuple[float, _Note]] = OrderedDict()
        """In the order in which they began, so that what is over comes first."""

    def __len__(self) -> int:
        return len(self._notes)

    def __contains__(self, whom: _Whom) -> bool:
        return self.get(whom) is not None

    def get(self, whom: _Whom) -> _Note | None:
        """Return what was noted lately; None where nothing was, or it is over."""
        begun, note = self._notes.get(whom, (0.0, None))
        return None if note is None or self._is_over(begun) else note

    def put(self, whom: _Whom, note: _Note) -> None:
        """Note something, from now on or for as long as the first such note has left."""
        while self._notes and self._is_over(next(iter(self._notes.values()))[0]):
            self._notes.popitem(last=False)
        begun, _ = self._notes.get(whom, (self._clock(), note))
        self._notes[whom] = (begun, note)

    def _is_over(self, begun: float) -> bool:
        return self._clock() - begun >= self._seconds
