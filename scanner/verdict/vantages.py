"""Holds what several vantages saw of a port against each other: the target, or the way from one of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from scanner.model import Kind, Observation, Reason, Severity, State, TlsMode, Verdict
from scanner.model.target import escape
from scanner.verdict.condition import LONGEST_EVIDENCE
from scanner.verdict.confirmation import could_show

FROM_ONE_PLACE = frozenset(
    {
        *("starttls_missing", "starttls_masked", "banner_masked", "starttls_refused", "starttls_dropped"),
        *("ehlo_rejected", "protocol_lowered", "preauth", "plaintext_on_tls_port"),
        *("certificate_untrusted", "certificate_name_mismatch", "tls_version_below_policy"),
    }
)
"""Verdicts that whoever sits on the way from one place can bring about: one vantage is enough to show it."""
_SHUT = frozenset(
    {
        *(Reason.CONNECT_TIMEOUT, Reason.ADMIN_PROHIBITED, Reason.CONNECTION_REFUSED),
        *(Reason.HOST_UNREACHABLE, Reason.NETWORK_UNREACHABLE),
        *(Reason.NO_GREETING, Reason.CLOSED_BEFORE_GREETING, Reason.RESET_BEFORE_GREETING),
        *(Reason.GREETING_REJECTED, Reason.IMAP_BYE, Reason.POP3_ERR, Reason.WRONG_PROTOCOL),
    }
)
"""What a filter, a proxy or an access list does to one address and not to others."""
_SHUT_TO_TLS = frozenset({Reason.TLS_TIMEOUT, Reason.TLS_CLOSED})
"""The same, where TLS comes first of all."""


class Word(StrEnum):
    """What a comparison says."""

    SOUND = "sound"
    """There is nothing to compare: this vantage sees nothing that could be its own trouble."""
    UNTOLD = "untold"
    """No other vantage can tell."""
    EVERYWHERE = "everywhere"
    """Others see the same: it is the target."""
    PATH = "path"
    """It cannot be reached from here, and from elsewhere it can."""
    CHANGED = "changed"
    """What comes here is less protected than what comes elsewhere."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What one vantage saw, by what others saw at about the same time."""

    word: Word
    observation: Observation
    """As it counts now; with another reason it has to be judged anew, see `witness`."""
    witness: Observation | None = None
    """Who sees it in order, or sees the same."""
    own: tuple[Verdict, ...] = ()
    """What is so from this vantage, and not from all."""
    vantages: tuple[str, ...] = ()
    """Who does not reach the port, where others do."""
    compared_with: tuple[str, ...] = ()
    """Who does."""

    def told_by(self, judged: Observation) -> Observation:
        """Return an observation of it that was judged anew, with who reaches the port and who does not."""
        verdicts = tuple(
            replace(each, vantages=self.vantages, compared_with=self.compared_with)
            if each.id == Reason.TARGET_BLOCKS_US
            else each
            for each in judged.verdicts
        )
        return replace(judged, verdicts=verdicts)


def is_shut(seen: Observation) -> bool:
    """Tell whether a port could not be used, in a way that somebody on the way may be the cause of."""
    if seen.reason in _SHUT_TO_TLS:
        return seen.endpoint.tls_mode is TlsMode.IMPLICIT
    return seen.reason in _SHUT


def is_odd(seen: Observation) -> bool:
    """Tell whether a result may be the trouble of one vantage alone, so that others are worth asking."""
    return is_shut(seen) or bool(_changed(seen))


def compare(seen: Observation, others: Sequence[Observation]) -> Compared:
    """Return what a vantage saw as others make it; theirs are of the same port, at about the same time.

    Results of others that their own network or machine is to blame for say nothing. Where some reach the
    port and some do not, it is the way: a server that is down is down for all.
    """
    if not is_odd(seen):
        return Compared(Word.SOUND, seen)
    telling = [each for each in others if each.state is not State.UNKNOWN]
    return _compare_reach(seen, telling) if is_shut(seen) else _compare_protection(seen, telling)


def _compare_reach(seen: Observation, others: Iterable[Observation]) -> Compared:
    others = tuple(others)
    witnesses = [each for each in others if _gets_further(each, seen)]
    if witnesses:
        best = max(witnesses, key=lambda each: (each.state is State.OPEN, each.level))
        said = (seen.reason or "open").replace("_", " ")
        evidence = f" ({escape(seen.detail)[:LONGEST_EVIDENCE]})" if seen.detail else ""
        shut_out = _places([seen, *(each for each in others if is_shut(each) and each not in witnesses)])
        places = _places(witnesses)
        detail = f"{said}{evidence} from {seen.vantage}; reached from {', '.join(places)}"
        changed = replace(seen, reason=Reason.TARGET_BLOCKS_US, detail=detail)
        return Compared(Word.PATH, changed, best, vantages=shut_out, compared_with=places)
    same = next(filter(is_shut, others), None)
    return Compared(Word.UNTOLD if same is None else Word.EVERYWHERE, seen, same)


def _gets_further(other: Observation, seen: Observation) -> bool:
    """Tell whether another vantage was let in where this one was not; a refusal is no welcome."""
    if other.state is State.OPEN:
        return True
    has_been_greeted = seen.state is State.REJECTING or seen.banner is not None
    return not has_been_greeted and other.state is State.REJECTING


def _compare_protection(seen: Observation, others: Iterable[Observation]) -> Compared:
    """Make a downgrade of each verdict that another vantage would have shown as well, and did not."""
    others = tuple(others)
    own: list[Verdict] = []
    told: list[Verdict] = []
    shared: Observation | None = None
    witness: Observation | None = None
    for verdict in seen.verdicts:
        better = [each for each in others if _contradicts(each, verdict)] if _is_comparable(verdict) else []
        if better:
            witness = witness or better[0]
            alike = [each for each in others if _shows(each, verdict)]
            blamed = _blame_the_way(verdict, seen.vantage, _places([seen, *alike]), _places(better))
            own.append(blamed)
            told.append(blamed)
            continue
        if _is_comparable(verdict):
            same = next((each for each in others if _shows(each, verdict)), None)
            shared = shared or same
        told.append(verdict)
    if own:
        return Compared(Word.CHANGED, replace(seen, verdicts=tuple(told)), witness, tuple(own))
    return Compared(Word.UNTOLD if shared is None else Word.EVERYWHERE, seen, shared)


def _changed(seen: Observation) -> list[Verdict]:
    return [verdict for verdict in seen.verdicts if _is_comparable(verdict)]


def _is_comparable(verdict: Verdict) -> bool:
    return verdict.id in FROM_ONE_PLACE


def _contradicts(other: Observation, verdict: Verdict) -> bool:
    """Tell whether another vantage had TLS with the server, came as far, and saw nothing of the kind."""
    if other.state is not State.OPEN or other.tls is None or not could_show(verdict.id, other):
        return False
    return not _shows(other, verdict)


def _shows(other: Observation, verdict: Verdict) -> bool:
    return any(one.id == verdict.id for one in other.verdicts)


def _blame_the_way(
    verdict: Verdict, vantage: str, alike: tuple[str, ...], better: tuple[str, ...]
) -> Verdict:
    whence = f"vantage{'s' if len(alike) > 1 else ''} {', '.join(alike)}"
    return replace(
        verdict,
        kind=Kind.DOWNGRADE,
        severity=Severity.CRITICAL,
        summary=f"{verdict.summary} It is so from {whence} only: "
        f"from {', '.join(better)} it was in order at about the same time.",
        advice=f"Something on the way from {vantage} changes what the server says, or answers in its place: "
        "do not trust that network with mail, and ask its operator about a proxy or SMTP inspection.",
        vantages=alike,
        compared_with=better,
    )


def _places(some: Iterable[Observation]) -> tuple[str, ...]:
    return tuple(sorted({each.vantage for each in some}))
