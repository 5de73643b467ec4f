"""Judges a whole chain: why it leads to no trusted CA, each fault with its depth, what is sent in vain."""

from collections.abc import Iterator, Sequence

from scanner.model.observation import CertificateProblem, TrustFault
from scanner.protocol.chain import LONGEST_LABEL, Seen, is_logged
from scanner.protocol.dates import first_moment, last_moment
from scanner.protocol.evidence import MOST_INTERMEDIATES, Evidence, VerifyError

# X509_V_ERR_* of OpenSSL's x509_vfy.h, as far as words of ours depend on them.
UNSPECIFIED = 1
_SIGNATURE_FAILURE = 7
NOT_YET_VALID, EXPIRED = 9, 10
SELF_SIGNED_LEAF = 18
_UNKNOWN_ROOT = 19
_ISSUER_NOT_FOUND = frozenset({2, 20, 21})
_TOO_LONG = 22
_ENDS = _ISSUER_NOT_FOUND | {SELF_SIGNED_LEAF, _UNKNOWN_ROOT}
_DATES = frozenset({NOT_YET_VALID, EXPIRED})
_NO_CA = frozenset({24, 25, 32, 79})
"""Invalid CA, path too long, may not sign, not for this purpose."""


def trust_fault(evidence: Evidence) -> TrustFault | None:
    """Tell why a chain leads to no trusted CA, from OpenSSL's errors and from where the way ended.

    A certificate whose issuer is neither sent nor trusted may come from a CA that nobody knows, or from one
    whose own certificate was kept back. Only a self-signed root that was sent proves the first.
    """
    faults = {error.number for error in evidence.errors} - _DATES
    if not faults:
        return None
    if SELF_SIGNED_LEAF in faults:
        return "self_signed"
    if _UNKNOWN_ROOT in faults:
        return "unknown_ca"
    if _TOO_LONG in faults:
        return "chain_too_long"
    if faults & _ISSUER_NOT_FOUND:
        # A server may leave out its root alone (RFC 8446 section 4.4.2), and a root rarely signs a leaf.
        return "incomplete_chain" if len(evidence.path) <= 1 else "incomplete_or_unknown_ca"
    return "other"


def is_intermediate_missing(
    evidence: Evidence, path: Sequence[Seen], fault: TrustFault | None
) -> bool | None:
    """Tell whether the server kept an intermediate back; None where that cannot be told.

    A lone leaf with proofs that it is logged comes from a public CA, and those never sign a leaf with a root.
    """
    if fault == "incomplete_chain":
        leaf = path[0].certificate if path else None
        return True if leaf is not None and is_logged(leaf) else None
    if any(error.number == UNSPECIFIED for error in evidence.errors):
        return None
    return None if fault in {"incomplete_or_unknown_ca", "chain_too_long"} else False


def trust_problems(
    evidence: Evidence, path: Sequence[Seen], *, is_missing: bool | None
) -> Iterator[CertificateProblem]:
    """Yield why the chain leads to no trusted CA: once where the way ended, then every other fault."""
    ends: dict[str, VerifyError] = {}
    others = []
    for error in dict.fromkeys(evidence.errors):
        if error.number in _ISSUER_NOT_FOUND and _is_too_long(evidence):
            continue  # nobody looked for it
        if error.number in _ENDS:
            ends.setdefault("self_signed" if error.number == SELF_SIGNED_LEAF else "untrusted", error)
        elif error.number not in _DATES:
            others.append(error)
    for word, end in ends.items():
        yield CertificateProblem(word, end.depth, _words_on_end(end, path, is_missing=is_missing))
    for error in others:
        yield CertificateProblem("untrusted", error.depth, _words_on(error, _label(path, error.depth)))


def date_problems(evidence: Evidence, path: Sequence[Seen]) -> Iterator[CertificateProblem]:
    """Yield the certificates on the way to the CA whose time is over or has not begun."""
    for error in dict.fromkeys(evidence.errors):
        if error.number not in _DATES:
            continue
        label = _label(path, error.depth)
        certificate = path[error.depth].certificate if error.depth < len(path) else None
        if error.number == EXPIRED:
            when = f" on {last_moment(certificate).date()}" if certificate else ""
            yield CertificateProblem("expired", error.depth, f"{label} expired{when}")
        else:
            when = f" before {first_moment(certificate).date()}" if certificate else " yet"
            yield CertificateProblem("not_yet_valid", error.depth, f"{label} is not valid{when}")


def strength_problems(evidence: Evidence, path: Sequence[Seen]) -> Iterator[CertificateProblem]:
    """Yield the short keys and weak signatures on the way to the CA.

    The CA at its end is left out: it is trusted for what it is, and nobody looks at its signature.
    """
    end_is_ca = not any(error.number in _ISSUER_NOT_FOUND for error in evidence.errors)
    for depth, seen in enumerate(path):
        if end_is_ca and depth and depth == len(evidence.path) - 1:
            return
        if seen.is_weak_key:
            text = f"the key of {seen.label} is weak: {seen.member.key}"
            yield CertificateProblem("weak_key", depth, text)
        if seen.is_weakly_signed:
            text = f"{seen.label} is signed with {seen.member.signature}"
            yield CertificateProblem("weak_signature", depth, text)


def presentation_problems(evidence: Evidence, presented: Sequence[Seen]) -> Iterator[CertificateProblem]:
    """Yield what is odd in the way the chain was sent, though it may lead to the CA all the same."""
    again = len(evidence.presented) - len(set(evidence.presented))
    if again:
        text = f"{again} of the {len(evidence.presented)} certificates sent had been sent before"
        yield CertificateProblem("duplicate", None, text)
    if not evidence.path:
        return
    sent = dict(zip(evidence.presented, presented, strict=False))
    places = [evidence.path.index(each) for each in sent if each in evidence.path]
    if places != sorted(places):
        text = "the certificates are not in order, each before its issuer (RFC 5246 section 7.4.2)"
        yield CertificateProblem("wrong_order", None, text)
    if _is_too_long(evidence):
        return  # who knows where the rest leads
    for encoded, seen in sent.items():
        if encoded not in evidence.path:
            end = seen.member.not_after
            last_day = f"; its last day is {end.date()}" if end else ""
            text = f"{seen.label} is sent and leads nowhere{last_day}"
            yield CertificateProblem("superfluous", None, text)


def _is_too_long(evidence: Evidence) -> bool:
    return any(error.number == _TOO_LONG for error in evidence.errors)


def _label(path: Sequence[Seen], depth: int) -> str:
    return path[depth].label if depth < len(path) else f"the certificate at depth {depth}"


def _words_on_end(end: VerifyError, path: Sequence[Seen], *, is_missing: bool | None) -> str:
    label = _label(path, end.depth)
    if end.number == SELF_SIGNED_LEAF:
        return f"{label} is signed by itself and is no trusted CA"
    if end.number == _UNKNOWN_ROOT:
        return f"the chain ends in the root {label}, which is not trusted"
    issuer = f'"{path[end.depth].member.issuer[:LONGEST_LABEL]}"' if end.depth < len(path) else "the CA"
    guess = (
        "an intermediate is missing" if is_missing else "an intermediate is missing or the CA is not known"
    )
    return f"{issuer}, the issuer of {label}, is neither sent nor trusted: {guess}"


def _words_on(error: VerifyError, label: str) -> str:
    if error.number == UNSPECIFIED:
        return "the verification came to no end"
    if error.number == _TOO_LONG:
        return f"the chain is followed for {MOST_INTERMEDIATES} intermediates, and goes on behind them"
    if error.number == _SIGNATURE_FAILURE:
        return f"the signature of {label} was not made with its issuer's key"
    if error.number in _NO_CA:
        return f"{label} is no CA, or may not be one here"
    return f"{label} is refused: OpenSSL's verification error {error.number}"
