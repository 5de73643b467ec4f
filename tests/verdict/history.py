"""Feeds probe after probe of one endpoint to the judge with memory; weeks pass in milliseconds."""

from dataclasses import replace
from datetime import datetime, timedelta

from scanner.model import Observation
from scanner.model.event import Event, EventKind
from scanner.model.memory import Memory
from scanner.verdict import Policy, judge
from scanner.verdict.remember import Patience, remember
from tests.verdict.observations import NOW

INTERVAL = timedelta(minutes=15)


class History:
    """One endpoint's probes, every quarter of an hour."""

    def __init__(self, policy: Policy | None = None, patience: Patience | None = None) -> None:
        self.policy = policy or Policy()
        self.patience = patience or Patience()
        self.memory = Memory()
        self.now: datetime = NOW
        self.events: list[Event] = []
        self.last: Observation | None = None

    def see(self, *observations: Observation, times: int = 1, every: timedelta = INTERVAL) -> Observation:
        """Probe `times` times in turns with what the server shows; return the last as it is handed out."""
        for _ in range(times):
            for shown in observations:
                seen = replace(shown, started_at=self.now)
                self.see_judged(replace(seen, verdicts=judge(seen, self.policy, self.now)), every=every)
        assert self.last is not None
        return self.last

    def see_judged(self, seen: Observation, *, every: timedelta = INTERVAL) -> Observation:
        """Probe once with verdicts that are there already."""
        result = remember(self.memory, replace(seen, started_at=self.now), self.policy, self.patience)
        self.memory, self.last = result.memory, result.observation
        self.events.extend(result.events)
        self.now += every
        return self.last

    @property
    def standing(self) -> set[str]:
        """The ids of the verdicts that stand."""
        return set(self.memory.standing)

    def told(self, kind: EventKind) -> list[str | None]:
        """The names of the events of one kind, in their order."""
        return [event.name for event in self.events if event.kind is kind]


def learnt(observation: Observation, policy: Policy | None = None) -> History:
    """Return the history of a server whose baseline stands by now."""
    history = History(policy)
    history.see(observation, times=4)
    history.events.clear()
    return history
