"""Confirmation: which verdicts stand. One bad probe is no loss and one good one no mending."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from scanner.model import Kind, Observation, Severity, StandingVerdict, State, Verdict
from scanner.model.memory import Memory
from scanner.verdict.demands import published_demand

RESOLVE_AFTER = 2
"""Good probes in a row that resolve a verdict, and that make a recovery."""

# Published policies and the fingerprints of stripping prove themselves; what our controls say is confirmed.
_AT_ONCE = frozenset(
    {
        *("mta_sts_violated", "dane_violated", "egress_blocked", "egress_intercepted", "preauth"),
        *("starttls_masked", "banner_masked", "starttls_injection"),
    }
)
_REACH = frozenset({"port_blocked", "port_closed", "greeting_rejected"})
_TRANSIENT = _REACH | {"ehlo_rejected", "auth_not_offered", "plaintext_on_tls_port", "tls_on_plaintext_port"}
_BY_CERTIFICATE = ("certificate_", "key_weak", "ocsp_")
_BY_TLS = frozenset({"cipher_weak", "tls_version_dropped", "tls_version_below_policy", "group_weakened"})
_BY_TLS_OR_ITS_LACK = frozenset(
    {"mta_sts_violated", "dane_violated", "dane_unverifiable", "starttls_refused", "starttls_dropped"}
)
_NO_ANSWER = frozenset({State.CLOSED, State.BLOCKED, State.UNREACHABLE, State.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Settled:
    """What one more probe came to."""

    memory: Memory
    raised: tuple[StandingVerdict, ...] = ()
    """Verdicts that are confirmed by it, or have become worse."""
    resolved: tuple[StandingVerdict, ...] = ()
    former_state: State | None = None
    """The state that was confirmed before, where another one is now."""


def needs_confirmation(verdict: Verdict, observation: Observation) -> bool:
    """Tell whether a verdict counts only when a second probe has shown it: a loss may be a blip.

    What the server itself says or shows, such as an expired certificate, counts at once, unless it is a
    loss against the baseline.
    """
    if verdict.id in _AT_ONCE:
        return False
    if verdict.id == "tls_version_dropped" and observation.version_notes:
        return False  # the downgrade sentinel (RFC 8446 section 4.1.3)
    if verdict.id == "starttls_missing" and published_demand(observation) is not None:
        return False
    return verdict.kind in {Kind.BLOCKED, Kind.DOWNGRADE} or verdict.id in _TRANSIENT


def settle(memory: Memory, observation: Observation, confirm_after: int) -> Settled:
    """Return the memory with what one more probe confirms or resolves.

    A verdict that needs it is confirmed by `confirm_after` of the last `confirm_after + 1` probes. One that
    stands is resolved by two good probes in a row that could have shown it. An observation of state
    `unknown` says nothing of the target: all that stands stays as it is.
    """
    at = observation.started_at
    if observation.state is State.UNKNOWN:
        return _freeze(memory, observation)
    memory = _thaw(memory)
    shown = {verdict.id: verdict for verdict in observation.verdicts}
    waiting = {id_ for id_, verdict in shown.items() if needs_confirmation(verdict, observation)}
    recent = (*memory.recent, tuple(sorted(waiting)))[-(confirm_after + 1) :]
    pending = {id_: memory.pending_since.get(id_, at) for id_ in {each for ids in recent for each in ids}}
    standing = dict(memory.standing)
    raised, resolved = [], []
    for id_, verdict in shown.items():
        before = standing.get(id_)
        is_confirmed = id_ not in waiting or sum(id_ in ids for ids in recent) >= confirm_after
        if before is None and not is_confirmed:
            continue
        since = before.since if before is not None else pending.get(id_, at)
        standing[id_] = now = StandingVerdict(_harden(verdict), since, at)
        if before is None or now.verdict.severity > before.verdict.severity:
            raised.append(now)
    for id_ in standing.keys() - shown.keys():
        if not could_show(id_, observation):
            continue
        waits = replace(standing[id_], absent=standing[id_].absent + 1)
        standing[id_] = waits
        if waits.absent >= RESOLVE_AFTER:
            resolved.append(standing.pop(id_))
    memory = replace(
        memory,
        first_seen=memory.first_seen or at,
        last_seen=at,
        recent=recent,
        pending_since=pending,
        standing=standing,
    )
    memory, former = _settle_state(memory, observation, confirm_after)
    return Settled(memory, tuple(raised), tuple(resolved), former)


def could_show(verdict_id: str, observation: Observation) -> bool:
    """Tell whether a probe came far enough that it would have shown a verdict, were there still reason to.

    A port that does not answer says nothing of its certificate.
    """
    if verdict_id in _REACH:
        return True
    if observation.state in _NO_ANSWER:
        return False
    if verdict_id.startswith(_BY_CERTIFICATE):
        return observation.certificate is not None
    if verdict_id in _BY_TLS:
        return observation.tls is not None
    if verdict_id == "legacy_tls_accepted":
        return observation.versions is not None
    if verdict_id in _BY_TLS_OR_ITS_LACK:
        return observation.tls is not None
    if verdict_id in {"auth_not_offered", "auth_weakened", "tls_terminated_by_proxy"}:
        return observation.capabilities_tls is not None
    return observation.state is State.OPEN


def pending(memory: Memory) -> tuple[str, ...]:
    """Return the ids of the verdicts that the last probe showed and that are not confirmed."""
    return tuple(id_ for id_ in (memory.recent[-1] if memory.recent else ()) if id_ not in memory.standing)


def is_undecided(memory: Memory) -> bool:
    """Tell whether the next probe will confirm or resolve something, so that it is worth making soon."""
    is_mending = any(each.absent for each in memory.standing.values())
    return bool(pending(memory)) or is_mending or memory.rival_state is not None


def _freeze(memory: Memory, observation: Observation) -> Settled:
    """Keep everything as it is, and let the word on our own network stand beside it."""
    standing = dict(_thaw(memory).standing)
    raised = []
    for verdict in observation.verdicts:
        before = memory.standing.get(verdict.id)
        since = before.since if before is not None else observation.started_at
        standing[verdict.id] = StandingVerdict(verdict, since, observation.started_at)
        if before is None:
            raised.append(standing[verdict.id])
    return Settled(replace(memory, standing=standing), tuple(raised))


def _thaw(memory: Memory) -> Memory:
    """Drop the word on our own network: the probe got through."""
    standing = {id_: each for id_, each in memory.standing.items() if not id_.startswith("egress_")}
    return memory if len(standing) == len(memory.standing) else replace(memory, standing=standing)


def _harden(verdict: Verdict) -> Verdict:
    """D04: a temporary refusal of STARTTLS that stays is one for good."""
    is_temporary = verdict.id == "starttls_refused" and verdict.severity is Severity.WARNING
    return replace(verdict, severity=Severity.CRITICAL) if is_temporary else verdict


def _settle_state(
    memory: Memory, observation: Observation, confirm_after: int
) -> tuple[Memory, State | None]:
    """Follow the state; a first one counts at once, since there is nothing that it could be a blip of."""
    state, at = observation.state, observation.started_at
    if memory.state is None:
        return replace(memory, state=state, state_since=at), None
    if state is memory.state:
        return replace(memory, rival_state=None, rival_state_count=0), None
    count = memory.rival_state_count + 1 if state is memory.rival_state else 1
    if count < (RESOLVE_AFTER if state is State.OPEN else confirm_after):
        return replace(memory, rival_state=state, rival_state_count=count), None
    changed = replace(memory, state=state, state_since=at, rival_state=None, rival_state_count=0)
    return changed, memory.state


def standing_verdicts(memory: Memory) -> Iterator[Verdict]:
    """Yield the verdicts that count, the worst first."""
    ordered = sorted(memory.standing.values(), key=lambda each: -each.verdict.severity)
    return (each.verdict for each in ordered)
