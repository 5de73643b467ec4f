"""The baseline: what is learnt, what is a loss against it (D01 to D30), how it ages, who may change it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from scanner.model import (
    DaneMatch,
    DaneStatus,
    Expectation,
    Kind,
    Observation,
    Reason,
    Severity,
    StartTls,
    Tls,
)
from scanner.model.event import EventKind
from scanner.model.memory import Memory
from scanner.verdict.baseline import accept, pin, reset
from scanner.verdict.remember import Patience
from scanner.verdict.traits import TRAITS
from tests.verdict.history import History, learnt
from tests.verdict.observations import NOW, ended, healthy, in_clear, with_certificate, with_tls
from tests.verdict.test_policy_rules import with_dane

C, W, N = Severity.CRITICAL, Severity.WARNING, Severity.NOTICE
DOWN, NOTICE = Kind.DOWNGRADE, Kind.NOTICE
STRIPPED = StartTls(offered=False)
OLD = "ECDHE-RSA-AES256-GCM-SHA384"
EXPIRED = {"not_after": NOW - timedelta(days=1), "problems": ("expired",)}


def changed(port: int, **changes: Any) -> Observation:
    return replace(healthy(port), **changes)


def group(port: int, name: str) -> Observation:
    return changed(port, tls=Tls("TLSv1.3", "TLS_AES_256_GCM_SHA384", name))


def versions(port: int, *accepted: str) -> Observation:
    return changed(
        port, versions={name: name in accepted for name in ("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")}
    )


def imap(*words: str, **changes: Any) -> Observation:
    return changed(143, capabilities=("STARTTLS", *words), capabilities_tls=("IMAP4rev1", *words), **changes)


LOSSES: dict[str, tuple[Observation, Observation, str, Kind, Severity]] = {
    "D01 submission": (healthy(587), in_clear(587, STRIPPED), "starttls_missing", DOWN, C),
    "D01 imap": (healthy(143), in_clear(143, STRIPPED), "starttls_missing", DOWN, C),
    "D01 pop3": (healthy(110), in_clear(110, STRIPPED), "starttls_missing", DOWN, C),
    "D01 mx": (healthy(25), in_clear(25, STRIPPED), "starttls_missing", DOWN, W),
    "D07": (healthy(587), in_clear(587, STRIPPED, ehlo_reply="502 what?"), "ehlo_rejected", DOWN, C),
    "D08": (
        changed(993, capabilities_tls=("IMAP4rev1", "IDLE")),
        changed(993, capabilities_tls=("IMAP2",)),
        "protocol_lowered",
        DOWN,
        C,
    ),
    "D11": (healthy(993), with_tls(993, "TLSv1.2", OLD), "tls_version_dropped", DOWN, W),
    "D11 old": (
        healthy(993),
        with_tls(993, "TLSv1.1", "ECDHE-RSA-AES256-SHA"),
        "tls_version_dropped",
        DOWN,
        C,
    ),
    "D13": (
        versions(993, "TLSv1.2", "TLSv1.3"),
        versions(993, "TLSv1.0", "TLSv1.2", "TLSv1.3"),
        "legacy_tls_accepted",
        DOWN,
        W,
    ),
    "D13 mx": (versions(25, "TLSv1.2"), versions(25, "TLSv1.1", "TLSv1.2"), "legacy_tls_accepted", DOWN, W),
    "D14": (
        with_tls(993, "TLSv1.2", OLD),
        with_tls(993, "TLSv1.2", "ECDHE-RSA-AES256-SHA"),
        "cipher_weak",
        DOWN,
        W,
    ),
    "D14 static": (
        with_tls(993, "TLSv1.2", OLD),
        with_tls(993, "TLSv1.2", "AES256-GCM-SHA384"),
        "cipher_weak",
        DOWN,
        W,
    ),
    "D14 broken": (
        with_tls(993, "TLSv1.2", OLD),
        with_tls(993, "TLSv1.2", "RC4-SHA"),
        "cipher_weak",
        DOWN,
        C,
    ),
    "D15": (group(993, "X25519"), group(993, "ffdhe2048"), "group_weakened", DOWN, W),
    "D15 hybrid": (group(993, "X25519MLKEM768"), group(993, "X25519"), "group_weakened", NOTICE, N),
    "D16": (
        healthy(993),
        with_certificate(993, trusted=False, problems=("self_signed",)),
        "certificate_untrusted",
        DOWN,
        C,
    ),
    "D16 mx": (
        healthy(25),
        with_certificate(25, trusted=False, problems=("self_signed",)),
        "certificate_untrusted",
        DOWN,
        N,
    ),
    "D17": (
        healthy(465),
        with_certificate(465, name_matches=False, problems=("name_mismatch",)),
        "certificate_name_mismatch",
        DOWN,
        C,
    ),
    "D18": (healthy(995), with_certificate(995, **EXPIRED), "certificate_expired", DOWN, C),
    "D19": (
        healthy(993),
        with_certificate(993, issuer="CN=Box,O=Inspection"),
        "certificate_changed",
        DOWN,
        W,
    ),
    "D21": (
        imap("LOGINDISABLED"),
        imap(),
        "logindisabled_vanished",
        DOWN,
        W,
    ),
    "D21 with D01": (
        imap("LOGINDISABLED"),
        in_clear(143, STRIPPED, capabilities=("IMAP4rev1",)),
        "logindisabled_vanished",
        DOWN,
        C,
    ),
    "D22": (healthy(587), changed(587, auth_before_tls=("PLAIN",)), "auth_before_tls", DOWN, W),
    "D23": (
        changed(465, auth_after_tls=("PLAIN", "SCRAM-SHA-256")),
        changed(465, auth_after_tls=("PLAIN", "LOGIN")),
        "auth_weakened",
        NOTICE,
        N,
    ),
    "D23 vanished": (healthy(465), changed(465, auth_after_tls=()), "auth_weakened", DOWN, W),
    "D30": (
        with_dane(healthy(25), DaneMatch.EE),
        with_dane(healthy(25), None, DaneStatus.INSECURE),
        "dane_unverifiable",
        DOWN,
        W,
    ),
    "D30 gone": (
        with_dane(healthy(25), DaneMatch.EE),
        with_dane(healthy(25), None, DaneStatus.NONE),
        "dane_unverifiable",
        DOWN,
        W,
    ),
    "banner": (
        healthy(587),
        changed(587, banner="220 other.example.net Acme Mail"),
        "banner_changed",
        NOTICE,
        N,
    ),
    "F06": (healthy(993), ended(993, reason=Reason.CONNECT_TIMEOUT), "port_blocked", Kind.BLOCKED, C),
    "F06 legacy": (healthy(110), ended(110, reason=Reason.CONNECT_TIMEOUT), "port_blocked", Kind.BLOCKED, W),
    "F08": (
        healthy(465),
        ended(465, reason=Reason.CONNECTION_REFUSED),
        "port_closed",
        Kind.MISCONFIGURATION,
        W,
    ),
}


@pytest.mark.parametrize(("before", "after", "verdict", "kind", "severity"), LOSSES.values(), ids=LOSSES)
def test_a_loss_is_told_with_what_was_before(
    before: Observation, after: Observation, verdict: str, kind: Kind, severity: Severity
) -> None:
    history = learnt(before)
    assert verdict not in history.standing
    history.see(after, times=2)
    found = history.memory.standing[verdict].verdict
    assert (found.kind, found.severity) == (kind, severity)
    assert " until " in found.summary
    assert found.advice


@pytest.mark.parametrize(("before", "after", "verdict", "kind", "severity"), LOSSES.values(), ids=LOSSES)
def test_what_was_always_so_is_no_loss(
    before: Observation, after: Observation, verdict: str, kind: Kind, severity: Severity
) -> None:
    history = History()
    history.see(after, times=6)
    assert not any(
        each.verdict.kind is DOWN and " until " in each.verdict.summary
        for each in history.memory.standing.values()
    )


@pytest.mark.parametrize(("before", "after", "verdict", "kind", "severity"), LOSSES.values(), ids=LOSSES)
def test_a_gain_is_no_loss_and_is_learnt(
    before: Observation, after: Observation, verdict: str, kind: Kind, severity: Severity
) -> None:
    history = learnt(after)
    raised_before = history.standing
    history.see(before, times=5)
    news = history.standing - raised_before - {"certificate_changed", "banner_changed"}
    assert news == set()


def test_a_loss_within_the_time_of_learning_is_none() -> None:
    history = History()
    history.see(healthy(587), times=2)
    history.see(in_clear(587, STRIPPED), times=4)
    assert history.memory.standing["starttls_missing"].verdict.kind is Kind.WEAKNESS


def test_a_baseline_stands_after_successes_in_a_row_only() -> None:
    history = History()
    for _ in range(5):
        history.see(healthy(587), healthy(587), ended(587, reason=Reason.CONNECT_TIMEOUT))
    assert not history.memory.has_baseline
    history.see(healthy(587), times=3)
    assert history.memory.has_baseline
    assert history.told(EventKind.BASELINE_LEARNT) == [None]


def test_the_operator_says_how_many_successes_it_takes() -> None:
    history = History(patience=Patience(baseline_after=1))
    history.see(healthy(587))
    assert history.memory.has_baseline


def test_a_critical_loss_never_becomes_the_baseline_by_itself() -> None:
    history = learnt(healthy(587))
    history.see(in_clear(587, STRIPPED), times=120, every=timedelta(days=1))
    assert history.memory.standing["starttls_missing"].verdict.kind is DOWN


@pytest.mark.parametrize(
    ("name", "days"), [("D11", 7), ("D15", 7), ("D19", 7), ("D23", 7), ("banner", 1), ("D30 gone", 7)]
)
def test_a_lesser_loss_is_the_baseline_when_it_has_stood_for_long(name: str, days: int) -> None:
    before, after, verdict, _, _ = LOSSES[name]
    history = learnt(before)
    history.see(after, times=4 * days, every=timedelta(hours=6))
    assert verdict in history.standing
    history.see(after, times=4, every=timedelta(hours=6))
    assert verdict not in history.standing


def test_a_renewed_certificate_is_no_change() -> None:
    history = learnt(healthy(993))
    renewed = with_certificate(993, fingerprint_sha256="cd" * 32, not_after=NOW + timedelta(days=150))
    history.see(renewed, times=3)
    assert history.standing == set()
    assert history.events == []


@pytest.mark.parametrize("year", [1, 999, 9999])
def test_a_certificate_that_ends_in_an_odd_year_is_learnt_and_another_held_against_it(year: int) -> None:
    history = learnt(with_certificate(993, not_after=datetime(year, 1, 1, tzinfo=UTC)))
    history.see(with_certificate(993, issuer="CN=R3,O=Other CA"), times=3)
    assert f" until {year:04}-01-01" in str(history.memory)


def test_another_issuer_near_the_end_is_no_change() -> None:
    history = learnt(with_certificate(993, not_after=NOW + timedelta(days=29)))
    history.see(with_certificate(993, issuer="CN=R3,O=Other CA"), times=3)
    assert "certificate_changed" not in history.standing


def test_a_changed_certificate_beside_another_downgrade_is_critical() -> None:
    history = learnt(healthy(993))
    box = {"issuer": "CN=Box,O=Inspection", "trusted": False, "problems": ("untrusted",)}
    history.see(with_certificate(993, **box), times=2)
    assert history.memory.standing["certificate_changed"].verdict.severity is C


def test_certificates_and_greetings_in_turns_are_all_learnt() -> None:
    first = with_certificate(993, issuer="CN=A,O=One")
    second = replace(with_certificate(993, issuer="CN=B,O=Two"), banner="* OK other node")
    history = History()
    history.see(*[first] * 3, *[second] * 3, times=2)
    history.see(first, times=3)
    history.see(second, times=10, every=timedelta(days=1))
    history.events.clear()
    history.see(first, second, times=10)
    assert history.standing == set()


def test_what_the_present_cannot_tell_is_no_loss() -> None:
    history = learnt(imap("LOGINDISABLED"))
    history.see(ended(143, reason=Reason.NO_GREETING), times=5)
    assert "logindisabled_vanished" not in history.standing


def test_a_port_that_never_answered_is_told_so_and_no_worse_than_in_a_scan() -> None:
    history = History()
    history.see(ended(110, reason=Reason.CONNECT_TIMEOUT), times=3)
    found = history.memory.standing["port_blocked"].verdict
    assert found.severity is N
    assert "has not answered since it is watched" in found.summary


def test_what_the_provider_does_not_offer_stays_a_notice() -> None:
    blocked = ended(465, reason=Reason.CONNECT_TIMEOUT)
    absent = replace(blocked.endpoint, expectation=Expectation(provider="Acme", not_offered=True))
    history = learnt(replace(healthy(465), endpoint=absent))
    history.see(replace(blocked, endpoint=absent), times=3)
    assert history.memory.standing["port_blocked"].verdict.kind is NOTICE


# ----------------------------------------------------------------------------------------------- the operator


def test_accepting_the_present_ends_the_loss_and_finds_the_weakness() -> None:
    history = learnt(healthy(587))
    seen = history.see(in_clear(587, STRIPPED), times=2)
    history.memory = accept(history.memory, seen, history.now)
    history.see(in_clear(587, STRIPPED), times=2)
    assert history.memory.standing["starttls_missing"].verdict.kind is Kind.WEAKNESS


def test_accepting_a_port_that_is_gone() -> None:
    history = learnt(healthy(465))
    seen = history.see(ended(465, reason=Reason.CONNECTION_REFUSED), times=2)
    history.memory = accept(history.memory, seen, history.now)
    history.see(ended(465, reason=Reason.CONNECTION_REFUSED), times=2)
    assert history.memory.standing["port_closed"].verdict.severity is N


def test_a_reset_baseline_is_learnt_anew() -> None:
    history = learnt(healthy(587))
    history.memory = reset(history.memory)
    assert not history.memory.has_baseline
    history.see(in_clear(587, STRIPPED), times=4)
    assert history.memory.standing["starttls_missing"].verdict.kind is Kind.WEAKNESS


def test_a_pinned_baseline_neither_ages_nor_learns() -> None:
    history = learnt(healthy(993))
    history.memory = pin(history.memory, is_pinned=True)
    history.see(with_tls(993, "TLSv1.2", OLD), times=60, every=timedelta(days=1))
    assert "tls_version_dropped" in history.standing


def test_a_pin_can_be_taken_off() -> None:
    history = learnt(healthy(993))
    history.memory = pin(pin(history.memory, is_pinned=True), is_pinned=False)
    history.see(with_tls(993, "TLSv1.2", OLD), times=60, every=timedelta(days=1))
    assert "tls_version_dropped" not in history.standing


# ------------------------------------------------------------------------------------------- of any sequence

SIGHTS: tuple[Callable[[], Observation], ...] = (
    lambda: healthy(143),
    lambda: imap("LOGINDISABLED"),
    lambda: in_clear(143, STRIPPED),
    lambda: in_clear(143, StartTls(offered=True, reply="a2 NO later")),
    lambda: ended(143, reason=Reason.CONNECT_TIMEOUT),
    lambda: ended(143, reason=Reason.EGRESS_BLOCKED),
    lambda: ended(143, reason=Reason.NO_GREETING),
    lambda: with_tls(143, "TLSv1", "RC4-SHA"),
    lambda: with_certificate(143, **EXPIRED),
    lambda: versions(143, "TLSv1.0"),
)


@given(st.lists(st.sampled_from(SIGHTS), max_size=30))
def test_any_history_keeps_the_rules(sights: list[Callable[[], Observation]]) -> None:
    history = History()
    for sight in sights:
        history.see(sight())
        memory = history.memory
        assert memory.traits.keys() <= TRAITS.keys()
        assert len(memory.recent) <= 3
        assert memory.pending_since.keys() == {each for ids in memory.recent for each in ids}
    adapter = TypeAdapter(Memory)
    assert adapter.validate_json(adapter.dump_json(history.memory)) == history.memory
    raised = [event.name for event in history.events if event.kind is EventKind.VERDICT_RAISED]
    resolved = [event.name for event in history.events if event.kind is EventKind.VERDICT_RESOLVED]
    for name in resolved:
        assert raised.count(name) >= resolved.count(name)


def test_a_certificate_of_any_year_can_be_remembered() -> None:
    for year in (1, 999, 9999):
        history = learnt(with_certificate(993, not_after=NOW.replace(year=year)))
        history.see(with_certificate(993, issuer="CN=Box,O=Inspection"), times=3)
        assert history.memory.has_baseline


def test_a_memory_with_a_damaged_trait_is_no_fault() -> None:
    history = learnt(healthy(993))
    damaged = replace(history.memory.traits["issuer"], value=("O=Example until never", ""))
    history.memory = replace(history.memory, traits={**history.memory.traits, "issuer": damaged})
    history.see(with_certificate(993, issuer="CN=Box,O=Inspection"), times=3)


def test_two_machines_behind_one_address_are_both_learnt_though_they_answer_in_turns() -> None:
    first = healthy(993)
    second = replace(with_certificate(993, issuer="CN=B,O=Two"), banner="* OK other node")
    history = learnt(first)
    history.see(first, second, times=16 * 24, every=timedelta(minutes=30))
    history.events.clear()
    history.see(first, second, times=50)
    assert history.standing == set()
    assert history.events == []


def test_a_clock_that_jumps_ahead_does_not_age_a_loss() -> None:
    history = learnt(healthy(993))
    history.see(with_tls(993, "TLSv1.2", OLD), times=2)
    history.now += timedelta(days=8)
    history.see(with_tls(993, "TLSv1.2", OLD), times=2)
    assert "tls_version_dropped" in history.standing
