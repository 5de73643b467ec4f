"""Judges our own network by its controls: whether it lets a port through, blocks it, or answers itself."""

from dataclasses import replace

from scanner.model import Kind, Observation, Reason, Severity, State, Verdict
from scanner.model.control import Gate, GateStanding, Word
from scanner.model.masked import is_masked_banner
from scanner.model.reason import NETWORK_DOWN
from scanner.verdict.interception import SUPPORTING, Asked, Round, Sign, find_signs, proves_itself
from scanner.verdict.reachability import tell_blocked, tell_intercepted

EGRESS_REASONS = frozenset({Reason.EGRESS_BLOCKED, Reason.EGRESS_INTERCEPTED})

_QUORUM = 2
_FEW_ODD = 2
"""So many controls may behave oddly, each for itself, where another one proves itself."""
# What a filter between here and the server looks like, whosever it is: the server shows nothing of itself.
_SILENT = frozenset(
    {
        Reason.CONNECT_TIMEOUT,
        Reason.ADMIN_PROHIBITED,
        Reason.HOST_UNREACHABLE,
        Reason.NETWORK_UNREACHABLE,
    }
)
# What a server may do itself as well: our network is to blame only where it does the same to the controls.
_ABRUPT = frozenset(
    {
        Reason.CONNECTION_REFUSED,
        Reason.NO_GREETING,
        Reason.CLOSED_BEFORE_GREETING,
        Reason.RESET_BEFORE_GREETING,
        Reason.TLS_TIMEOUT,
        Reason.TLS_CLOSED,
    }
)
# How a dialogue under way ends when its way is closed: in silence.
_CUT_OFF = frozenset({Reason.NO_GREETING, Reason.READ_TIMEOUT, Reason.TLS_TIMEOUT})


def judge_gate(asked: Round) -> GateStanding:
    """Tell by one round of questions how our own network treats a port."""
    told = asked.told
    if not told:
        why = "no control has an address of this kind" if not asked.asked else _list(asked.asked)
        return GateStanding(Word.UNTOLD, (why,))
    signs = find_signs(asked)
    ids = tuple(sign.id for sign in signs)
    words = tuple(sign.text for sign in signs)
    if not SUPPORTING.issuperset(ids) and not _is_refuted(asked, signs):
        return GateStanding(Word.INTERCEPTED, words, ids)
    if asked.answering:
        names = ", ".join(one.control.host for one in asked.answering)
        return GateStanding(Word.FINE, (f"answered by {names}", *words), ids)
    failures = frozenset(one.seen.reason for one in told if one.seen.reason is not None)
    silence = f"no control answers on it: {_list(told)}"
    if asked.witnesses:
        # Somebody blocks the controls, or lets few servers through: whose filter a target meets is open.
        others = ", ".join(asked.witnesses)
        why = f"{others} answered on it, and no control does: {_list(told)}"
        return GateStanding(Word.UNTOLD, (why,), failures=failures, has_witness=True)
    if len(told) < min(_QUORUM, asked.listed):
        return GateStanding(Word.UNTOLD, (f"{silence}; one alone proves nothing",), failures=failures)
    reached = [name for name, is_reached in asked.sites if is_reached]
    if asked.has_other_answers or reached:
        also = f"{reached[0]} can be reached" if reached else "other ports work"
        return GateStanding(Word.BLOCKED, (f"{silence}; {also}",), failures=failures)
    if not asked.sites:
        return GateStanding(Word.BLOCKED, (silence,), failures=failures)
    others = ", ".join(name for name, _ in asked.sites)
    evidence = (f"{NETWORK_DOWN}: nor can {others} be reached", silence)
    return GateStanding(Word.BLOCKED, evidence, failures=failures, is_network_down=True)


def tell_gate(gate: Gate, standing: GateStanding) -> Verdict | None:
    """Return the verdict on our own network; None where nothing is wrong with it or nothing can be told."""
    if not standing.is_bad:
        return None
    tell = tell_blocked if standing.word is Word.BLOCKED else tell_intercepted
    return tell(gate.port, f"{gate}: {standing.text}", is_about_server=False)


def tell_cut_off(worker: str, vantage: str, why: str, *, is_alone: bool) -> Verdict:
    """Return the verdict on the way out of one worker of a cluster, by what its own controls say (`why`)."""
    what = "no other worker has a way out" if is_alone else "other workers make its probes"
    return Verdict(
        "worker_cut_off",
        Kind.BLOCKED,
        Severity.WARNING,
        f"A worker of vantage {vantage} is cut off, {worker}: {why}. Meanwhile {what}.",
        "Have the port opened for the machine of that worker, or run the worker elsewhere. "
        "It goes on by itself when its controls answer again.",
    )


def is_suspicious(observation: Observation) -> bool:
    """Tell whether a result might be the work of our own network: the server has proven nothing of itself.

    A certificate that verifies is such a proof, though not of why the server fell silent after it. What our
    own machine could not do is another matter.
    """
    if observation.state is State.UNKNOWN:
        return False
    certificate = observation.certificate
    if observation.state is not State.OPEN:
        return observation.reason in _CUT_OFF or certificate is None or not certificate.trusted
    starttls, banner = observation.starttls, observation.banner
    is_stripped = starttls is not None and observation.tls is None
    is_masked = (starttls is not None and starttls.masked) or is_masked_banner(banner or "")
    is_unproven = certificate is None or not (certificate.trusted and certificate.name_matches)
    return is_stripped or is_masked or is_unproven


def is_answered(observation: Observation) -> bool:
    """Tell whether something at the other end answered, so that packets get out and back."""
    return observation.state in {State.OPEN, State.REJECTING} or observation.banner is not None


def blame(observation: Observation, standing: GateStanding, *, began_before: bool = False) -> Observation:
    """Return the observation as the standing of its gate makes it; it has to be judged anew if it changed.

    What the probe saw stays in it, its reason in the detail. A server that showed something of itself
    through a blocked port is left as it is: for it the way is open. So is one whose certificate proves it in
    this very probe: nobody answers in its place. Neither holds for a dialogue that began before the port was
    found blocked (`began_before`) and fell silent: the block itself may have ended it.
    """
    if observation.state is State.UNKNOWN:
        return observation
    if began_before and standing.word is Word.BLOCKED and observation.reason in _CUT_OFF:
        return _change(observation, Reason.EGRESS_BLOCKED, standing)
    if proves_itself(observation):
        return observation
    if standing.word is Word.FINE and observation.state is State.BLOCKED:
        return replace(observation, is_egress_clear=True)
    if standing.word is Word.INTERCEPTED:
        return _change(observation, Reason.EGRESS_INTERCEPTED, standing)
    if standing.word is Word.BLOCKED and _shows_nothing(observation, standing):
        return _change(observation, Reason.EGRESS_BLOCKED, standing)
    return observation


def _is_refuted(asked: Round, signs: tuple[Sign, ...]) -> bool:
    """Whether certificates prove the servers themselves: then nothing that comes back is changed on the way.

    Some networks accept every connection first and pass all on unchanged; one proof refutes that sign. Of the
    others it refutes what a few controls show, or a minority of many: each may have its own reason for that.
    Those that show no sign, such as one that is busy or has no certificate of a public CA, are not odd.
    """
    proven = sum(one.is_proven for one in asked.answering)
    odd = sum(
        not one.is_proven and any(one in sign.shown_by for sign in signs if sign.id not in SUPPORTING)
        for one in asked.answering
    )
    return bool(proven) and odd <= max(_FEW_ODD, proven)


def _change(observation: Observation, reason: Reason, standing: GateStanding) -> Observation:
    said = "open" if observation.reason is None else observation.reason.replace("_", " ")
    if observation.detail:
        said += f" ({observation.detail})"
    return replace(observation, reason=reason, detail=f"{standing.text}; this server: {said}")


def _shows_nothing(observation: Observation, standing: GateStanding) -> bool:
    reason = observation.reason
    if observation.banner is not None or observation.certificate is not None or reason is None:
        return False
    if reason is Reason.ADMIN_PROHIBITED:
        # Where the prohibition came from the server's own address, our packets had got there.
        return not (observation.detail or "").endswith(f" from {observation.endpoint.address}")
    return reason in _SILENT or (reason in _ABRUPT and reason in standing.failures)


def _list(some: tuple[Asked, ...]) -> str:
    return ", ".join(f"{one.name} {(one.seen.reason or 'open').replace('_', ' ')}" for one in some)
