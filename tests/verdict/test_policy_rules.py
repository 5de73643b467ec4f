"""Verdicts about published policies: MTA-STS, DANE, and what the provider declares."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scanner.model import (
    Dane,
    DaneMatch,
    DaneStatus,
    Expectation,
    Kind,
    Observation,
    Reason,
    Severity,
    StartTls,
    StsClaim,
    StsMode,
    StsPolicy,
    TlsaRecord,
)
from scanner.model.reason import OUT_OF_TIME, STATE_OF, State
from scanner.verdict import Policy, is_downgraded, judge, level_of, works
from scanner.verdict.demands import fulfils_sts
from scanner.verdict.level import level_for, works_for
from tests.verdict.observations import NOW, ended, find, healthy, in_clear, judged, with_certificate, with_tls

C, W, N = Severity.CRITICAL, Severity.WARNING, Severity.NOTICE
ENFORCE, TESTING, NONE = StsMode.ENFORCE, StsMode.TESTING, StsMode.NONE
MODERN = "ECDHE-RSA-AES256-GCM-SHA384"
NOT_OFFERED = StartTls(offered=False)
GO_AHEAD = StartTls(offered=True, reply="220 2.0.0 Ready")
EXPIRED = {"not_after": NOW - timedelta(days=1), "problems": ("expired",)}
FUTURE = {"not_before": NOW + timedelta(days=1), "problems": ("not_yet_valid",)}
OTHER_NAME = {"name_matches": False, "problems": ("name_mismatch",), "names": ("other.example.org",)}
SELF_SIGNED = {"trusted": False, "problems": ("self_signed",)}
UNTRUSTED = {"trusted": False, "problems": ("untrusted",)}
RECORD = TlsaRecord(3, 1, 1, b"\xab" * 32)
POLICY_VERDICTS = ("mta_sts_violated", "dane_violated", "dane_unverifiable")


def expecting(observation: Observation, **expectation: Any) -> Observation:
    """Return the observation of an endpoint about which something is declared or published."""
    endpoint = replace(observation.endpoint, expectation=Expectation(**expectation))
    return replace(observation, endpoint=endpoint)


def sts(mode: StsMode, *mx: str, domains: tuple[str, ...] = ("example.org",)) -> StsClaim:
    return StsClaim(StsPolicy(mode, mx or ("mail.example.org",), 86400), domains)


def under(observation: Observation, *claims: StsClaim) -> Observation:
    """Return the observation of a host whose domains publish MTA-STS."""
    return expecting(observation, mta_sts=claims)


def with_dane(
    observation: Observation,
    match: DaneMatch | None,
    status: DaneStatus = DaneStatus.SECURE,
    **expectation: Any,
) -> Observation:
    """Return the observation of a host that publishes TLSA records."""
    dane = Dane(status, (RECORD,), "as the resolver told")
    return replace(expecting(observation, dane=dane, **expectation), dane=match)


# ------------------------------------------------------------------------------------------------- MTA-STS


@pytest.mark.parametrize(
    ("observation", "evidence"),
    [
        (in_clear(25, NOT_OFFERED), "does not offer STARTTLS"),
        (in_clear(25, StartTls(offered=False, masked=True, reply="500 what?")), "does not offer STARTTLS"),
        (in_clear(25, NOT_OFFERED, ehlo_reply="502 no"), "does not offer STARTTLS"),
        (in_clear(25, StartTls(offered=True, reply="454 4.7.0 later")), '"454 4.7.0 later"'),
        (in_clear(25, StartTls(offered=True, reply="250 OK")), '"250 OK"'),
        (
            in_clear(25, StartTls(offered=True), reason=Reason.PROTOCOL_ERROR, detail="not an SMTP reply: ?"),
            "not an SMTP reply: ?",
        ),
        (in_clear(25, GO_AHEAD, reason=Reason.TLS_HANDSHAKE_FAILED, detail="alert 40"), "alert 40"),
        (in_clear(25, GO_AHEAD, reason=Reason.TLS_CLOSED, detail="ECONNRESET"), "ECONNRESET"),
        (with_tls(25, "TLSv1.1", MODERN), "TLSv1.1"),
        (with_tls(25, "TLSv1", MODERN), "TLSv1"),
        (with_certificate(25, **SELF_SIGNED), "self signed"),
        (with_certificate(25, **UNTRUSTED), "untrusted"),
        (with_certificate(25, trusted=False), "untrusted"),
        (with_certificate(25, **OTHER_NAME), "name mismatch"),
        (with_certificate(25, **EXPIRED), "expired"),
        (with_certificate(25, **FUTURE), "not yet valid"),
        (replace(healthy(25), certificate=None), "no certificate"),
        (replace(with_certificate(25, **EXPIRED), reason=Reason.CONNECTION_LOST), "expired"),
    ],
)
@pytest.mark.parametrize(("mode", "severity"), [(ENFORCE, C), (TESTING, W), (NONE, None)])
def test_mta_sts_violated(
    observation: Observation, evidence: str, mode: StsMode, severity: Severity | None
) -> None:
    """No TLS, an old one, or a certificate that does not verify (D27); `none` asks for nothing."""
    verdict = find(under(observation, sts(mode)), "mta_sts_violated")

    assert (verdict and verdict.severity) == severity
    if verdict is not None:
        assert verdict.kind is Kind.DOWNGRADE
        assert evidence in verdict.summary
        assert "example.org" in verdict.summary
        assert mode.value in verdict.summary


@pytest.mark.parametrize(
    ("patterns", "is_allowed"),
    [
        (("mail.example.org",), True),
        (("*.example.org",), True),
        (("mx.example.net", "mail.example.org"), True),
        (("mx.example.org",), False),
        (("*.mail.example.org",), False),
        (("*.org",), False),
        (("example.org",), False),
    ],
)
def test_the_host_must_be_allowed(patterns: tuple[str, ...], is_allowed: bool) -> None:
    """Whatever else is in order; `*` stands for one label (RFC 8461 section 4.1)."""
    verdict = find(under(healthy(25), sts(ENFORCE, *patterns)), "mta_sts_violated")

    assert (verdict is None) == is_allowed
    assert verdict is None or "mail.example.org is none of the hosts" in verdict.summary


@pytest.mark.parametrize(
    "observation",
    [
        *(ended(25, reason=reason) for reason in Reason),
        in_clear(25, StartTls(offered=True), reason=Reason.CONNECTION_LOST),
        in_clear(25, StartTls(offered=True), reason=Reason.READ_TIMEOUT),
        in_clear(25, GO_AHEAD, reason=Reason.TLS_TIMEOUT),
        in_clear(25, GO_AHEAD, reason=Reason.TLS_CLOSED, detail=f"{OUT_OF_TIME} 60 s"),
    ],
)
def test_what_was_not_seen_violates_nothing(observation: Observation) -> None:
    """Not reached, or broken off before TLS was refused: the network may be at fault, and others tell so."""
    dane = Dane(DaneStatus.SECURE, (RECORD,))
    expected = expecting(observation, mta_sts=(sts(ENFORCE),), dane=dane)

    assert [find(expected, verdict) for verdict in POLICY_VERDICTS] == [None, None, None]


@pytest.mark.parametrize("status", DaneStatus)
@pytest.mark.parametrize("reason", [reason for reason in Reason if STATE_OF[reason] is not State.BROKEN])
def test_an_unreached_server_has_no_policy_verdicts(reason: Reason, status: DaneStatus) -> None:
    expected = expecting(
        ended(25, reason=reason), mta_sts=(sts(ENFORCE, "mx.example.net"),), dane=Dane(status, (RECORD,))
    )

    assert [find(expected, verdict) for verdict in POLICY_VERDICTS] == [None, None, None]


def test_the_strictest_policies_are_told() -> None:
    """Many domains may share a host; those that enforce come first, each fault with its domains."""
    claims = (
        sts(TESTING, domains=("testing.example",)),
        sts(ENFORCE, domains=("one.example", "two.example")),
        sts(ENFORCE, "mx.example.net", domains=("three.example",)),
        sts(ENFORCE, "*.example.org", domains=("four.example",)),
    )
    verdict = find(under(with_certificate(25, **EXPIRED), *claims), "mta_sts_violated")

    assert verdict is not None
    assert verdict.severity is C
    assert verdict.summary == (
        "The MTA-STS policy of one.example, two.example, four.example, in mode enforce, is violated: the "
        "server's certificate does not verify (expired); the MTA-STS policy of three.example, in mode "
        "enforce, is violated: mail.example.org is none of the hosts that it allows."
    )


def test_an_enforced_policy_may_be_kept_while_one_in_testing_is_not() -> None:
    claims = (sts(ENFORCE), sts(TESTING, "mx.example.net", domains=("testing.example",)))
    verdict = find(under(healthy(25), *claims), "mta_sts_violated")

    assert verdict is not None
    assert verdict.severity is W
    assert "testing.example" in verdict.summary
    assert works(judged(under(healthy(25), *claims)))


def test_domains_are_named_shortly() -> None:
    many = tuple(f"d{number}.example" for number in range(1000))
    verdict = find(under(in_clear(25, NOT_OFFERED), sts(ENFORCE, domains=many)), "mta_sts_violated")

    assert verdict is not None
    assert "d7.example and 992 more" in verdict.summary
    assert "d8.example" not in verdict.summary


@pytest.mark.parametrize("match", [DaneMatch.EE, DaneMatch.TA])
def test_dane_stands_in_for_the_certificate(match: DaneMatch) -> None:
    """RFC 8461 section 2: MTA-STS's word on the certificate gives way; its other demands stay."""
    claims = (sts(ENFORCE),)
    self_signed = with_dane(with_certificate(25, **SELF_SIGNED), match, mta_sts=claims)
    old = with_dane(with_tls(25, "TLSv1.1", MODERN), match, mta_sts=claims)
    not_allowed = with_dane(healthy(25), match, mta_sts=(sts(ENFORCE, "mx.example.net"),))

    assert find(self_signed, "mta_sts_violated") is None
    assert find(old, "mta_sts_violated") is not None
    assert find(not_allowed, "mta_sts_violated") is not None


@pytest.mark.parametrize(
    ("match", "status"),
    [
        (DaneMatch.MISMATCH, DaneStatus.SECURE),
        (None, DaneStatus.SECURE),
        (DaneMatch.EE, DaneStatus.INSECURE),
        (DaneMatch.EE, DaneStatus.UNTRUSTED),
    ],
)
def test_only_a_secure_match_stands_in(match: DaneMatch | None, status: DaneStatus) -> None:
    observation = with_dane(with_certificate(25, **SELF_SIGNED), match, status, mta_sts=(sts(ENFORCE),))

    assert find(observation, "mta_sts_violated") is not None
    assert find(observation, "certificate_untrusted") is not None


# ---------------------------------------------------------------------------------------------------- DANE


@pytest.mark.parametrize(
    ("observation", "evidence"),
    [
        (with_dane(healthy(25), DaneMatch.MISMATCH), "3 1 1 abab"),
        (with_dane(with_certificate(25, **SELF_SIGNED), DaneMatch.MISMATCH), "3 1 1 abab"),
        (with_dane(replace(healthy(25), certificate=None), None), "3 1 1 abab"),
        (with_dane(in_clear(25, NOT_OFFERED), None), "does not offer STARTTLS"),
        (with_dane(in_clear(25, StartTls(offered=True, reply="454 no")), None), '"454 no"'),
        (
            with_dane(in_clear(25, GO_AHEAD, reason=Reason.TLS_HANDSHAKE_FAILED, detail="alert 40"), None),
            "alert 40",
        ),
        (with_dane(in_clear(25, NOT_OFFERED), None, DaneStatus.UNUSABLE), "does not offer STARTTLS"),
    ],
)
def test_dane_violated(observation: Observation, evidence: str) -> None:
    """Secure records and no TLS or no match (D29); TLS is a must with unusable ones too (RFC 7672 2.2)."""
    verdict = find(observation, "dane_violated")

    assert verdict is not None
    assert (verdict.kind, verdict.severity) == (Kind.DOWNGRADE, C)
    assert evidence in verdict.summary
    assert is_downgraded(judged(observation))
    assert not works(judged(observation))


@pytest.mark.parametrize(
    "observation",
    [
        with_dane(healthy(25), DaneMatch.EE),
        with_dane(healthy(25), DaneMatch.TA),
        with_dane(with_certificate(25, **EXPIRED), DaneMatch.EE),
        with_dane(healthy(25), None, DaneStatus.UNUSABLE),
        *(
            with_dane(in_clear(25, NOT_OFFERED), None, status)
            for status in DaneStatus
            if status not in {DaneStatus.SECURE, DaneStatus.UNUSABLE}
        ),
    ],
)
def test_dane_not_violated(observation: Observation) -> None:
    assert find(observation, "dane_violated") is None


def test_long_records_are_cut() -> None:
    """A record may hold a whole certificate."""
    dane = Dane(DaneStatus.SECURE, (TlsaRecord(2, 0, 0, b"\xab" * 5000),))
    verdict = find(replace(expecting(healthy(25), dane=dane), dane=DaneMatch.MISMATCH), "dane_violated")

    assert verdict is not None
    assert len(verdict.summary) < 300


@pytest.mark.parametrize(
    ("status", "kind", "severity", "words"),
    [
        (DaneStatus.FAILED, Kind.DOWNGRADE, W, "do not deliver"),
        (DaneStatus.UNTRUSTED, Kind.NOTICE, N, "not trusted to validate"),
        (DaneStatus.INSECURE, Kind.NOTICE, N, "TLSA without DNSSEC is of no use"),
        (DaneStatus.UNUSABLE, Kind.NOTICE, N, "None of the TLSA records"),
        (DaneStatus.NONE, None, None, ""),
        (DaneStatus.SECURE, None, None, ""),
    ],
)
def test_dane_unverifiable(
    status: DaneStatus, kind: Kind | None, severity: Severity | None, words: str
) -> None:
    """A look-up that fails keeps mail away; records that cannot be used protect nobody (D30)."""
    observation = with_dane(healthy(25), DaneMatch.EE, status)
    verdict = find(observation, "dane_unverifiable")

    assert (verdict and verdict.kind, verdict and verdict.severity) == (kind, severity)
    assert is_downgraded(judged(observation)) == (kind is Kind.DOWNGRADE)
    if verdict is not None:
        assert words in verdict.summary
        assert "as the resolver told" in verdict.summary
        assert ("resolver.trust_ad" in verdict.advice) == (status is DaneStatus.UNTRUSTED)


DATES_AND_NAMES = [
    (SELF_SIGNED, "certificate_untrusted"),
    (UNTRUSTED, "certificate_untrusted"),
    (OTHER_NAME, "certificate_name_mismatch"),
    (EXPIRED, "certificate_expired"),
    ({"problems": ("expired",)}, "certificate_expired"),
    (FUTURE, "certificate_not_yet_valid"),
    ({"not_after": NOW + timedelta(days=3)}, "certificate_expiring"),
]


@pytest.mark.parametrize(("changes", "verdict"), DATES_AND_NAMES)
def test_a_match_of_dane_ee_silences_names_dates_and_trust(changes: dict[str, Any], verdict: str) -> None:
    """RFC 7672 section 3.1.1; a match of DANE-TA needs no public CA either, and looks at the rest."""
    observation = with_certificate(25, **changes)

    assert find(observation, verdict) is not None
    assert find(with_dane(observation, DaneMatch.MISMATCH), verdict) is not None
    assert find(with_dane(observation, DaneMatch.EE), verdict) is None
    is_silent = find(with_dane(observation, DaneMatch.TA), verdict) is None
    assert is_silent == (verdict == "certificate_untrusted")


def test_a_certificate_that_cannot_be_read_may_match() -> None:
    """A strict parser refuses it, and its bytes are those that are published."""
    observation = with_dane(replace(healthy(25), certificate=None), DaneMatch.EE)

    assert find(observation, "certificate_untrusted") is None
    assert level_of(observation) == 5


def test_a_weak_key_is_weak_all_the_same() -> None:
    weak = with_certificate(25, key="RSA 1024", problems=("weak_key",))

    assert find(with_dane(weak, DaneMatch.EE), "key_weak") is not None


@pytest.mark.parametrize("port", [465, 587, 143, 993, 110, 995])
def test_policies_are_about_the_mx_alone(port: int) -> None:
    """They say nothing about the ports of clients, not even by mistake."""
    observation = replace(
        expecting(
            with_certificate(port, **SELF_SIGNED),
            mta_sts=(sts(ENFORCE, "mx.example.net"),),
            dane=Dane(DaneStatus.SECURE, (RECORD,)),
        ),
        dane=DaneMatch.EE,
    )

    assert [find(observation, verdict) for verdict in POLICY_VERDICTS] == [None, None, None]
    assert find(observation, "certificate_untrusted") is not None
    assert level_of(observation) == 2


@pytest.mark.parametrize("port", [587, 143, 110])
def test_a_policy_of_the_mx_demands_nothing_of_other_ports(port: int) -> None:
    observation = under(in_clear(port, NOT_OFFERED), sts(ENFORCE))

    assert find(observation, "starttls_missing") == find(in_clear(port, NOT_OFFERED), "starttls_missing")


# --------------------------------------------------------------------------------- who demands STARTTLS


@pytest.mark.parametrize(
    ("port", "expectation", "kind", "severity", "words"),
    [
        (25, {}, Kind.WEAKNESS, W, ""),
        (587, {}, Kind.WEAKNESS, C, ""),
        (143, {}, Kind.WEAKNESS, W, ""),
        (25, {"mta_sts": (sts(ENFORCE),)}, Kind.DOWNGRADE, C, "MTA-STS policy of example.org"),
        (25, {"mta_sts": (sts(TESTING), sts(NONE))}, Kind.WEAKNESS, W, ""),
        (25, {"dane": Dane(DaneStatus.SECURE, (RECORD,))}, Kind.DOWNGRADE, C, "TLSA"),
        (25, {"dane": Dane(DaneStatus.UNUSABLE, (RECORD,))}, Kind.DOWNGRADE, C, "TLSA"),
        (25, {"dane": Dane(DaneStatus.INSECURE, (RECORD,))}, Kind.WEAKNESS, W, ""),
        (25, {"dane": Dane(DaneStatus.NONE)}, Kind.WEAKNESS, W, ""),
        (25, {"starttls": True, "provider": "gmail"}, Kind.DOWNGRADE, W, "the word of gmail"),
        (25, {"starttls": True, "mta_sts": (sts(ENFORCE),)}, Kind.DOWNGRADE, C, "MTA-STS"),
        (587, {"starttls": True, "provider": "gmail"}, Kind.DOWNGRADE, C, "the word of gmail"),
        (143, {"starttls": True}, Kind.DOWNGRADE, C, "the word of its provider"),
        (110, {"starttls": True}, Kind.DOWNGRADE, C, "the word of its provider"),
    ],
)
def test_starttls_that_must_be_there(
    port: int, expectation: dict[str, Any], kind: Kind, severity: Severity, words: str
) -> None:
    """D01: a downgrade where somebody says that it must be there, and who says so."""
    verdict = find(expecting(in_clear(port, NOT_OFFERED), **expectation), "starttls_missing")

    assert verdict is not None
    assert (verdict.kind, verdict.severity) == (kind, severity)
    assert words in verdict.summary
    assert ("it is a must" in verdict.summary) == (kind is Kind.DOWNGRADE)


@pytest.mark.parametrize(
    ("declared", "asked", "version", "words"),
    [
        ("TLSv1.3", "TLSv1.2", "TLSv1.2", "gmail declares TLSv1.3"),
        ("TLSv1.2", "TLSv1.3", "TLSv1.2", "the policy asks for TLSv1.3"),
        ("TLSv1.2", "TLSv1.2", "TLSv1.1", "the policy asks for TLSv1.2"),
        ("TLSv1.0", "TLSv1.2", "TLSv1.1", "the policy asks for TLSv1.2"),
        ("TLSv1.3", "TLSv1.2", "TLSv1.3", None),
        ("TLSv1.0", "TLSv1.0", "TLSv1.0", None),
        ("TLSv9", "TLSv1.2", "TLSv1.2", None),
        (None, "TLSv1.2", "TLSv1.1", "the policy asks for TLSv1.2"),
    ],
)
def test_the_stricter_word_on_versions_counts(
    declared: str | None, asked: str, version: str, words: str | None
) -> None:
    observation = expecting(with_tls(993, version, MODERN), min_tls=declared, provider="gmail")
    verdict = find(observation, "tls_version_below_policy", Policy(min_tls=asked))

    assert (verdict is None) == (words is None)
    assert verdict is None or (words or "") in verdict.summary


# ----------------------------------------------------------------------------------------- what is tolerated


@pytest.mark.parametrize(
    ("observation", "tolerated"),
    [
        (replace(healthy(143), auth_before_tls=("PLAIN",)), "auth_before_tls"),
        (with_tls(993, "TLSv1.2", "AES128-SHA"), "cipher_weak"),
        (with_certificate(993, **EXPIRED), "certificate_expired"),
        (in_clear(143, NOT_OFFERED), "starttls_missing"),
    ],
)
def test_what_was_always_so_is_a_notice(observation: Observation, tolerated: str) -> None:
    """Weaknesses and misconfigurations that the catalogue knows of; the evidence stays."""
    plain = find(observation, tolerated)
    verdict = find(expecting(observation, tolerated=frozenset({tolerated}), provider="netease"), tolerated)

    assert plain is not None
    assert verdict is not None
    assert plain.kind in {Kind.WEAKNESS, Kind.MISCONFIGURATION}
    assert (verdict.kind, verdict.severity) == (Kind.NOTICE, N)
    assert verdict.summary == f"{plain.summary} This is usual at netease."
    assert find(expecting(observation, tolerated=frozenset({"preauth"})), tolerated) == plain


@pytest.mark.parametrize(
    ("observation", "verdict"),
    [
        (under(in_clear(25, NOT_OFFERED), sts(ENFORCE)), "mta_sts_violated"),
        (under(in_clear(25, NOT_OFFERED), sts(ENFORCE)), "starttls_missing"),
        (with_dane(healthy(25), DaneMatch.MISMATCH), "dane_violated"),
        (with_tls(993, "TLSv1.1", MODERN), "tls_version_below_policy"),
        (ended(25, reason=Reason.CONNECT_TIMEOUT), "port_blocked"),
    ],
)
def test_blocks_and_downgrades_are_never_tolerated(observation: Observation, verdict: str) -> None:
    expectation = replace(observation.endpoint.expectation or Expectation(), tolerated=frozenset({verdict}))
    tolerant = replace(observation, endpoint=replace(observation.endpoint, expectation=expectation))

    assert find(tolerant, verdict) == find(observation, verdict) is not None


def test_an_empty_expectation_changes_nothing() -> None:
    for observation in (healthy(25), in_clear(587, NOT_OFFERED), with_certificate(993, **EXPIRED)):
        assert judge(expecting(observation), Policy(), NOW) == judge(observation, Policy(), NOW)


# ---------------------------------------------------------------------------------------------- level, works


@pytest.mark.parametrize(
    ("observation", "level"),
    [
        (with_dane(healthy(25), DaneMatch.EE), 5),
        (with_dane(healthy(25), DaneMatch.TA), 5),
        (with_dane(with_certificate(25, **SELF_SIGNED), DaneMatch.EE), 5),
        (with_dane(with_certificate(25, **EXPIRED), DaneMatch.EE), 5),
        (with_dane(with_certificate(25, **UNTRUSTED), DaneMatch.TA), 5),
        (with_dane(with_tls(25, "TLSv1.2", MODERN), DaneMatch.EE), 5),
        (with_dane(with_tls(25, "TLSv1.1", MODERN), DaneMatch.EE), 2),
        (with_dane(with_certificate(25, **SELF_SIGNED), DaneMatch.MISMATCH), 2),
        (with_dane(healthy(25), DaneMatch.MISMATCH), 4),
        (with_dane(healthy(25), DaneMatch.EE, DaneStatus.INSECURE), 4),
        (with_dane(with_certificate(25, **SELF_SIGNED), DaneMatch.EE, DaneStatus.UNTRUSTED), 2),
        (with_dane(in_clear(25, NOT_OFFERED), None), 1),
        (with_dane(ended(25, reason=Reason.TLS_CLOSED), None), 0),
        (under(healthy(25), sts(ENFORCE)), 5),
        (under(with_tls(25, "TLSv1.2", MODERN), sts(ENFORCE)), 5),
        (under(healthy(25), sts(TESTING)), 4),
        (under(healthy(25), sts(NONE)), 4),
        (under(healthy(25), sts(ENFORCE, "mx.example.net")), 4),
        (under(with_tls(25, "TLSv1.1", MODERN), sts(ENFORCE)), 2),
        (under(with_certificate(25, **SELF_SIGNED), sts(ENFORCE)), 2),
        (under(in_clear(25, NOT_OFFERED), sts(ENFORCE)), 1),
        (under(healthy(25), sts(ENFORCE, "mx.example.net"), sts(ENFORCE, domains=("b.example",))), 4),
        (with_dane(healthy(25), DaneMatch.MISMATCH, mta_sts=(sts(ENFORCE),)), 4),
        (with_dane(healthy(25), None, DaneStatus.INSECURE, mta_sts=(sts(ENFORCE),)), 5),
        (under(healthy(993), sts(ENFORCE)), 4),
    ],
)
def test_level_with_policies(observation: Observation, level: int) -> None:
    """Level 5: TLS 1.2 that senders must insist on, by DANE or an enforced policy that is kept."""
    assert level_of(observation) == level


def test_what_was_not_seen_fulfils_nothing() -> None:
    """No fault was seen either."""
    slow = under(in_clear(25, GO_AHEAD, reason=Reason.TLS_TIMEOUT), sts(ENFORCE))

    assert not fulfils_sts(slow)
    assert fulfils_sts(under(healthy(25), sts(ENFORCE)))


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (under(healthy(25), sts(ENFORCE)), True),
        (under(with_certificate(25, **EXPIRED), sts(TESTING)), True),
        (under(with_certificate(25, **EXPIRED), sts(ENFORCE)), False),
        (with_dane(with_certificate(25, **SELF_SIGNED), DaneMatch.EE), True),
        (with_dane(healthy(25), DaneMatch.MISMATCH), False),
        (with_dane(healthy(25), DaneMatch.EE, DaneStatus.FAILED), True),
    ],
)
def test_works_with_policies(observation: Observation, expected: bool) -> None:
    """Senders that honour an enforced policy or DANE do not deliver where it is violated."""
    assert works(judged(observation)) is expected


def used_by(observation: Observation, *domains: str) -> Observation:
    """Return the observation of a host that these domains use."""
    return replace(observation, endpoint=replace(observation.endpoint, domains=domains))


KEPT = sts(ENFORCE, domains=("kept.example",))
BROKEN = sts(ENFORCE, "mx.example.net", domains=("broken.example",))


@pytest.mark.parametrize(
    ("claims", "domains", "expected"),
    [
        ((BROKEN,), ("broken.example",), False),
        ((BROKEN,), ("broken.example", "plain.example"), True),
        ((BROKEN, KEPT), ("broken.example", "kept.example"), True),
        ((BROKEN, sts(ENFORCE, "*.net", domains=("b.example",))), ("broken.example", "b.example"), False),
        ((BROKEN, sts(TESTING, "*.net", domains=("b.example",))), ("broken.example", "b.example"), True),
    ],
)
def test_a_policy_shuts_a_port_only_for_the_domains_that_publish_it(
    claims: tuple[StsClaim, ...], domains: tuple[str, ...], expected: bool
) -> None:
    """Mail to the other domains goes on; the verdict stands all the same and names whose policy it is."""
    observation = judged(used_by(under(healthy(25), *claims), *domains))

    assert works(observation) is expected
    assert is_downgraded(observation)
    verdict = find(observation, "mta_sts_violated")
    assert verdict is not None
    assert "broken.example" in verdict.summary


def test_other_downgrades_shut_a_port_for_all_domains() -> None:
    observation = with_dane(healthy(25), DaneMatch.MISMATCH, mta_sts=(KEPT,))

    assert not works(judged(used_by(observation, "kept.example", "plain.example")))
    assert not works_for(judged(observation), KEPT.policy)
    assert not works_for(judged(observation), None)


@pytest.mark.parametrize(
    ("observation", "policy", "expected"),
    [
        (healthy(25), None, (True, 4)),
        (healthy(25), KEPT.policy, (True, 5)),
        (healthy(25), BROKEN.policy, (False, 4)),
        (healthy(25), sts(TESTING).policy, (True, 4)),
        (healthy(25), sts(TESTING, "mx.example.net").policy, (True, 4)),
        (with_certificate(25, **EXPIRED), None, (True, 2)),
        (with_certificate(25, **EXPIRED), KEPT.policy, (False, 2)),
        (with_tls(25, "TLSv1.2", MODERN), None, (True, 3)),
        (with_tls(25, "TLSv1.2", MODERN), KEPT.policy, (True, 5)),
        (in_clear(25, NOT_OFFERED), None, (False, 1)),
        (in_clear(25, NOT_OFFERED), KEPT.policy, (False, 1)),
        (ended(25, reason=Reason.CONNECT_TIMEOUT), KEPT.policy, (False, 0)),
        (healthy(993), BROKEN.policy, (True, 4)),
        (with_certificate(993, **SELF_SIGNED), None, (False, 2)),
    ],
)
def test_a_domain_is_measured_by_its_own_policy(
    observation: Observation, policy: StsPolicy | None, expected: tuple[bool, int]
) -> None:
    """Whatever other domains on the same host publish."""
    for claims in ((), (KEPT,), (BROKEN,), (KEPT, BROKEN)):
        seen = judged(used_by(under(observation, *claims), "kept.example", "broken.example", "c.example"))
        assert (works_for(seen, policy), level_for(seen, policy)) == expected


@pytest.mark.parametrize(
    ("observation", "policy", "levels"),
    [
        (with_dane(healthy(25), DaneMatch.EE), None, (5, 4)),
        (with_dane(healthy(25), DaneMatch.EE), KEPT.policy, (5, 5)),
        (with_dane(healthy(25), DaneMatch.EE), BROKEN.policy, (5, 4)),
        (with_dane(with_certificate(25, **SELF_SIGNED), DaneMatch.TA), None, (5, 2)),
        (with_dane(with_certificate(25, **SELF_SIGNED), DaneMatch.TA), KEPT.policy, (5, 2)),
        (with_dane(healthy(25), DaneMatch.MISMATCH), KEPT.policy, (4, 4)),
        (with_dane(healthy(25), DaneMatch.EE, DaneStatus.INSECURE), None, (4, 4)),
    ],
)
def test_dane_binds_senders_only_to_domains_whose_mx_record_is_secure(
    observation: Observation, policy: StsPolicy | None, levels: tuple[int, int]
) -> None:
    """RFC 7672 section 2.2.1: who forges the MX record leads senders past the TLSA records of the host."""
    found = tuple(level_for(observation, policy, has_secure_mx=is_secure) for is_secure in (True, False))

    assert found == levels
