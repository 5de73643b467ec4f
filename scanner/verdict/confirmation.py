"""Confirmation: which verdicts stand. One bad probe is no loss and one good one no mending."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scanner.model import Kind, Observation, Reason, Severity, StandingVerdict, State, Verdict
from scanner.model.memory import Memory
from scanner.verdict.demands import lack_of_tls, published_demand

RESOLVE_AFTER = 2
"""Good probes in a row that resolve a verdict, and that make a recovery."""
RELAPSE = timedelta(hours=6)
"""What is back so soon after it was resolved is the same trouble, which comes and goes."""
CALM = timedelta(hours=1)
"""How long the good probes behind a relapse have to go on until it is resolved."""

# Published policies and the fingerprints of stripping prove themselves; what our controls say is confirmed.
_AT_ONCE = frozenset(
    {
        *("mta_sts_violated", "dane_violated", "egress_blocked", "egress_intercepted", "preauth"),
        *("starttls_masked", "banner_masked", "starttls_injection"),
    }
)
_REACH = frozenset({"port_blocked", "port_closed", "greeting_rejected"})
# One machine of many behind an address, or of the siblings that it is held against, may show these once.
_TRANSIENT = _REACH | {"certificate_changed", "siblings_disagree"}
_BY_CERTIFICATE = ("certificate_", "key_weak", "ocsp_")
_SHOWN = ("certificate_expir", "certificate_not_yet_valid", "key_weak", "ocsp_", "legacy_tls_accepted")
"""What the certificate itself says, or a list that took several connections: asking again shows the same."""
_BY_TLS = frozenset({"cipher_weak", "tls_version_dropped", "tls_version_below_policy", "group_weakened"})
_BY_TLS_OR_ITS_LACK = frozenset({"dane_unverifiable", "starttls_refused", "starttls_dropped"})
_BY_CAPABILITIES = frozenset({"auth_not_offered", "auth_weakened", "tls_terminated_by_proxy"})
_PUBLISHED = frozenset({"mta_sts_violated", "dane_violated"})
_LOOKED_UP = frozenset({"dane_unverifiable"})
_LOST = " lost"
_ON_THE_WAY = ("egress_", "target_blocks_us")
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
    """Tell whether a verdict counts only when a second probe has shown it: it may be a blip.

    What a certificate says of itself, such as its end, and the list of versions count at once, unless that is
    a loss against the baseline. A notice does as well, since it wakes nobody.
    """
    if verdict.id in _AT_ONCE:
        return False
    if verdict.id == "tls_version_dropped" and observation.version_notes:
        return False  # the downgrade sentinel (RFC 8446 section 4.1.3)
    if verdict.id == "starttls_missing" and published_demand(observation) is not None:
        return False
    if verdict.kind in {Kind.BLOCKED, Kind.DOWNGRADE} or verdict.id in _TRANSIENT:
        return True
    return verdict.severity > Severity.NOTICE and not verdict.id.startswith(_SHOWN)


def settle(memory: Memory, observation: Observation, confirm_after: int) -> Settled:
    """Return the memory with what one more probe confirms or resolves.

    A verdict that needs it is confirmed by `confirm_after` of the last `confirm_after + 1` probes, a server
    that turns us away for now by all of these (F15). What the very first probe shows of a server that answers
    counts at once: there is nothing that it could be a blip of. One that stands is resolved by two good
    probes in a row that could have shown it. An observation of state `unknown` says nothing of the target:
    all that stands stays as it is.
    """
    at = observation.started_at
    if observation.state is State.UNKNOWN:
        return _freeze(memory, observation)
    memory = _thaw(memory)
    shown = {verdict.id: verdict for verdict in observation.verdicts}
    waiting = {
        id_: _token_of(verdict) for id_, verdict in shown.items() if needs_confirmation(verdict, observation)
    }
    recent = (*memory.recent, tuple(sorted(waiting.values())))[-(confirm_after + 1) :]
    first_shown = {token: memory.pending_since.get(token, at) for tokens in recent for token in tokens}
    standing = dict(memory.standing)
    raised, resolved = [], []
    for id_, verdict in shown.items():
        before = standing.get(id_)
        needed = confirm_after + (observation.reason is Reason.GREETING_TEMPFAIL and id_ in _REACH)
        is_confirmed = id_ not in waiting or sum(waiting[id_] in tokens for tokens in recent) >= needed
        is_first = not is_confirmed and memory.first_seen is None and _is_own_word(verdict)
        if not is_confirmed and not is_first:
            if before is not None:  # a milder one of that name stands, and goes on to
                standing[id_] = replace(before, seen_at=at, absent=0, absent_since=None)
            continue
        since = before.since if before is not None else first_shown.get(waiting.get(id_, id_), at)
        is_relapse = before.is_relapse if before is not None else _is_soon(memory.resolved_at.get(id_), since)
        worst = before.told if before is not None else Severity.NOTICE
        standing[id_] = now = StandingVerdict(
            harden(verdict), since, at, is_relapse=is_relapse, is_first=is_first, worst=worst
        )
        if before is None or now.verdict.severity > before.verdict.severity:
            raised.append(now)
    for id_ in standing.keys() - shown.keys():
        if not could_show(id_, observation):
            continue
        absent_since = standing[id_].absent_since or at
        waits = replace(standing[id_], absent=standing[id_].absent + 1, absent_since=absent_since)
        standing[id_] = waits
        if waits.absent >= RESOLVE_AFTER and _is_over(absent_since, at, is_relapse=waits.is_relapse):
            resolved.append(standing.pop(id_))
    memory = replace(
        memory,
        first_seen=memory.first_seen or at,
        last_seen=at,
        recent=recent,
        pending_since=first_shown,
        standing=standing,
        resolved_at=_note_resolved(memory.resolved_at, resolved, at),
    )
    memory, former = _settle_state(memory, observation, confirm_after)
    return Settled(memory, tuple(raised), tuple(resolved), former)


def _token_of(verdict: Verdict) -> str:
    """Return what a verdict is counted by: as a loss it is confirmed apart from a milder one of its name."""
    return f"{verdict.id}{_LOST}" if verdict.kind is Kind.DOWNGRADE else verdict.id


def _is_own_word(verdict: Verdict) -> bool:
    """Tell whether a verdict is about what a server says or shows of itself."""
    return verdict.kind in {Kind.WEAKNESS, Kind.MISCONFIGURATION} and verdict.id not in _TRANSIENT


def could_show(verdict_id: str, observation: Observation) -> bool:
    """Tell whether a probe came far enough that it would have shown a verdict, were there still reason to.

    A port that does not answer says nothing of its certificate.
    """
    if verdict_id in _REACH or observation.state in _NO_ANSWER:
        return verdict_id in _REACH
    if verdict_id.startswith(_BY_CERTIFICATE):
        return observation.certificate is not None
    if verdict_id in _BY_TLS:
        return observation.tls is not None
    if verdict_id == "legacy_tls_accepted":
        return observation.versions is not None
    if verdict_id in _PUBLISHED:
        return observation.tls is not None or lack_of_tls(observation) is not None
    if verdict_id in _BY_TLS_OR_ITS_LACK:
        return observation.tls is not None
    is_open = observation.state is State.OPEN
    return observation.capabilities_tls is not None if verdict_id in _BY_CAPABILITIES else is_open


def pending(memory: Memory) -> tuple[str, ...]:
    """Return the ids of the verdicts that the last probe showed and that are not confirmed."""
    shown = (token.removesuffix(_LOST) for token in (memory.recent[-1] if memory.recent else ()))
    return tuple(id_ for id_ in shown if id_ not in memory.standing)


def is_undecided(memory: Memory) -> bool:
    """Tell whether the next probe will confirm or resolve something, so that it is worth making soon.

    A probe soon after goes by the same look-up: what that shows is left to the ordinary pace.
    """
    is_open = any(
        (each.absent or each.is_first) and id_ not in _LOOKED_UP for id_, each in memory.standing.items()
    )
    return bool(set(pending(memory)) - _LOOKED_UP) or is_open or memory.rival_state is not None


def _freeze(memory: Memory, observation: Observation) -> Settled:
    """Keep everything as it is, and let the word on our own network stand beside it.

    That is told once for each port, as an event of its own, and not once for each endpoint. A port that
    another vantage reaches is not blocked, whatever was so before; that it is not reached from here
    counts when a second probe has shown it.
    """
    is_reached = observation.reason is Reason.TARGET_BLOCKS_US
    standing = dict(_thaw(memory).standing)
    resolved = tuple(standing.pop(id_) for id_ in _REACH & standing.keys()) if is_reached else ()
    for verdict in observation.verdicts:
        before = memory.standing.get(verdict.id)
        since = before.since if before is not None else observation.started_at
        is_first = is_reached and before is None
        standing[verdict.id] = StandingVerdict(verdict, since, observation.started_at, is_first=is_first)
    memory = replace(memory, standing=standing)
    if is_reached:
        is_down = memory.state in _NO_ANSWER
        memory = replace(
            memory,
            state=None if is_down else memory.state,
            state_since=None if is_down else memory.state_since,
            rival_state=None,
            rival_state_count=0,
            rival_state_since=None,
        )
    return Settled(memory, resolved=resolved)


def _thaw(memory: Memory) -> Memory:
    """Drop the word on our own network and on the way: the probe got through, or it is so from everywhere."""
    standing = {id_: each for id_, each in memory.standing.items() if not id_.startswith(_ON_THE_WAY)}
    return memory if len(standing) == len(memory.standing) else replace(memory, standing=standing)


def harden(verdict: Verdict) -> Verdict:
    """D04: a temporary refusal of STARTTLS that stays is one for good."""
    is_temporary = verdict.id == "starttls_refused" and verdict.severity is Severity.WARNING
    return replace(verdict, severity=Severity.CRITICAL) if is_temporary else verdict


def _settle_state(
    memory: Memory, observation: Observation, confirm_after: int
) -> tuple[Memory, State | None]:
    """Follow the state; a first one counts at once where it is good, since a first failure may be a blip."""
    state, at = observation.state, observation.started_at
    if memory.state is None and state is State.OPEN:
        return replace(memory, state=state, state_since=at, rival_state=None, rival_state_count=0), None
    calm = replace(memory, rival_state=None, rival_state_count=0, rival_state_since=None)
    if state is memory.state:
        return calm, None
    rival = memory.rival_state
    # One that was open and fails in turns in several ways fails.
    is_failing = memory.state is State.OPEN and rival is not None and State.OPEN not in {rival, state}
    is_again = (state is rival or is_failing) and memory.rival_state_since is not None
    count, since = (memory.rival_state_count + 1, memory.rival_state_since) if is_again else (1, at)
    is_due = count >= (RESOLVE_AFTER if state is State.OPEN else confirm_after)
    if state is State.OPEN:
        is_due = is_due and _is_over(since, at, is_relapse=memory.is_relapse)
    if not is_due:
        return replace(memory, rival_state=state, rival_state_count=count, rival_state_since=since), None
    is_back = state is State.OPEN
    changed = replace(
        calm,
        state=state,
        state_since=at,
        restored_at=at if is_back else memory.restored_at,
        is_relapse=not is_back and (memory.is_relapse or _is_soon(memory.restored_at, at)),
    )
    return changed, memory.state


def _is_soon(resolved_at: datetime | None, at: datetime) -> bool:
    """Tell whether something that was resolved is back before long; a clock that was set back says it is."""
    return resolved_at is not None and at - resolved_at < RELAPSE


def _is_over(since: datetime | None, at: datetime, *, is_relapse: bool) -> bool:
    """Tell whether two good probes are enough, or have gone on for long enough; clocks may be set back."""
    return not is_relapse or since is None or abs(at - since) >= CALM


def _note_resolved(
    known: Mapping[str, datetime], resolved: list[StandingVerdict], at: datetime
) -> Mapping[str, datetime]:
    """Return when what may come back was resolved; what is long over is forgotten."""
    recent = {id_: when for id_, when in known.items() if _is_soon(when, at)}
    return recent | {each.verdict.id: at for each in resolved}
