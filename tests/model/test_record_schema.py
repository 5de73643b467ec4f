"""The record and its schema: everything we write obeys it, and anything else does not."""

import copy
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

import scanner.protocol
import scanner.verdict
from scanner.model import (
    STATE_OF,
    Dane,
    DaneMatch,
    DaneStatus,
    Expectation,
    Kind,
    Observation,
    Phase,
    Protocol,
    Reason,
    Role,
    Severity,
    StandingVerdict,
    StartTls,
    State,
    StsClaim,
    StsMode,
    StsPolicy,
    TargetFinding,
    Tls,
    TlsaRecord,
    TlsMode,
    Verdict,
)
from scanner.model.observation import CertificateProblem, ChainMember, OcspStaple, TrustFault
from scanner.model.record import record_key, schema, to_line, to_record
from tests.metrics.samples import GOOD
from tests.model.schema_check import check_records, problems_of

DEFINITIONS = schema()["$defs"]
VERDICT = Verdict(
    "certificate_expired", Kind.WEAKNESS, Severity.CRITICAL, "It expired.", "Renew the certificate."
)
PUBLISHED = Expectation(
    provider="gmail",
    mta_sts=(StsClaim(StsPolicy(StsMode.ENFORCE, ("*.example.org",), 86400), ("example.org",)),),
    dane=Dane(DaneStatus.SECURE, (TlsaRecord(3, 1, 1, b"\xab" * 32),)),
)
assert GOOD.certificate is not None
CERTIFICATE = replace(
    GOOD.certificate,
    chain=(
        ChainMember("CN=mx.example.org", "CN=CA", GOOD.started_at, "RSA 2048", "SHA256", "ab" * 32),
        ChainMember("(unreadable name)", "(unreadable name)", None, "unknown", "unknown", "cd" * 32),
    ),
    problem_details=(
        CertificateProblem("expired", 1, '"CN=CA" expired on 2026-01-01'),
        CertificateProblem("duplicate", None, "1 of the 3 certificates sent had been sent before"),
    ),
    ocsp=OcspStaple("good", GOOD.started_at, GOOD.started_at, is_stale=True, is_verified=True),
)
VERSIONS = dict.fromkeys(("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"), False) | {"TLSv1.2": True, "TLSv1.3": None}
FULL = replace(
    GOOD,
    certificate=CERTIFICATE,
    endpoint=replace(GOOD.endpoint, expectation=PUBLISHED),
    dane=DaneMatch.EE,
    versions=VERSIONS,
    version_notes=("as it was seen",),
    preferred_group="X25519",
    post_quantum=None,
    verdicts=(VERDICT,),
    ehlo_reply="502 5.5.2 Error",
    detail="as it was said",
    bytes_read=7,
)
BARE = Observation(GOOD.endpoint, GOOD.started_at, 3.0, reason=Reason.CONNECT_TIMEOUT)
FINDING = TargetFinding("example.org", "example.org", GOOD.started_at, 0.1, Reason.NAME_NOT_FOUND, "NXDOMAIN")
REMARK = replace(FINDING, reason=None, detail=None, verdicts=(VERDICT,))


def record_of(result: Observation | TargetFinding = FULL) -> dict[str, Any]:
    return to_record(result)


def with_versions() -> dict[str, Any]:
    record = record_of()
    record["tls"]["versions"] = dict(VERSIONS)
    return record


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("result", [FULL, BARE, FINDING, REMARK], ids=["full", "bare", "finding", "remark"])
def test_what_we_write_obeys_it(result: Observation | TargetFinding) -> None:
    check_records([to_record(result)])


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_obeys_it(reason: Reason) -> None:
    check_records([to_record(replace(FULL, reason=reason)), to_record(replace(FINDING, reason=reason))])


@pytest.mark.parametrize(
    ("changes"),
    [
        {"tls": Tls("TLSv1.0", "ECDHE-RSA-AES256-SHA", None)},
        {"tls": None, "certificate": None},
        {"starttls": None, "capabilities": None, "auth_before_tls": None, "auth_after_tls": None},
        {"starttls": StartTls(offered=False)},
        {"phases": {}},
        {"dane": None},
        *({"dane": match} for match in DaneMatch),
        {"banner": "a" * 512, "software": None},
        {"endpoint": replace(GOOD.endpoint, address="2001:db8::7", host="xn--bcher-kva.example")},
    ],
    ids="-".join,
)
def test_every_shape_obeys_it(changes: dict[str, Any]) -> None:
    check_records([to_record(replace(FULL, **changes))])


def test_a_sweep_of_versions_may_stand_there() -> None:
    check_records([with_versions()])
    assert problems_of({**with_versions(), "tls": {**with_versions()["tls"], "versions": {"TLSv1.2": True}}})


@pytest.mark.parametrize(
    ("definition", "names"),
    [
        ("state", [state.value for state in State]),
        ("reason", [reason.value for reason in Reason]),
    ],
)
def test_its_vocabulary_is_that_of_the_code(definition: str, names: list[str]) -> None:
    assert DEFINITIONS[definition]["enum"] == names


def test_what_is_published_stands_in_the_record() -> None:
    record = record_of()

    assert record["provider"] == "gmail"
    assert record["mta_sts"] == [{"domains": ["example.org"], "mode": "enforce", "allowed": True}]
    assert record["dane"] == {"status": "secure", "records": [f"3 1 1 {'ab' * 32}"], "match": "dane-ee"}


def test_nothing_published_is_null() -> None:
    for result in (BARE, replace(FULL, endpoint=replace(GOOD.endpoint, expectation=Expectation()))):
        record = record_of(result)
        assert (record["provider"], record["mta_sts"], record["dane"]) == (None, None, None)


def test_policies_that_say_the_same_of_a_host_are_joined() -> None:
    """A host may serve thousands of domains, each with a policy of its own."""

    def claim(mode: StsMode, pattern: str, number: int) -> StsClaim:
        return StsClaim(
            StsPolicy(mode, (pattern,), 86400 + number), (f"d{number}.example", f"e{number}.example")
        )

    claims = [claim(StsMode.ENFORCE, "*.example.org", number) for number in range(1000)]
    claims += [claim(StsMode.ENFORCE, "*.example.net", 1000), claim(StsMode.TESTING, "*.example.org", 1001)]
    claims += [claim(StsMode.NONE, "*.example.org", 1002)]
    endpoint = replace(GOOD.endpoint, expectation=Expectation(mta_sts=tuple(claims)))
    record = record_of(replace(FULL, endpoint=endpoint))

    check_records([record])
    first = [f"{letter}{number}.example" for number in range(4) for letter in "de"]
    assert record["mta_sts"] == [
        {"domains": first, "mode": "enforce", "allowed": True},
        {"domains": ["d1000.example", "e1000.example"], "mode": "enforce", "allowed": False},
        {"domains": ["d1001.example", "e1001.example"], "mode": "testing", "allowed": True},
        {"domains": ["d1002.example", "e1002.example"], "mode": "none", "allowed": True},
    ]


@pytest.mark.parametrize("status", DaneStatus)
def test_records_are_few_and_short(status: DaneStatus) -> None:
    """A record may hold a whole certificate, and a hostile zone any number of records."""
    many = tuple(TlsaRecord(255, 255, 255, bytes((number,)) * 4000) for number in range(100))
    endpoint = replace(GOOD.endpoint, expectation=Expectation(dane=Dane(status, many)))
    record = record_of(replace(FULL, endpoint=endpoint, dane=None))

    check_records([record])
    assert record["dane"]["status"] == status.value
    assert len(record["dane"]["records"]) == 16
    assert {len(text) for text in record["dane"]["records"]} == {512}
    assert record["dane"]["match"] is None


def test_its_words_on_policies_are_those_of_the_code() -> None:
    dane = DEFINITIONS["dane"]["properties"]
    assert dane["status"]["enum"] == [status.value for status in DaneStatus]
    assert dane["match"]["enum"] == [*(match.value for match in DaneMatch), None]
    mode = DEFINITIONS["mta_sts"]["items"]["properties"]["mode"]
    assert mode["enum"] == [mode.value for mode in StsMode]


@pytest.mark.parametrize(
    "changes",
    [
        {"chain": (), "problem_details": (), "ocsp": None},
        {"chain": CERTIFICATE.chain[:1] * 10, "problem_details": CERTIFICATE.problem_details[:1] * 20},
        {"ocsp": OcspStaple("unreadable")},
        *({"demands_staple": demanded} for demanded in (True, False)),
        *({"ocsp": OcspStaple(status)} for status in ("good", "revoked", "unknown")),
        *({"trust_fault": fault, "trusted": False} for fault in get_args(TrustFault)),
        *({"missing_intermediate": missing} for missing in (True, False, None)),
        *({"matched_name": name} for name in ("host", "domain", None)),
    ],
    ids=str,
)
def test_every_certificate_obeys_it(changes: dict[str, Any]) -> None:
    check_records([to_record(replace(FULL, certificate=replace(CERTIFICATE, **changes)))])


def test_its_words_on_certificates_are_those_of_the_code() -> None:
    certificate = DEFINITIONS["certificate"]["properties"]
    assert certificate["trust_fault"]["enum"] == [*get_args(TrustFault), None]
    details = DEFINITIONS["certificate_problem"]["properties"]["problem"]["enum"]
    assert (
        details[: len(certificate["problems"]["items"]["enum"])] == certificate["problems"]["items"]["enum"]
    )
    folder = Path(scanner.protocol.__file__).parent
    code = "".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    given = set(re.findall(r'CertificateProblem\(\s*"([a-z_]+)"', code))
    given |= {f"staple_{word}" for word in re.findall(r'_problem\(\s*"([a-z_]+)"', code)}
    assert len(given) > 8
    assert given <= set(details)


def test_a_chain_is_told_member_by_member() -> None:
    record = record_of()["certificate"]

    assert record["chain"][1]["not_after"] is None
    assert record["chain"][0] == {
        "subject": "CN=mx.example.org",
        "issuer": "CN=CA",
        "not_after": record_of()["started_at"],
        "key": "RSA 2048",
        "signature": "SHA256",
        "fingerprint_sha256": "ab" * 32,
    }
    assert record["problem_details"][0] == {
        "problem": "expired",
        "depth": 1,
        "text": '"CN=CA" expired on 2026-01-01',
    }
    assert (record["ocsp"]["stapled"], record["ocsp"]["status"]) == (True, "good")


def test_its_kinds_severities_phases_and_ports_are_those_of_the_code() -> None:
    verdict = DEFINITIONS["verdict"]["properties"]
    assert verdict["kind"]["enum"] == [kind.value for kind in Kind]
    assert set(verdict["severity"]["enum"]) == {severity.label for severity in Severity}
    assert list(DEFINITIONS["phases"]["properties"]) == [phase.value for phase in Phase]
    endpoint = DEFINITIONS["endpoint"]["properties"]
    for name, words in (("protocol", Protocol), ("tls_mode", TlsMode), ("role", Role)):
        assert endpoint[name]["enum"] == [word.value for word in words]


def test_it_knows_every_verdict_that_can_be_given() -> None:
    folder = Path(scanner.verdict.__file__).parent.parent
    code = "".join(path.read_text("utf-8") for path in folder.rglob("*.py"))
    rules = set(re.findall(r'Verdict\(\s*"([a-z_]+)"', code))
    notices = set(re.findall(r'(?:Notice|_notice)\(\s*"([a-z_]+)"', code))
    assert len(rules) > 20
    assert len(notices) > 8
    assert rules | notices <= set(DEFINITIONS["verdict"]["properties"]["id"]["enum"])


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to every value in a record."""
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))


def at(record: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        record = record[step]
    return record


SAMPLES = {"full": with_versions(), "finding": to_record(FINDING), "remark": to_record(REMARK)}
OPTIONAL = (
    {("tls", name) for name in ("versions", "notes", "preferred_group", "post_quantum")}
    | {("sources", "example.org"), ("sources", "example.net")}
    | {("phases", phase.value) for phase in Phase}
)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_key_more_is_refused_everywhere(name: str) -> None:
    objects = [path for path in places(SAMPLES[name]) if isinstance(at(SAMPLES[name], path), dict)]
    assert () in objects
    for path in objects:
        changed = copy.deepcopy(SAMPLES[name])
        at(changed, path)["surprise"] = 1
        assert problems_of(changed), path


@pytest.mark.parametrize("name", SAMPLES)
def test_a_key_less_is_refused_everywhere(name: str) -> None:
    for path in places(SAMPLES[name]):
        if not path or not isinstance(path[-1], str) or path in OPTIONAL:
            continue
        changed = copy.deepcopy(SAMPLES[name])
        del at(changed, path[:-1])[path[-1]]
        assert problems_of(changed), path


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("wrong", [-1, "\x07", {"a": 1}, [0]], ids=["number", "control", "object", "list"])
def test_a_wrong_value_is_refused_everywhere(name: str, wrong: Any) -> None:
    for path in places(SAMPLES[name]):
        if path:
            changed = copy.deepcopy(SAMPLES[name])
            at(changed, path[:-1])[path[-1]] = wrong
            assert problems_of(changed), path


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "open", "reason": "connect_timeout"},
        {"state": "blocked", "reason": None},
        {"state": "blocked", "reason": "connection_refused"},
        {"port": None},
        {"port": 65536},
        {"level": 6},
        {"banner": "a" * 513},
        {"address": "mail.example.org"},
        {"started_at": "2026-01-02 03:04:05"},
        {"domains": []},
        {"tls": {"version": "TLSv1.4", "cipher": "x", "group": None}},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    assert problems_of({**record_of(), **changes})


def test_a_finding_has_a_reason_or_a_verdict() -> None:
    assert record_of(REMARK)["state"] == "unknown"
    assert problems_of({**record_of(REMARK), "state": "open"})
    assert problems_of({**record_of(BARE), "state": "unknown", "reason": None})
    assert problems_of({**record_of(REMARK), "verdicts": []})
    assert problems_of({**record_of(FINDING), "state": "open", "reason": None})
    check_records([record_of(replace(FINDING, verdicts=(VERDICT,)))])


def test_states_and_reasons_go_together_as_in_the_code() -> None:
    for state in State:
        for reason in Reason:
            changed = {**record_of(), "state": state.value, "reason": reason.value}
            assert (problems_of(changed) == []) == (STATE_OF[reason] is state)


def test_a_line_is_one_line_and_names_its_endpoint() -> None:
    record = to_record(replace(FULL, banner="220 b\\u00fccher \u2713"))
    assert "\n" not in to_line(record)
    assert record_key(record) == FULL.endpoint.key
    assert record_key(record_of(FINDING)) is None


def test_who_alone_sees_a_verdict_is_told_where_vantages_were_compared() -> None:
    verdict = replace(VERDICT, vantages=("oslo",), compared_with=("bern", "rome"))
    standing = StandingVerdict(verdict, GOOD.started_at, GOOD.started_at)
    record = record_of(replace(FULL, verdicts=(verdict,), standing=(standing,)))
    check_records([record])
    for each in (record["verdicts"][0], record["standing"][0]):
        assert (each["vantages"], each["compared_with"]) == (["oslo"], ["bern", "rome"])
    assert not {"vantages", "compared_with"} & record_of(FULL)["verdicts"][0].keys()
    del record["verdicts"][0]["compared_with"]
    assert problems_of(record) != []


def test_what_stands_and_what_works_instead_are_told() -> None:
    verdict = replace(VERDICT, working_alternative="mail.example.org:465, TLS from the first byte")
    standing = StandingVerdict(verdict, GOOD.started_at, GOOD.started_at)
    record = record_of(replace(FULL, verdicts=(verdict,), standing=(standing,)))
    check_records([record])
    assert record["verdicts"][0]["working_alternative"] == verdict.working_alternative
    assert [each["id"] for each in record["standing"]] == ["certificate_expired"]
    assert "standing" not in record_of(FULL)
    assert "working_alternative" not in record_of(FULL)["verdicts"][0]
