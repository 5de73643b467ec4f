"""What only all results together tell: domains that look parked or lack servers, endpoints that disagree."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from scanner.model import PORTS, Kind, Protocol, Reason, Service, Severity, State, TargetFinding, Verdict
from scanner.model.domain import DomainFacts
from scanner.model.observation import Key
from scanner.verdict import Sighting, judge_repeats, judge_siblings

_NOTHING_THERE = frozenset({State.CLOSED, State.BLOCKED, State.UNREACHABLE})
_NAMES = {Service.SUBMISSION: "submission", Service.IMAP: "IMAP", Service.POP3: "POP3"}
_PROTOCOLS = {
    Service.SUBMISSION: Protocol.SMTP,
    Service.IMAP: Protocol.IMAP,
    Service.POP3: Protocol.POP3,
}


class Aftermath:
    """Keeps of each result what must be compared when all are there: its state, and a few words."""

    def __init__(self, domains: Sequence[DomainFacts], ports: Sequence[int], vantage: str) -> None:
        self._domains = domains
        self._ports = ports
        self._vantage = vantage
        self._states: dict[Key, State] = {}
        self._sightings: dict[Key, Sighting] = {}

    def note(self, key: Key, state: State, sighting: Sighting | None) -> None:
        """Take one result; there is no sighting where the server said nothing."""
        self._states[key] = state
        if sighting is not None:
            self._sightings[key] = sighting

    def find(self, awaited: Collection[Key] = ()) -> Iterator[TargetFinding]:
        """Tell what all results together tell; nothing about domains of which some are `awaited` still."""
        whole = (
            facts for facts in self._domains if not any(member.key in awaited for member in facts.members)
        )
        yield from find_aftermath(whole, self._states, self._ports, vantage=self._vantage)
        yield from find_disagreements(self._sightings, vantage=self._vantage)


def find_aftermath(
    domains: Iterable[DomainFacts], states: Mapping[Key, State], ports: Sequence[int], *, vantage: str
) -> Iterator[TargetFinding]:
    """Tell by the states of all endpoints which domains look parked, and which lack servers.

    Notices mostly: a host that is down looks like a parked one, and a domain may read its mail elsewhere.
    """
    for facts in domains:
        about = TargetFinding(
            domain=facts.domain,
            host=facts.domain,
            started_at=datetime.now(UTC),
            duration=0.0,
            reason=None,
            source="mx",
            vantage=vantage,
        )
        verdict = _judge_parked(facts, states) or _judge_missing(facts, states, ports)
        if verdict is not None:
            yield replace(about, detail=verdict.summary, verdicts=(verdict,))
        elif facts.is_domain and facts.members and not any(member.key in states for member in facts.members):
            detail = f"none of the servers guessed for {facts.domain} greets, and nothing else names one"
            yield replace(about, reason=Reason.NO_ADDRESS, detail=detail)


def find_disagreements(sightings: Mapping[Key, Sighting], *, vantage: str) -> Iterator[TargetFinding]:
    """Tell which endpoints are worse than those they belong to, and which answers come from somebody else."""
    for judged in (judge_siblings, judge_repeats):
        for key, verdict in judged(sightings.values()):
            sighting = sightings[key]
            yield TargetFinding(
                domain=sighting.domains[0],
                host=key[0],
                started_at=datetime.now(UTC),
                duration=0.0,
                reason=None,
                detail=verdict.summary,
                source=sighting.source,
                vantage=vantage,
                verdicts=(verdict,),
            )


def _judge_parked(facts: DomainFacts, states: Mapping[Key, State]) -> Verdict | None:
    seen = {states[member.key] for member in facts.members if member.key in states}
    if not (facts.is_implicit and seen and seen <= _NOTHING_THERE):
        return None
    return _notice(
        "parked",
        f"{facts.domain} has no MX record, and nothing answers on any of its mail ports.",
        "If it takes no mail, say so with a null MX (RFC 7505); otherwise its mail server is down, or its MX "
        "record is missing.",
    )


def _judge_missing(facts: DomainFacts, states: Mapping[Key, State], ports: Sequence[int]) -> Verdict | None:
    if not facts.is_domain or not any(member.key in states for member in facts.members):
        return None
    found = {member.service for member in facts.members if member.key in states}
    asked = {PORTS[port].protocol for port in ports if port != 25}
    missing = [
        name
        for service, name in _NAMES.items()
        if service not in found | facts.refused and _PROTOCOLS[service] in asked
    ]
    if not missing or missing == ["POP3"]:  # which most do without
        return None
    return _notice(
        "no_server_found",
        f"No server of {facts.domain} was found for {' and '.join(missing)}.",
        "If its users send and read elsewhere, nothing is wrong. Otherwise publish SRV records (RFC 6186), "
        "or name the servers as targets.",
    )


def _notice(name: str, summary: str, advice: str) -> Verdict:
    return Verdict(name, Kind.NOTICE, Severity.NOTICE, summary, advice)
