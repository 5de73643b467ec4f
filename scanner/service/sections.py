"""A long list of targets in sections: each is planned and judged as one, and forgotten when it is done."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from scanner.model import State, TargetFinding
from scanner.model.observation import Key
from scanner.model.target import Target
from scanner.service.aftermath import Aftermath
from scanner.verdict import Sighting

TARGETS_AT_ONCE = 1_000
"""Targets of a section: a list up to this length is judged as one."""
MOST_OPEN = 16
"""Sections of which results are still awaited; of one more the oldest is judged by what is there."""
MOST_TOLD = 10_000
"""Comparisons that are remembered, so that what one section has told of a server others do not tell again."""


class Section:
    """What is awaited of a section, and what must be compared when all of it is there."""

    def __init__(self, aftermath: Aftermath, awaited: Iterable[Key]) -> None:
        self._aftermath: Aftermath | None = aftermath
        self._awaited = set(awaited)

    @property
    def is_done(self) -> bool:
        """Whether nothing more is awaited, and it is not closed yet."""
        return self._aftermath is not None and not self._awaited

    @property
    def is_open(self) -> bool:
        """Whether results still count for it."""
        return self._aftermath is not None

    def take(self, key: Key, state: State, sighting: Sighting | None) -> None:
        """Take the result of an endpoint."""
        self._awaited.discard(key)
        if self._aftermath is not None:
            self._aftermath.note(key, state, sighting)

    def rule_out(self, key: Key) -> None:
        """Await an endpoint no more, of which there is no result."""
        self._awaited.discard(key)

    def close(self) -> list[TargetFinding]:
        """Return what all results of the section tell together, and forget them."""
        if self._aftermath is None:
            return []
        found = list(self._aftermath.find(self._awaited))
        self._aftermath = None
        self._awaited.clear()
        return found


class Sections:
    """The sections that are open, and what the closed ones have told.

    Args:
        tell: takes what a section tells in the end.
    """

    def __init__(self, tell: Callable[[TargetFinding], None], most_open: int = MOST_OPEN) -> None:
        self._tell = tell
        self._most_open = most_open
        self._open: OrderedDict[int, Section] = OrderedDict()
        self._told: OrderedDict[tuple[str, str | None], None] = OrderedDict()

    def open(self, aftermath: Aftermath, awaited: Iterable[Key]) -> Section:
        """Open one more section; where too many are open the oldest waits no longer."""
        section = Section(aftermath, awaited)
        self._open[id(section)] = section
        while len(self._open) > self._most_open:
            self._close(next(iter(self._open.values())))
        return section

    def check(self, section: Section) -> None:
        """Close a section that awaits nothing more."""
        if section.is_done:
            self._close(section)

    def _close(self, section: Section) -> None:
        del self._open[id(section)]
        found = section.close()
        for finding in found:
            if (finding.host, finding.detail) not in self._told:
                self._tell(finding)
        for finding in found:
            self._told[finding.host, finding.detail] = None
        while len(self._told) > MOST_TOLD:
            self._told.popitem(last=False)


async def in_sections(
    targets: Sequence[Target], more: AsyncIterator[Sequence[Target]] | None
) -> AsyncIterator[Sequence[Target]]:
    """Yield the targets of a section after the other; `more` brings what is read later."""
    for start in range(0, len(targets), TARGETS_AT_ONCE):
        yield targets[start : start + TARGETS_AT_ONCE]
    if more is not None:
        async for later in more:
            yield later
