"""Observations for the tests of the store: real-looking ones, and any that hypothesis can think of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from scanner.model import (
    Certificate,
    Dane,
    DaneMatch,
    DaneStatus,
    Endpoint,
    Expectation,
    Kind,
    Observation,
    Phase,
    Proof,
    Protocol,
    Reason,
    Role,
    Severity,
    StartTls,
    StsClaim,
    StsMode,
    StsPolicy,
    Tls,
    TlsaRecord,
    TlsMode,
    Verdict,
)
from scanner.model.event import Event, EventKind
from scanner.model.observation import CertificateProblem, ChainMember, OcspStaple
from scanner.store import Reader
from tests.metrics.samples import CERTIFICATE, GOOD

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)

CHAIN = tuple(
    ChainMember(
        f"CN=Member {n}", f"CN=Member {n + 1}", NOW + timedelta(days=90 * n), "RSA 2048", "SHA256", "cd" * 32
    )
    for n in range(3)
)
"""A chain as long as most."""
FULL = replace(
    GOOD,
    endpoint=replace(
        GOOD.endpoint,
        dns_seconds=0.0031,
        sources=(("example.org", "mx"), ("example.net", "srv")),
        expectation=Expectation(
            provider="example",
            min_tls="TLSv1.2",
            tolerated=frozenset({"auth_before_tls", "legacy_tls_accepted", "preauth"}),
            mta_sts=(StsClaim(StsPolicy(StsMode.ENFORCE, ("mx.example.org",), 86400), ("example.org",)),),
            dane=Dane(DaneStatus.SECURE, (TlsaRecord(3, 1, 1, bytes(range(32))),)),
        ),
    ),
    detail="220 2.0.0 \u2028 odd \\x00 text",
    certificate=replace(
        CERTIFICATE,
        chain=CHAIN,
        problems=("expired",),
        problem_details=(CertificateProblem("expired", 0, "ended yesterday"),),
        ocsp=OcspStaple("good", NOW, NOW + timedelta(days=7), is_verified=True),
    ),
    dane=DaneMatch.EE,
    bytes_read=4321,
    verdicts=(Verdict("certificate_expired", Kind.WEAKNESS, Severity.CRITICAL, "It ended.", "Renew it."),),
)


def seen(
    number: int = 0, *, host: str = "smtp.example.org", base: Observation = FULL, minutes: float = 15
) -> Observation:
    """Return the observation of the n-th probe of a host."""
    return replace(
        base,
        endpoint=replace(base.endpoint, host=host),
        started_at=NOW + timedelta(minutes=minutes * number),
        duration=(200 + number) / 1000,
    )


def told(number: int, *, severity: Severity = Severity.WARNING, observation: Observation = FULL) -> Event:
    """Return the n-th event."""
    return Event(
        NOW + timedelta(minutes=number),
        EventKind.STATE_CHANGED,
        f"subject {number}",
        severity,
        f"Event {number}.",
        key=observation.endpoint.key,
        before={"state": "open", "number": number},
        after={"state": "closed", "list": [1, None, {"a": True}]},
    )


# Any text: also what must be escaped, less the halves of surrogate pairs, which no observation has.
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given one
_micros = st.integers(0, 10**10).map(lambda micros: micros / 1_000_000)
_words = st.lists(_texts, max_size=4).map(tuple)
_maybe_words = st.none() | _words

_dane = st.builds(
    Dane,
    st.sampled_from(DaneStatus),
    st.lists(
        st.builds(
            TlsaRecord, st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.binary(max_size=40)
        ),
        max_size=3,
    ).map(tuple),
    st.none() | _texts,
)
_expectations = st.builds(
    Expectation,
    provider=st.none() | _texts,
    min_tls=st.none() | _texts,
    starttls=st.booleans(),
    not_offered=st.booleans(),
    tolerated=st.frozensets(_texts, max_size=5),
    mta_sts=st.lists(
        st.builds(
            StsClaim,
            st.builds(StsPolicy, st.sampled_from(StsMode), _words, st.integers(0, 2**40)),
            _words,
        ),
        max_size=2,
    ).map(tuple),
    dane=st.none() | _dane,
)
_endpoints = st.builds(
    Endpoint,
    host=_texts,
    address=_texts,
    port=st.integers(1, 65535),
    protocol=st.sampled_from(Protocol),
    tls_mode=st.sampled_from(TlsMode),
    role=st.sampled_from(Role),
    source=_texts,
    domains=_words,
    dns_seconds=st.none() | _micros,
    sources=st.lists(st.tuples(_texts, _texts), max_size=3).map(tuple),
    expectation=st.none() | _expectations,
    proof=st.sampled_from(Proof),
)
_members = st.builds(ChainMember, _texts, _texts, st.none() | _moments, _texts, _texts, _texts)
_certificates = st.builds(
    Certificate,
    subject=_texts,
    issuer=_texts,
    names=_words,
    not_before=_moments,
    not_after=_moments,
    fingerprint_sha256=_texts,
    key=_texts,
    chain_length=st.integers(0, 20),
    trusted=st.booleans(),
    name_matches=st.booleans(),
    problems=_words,
    matched_name=st.sampled_from([None, "host", "domain"]),
    trust_fault=st.sampled_from([None, "self_signed", "unknown_ca"]),
    missing_intermediate=st.sampled_from([None, True, False]),
    chain=st.lists(_members, max_size=2).map(tuple),
    problem_details=st.lists(
        st.builds(CertificateProblem, _texts, st.none() | st.integers(0, 9), _texts), max_size=2
    ).map(tuple),
    ocsp=st.none()
    | st.builds(
        OcspStaple,
        _texts,
        st.none() | _moments,
        st.none() | _moments,
        st.booleans(),
        st.sampled_from([None, True, False]),
    ),
)
observations = st.builds(
    Observation,
    endpoint=_endpoints,
    started_at=_moments,
    duration=_micros,
    reason=st.none() | st.sampled_from(Reason),
    detail=st.none() | _texts,
    phases=st.dictionaries(st.sampled_from(Phase), _micros),
    banner=st.none() | _texts,
    software=st.none() | _texts,
    capabilities=_maybe_words,
    capabilities_tls=_maybe_words,
    starttls=st.none()
    | st.builds(StartTls, st.booleans(), st.none() | _texts, st.booleans(), st.integers(0, 2**31)),
    auth_before_tls=_maybe_words,
    auth_after_tls=_maybe_words,
    preauth=st.booleans(),
    ehlo_reply=st.none() | _texts,
    tls=st.none() | st.builds(Tls, _texts, _texts, st.none() | _texts),
    versions=st.none() | st.dictionaries(_texts, st.sampled_from([None, True, False]), max_size=6),
    version_notes=_words,
    post_quantum=st.sampled_from([None, True, False]),
    preferred_group=st.none() | _texts,
    certificate=st.none() | _certificates,
    dane=st.none() | st.sampled_from(DaneMatch),
    bytes_read=st.integers(0, 2**40),
    vantage=_texts,
    level=st.integers(0, 5),
    verdicts=st.lists(
        st.builds(Verdict, _texts, st.sampled_from(Kind), st.sampled_from(Severity), _texts, _texts),
        max_size=3,
    ).map(tuple),
)
"""Observations of which every field takes any value that its type allows; times are whole microseconds."""


def all_samples(reader: Reader) -> list[Observation]:
    """Return every observation that is kept, endpoint by endpoint, oldest first."""
    kept = ((each.key, each.vantage) for each in reader.memories())
    return [
        sample
        for key, vantage in kept
        for sample in reversed(reader.history(key, vantage=vantage, limit=10**6))
    ]
