"""Keeps what the web answered for a while, bounded by number and by bytes; the oldest goes first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable

from scanner.network.web_answer import Page, WebFailure

PAGE_SECONDS = 86_400.0
DEFINITE_SECONDS = 3_600.0
TRANSIENT_SECONDS = 300.0


class WebCache:
    """Answers by key.

    Args:
        clock: seconds, never going back.
        max_entries: how many answers are kept.
        max_bytes: how many bytes of page bodies are kept in all.
    """

    def __init__(
        self, clock: Callable[[], float], *, max_entries: int = 20_000, max_bytes: int = 16 * 1024 * 1024
    ) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._kept: OrderedDict[Hashable, tuple[float, Page | WebFailure]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> Page | WebFailure | None:
        """Return what was answered, while it may be used."""
        ends_at, answer = self._kept.get(key, (0.0, None))
        return answer if ends_at > self._clock() else None

    def put(self, key: Hashable, answer: Page | WebFailure) -> None:
        """Keep an answer: a page for a day, a definite failure for an hour, another for five minutes.

        A failure that comes from asking nobody is not kept: why nobody was asked may end at any time.
        """
        self._drop(key)
        if isinstance(answer, WebFailure) and not answer.was_asked:
            return
        self._kept[key] = (self._clock() + _seconds_of(answer), answer)
        self._bytes += _size_of(answer)
        while len(self._kept) > self._max_entries or self._bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        _, answer = self._kept.pop(key, (0.0, None))
        if answer is not None:
            self._bytes -= _size_of(answer)


def _size_of(answer: Page | WebFailure) -> int:
    return len(answer.body) if isinstance(answer, Page) else 0


def _seconds_of(answer: Page | WebFailure) -> float:
    if isinstance(answer, Page):
        return PAGE_SECONDS
    return DEFINITE_SECONDS if answer.is_definite else TRANSIENT_SECONDS
