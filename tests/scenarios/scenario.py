"""A scenario: a world, the alerts that it has to lead to, and what became of it."""

from dataclasses import dataclass, replace
from itertools import pairwise

from scanner.model import Kind, Severity
from scanner.model.event import Event, EventKind
from scanner.model.incident import Cause
from tests.engine.clockwork import run
from tests.scenarios.ledger import Alert, Identity
from tests.scenarios.station import play
from tests.scenarios.world import BEGINS, World

HOST = "mail.site.test"

# An alert comes at the latest after: the longest wait for the next probe (an interval and its jitter), with
# the other ports of its address before it; the confirming probe, where one is needed; 3 minutes by the rule.
NEXT_PROBE = 900.0 * 1.1 + 60.0
AT_ONCE = NEXT_PROBE + 180.0
"""For what proves itself by one probe."""
CONFIRMED = AT_ONCE + 60.0 + 30.0
"""For what a second probe has to confirm, a minute after the first."""
UNHURRIED = AT_ONCE + NEXT_PROBE
"""For servers that turn us away: they are not asked sooner, so the second probe is an ordinary one."""
MENDED = NEXT_PROBE + 60.0 + 30.0
"""How long after the mending an incident is over at the latest: two good probes, a minute apart."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One alert that has to fire, and till when."""

    name: str
    subject: str = HOST
    severity: Severity = Severity.CRITICAL
    cause: Cause | str = Cause.VERDICT
    kind: Kind | None = None
    within: float = CONFIRMED
    begins: float = BEGINS
    ends: float | None = None
    """When what it is about is mended; None = not within the scenario."""
    ends_within: float = MENDED
    domains: int | None = None
    is_lasting: bool = True
    """Whether it says the same of its beginning all the time; not where the host itself moves on."""
    messages: int = 1
    """How many kinds or severities it goes through: each change is another message to people on call."""
    times: int = 1
    """How often it fires; what has to hold of its weight and its end holds of the last."""

    @property
    def identity(self) -> Identity:
        """What makes it the same alert at another time."""
        return (str(self.cause), self.name, self.subject)

    def faults(self, alert: Alert) -> list[str]:
        """Say what is wrong with the alert that fired for it."""
        delay, found = alert.fired - self.begins, []
        if not 0 <= delay <= self.within:
            found.append(f"fired after {delay:.0f} s, expected within {self.within:.0f} s")
        if alert.severity is not self.severity:
            found.append(f"severity {alert.severity.label}, expected {self.severity.label}")
        if self.kind is not None and alert.labels and alert.labels[-1][0] != self.kind:
            found.append(f"kind {alert.labels[-1][0]}, expected {self.kind}")
        if alert.labels and len(alert.labels) != self.messages:
            found.append(f"went through {[f'{kind} {one.label}' for kind, one in alert.labels]}")
        if self.is_lasting and any(later > before for before, later in pairwise(alert.sinces)):
            found.append(f"said later that it began later: {[f'{each:%H:%M:%S}' for each in alert.sinces]}")
        if self.domains is not None and alert.domains != self.domains:
            found.append(f"concerns {alert.domains} domains, expected {self.domains}")
        return found + self._faults_at_the_end(alert)

    def _faults_at_the_end(self, alert: Alert) -> list[str]:
        if self.ends is None:
            return [] if alert.ended is None else [f"ended at {alert.ended:.0f} s, expected to stay"]
        if alert.ended is None:
            return ["did not end"]
        delay = alert.ended - self.ends
        return [] if 0 <= delay <= self.ends_within else [f"ended {delay:.0f} s after the mending"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens, and what has to come of it: these alerts, and no other ever."""

    name: str
    world: World
    expected: tuple[Expected, ...] = ()
    allowed: frozenset[Identity] = frozenset()
    """Alerts that are true as well, and may come too late to be told."""

    def play(self) -> "Outcome":
        """Let it happen."""
        ledger = run(play(self.world))
        end = self.world.hours * 3600.0
        alerts = [
            replace(alert, ended=None if alert.ended is None or alert.ended >= end else alert.ended)
            for alert in ledger.alerts
        ]
        return Outcome(self, tuple(alerts), ledger.probes, tuple(ledger.told))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a scenario."""

    scenario: Scenario
    alerts: tuple[Alert, ...]
    probes: int
    told: tuple[Event, ...] = ()
    """The beginnings and ends of incidents, in the order in which they were told."""

    @property
    def repeats(self) -> list[str]:
        """What was told to begin while it went on, or to end while it did not, whatever was restarted."""
        is_open: dict[tuple[str | None, str], bool] = {}
        found = []
        for event in self.told:
            begins = event.kind is EventKind.INCIDENT_OPENED
            if is_open.get((event.name, event.subject), False) is begins:
                found.append(f"{event.kind} {event.name} {event.subject}")
            is_open[event.name, event.subject] = begins
        return found

    @property
    def misses(self) -> list[str]:
        """What was expected and did not fire."""
        fired = {alert.identity for alert in self.alerts}
        return [" ".join(one.identity) for one in self.scenario.expected if one.identity not in fired]

    @property
    def false_alarms(self) -> list[str]:
        """What fired and was not expected; a second message for one cause too."""
        left = {one.identity: one.times for one in self.scenario.expected}
        found = []
        for alert in self.alerts:
            if left.get(alert.identity, 0):
                left[alert.identity] -= 1
            elif alert.identity not in self.scenario.allowed:
                kinds = ", ".join(f"{kind} {one.label}" for kind, one in alert.labels)
                found.append(f"{' '.join(alert.identity)} ({kinds}) at {alert.fired:.0f} s")
        return found

    @property
    def faults(self) -> list[str]:
        """What was expected and fired otherwise: late, with another weight, too long."""
        found = []
        for one in self.scenario.expected:
            fired = [alert for alert in self.alerts if alert.identity == one.identity]
            if fired:
                judged = replace(fired[-1], fired=fired[0].fired)
                found += [f"{' '.join(one.identity)}: {fault}" for fault in one.faults(judged)]
        return found

    @property
    def delays(self) -> list[float]:
        """How long after its beginning each expected alert fired, in seconds."""
        begins = {one.identity: one.begins for one in self.scenario.expected}
        return [alert.fired - begins[alert.identity] for alert in self.alerts if alert.identity in begins]

    @property
    def is_right(self) -> bool:
        """Whether exactly that came of it that had to."""
        return not (self.misses or self.false_alarms or self.faults)
