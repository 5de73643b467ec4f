"""The page of a domain: its services, each with its endpoints, what to set up, and what it publishes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from scanner.explain.advice import Advice
from scanner.model import Dane, Reason, Role, StsMode
from scanner.model.domain import DomainFacts
from scanner.model.incident import Incident
from scanner.model.observation import Key
from scanner.verdict.level import level_for, works_for
from scanner.web.brief import Brief, Briefs
from scanner.web.grafana import link_domain
from scanner.web.matrix import Domain, group_domains
from scanner.web.recommended import recommend
from scanner.web.render import domain_link, render
from scanner.web.siblings import Sibling
from scanner.web.status_page import Snapshot, sort_incidents

_TITLES = {
    "mx": "Receiving mail",
    "submission": "Sending mail",
    "imap": "Reading by IMAP",
    "pop3": "Reading by POP3",
}


@dataclass(frozen=True, slots=True)
class Member:
    """One endpoint of a domain, and what it is worth to this domain."""

    brief: Brief
    source: str
    """How it was found to serve this domain."""
    is_up: bool
    level: int


@dataclass(frozen=True, slots=True)
class Service:
    """What some servers do for a domain."""

    name: str
    title: str
    members: tuple[Member, ...]

    @property
    def is_up(self) -> bool:
        """Whether one server at least works, with TLS."""
        return any(member.is_up for member in self.members)

    @property
    def level(self) -> int:
        """The best level that is to be had."""
        return max((member.level for member in self.members), default=0)


def find_domain(name: str, snapshot: Snapshot, known: Briefs) -> Domain | None:
    """Return what is known of a domain or of a host that was named; None where neither is watched."""
    briefs = known.update(snapshot.observations)
    return group_domains(briefs, snapshot.findings, snapshot.find_waiting()).get(name)


def render_domain(
    domain: Domain,
    facts: DomainFacts,
    advice: Advice,
    snapshot: Snapshot,
    now: datetime,
    others: Sequence[Sibling] = (),
) -> str:
    """Return the page of a domain; `others` are the shards that have the rest of its servers."""
    keys = {brief.seen.endpoint.key for brief in domain.briefs}
    return render(
        "domain.html",
        monitor=snapshot,
        now=now,
        dashboard=link_domain(snapshot.grafana, domain.name) if facts.is_domain else None,
        domain=domain,
        services=list(list_services(domain, facts)),
        recommended=recommend(
            advice, has_excluded=any(each.reason is Reason.EXCLUDED for each in domain.findings)
        ),
        facts=facts,
        dane=list(list_dane(domain.briefs)),
        others=others,
        incidents=sort_incidents(incidents_of(snapshot.incidents, domain.name, keys)),
    )


def render_absent(name: str, snapshot: Snapshot, others: Sequence[Sibling]) -> str:
    """Return the page of a domain that other shards have all of."""
    return render(
        "elsewhere.html", monitor=snapshot, title=name, host=None, others=others, path=domain_link(name)
    )


def incidents_of(incidents: Iterable[Incident], name: str, keys: set[Key]) -> list[Incident]:
    """Return the incidents that concern a domain, or one of these endpoints."""
    return [each for each in incidents if name in each.domains or not keys.isdisjoint(each.keys)]


def list_services(domain: Domain, facts: DomainFacts) -> Iterator[Service]:
    """Yield the services of a domain that have a server, each with its endpoints in their order."""
    sources = {(member.service.value, member.key): member.source for member in facts.members}
    for name, title in _TITLES.items():
        briefs = [brief for brief in domain.briefs if _service_of(brief) == name]
        briefs.sort(key=lambda brief: (brief.seen.endpoint.host, brief.port, brief.seen.endpoint.address))
        if briefs:
            members = [_weigh(brief, facts, sources.get((name, brief.seen.endpoint.key))) for brief in briefs]
            yield Service(name, title, tuple(members))


def list_dane(briefs: Sequence[Brief]) -> Iterator[tuple[str, Dane]]:
    """Yield what each MX host publishes for DANE, host by host."""
    hosts = {
        brief.seen.endpoint.host: brief.seen.endpoint.dane
        for brief in briefs
        if brief.seen.endpoint.role is Role.MX
    }
    yield from ((host, dane) for host, dane in sorted(hosts.items()) if dane is not None)


def _service_of(brief: Brief) -> str:
    endpoint = brief.seen.endpoint
    return endpoint.protocol.value if endpoint.role is Role.ACCESS else endpoint.role.value


def _weigh(brief: Brief, facts: DomainFacts, source: str | None) -> Member:
    seen = brief.seen
    policy = facts.policy if seen.endpoint.role is Role.MX and facts.mta_sts is StsMode.ENFORCE else None
    return Member(
        brief=brief,
        source=source or dict(seen.endpoint.sources).get(facts.domain, seen.endpoint.source),
        is_up=works_for(seen, policy),
        level=level_for(seen, policy, has_secure_mx=facts.has_secure_mx),
    )
