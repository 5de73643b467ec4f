"""What a probe changes in the memory of its endpoint: verdicts, baseline, and the events that tell of it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from scanner.model import Kind, Observation, Severity, StandingVerdict, State
from scanner.model.event import Event, EventKind
from scanner.model.memory import NO_EVIDENCE, Memory, TraitValue
from scanner.verdict.baseline import Learnt, learn
from scanner.verdict.confirmation import Settled, harden, needs_confirmation, settle
from scanner.verdict.hindsight import add_hindsight
from scanner.verdict.rules import Case, Policy
from scanner.verdict.traits import TRAITS, read_traits
from scanner.verdict.weight import weigh

_MOST_WORDS = 20
_EVIDENCE_LASTS = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Patience:
    """How many probes it takes until something counts."""

    baseline_after: int = 3
    """Successes in a row that make a baseline."""
    confirm_after: int = 2
    """Bad probes, of one more, that make a loss."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """One probe judged with memory."""

    observation: Observation
    memory: Memory
    events: tuple[Event, ...]


def remember(memory: Memory, observation: Observation, policy: Policy, patience: Patience) -> Remembered:
    """Judge one more probe by what is remembered of its endpoint, and remember it.

    The observation comes with the verdicts that need no memory. The same memory and probe give the same
    result, whenever they are judged.
    """
    readings = read_traits(observation)
    weighed = _weigh(memory, observation, readings, policy)
    settled = settle(memory, weighed, patience.confirm_after)
    taught, learnt = settled.memory, tuple[Learnt, ...]()
    if weighed.state is not State.UNKNOWN:
        taught, learnt = learn(settled.memory, weighed, readings, patience.baseline_after)
    is_whole = not any(verdict.kind is Kind.DOWNGRADE for verdict in weighed.verdicts)
    if weighed.state is State.OPEN and (is_whole or taught.evidence == NO_EVIDENCE):
        taught = _keep_evidence(taught, weighed, is_news=bool(learnt))
    events = (*_tell(memory, weighed, settled), *_tell_learnt(memory, weighed, taught, learnt))
    if settled.former_state is not None:
        taught = replace(taught, state_told=_state_told(memory, weighed))
    return Remembered(_with_standing(weighed, taught), taught, events)


def _keep_evidence(memory: Memory, seen: Observation, *, is_news: bool) -> Memory:
    """Keep what a success looks like; one that is much like the last is not written down each time."""
    is_fresh = memory.evidence_at is not None and seen.started_at - memory.evidence_at < _EVIDENCE_LASTS
    if is_fresh and not is_news:
        return memory
    evidence = json.dumps(evidence_of(seen), separators=(",", ":"))
    return replace(memory, evidence=evidence, evidence_at=seen.started_at)


def supplement(memory: Memory, observation: Observation, policy: Policy) -> Remembered:
    """Judge a probe again of which more is known than when it was remembered: nothing is counted twice.

    What needs no confirmation counts now; the rest waits for the next probe.
    """
    weighed = _weigh(memory, observation, read_traits(observation), policy)
    standing = dict(memory.standing)
    raised = []
    for verdict in weighed.verdicts:
        before = standing.get(verdict.id)
        waits = needs_confirmation(verdict, weighed)
        if before is not None and (not waits or verdict.kind is before.verdict.kind):
            standing[verdict.id] = replace(before, verdict=harden(verdict), worst=before.told)
        elif before is None and not waits:
            standing[verdict.id] = StandingVerdict(verdict, weighed.started_at, weighed.started_at)
            raised.append(standing[verdict.id])
    memory = replace(memory, standing=standing)
    events = tuple(_tell(memory, weighed, Settled(memory, tuple(raised))))
    return Remembered(_with_standing(weighed, memory), memory, events)


def _weigh(
    memory: Memory, observation: Observation, readings: Mapping[str, TraitValue], policy: Policy
) -> Observation:
    if observation.state is State.UNKNOWN:
        return observation
    case = Case(observation, policy.of(observation.endpoint), observation.started_at)
    return replace(observation, verdicts=add_hindsight(case, memory, readings))


def _with_standing(observation: Observation, memory: Memory) -> Observation:
    ordered = sorted(memory.standing.values(), key=lambda each: -each.verdict.severity)
    return replace(observation, standing=tuple(ordered))


def evidence_of(observation: Observation) -> dict[str, object]:
    """Return what a probe saw, as far as a change of it may matter, in plain JSON values."""
    starttls, tls, certificate = observation.starttls, observation.tls, observation.certificate
    return {
        "at": observation.started_at.isoformat(timespec="seconds"),
        "state": observation.state.value,
        "reason": observation.reason.value if observation.reason else None,
        "detail": observation.detail,
        "level": observation.level,
        "banner": observation.banner,
        "capabilities": _shorten(observation.capabilities),
        "capabilities_tls": _shorten(observation.capabilities_tls),
        "starttls": {"offered": starttls.offered, "reply": starttls.reply} if starttls else None,
        "tls": {"version": tls.version, "cipher": tls.cipher, "group": tls.group} if tls else None,
        "versions": dict(observation.versions) if observation.versions is not None else None,
        "auth_before_tls": _shorten(observation.auth_before_tls),
        "auth_after_tls": _shorten(observation.auth_after_tls),
        "certificate": {
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "not_after": certificate.not_after.isoformat(timespec="seconds"),
            "fingerprint_sha256": certificate.fingerprint_sha256,
            "problems": list(certificate.problems),
        }
        if certificate
        else None,
    }


def _shorten(words: tuple[str, ...] | None) -> list[str] | None:
    return None if words is None else list(words[:_MOST_WORDS])


def subject_of(observation: Observation) -> str:
    """Name the endpoint of an observation for people."""
    endpoint = observation.endpoint
    return f"{endpoint.host} [{endpoint.address}]:{endpoint.port}"


def _tell(memory: Memory, seen: Observation, settled: Settled) -> Iterator[Event]:
    if not settled.raised and not settled.resolved and settled.former_state is None:
        return
    before: Mapping[str, object] = json.loads(memory.evidence)
    after = evidence_of(seen)
    about = Event(
        at=seen.started_at,
        kind=EventKind.STATE_CHANGED,
        subject=subject_of(seen),
        severity=Severity.NOTICE,
        summary="",
        key=seen.endpoint.key,
        before=before,
        after=after,
        vantage=seen.vantage,
    )
    if settled.former_state is not None:
        why = f" ({seen.reason})" if seen.reason else ""
        yield replace(
            about,
            name=seen.state.value,
            severity=_weigh_state(seen),
            ended=memory.state_told if seen.state is State.OPEN else None,
            summary=f"{about.subject} is {seen.state.value}{why}; it was {settled.former_state.value}.",
        )
    for each in settled.raised:
        yield _tell_verdict(about, EventKind.VERDICT_RAISED, each, each.verdict.summary)
    for each in settled.resolved:
        summary = f"No longer: {each.verdict.summary}"
        yield _tell_verdict(about, EventKind.VERDICT_RESOLVED, each, summary)


def _weigh_state(seen: Observation) -> Severity:
    if seen.state is State.OPEN:
        return Severity.NOTICE
    return weigh(seen.reason, [verdict.severity for verdict in seen.verdicts]) or Severity.NOTICE


def _state_told(memory: Memory, seen: Observation) -> Severity | None:
    """Return the worst that was told of the state by now, since it was open last."""
    if seen.state is State.OPEN:
        return None
    return max(_weigh_state(seen), memory.state_told or Severity.NOTICE)


def _tell_verdict(about: Event, kind: EventKind, standing: StandingVerdict, summary: str) -> Event:
    verdict = standing.verdict
    return replace(
        about,
        kind=kind,
        name=verdict.id,
        severity=verdict.severity if kind is EventKind.VERDICT_RAISED else Severity.NOTICE,
        summary=summary,
        advice=verdict.advice if kind is EventKind.VERDICT_RAISED else None,
        ended=standing.told if kind is EventKind.VERDICT_RESOLVED else None,
        vantages=verdict.vantages,
        compared_with=verdict.compared_with,
    )


def _tell_learnt(
    memory: Memory, seen: Observation, taught: Memory, learnt: tuple[Learnt, ...]
) -> Iterator[Event]:
    is_first = not memory.has_baseline and taught.has_baseline
    changed = [each for each in learnt if each.before is not None and not TRAITS[each.name].is_collected]
    if not is_first and not changed:
        return
    told = learnt if is_first else changed
    names = ", ".join(TRAITS[each.name].title for each in told)
    yield Event(
        at=seen.started_at,
        kind=EventKind.BASELINE_LEARNT if is_first else EventKind.BASELINE_CHANGED,
        subject=subject_of(seen),
        severity=Severity.NOTICE,
        summary=f"A baseline stands for {subject_of(seen)}."
        if is_first
        else f"The baseline of {subject_of(seen)} follows the present: {names}.",
        key=seen.endpoint.key,
        before={each.name: each.before for each in told if each.before is not None},
        after={each.name: each.after for each in told},
        vantage=seen.vantage,
    )
