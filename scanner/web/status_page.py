"""The status page: what is wrong, since when, what to do; and every domain on its seven ports."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from scanner.model import Kind, Observation, Reason, TargetFinding, Verdict
from scanner.model.account_standing import AccountStanding
from scanner.model.domain import DomainFacts
from scanner.model.incident import Incident
from scanner.model.shard import Shard
from scanner.web.account_page import count_checks
from scanner.web.brief import Brief, Briefs
from scanner.web.filters import SIZES, STATES, Filters
from scanner.web.grafana import link_overview
from scanner.web.matrix import COLUMNS, group_domains, lay_out
from scanner.web.monitor import Monitor
from scanner.web.render import render
from scanner.web.siblings import Sibling, siblings_of
from scanner.web.standing import Concern, count, count_targets
from scanner.web.waiting import Waiting, count_waiting, find_waiting
from scanner.web.wanted_incidents import select_incidents

MOST_CHOICES = 100
"""Providers and verdicts to choose from; any other can be typed."""
OPENLY_SHOWN = 4
"""Incidents with what to do spelled out; the others are a line each until opened."""
MOST_INCIDENTS = 60
_KINDS = (Kind.BLOCKED, Kind.DOWNGRADE, Kind.MISCONFIGURATION, Kind.WEAKNESS, Kind.NOTICE)
"""Among equals: what this program watches for first."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the service knew when the page was asked for; a thread may read it while probing goes on."""

    version: str
    is_ready: bool
    started_at: datetime
    endpoints_total: int
    endpoints_done: int
    next_pass_at: datetime | None
    observations: tuple[Observation, ...]
    findings: tuple[TargetFinding, ...]
    egress: tuple[Verdict, ...]
    incidents: tuple[Incident, ...]
    accounts: tuple[AccountStanding, ...] = ()
    grafana: str | None = None
    targets: tuple[str, ...] = ()
    find_facts: Callable[[], Sequence[DomainFacts]] = tuple
    """Finds what discovery knows of every target."""

    def find_waiting(self) -> Mapping[str, Waiting]:
        """Return what each target waits for; one on the exclude list waits for nothing."""
        left_alone = {finding.domain for finding in self.findings if finding.reason is Reason.EXCLUDED}
        targets = (target for target in self.targets if target not in left_alone)
        probed = (seen.endpoint.key for seen in self.observations)
        found = find_waiting(targets, self.find_facts(), probed)
        return {name: waiting for name, waiting in found.items() if name not in self.absent}

    shard: Shard | None = None
    siblings: tuple[Sibling, ...] = ()
    """The other shards."""
    absent: frozenset[str] = frozenset()
    """Targets that other shards have all of."""


def take_snapshot(monitor: Monitor) -> Snapshot:
    """Return what the service knows now."""
    return Snapshot(
        version=monitor.version,
        shard=monitor.shard,
        siblings=siblings_of(monitor.shard, monitor.shard_pages),
        absent=monitor.absent(),
        is_ready=monitor.is_ready,
        started_at=monitor.started_at,
        endpoints_total=monitor.endpoints_total,
        endpoints_done=monitor.endpoints_done,
        next_pass_at=monitor.next_pass_at,
        observations=tuple(monitor.observations()),
        findings=tuple(monitor.findings()),
        egress=tuple(monitor.egress()),
        incidents=tuple(monitor.incidents()),
        accounts=tuple(monitor.accounts()),
        grafana=monitor.grafana,
        targets=tuple(monitor.targets()),
        find_facts=monitor.domains,
    )


def render_status(snapshot: Snapshot, known: Briefs, now: datetime, filters: Filters, asked: int = 0) -> str:
    """Return the status page; so many probes are kept that /probe was `asked` for."""
    briefs = known.update(snapshot.observations)
    concerns = Counter(brief.concern for brief in briefs)
    targets = count_targets(snapshot.findings)
    incidents = sort_incidents(select_incidents(snapshot.incidents, filters, briefs, snapshot.findings))
    waiting = snapshot.find_waiting()
    return render(
        "status.html",
        monitor=snapshot,
        now=now,
        dashboard=link_overview(snapshot.grafana),
        filters=filters,
        states=STATES,
        sizes=SIZES,
        columns=COLUMNS,
        counts=count(briefs, count_waiting(waiting)),
        looked_up=sum(each.is_looked_up for each in waiting.values()),
        urgent=(concerns[Concern.NOW], targets[Concern.NOW]),
        soon=(concerns[Concern.SOON], targets[Concern.SOON]),
        page=lay_out(group_domains(briefs, snapshot.findings, waiting), filters),
        incidents=incidents[:MOST_INCIDENTS],
        incidents_total=len(incidents),
        incidents_left_out=len(snapshot.incidents) - len(incidents),
        openly_shown=OPENLY_SHOWN,
        egress=snapshot.egress,
        checks=count_checks(snapshot.accounts),
        asked=asked,
        **_list_choices(briefs, snapshot.findings),
    )


def sort_incidents(incidents: Sequence[Incident]) -> list[Incident]:
    """Return the gravest first; of these what is blocked or downgraded, then the widest."""
    return sorted(incidents, key=_gravity)


def _gravity(incident: Incident) -> tuple[object, ...]:
    kind = _KINDS.index(incident.kind)
    return -incident.severity, kind, -len(incident.domains), -incident.since.timestamp(), incident.subject


def _list_choices(briefs: Sequence[Brief], findings: Sequence[TargetFinding]) -> dict[str, list[str]]:
    """Return what there is to filter by."""
    providers = Counter(brief.provider for brief in briefs)
    verdicts = {id_ for brief in briefs for id_ in brief.verdicts}
    verdicts |= {verdict.id for finding in findings for verdict in finding.verdicts}
    return {
        "providers": sorted(name for name, _ in providers.most_common(MOST_CHOICES)),
        "verdicts": sorted(verdicts)[:MOST_CHOICES],
    }
