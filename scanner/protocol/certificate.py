"""Reads a presented certificate: who it names, when it holds, how strong it is (RFC 5280, RFC 6125)."""

import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from scanner.model import Certificate
from scanner.model.observation import CertificateProblem
from scanner.protocol.chain import Seen, demands_staple, look_at, read_chain
from scanner.protocol.chain_faults import (
    EXPIRED,
    NOT_YET_VALID,
    SELF_SIGNED_LEAF,
    date_problems,
    is_intermediate_missing,
    presentation_problems,
    strength_problems,
    trust_fault,
    trust_problems,
)
from scanner.protocol.dates import first_moment, last_moment
from scanner.protocol.evidence import Evidence, Expected, VerifyError
from scanner.protocol.names import matched_name, names_host, shown_names
from scanner.protocol.staple import read_staple, staple_problems

CACHED = 512
"""Certificates remembered; one may be 100 KB large, so hostile ones fill at most 50 MB."""
MAX_DETAILS = 20

_PROBLEM_OF_ERROR = {NOT_YET_VALID: "not_yet_valid", EXPIRED: "expired", SELF_SIGNED_LEAF: "self_signed"}
_ORDER = (
    "expired",
    "not_yet_valid",
    "self_signed",
    "untrusted",
    "name_mismatch",
    "weak_key",
    "weak_signature",
)


def describe_presented(evidence: Evidence, expected: Expected, now: datetime) -> Certificate | None:
    """Return the facts of a presented chain, or None where its leaf cannot be read.

    `problems` tells of the whole way from the leaf to its CA, `problem_details` of each place on it, of the
    staple and of certificates sent in vain. `now` weighs the staple alone: OpenSSL has looked at the dates.
    """
    with warnings.catch_warnings():
        # cryptography warns of oddities, such as the serial number 0: a finding, not a warning of ours.
        warnings.simplefilter("ignore")
        presented = read_chain(evidence.presented)
        leaf = presented[0].certificate if presented else None
        if leaf is None:
            return None  # a certificate that OpenSSL accepts and a strict parser does not
        return _describe_chain(leaf, presented, evidence, expected, now)


def _describe_chain(
    leaf: x509.Certificate, presented: Sequence[Seen], evidence: Evidence, expected: Expected, now: datetime
) -> Certificate:
    path = read_chain(evidence.path) or presented[:1]
    fault = trust_fault(evidence)
    is_missing = is_intermediate_missing(evidence, path, fault)
    staple = read_staple(evidence.staple, leaf, path[1].certificate if len(path) > 1 else None, now)
    is_demanded = demands_staple(leaf)
    name = matched_name(leaf, expected)
    strength = list(strength_problems(evidence, path))
    details = [
        *date_problems(evidence, path),
        *trust_problems(evidence, path, is_missing=is_missing),
        *_name_problems(name, expected),
        *strength,
        *staple_problems(staple, is_demanded=is_demanded),
        *presentation_problems(evidence, presented),
    ]
    problems = {detail.problem for detail in strength}
    judged = _judge(_facts_of(leaf, presented[0]), evidence.errors, problems, is_named=name == "host")
    return replace(
        judged,
        chain_length=len(evidence.presented),
        matched_name=name,
        trust_fault=fault,
        missing_intermediate=is_missing,
        chain=tuple(seen.member for seen in presented),
        problem_details=tuple(details[:MAX_DETAILS]),
        ocsp=staple,
        demands_staple=is_demanded,
    )


def describe(
    certificate: x509.Certificate, host: str, errors: Collection[VerifyError], chain_length: int
) -> Certificate:
    """Return the facts of a leaf certificate presented by `host`, with every problem found.

    A part that cannot be read is left empty, or called unreadable: it never hides the others.
    """
    judged = _judge(_read(certificate), errors, (), is_named=names_host(certificate, host))
    return replace(judged, chain_length=chain_length)


def _judge(
    facts: Certificate, errors: Collection[VerifyError], more: Collection[str], *, is_named: bool
) -> Certificate:
    problems = {_PROBLEM_OF_ERROR.get(error.number, "untrusted") for error in errors}
    problems |= {*facts.problems, *more}
    if not is_named:
        problems.add("name_mismatch")
    return replace(
        facts,
        # Trust is the chain alone: dates and names are problems of their own.
        trusted=not problems & {"self_signed", "untrusted"},
        name_matches=is_named,
        problems=tuple(problem for problem in _ORDER if problem in problems),
    )


def _name_problems(name: str | None, expected: Expected) -> Iterator[CertificateProblem]:
    if name is None:
        yield CertificateProblem("name_mismatch", 0, f"the certificate does not name {expected.host}"[:512])
    elif name == "domain":
        text = f"the certificate names the mail domain and not {expected.host}, which clients accept"
        yield CertificateProblem("name_mismatch", 0, text)


@lru_cache(maxsize=CACHED)
def _read(certificate: x509.Certificate) -> Certificate:
    """Read what does not depend on who asked; the next probe mostly sees the same certificate."""
    return _facts_of(certificate, look_at(certificate, certificate.fingerprint(hashes.SHA256()).hex()))


def _facts_of(certificate: x509.Certificate, seen: Seen) -> Certificate:
    weak = {"weak_key": seen.is_weak_key, "weak_signature": seen.is_weakly_signed}
    return Certificate(
        subject=seen.member.subject,
        issuer=seen.member.issuer,
        names=shown_names(certificate),
        not_before=first_moment(certificate),
        not_after=last_moment(certificate),
        fingerprint_sha256=seen.member.fingerprint_sha256,
        key=seen.member.key,
        chain_length=0,
        trusted=False,
        name_matches=False,
        problems=tuple(problem for problem, is_there in weak.items() if is_there),
    )
