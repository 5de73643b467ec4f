"""What is known of messages while they are worked on: whose they were before, and which parts are done."""

from collections.abc import Iterable
from typing import TypeAlias

Command: TypeAlias = tuple[str | int | bytes, ...]
"""What is said to the broker."""

MOST_SECOND_HAND = 1000
"""Messages that are remembered: far more than a worker has at once."""
MARKED_LEASES = 20
"""For how many leases it is known what of a message is done."""
ENDED_LEASES = 2
"""For how many of them once all is: whoever took it over just before asks at once."""


class Marks:
    """The notes of one reader of a queue.

    Args:
        queue: its name.
        lease: milliseconds.
    """

    def __init__(self, queue: str, lease: int) -> None:
        self._queue = queue
        self._lease = lease
        self._second_hand: dict[str, str] = {}
        """What was taken over from readers that did not do it in time."""
        self._unended: dict[str, None] = {}
        """Messages of which we have noted parts, until they are done."""

    def take_over(self, number: str, text: str) -> None:
        """Remember that a message was somebody else's before."""
        if len(self._second_hand) >= MOST_SECOND_HAND:
            del self._second_hand[next(iter(self._second_hand))]
        self._second_hand[number] = text

    def is_second_hand(self, word: str) -> bool:
        """Tell whether the message with this word in it was somebody else's before."""
        return any(word in text for text in self._second_hand.values())

    def mark(self, name: str, words: Iterable[str]) -> list[Command]:
        """Return what notes that parts of a message are done."""
        self._unended[name] = None
        return self.note(name, words)

    def forget(self, name: str) -> None:
        """Remember nothing of a message with this name in it: it is done, or left to another reader."""
        self._unended.pop(name, None)
        self._second_hand = {number: text for number, text in self._second_hand.items() if name not in text}

    def note(self, name: str, words: Iterable[str]) -> list[Command]:
        """Return the same of a message that is not ours to end."""
        key = self.key_of(name)
        return [("SADD", key, *words), ("PEXPIRE", key, MARKED_LEASES * self._lease)]

    def end(self, number: str, data: bytes) -> list[Command]:
        """Return what lets go, soon, of what is noted of a message that is done."""
        self._second_hand.pop(number, None)
        ended = [name for name in self._unended if name.encode() in data]
        for name in ended:
            del self._unended[name]
        return [("PEXPIRE", self.key_of(name), ENDED_LEASES * self._lease) for name in ended]

    def key_of(self, name: str) -> str:
        """Return where the parts of a message are noted."""
        return f"{self._queue}:done:{name}"
