"""Incidents: findings with one cause are told as one, and the widest cause that explains them is named."""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from scanner.model import (
    Kind,
    Reason,
    Severity,
    StandingVerdict,
    State,
    TlsMode,
    Verdict,
)
from scanner.model.incident import Cause, Incident
from scanner.model.observation import Key
from scanner.model.target import escape
from scanner.verdict.causes import join_causes
from scanner.verdict.condition import LONGEST_EVIDENCE, Condition
from scanner.verdict.reason_advice import REASON_ADVICE
from scanner.verdict.rules import enumerate_shortly
from scanner.verdict.stripping import OUR_NAME_ADVICE
from scanner.verdict.weight import LEFT_TO_VERDICTS, weigh_reason

_DOWN = frozenset({State.CLOSED, State.BLOCKED, State.UNREACHABLE})
"""States in which nothing of the service answers; one that rejects or breaks is there."""
_OURS = {
    Reason.EGRESS_BLOCKED: Cause.EGRESS_BLOCKED,
    Reason.EGRESS_INTERCEPTED: Cause.EGRESS_INTERCEPTED,
}
OUR_NAME = "our EHLO name"
"""What an incident is about where servers refuse the name that we give ourselves."""
_REACH = frozenset({"port_blocked", "port_closed", "greeting_rejected"})
_FEWEST = 2
"""One port that is down is no host, and one host no provider."""


def find_incidents(conditions: Sequence[Condition]) -> tuple[Incident, ...]:
    """Return the incidents behind the conditions of one provider's endpoints, or of several providers'.

    The widest cause comes first: the provider, the host, one of its addresses, a certificate, and last a
    single verdict. What a wide one explains is in no narrower one. What our own network is in the way of
    is left to `find_egress`: of it nothing new is known, and what stood before goes on to stand.
    """
    steps = find_incidents_in_pieces(conditions)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: tuple[Incident, ...] = end.value
            return found


def find_incidents_in_pieces(
    conditions: Sequence[Condition],
) -> Generator[None, None, tuple[Incident, ...]]:
    """Do the same; yields wherever that may be put off, after some tens of microseconds each."""
    seen = (each for each in conditions if each.reason not in _OURS or each.state in _DOWN)
    wide = yield from _collect(_of_reach(seen))
    covered = {key for incident in wide for key in incident.keys}
    narrow = yield from _collect(_of_verdicts(each for each in conditions if each.key not in covered))
    return (*wide, *narrow)


def _collect(found: Iterable[Incident | None]) -> Generator[None, None, list[Incident]]:
    """Return the incidents, with a rest at every step; a step that found none is None."""
    incidents = []
    for each in found:
        if each is not None:
            incidents.append(each)
        yield
    return incidents


def find_egress(conditions: Iterable[Condition]) -> tuple[Incident, ...]:
    """Return the incidents that our own network makes, one a port, over all endpoints."""
    return tuple(_of_egress(conditions))


def _of_egress(conditions: Iterable[Condition]) -> Iterator[Incident]:
    ports: defaultdict[tuple[Cause, int], list[Condition]] = defaultdict(list)
    for each in conditions:
        if each.reason in _OURS:
            ports[_OURS[each.reason], each.port].append(each)
    for (cause, port), members in sorted(ports.items()):
        verdict = next(
            (one.verdict for each in members for one in each.standing if one.verdict.id == cause.value), None
        )
        yield _make(
            cause,
            f"port {port}",
            members,
            severity=verdict.severity if verdict is not None else Severity.WARNING,
            summary=verdict.summary
            if verdict is not None
            else f"Our own network is in the way to port {port}.",
            advice=verdict.advice if verdict is not None else "See the controls of this port.",
        )


def _of_reach(conditions: Iterable[Condition]) -> Iterator[Incident | None]:
    for provider, members in _group(conditions, lambda each: each.provider).items():
        hosts = _group(members, lambda each: each.host)
        down = {}
        for host, own in hosts.items():
            down[host] = _which_is_down(own)
            yield None
        if len(hosts) >= _FEWEST and all(own for own in down.values()):
            yield _tell_provider(provider, [each for own in down.values() for each in own])
            continue
        for host, own in hosts.items():
            yield None
            if _has_several(down[host]):
                yield _tell_host(Cause.HOST_DOWN, host, down[host])
                continue
            for address, ports in _group(own, lambda each: each.address).items():
                if _has_several(silent := _which_is_down(ports)):
                    yield _tell_host(Cause.ADDRESS_DOWN, f"{host} [{address}]", silent)


def _which_is_down(members: Sequence[Condition]) -> list[Condition]:
    """Return the endpoints of a host that are down, where none that has ever answered still does; or none.

    Ports that have never answered show nothing, unless there are no others.
    """
    expected = _expected(members)
    if any(each.state not in _DOWN for each in expected):
        return []
    return [each for each in members if each.state in _DOWN]


def _has_several(down: Sequence[Condition]) -> bool:
    """Tell whether ports that are down make a host: one alone, as of most MX hosts, is told as that port."""
    expected = _expected(down)
    # Legacy ports that were never open are closed on purpose (S12).
    is_grave = any(each.has_answered or each.state is State.UNREACHABLE for each in expected) or any(
        _is_grave(one) for each in expected for one in each.standing
    )
    return is_grave and len({each.port for each in expected}) >= _FEWEST


def _expected(members: Sequence[Condition]) -> list[Condition]:
    return [each for each in members if each.has_answered] or list(members)


def _of_verdicts(conditions: Iterable[Condition]) -> Iterator[Incident | None]:
    groups: defaultdict[tuple[Cause, str, str], list[tuple[Condition, StandingVerdict]]] = defaultdict(list)
    starttls: defaultdict[str, set[Key]] = defaultdict(set)
    for each in conditions:
        if each.key[4] == TlsMode.STARTTLS and each.has_answered:
            starttls[each.host].add(each.key)
        if not each.standing and each.reason is None:
            continue
        yield None
        told = join_causes(one for one in each.standing if _is_grave(one))
        for one in told or _tell_reason(each):
            groups[_place_of(each, one.verdict)].append((each, one))
    for (cause, name, subject), members in sorted(groups.items()):
        worst = max((one.verdict for _, one in members), key=lambda verdict: verdict.severity)
        keys = tuple(each.key for each, _ in members)
        if name == "starttls_dropped" and _are_all_with_starttls(keys, starttls[keys[0][0]]):
            worst = replace(worst, severity=Severity.CRITICAL)
        places = tuple(dict.fromkeys(f"{each.host}:{each.port}" for each, _ in members))
        yield Incident(
            cause=cause,
            subject=subject,
            name=name,
            kind=worst.kind,
            severity=worst.severity,
            since=min(one.since for _, one in members),
            keys=keys,
            domains=_domains(each for each, _ in members),
            summary=f"{worst.summary} It is so at {enumerate_shortly(places)}.",
            advice=worst.advice,
            fading=frozenset(each.key for each, one in members if one.absent),
            compared_with=_compared_with([one.verdict for _, one in members]),
        )


def _compared_with(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Return from where it is in order, where it is so from one vantage only at all of the places."""
    if not all(each.compared_with for each in verdicts):
        return ()
    return tuple(sorted({name for each in verdicts for name in each.compared_with}))


def _place_of(condition: Condition, verdict: Verdict) -> tuple[Cause, str, str]:
    """Return cause, name and subject of what is behind a verdict: findings that share these are one."""
    if verdict.id.startswith("certificate_") and condition.certificate is not None:
        return (Cause.CERTIFICATE, verdict.id, f"certificate {condition.certificate[:16]}")
    if verdict.advice == OUR_NAME_ADVICE:  # F19: all servers that refuse it refuse the same name
        return (Cause.VERDICT, verdict.id, OUR_NAME)
    return (Cause.VERDICT, verdict.id, condition.host)


def _is_grave(one: StandingVerdict) -> bool:
    is_ours = one.verdict.id in {Cause.EGRESS_BLOCKED, Cause.EGRESS_INTERCEPTED}
    return one.verdict.severity >= Severity.WARNING and not one.is_first and not is_ours


def _are_all_with_starttls(keys: Sequence[Key], starttls: AbstractSet[Key]) -> bool:
    """D09: where every port with STARTTLS breaks off, and there are several, a box on the path kills TLS."""
    return len({key[2] for key in starttls}) >= _FEWEST and starttls <= set(keys)


def _tell_reason(condition: Condition) -> Iterator[StandingVerdict]:
    """Make a verdict of a state that none is about: a host that is not reached, a service that is broken.

    A legacy port that is closed has one, which is only a notice: that is no incident by another name, and nor
    is a server that turns us away for now. A port that fails in turns in several ways may have none.
    """
    ids = {one.verdict.id for one in condition.standing}
    is_told = condition.state is State.REJECTING or (
        condition.state in LEFT_TO_VERDICTS and not _REACH.isdisjoint(ids)
    )
    if condition.reason is None or condition.state in {State.OPEN, State.UNKNOWN} or is_told:
        return
    weight = weigh_reason(condition.reason, [one.verdict.severity for one in condition.standing])
    if weight is None or weight < Severity.WARNING:
        return
    words = condition.reason.replace("_", " ")
    if condition.evidence:
        words = f"{words} ({escape(condition.evidence)[:LONGEST_EVIDENCE]})"
    counsel = REASON_ADVICE.get(condition.reason)
    verdict = Verdict(
        condition.reason,
        Kind.MISCONFIGURATION,
        weight,
        f"{condition.host}:{condition.port} is {condition.state}: {words}.",
        counsel.advice if counsel is not None else "Look at the service, its host and the way there.",
    )
    yield StandingVerdict(verdict, condition.since, condition.since)


def _tell_provider(provider: str, members: Sequence[Condition]) -> Incident:
    hosts = tuple(dict.fromkeys(each.host for each in members))
    return _make(
        Cause.PROVIDER_DOWN,
        provider,
        members,
        severity=Severity.CRITICAL,
        summary=f"No host of {provider} answers: {enumerate_shortly(hosts)}.",
        advice="Look at the provider's status page; if it reports nothing, compare from another network.",
    )


def _tell_host(cause: Cause, subject: str, members: Sequence[Condition]) -> Incident:
    ports = tuple(str(port) for port in sorted({each.port for each in members}))
    is_whole = cause is Cause.HOST_DOWN
    return _make(
        cause,
        subject,
        members,
        severity=Severity.CRITICAL if is_whole else Severity.WARNING,
        summary=f"None of the ports of {subject} answers: {enumerate_shortly(ports)}.",
        advice="Check that the machine runs and is reached: power, network, firewall, address records."
        if is_whole
        else "Other addresses of the host answer: mend this one, or remove its address record.",
    )


def _make(
    cause: Cause, subject: str, members: Sequence[Condition], *, severity: Severity, summary: str, advice: str
) -> Incident:
    return Incident(
        cause=cause,
        subject=subject,
        name=cause.value,
        kind=Kind.BLOCKED,
        severity=severity,
        since=min(each.since for each in members),
        keys=tuple(each.key for each in members),
        domains=_domains(members),
        summary=summary,
        advice=advice,
        fading=frozenset(each.key for each in members if each.is_recovering),
    )


def _domains(members: Iterable[Condition]) -> tuple[str, ...]:
    return tuple(sorted({domain for each in members for domain in each.domains}))


def _group(conditions: Iterable[Condition], by: Callable[[Condition], str]) -> dict[str, list[Condition]]:
    groups: defaultdict[str, list[Condition]] = defaultdict(list)
    for each in conditions:
        groups[by(each)].append(each)
    return dict(groups)
