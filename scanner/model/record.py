"""The record: one observation as JSON, in the names that scripts rely on (schema: record.schema.json)."""

import json
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from typing import Any

from scanner.model.observation import (
    Certificate,
    ChainMember,
    Endpoint,
    Key,
    Observation,
    OcspStaple,
    TargetFinding,
)
from scanner.model.published import Expectation
from scanner.model.verdict import Verdict

Record = dict[str, Any]
SECONDS_DIGITS = 6
MOST_DOMAINS = 8
MOST_TLSA_RECORDS = 16
LONGEST_TLSA_RECORD = 512
"""Characters; a record may hold a whole certificate."""
_NOTHING_PUBLISHED = Expectation()


def to_record(result: Observation | TargetFinding) -> Record:
    """Return the record of a result. Times are seconds, dates are RFC 3339 in UTC."""
    if isinstance(result, TargetFinding):
        return _finding_record(result)
    endpoint = result.endpoint
    expectation = endpoint.expectation or _NOTHING_PUBLISHED
    return _membership(endpoint) | {
        "host": endpoint.host,
        "address": endpoint.address,
        "port": endpoint.port,
        "protocol": endpoint.protocol.value,
        "tls_mode": endpoint.tls_mode.value,
        "role": endpoint.role.value,
        "vantage": result.vantage,
        "state": result.state.value,
        "reason": result.reason.value if result.reason else None,
        "detail": result.detail,
        "level": result.level,
        "started_at": _moment(result.started_at),
        "duration": round(result.duration, SECONDS_DIGITS),
        "phases": {phase.value: round(seconds, SECONDS_DIGITS) for phase, seconds in result.phases.items()},
        "banner": result.banner,
        "software": result.software,
        "capabilities": _list(result.capabilities),
        "capabilities_tls": _list(result.capabilities_tls),
        "starttls": _starttls(result),
        "auth": {"before_tls": _list(result.auth_before_tls), "after_tls": _list(result.auth_after_tls)},
        "preauth": result.preauth,
        "ehlo_reply": result.ehlo_reply,
        "tls": _tls(result),
        "certificate": _certificate(result.certificate),
        "provider": expectation.provider,
        "mta_sts": _mta_sts(expectation, endpoint.host),
        "dane": _dane(expectation, result),
        "bytes_read": result.bytes_read,
        "verdicts": _verdicts(result),
        **_standing(result),
    }


def _membership(endpoint: Endpoint) -> Record:
    return {
        "domain": endpoint.domains[0],
        "domains": list(endpoint.domains),
        "source": endpoint.source,
        "sources": dict(endpoint.sources) or dict.fromkeys(endpoint.domains, endpoint.source),
    }


def _finding_record(finding: TargetFinding) -> Record:
    return {
        "domain": finding.domain,
        "domains": [finding.domain],
        "host": finding.host,
        "address": None,
        "port": None,
        "protocol": None,
        "tls_mode": None,
        "role": None,
        "source": finding.source,
        "vantage": finding.vantage,
        "state": finding.state.value,
        "reason": finding.reason.value if finding.reason else None,
        "detail": finding.detail,
        "level": 0,
        "started_at": _moment(finding.started_at),
        "duration": round(finding.duration, SECONDS_DIGITS),
        "phases": {},
        "verdicts": _verdicts(finding),
    }


def _starttls(result: Observation) -> Record | None:
    if result.starttls is None:
        return None
    return {
        "offered": result.starttls.offered,
        "reply": result.starttls.reply,
        "masked": result.starttls.masked,
        "extra_plaintext": result.starttls.extra_plaintext,
    }


def _tls(result: Observation) -> Record | None:
    """Return what was negotiated and what a sweep found; the first is null where no handshake succeeded."""
    if result.tls is None and result.versions is None:
        return None
    negotiated = result.tls
    record: Record = {
        "version": negotiated.version if negotiated is not None else None,
        "cipher": negotiated.cipher if negotiated is not None else None,
        "group": negotiated.group if negotiated is not None else None,
    }
    if result.versions is not None:
        record |= {"versions": dict(result.versions), "notes": list(result.version_notes)}
    if result.preferred_group is not None or result.post_quantum is not None:
        record |= {"preferred_group": result.preferred_group, "post_quantum": result.post_quantum}
    return record


def _certificate(certificate: Certificate | None) -> Record | None:
    if certificate is None:
        return None
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "names": list(certificate.names),
        "not_before": _moment(certificate.not_before),
        "not_after": _moment(certificate.not_after),
        "fingerprint_sha256": certificate.fingerprint_sha256,
        "key": certificate.key,
        "chain_length": certificate.chain_length,
        "trusted": certificate.trusted,
        "name_matches": certificate.name_matches,
        "problems": list(certificate.problems),
        "matched_name": certificate.matched_name,
        "trust_fault": certificate.trust_fault,
        "missing_intermediate": certificate.missing_intermediate,
        "chain": [_member(member) for member in certificate.chain],
        "problem_details": [
            {"problem": detail.problem, "depth": detail.depth, "text": detail.text}
            for detail in certificate.problem_details
        ],
        "ocsp": _staple(certificate.ocsp),
        "demands_staple": certificate.demands_staple,
    }


def _member(member: ChainMember) -> Record:
    return {
        "subject": member.subject,
        "issuer": member.issuer,
        "not_after": _moment_or_none(member.not_after),
        "key": member.key,
        "signature": member.signature,
        "fingerprint_sha256": member.fingerprint_sha256,
    }


def _staple(staple: OcspStaple | None) -> Record | None:
    if staple is None:
        return None
    return {
        "stapled": True,
        "status": staple.status,
        "this_update": _moment_or_none(staple.this_update),
        "next_update": _moment_or_none(staple.next_update),
        "is_stale": staple.is_stale,
        "is_verified": staple.is_verified,
    }


def _mta_sts(expectation: Expectation, host: str) -> list[Record] | None:
    """Join the policies that say the same of this host: many domains may share it."""
    domains: dict[tuple[str, bool], list[str]] = {}
    for claim in expectation.mta_sts:
        same = domains.setdefault((claim.policy.mode.value, claim.policy.allows(host)), [])
        same += claim.domains[: MOST_DOMAINS - len(same)]
    return [
        {"domains": names, "mode": mode, "allowed": is_allowed}
        for (mode, is_allowed), names in domains.items()
    ] or None


def _dane(expectation: Expectation, result: Observation) -> Record | None:
    dane = expectation.dane
    if dane is None:
        return None
    return {
        "status": dane.status.value,
        "records": [str(record)[:LONGEST_TLSA_RECORD] for record in dane.records[:MOST_TLSA_RECORDS]],
        "match": result.dane.value if result.dane else None,
    }


def _verdicts(result: Observation | TargetFinding) -> list[Record]:
    return [
        {
            "id": verdict.id,
            "kind": verdict.kind.value,
            "severity": verdict.severity.label,
            "summary": verdict.summary,
            "advice": verdict.advice,
            **({"working_alternative": verdict.working_alternative} if verdict.working_alternative else {}),
            **_compared(verdict),
        }
        for verdict in result.verdicts
    ]


def _compared(verdict: Verdict) -> Record:
    if not verdict.vantages:
        return {}
    return {"vantages": list(verdict.vantages), "compared_with": list(verdict.compared_with)}


def _standing(result: Observation) -> Record:
    if result.standing is None:
        return {}
    return {
        "standing": [
            {
                "id": each.verdict.id,
                "kind": each.verdict.kind.value,
                "severity": each.verdict.severity.label,
                "since": _moment(each.since),
                "seen_at": _moment(each.seen_at),
                **_compared(each.verdict),
            }
            for each in result.standing
        ]
    }


def to_line(record: Mapping[str, Any]) -> str:
    """Return a record as one line of NDJSON, without the line ending."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) that every record obeys."""
    loaded: dict[str, Any] = json.loads(
        files("scanner.model").joinpath("record.schema.json").read_text("utf-8")
    )
    return loaded


def record_key(record: Mapping[str, Any]) -> Key | None:
    """Return the endpoint's identity (see `Endpoint.key`), or None for a finding about a target."""
    if record.get("port") is None:
        return None
    return (record["host"], record["address"], record["port"], record["protocol"], record["tls_mode"])


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else _moment(moment)


def _list(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)
