import gc
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.metrics import Exposition, full
from scanner.metrics.families import FAMILIES
from scanner.model import Kind, Observation, Phase, Reason, Severity, StartTls, State, Tls, TlsMode
from tests.metrics.reading import read, samples, value
from tests.metrics.samples import CERTIFICATE, GOOD, LABELS, SUBMISSION, at, failed, verdict

NOT_AFTER = "mailport_certificate_not_after_timestamp_seconds"


def shown(*observations: Observation) -> Exposition:
    exposition = Exposition()
    for observation in observations:
        exposition.accept(observation)
    return exposition


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mailport_probe_success", 1),
        ("mailport_probe_duration_seconds", 0.213),
        ("mailport_probe_timestamp_seconds", 1767323045.678),
        ("mailport_probe_success_timestamp_seconds", 1767323045.678),
        ("mailport_endpoint_blocked", 0),
        ("mailport_endpoint_downgraded", 0),
        ("mailport_endpoint_level", 4),
        ("mailport_endpoint_domains", 2),
        ("mailport_starttls_offered", 1),
        (NOT_AFTER, 1775001600),
        ("mailport_certificate_verified", 1),
        ("mailport_auth_before_tls", 0),
    ],
)
def test_a_good_endpoint_fills_the_family(name: str, expected: float) -> None:
    assert samples(shown(GOOD), name) == [(LABELS, expected)]


@pytest.mark.parametrize(
    ("name", "more"),
    [
        (
            "mailport_tls_version_info",
            {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "group": "X25519MLKEM768"},
        ),
        (
            "mailport_certificate_info",
            {
                "subject": "CN=smtp.example.org",
                "issuer": "CN=Example CA",
                "fingerprint_sha256": "ab" * 32,
            },
        ),
    ],
)
def test_facts_are_labels_of_info_families(name: str, more: dict[str, str]) -> None:
    assert samples(shown(GOOD), name) == [(LABELS | more, 1)]


def test_the_banner_is_normalised_and_cut_at_120_characters() -> None:
    long = replace(GOOD, banner="220 mail ESMTP " + "x" * 500)

    ((labels, _),) = samples(shown(long), "mailport_banner_info")

    assert labels["software"] == "Postfix"
    assert len(labels["banner"]) == 120
    assert labels["banner"].endswith("xxx")


def test_each_phase_is_a_sample_in_the_order_of_the_probe() -> None:
    got = samples(shown(GOOD), "mailport_probe_phase_seconds")

    assert [labels["phase"] for labels, _ in got] == list(Phase)
    assert dict(GOOD.phases) == {Phase(labels["phase"]): seconds for labels, seconds in got}


def test_a_phase_that_did_not_happen_is_absent() -> None:
    got = samples(shown(failed(Reason.CONNECT_TIMEOUT)), "mailport_probe_phase_seconds")

    assert [labels["phase"] for labels, _ in got] == ["dns"]


@pytest.mark.parametrize("reason", [None, *Reason])
def test_the_state_set_has_exactly_one_current_state(reason: Reason | None) -> None:
    seen = replace(GOOD, reason=reason)

    got = {labels["state"]: value for labels, value in samples(shown(seen), "mailport_endpoint_state")}

    assert got == {state.value: float(state is seen.state) for state in State}


def test_the_reason_is_there_only_while_not_open() -> None:
    exposition = shown(failed(Reason.CONNECT_TIMEOUT))
    assert samples(exposition, "mailport_endpoint_reason_info") == [
        (LABELS | {"reason": "connect_timeout"}, 1)
    ]

    exposition.accept(GOOD)

    assert samples(exposition, "mailport_endpoint_reason_info") == []


def test_verdicts_are_samples_and_the_same_one_twice_is_one() -> None:
    standing = (
        verdict("starttls_missing"),
        verdict("starttls_missing"),
        verdict("key_weak", Kind.WEAKNESS, Severity.WARNING),
    )

    got = samples(shown(replace(GOOD, verdicts=standing)), "mailport_endpoint_verdict")

    assert got == [
        (LABELS | {"verdict": "starttls_missing", "kind": "downgrade", "severity": "critical"}, 1),
        (LABELS | {"verdict": "key_weak", "kind": "weakness", "severity": "warning"}, 1),
    ]


def test_a_downgrade_verdict_sets_downgraded() -> None:
    exposition = shown(replace(GOOD, verdicts=(verdict("starttls_missing"),)))

    assert value(exposition, "mailport_endpoint_downgraded") == 1


def test_a_blocked_port_sets_blocked_and_fails() -> None:
    seen = failed(Reason.CONNECT_TIMEOUT, verdicts=(verdict("port_blocked", Kind.BLOCKED),))

    assert value(shown(seen), "mailport_endpoint_blocked") == 1
    assert value(shown(seen), "mailport_probe_success") == 0


def test_what_the_probe_did_not_see_is_absent_and_not_zero() -> None:
    names = read(shown(failed(Reason.CONNECT_TIMEOUT)))

    for unknown in ("starttls_offered", "tls_version_info", "certificate_verified", "certificate_info"):
        assert f"mailport_{unknown}" not in names
    for unknown in ("banner_info", "auth_before_tls", "probe_success_timestamp_seconds"):
        assert f"mailport_{unknown}" not in names
    assert NOT_AFTER not in names


def test_the_last_success_and_the_expiry_are_kept_while_probes_fail() -> None:
    exposition = shown(
        GOOD, failed(Reason.TLS_HANDSHAKE_FAILED, banner="220 smtp", starttls=StartTls(offered=True))
    )

    assert value(exposition, "mailport_probe_success_timestamp_seconds") == GOOD.started_at.timestamp()
    assert value(exposition, "mailport_probe_timestamp_seconds") == GOOD.started_at.timestamp() + 59.322
    assert value(exposition, NOT_AFTER) == CERTIFICATE.not_after.timestamp()
    assert value(exposition, "mailport_starttls_offered") == 1
    for gone in ("mailport_tls_version_info", "mailport_certificate_info", "mailport_certificate_verified"):
        assert samples(exposition, gone) == []


def test_a_new_certificate_replaces_the_kept_expiry() -> None:
    renewed = replace(CERTIFICATE, not_after=datetime(2026, 7, 1, tzinfo=UTC))

    exposition = shown(GOOD, failed(Reason.TLS_TIMEOUT), replace(GOOD, certificate=renewed))

    assert value(exposition, NOT_AFTER) == renewed.not_after.timestamp()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 1),
        ({"problems": ("weak_key",)}, 1),
        ({"problems": ("expired",)}, 0),
        ({"problems": ("not_yet_valid",)}, 0),
        ({"problems": ("self_signed",), "trusted": False}, 0),
        ({"problems": ("untrusted",), "trusted": False}, 0),
        ({"problems": ("name_mismatch",), "name_matches": False}, 0),
    ],
)
def test_a_certificate_is_verified_when_a_careful_client_accepts_it(changes: dict, expected: int) -> None:
    seen = replace(GOOD, certificate=replace(CERTIFICATE, **changes))

    assert value(shown(seen), "mailport_certificate_verified") == expected
    assert value(shown(seen), NOT_AFTER) == CERTIFICATE.not_after.timestamp()


@pytest.mark.parametrize(
    ("mechanisms", "expected"),
    [
        ((), 0),
        (("APOP",), 0),
        (("CRAM-MD5", "SCRAM-SHA-256"), 0),
        (("PLAIN",), 1),
        (("CRAM-MD5", "LOGIN"), 1),
    ],
)
def test_only_a_way_that_sends_the_password_counts_as_clear(
    mechanisms: tuple[str, ...], expected: int
) -> None:
    assert value(shown(replace(GOOD, auth_before_tls=mechanisms)), "mailport_auth_before_tls") == expected


def test_starttls_is_absent_on_a_port_with_implicit_tls() -> None:
    seen = replace(GOOD, endpoint=at("smtp.example.org", 465, tls_mode=TlsMode.IMPLICIT), starttls=None)

    assert samples(shown(seen), "mailport_starttls_offered") == []


def test_tls_without_a_named_group_has_an_empty_label() -> None:
    exposition = shown(replace(GOOD, tls=Tls("TLSv1.2", "AES256-SHA", None)))

    ((labels, _),) = samples(exposition, "mailport_tls_version_info")
    assert labels["group"] == ""


def test_a_removed_endpoint_vanishes_with_all_its_series() -> None:
    exposition = shown(GOOD, replace(GOOD, endpoint=at("other.example.org")))
    assert exposition.endpoints() == 2

    exposition.remove(SUBMISSION.key)
    exposition.remove(SUBMISSION.key)

    assert exposition.endpoints() == 1
    text = exposition.render(openmetrics=False)
    assert b'host="smtp.example.org"' not in text
    assert b'host="other.example.org"' in text


def test_a_removed_endpoint_that_comes_back_has_no_memory() -> None:
    exposition = shown(GOOD)
    exposition.remove(SUBMISSION.key)

    exposition.accept(failed(Reason.TLS_TIMEOUT))

    assert samples(exposition, NOT_AFTER) == []


def test_endpoints_that_differ_only_in_tls_mode_never_write_a_series_twice() -> None:
    other = replace(GOOD, endpoint=at("smtp.example.org", tls_mode=TlsMode.IMPLICIT), level=3)

    exposition = shown(GOOD, other)
    assert value(exposition, "mailport_endpoint_level") == 4

    exposition.remove(SUBMISSION.key)
    exposition.accept(other)
    assert value(exposition, "mailport_endpoint_level") == 3
    assert exposition.endpoints() == 1


def test_vantages_are_series_of_their_own_where_there_is_more_than_one() -> None:
    exposition = Exposition(vantages=True)
    exposition.accept(replace(GOOD, vantage="ams"))
    exposition.accept(replace(GOOD, vantage="fra", level=3))

    assert samples(exposition, "mailport_endpoint_level") == [
        (LABELS | {"vantage": "ams"}, 4),
        (LABELS | {"vantage": "fra"}, 3),
    ]
    assert exposition.endpoints() == 1
    exposition.remove(SUBMISSION.key)
    assert exposition.render(openmetrics=False) == b""


def test_without_vantages_the_last_observation_stands() -> None:
    exposition = shown(replace(GOOD, vantage="ams"), replace(GOOD, vantage="fra", level=3))

    assert samples(exposition, "mailport_endpoint_level") == [(LABELS, 3)]


def test_a_scrape_of_many_endpoints_does_not_stall_the_loop() -> None:
    exposition = Exposition()
    for number in range(2000):
        exposition.accept(replace(GOOD, endpoint=at(f"mx{number}.example.org")))
    gc.collect()

    started = time.perf_counter()
    document = exposition.render(openmetrics=False)
    took = time.perf_counter() - started

    # prometheus_client takes about 14 µs a sample: near a second for this document.
    assert document.count(b"\n") > 2000 * 30
    assert took < 0.2


def test_families_that_are_not_fleeting_do_not_hang_on_what_differs_from_probe_to_probe() -> None:
    later = replace(
        GOOD,
        started_at=datetime(2027, 1, 1, tzinfo=UTC),
        duration=9.0,
        phases={Phase.CONNECT: 8.0},
        bytes_read=GOOD.bytes_read + 1,
    )
    refused = replace(failed(Reason.CONNECTION_REFUSED), verdicts=(verdict("port_closed"),))
    assert any(family.is_fleeting for family in FAMILIES + full.FAMILIES)
    for family in FAMILIES + full.FAMILIES:
        for seen in (GOOD, refused):
            other = replace(
                seen,
                started_at=later.started_at,
                duration=9.0,
                phases=later.phases,
                bytes_read=later.bytes_read,
            )
            is_same = tuple(family.read(seen)) == tuple(family.read(other))
            assert is_same or family.is_fleeting, family.name


SHOWN = st.sampled_from(
    [
        GOOD,
        replace(GOOD, level=3),
        replace(GOOD, tls=None, certificate=None),
        replace(GOOD, verdicts=(verdict("port_blocked"),)),
        failed(Reason.CONNECTION_REFUSED),
        failed(Reason.EGRESS_BLOCKED),
        replace(failed(Reason.EGRESS_BLOCKED), detail="another"),
        None,
    ]
)


@given(st.lists(SHOWN, max_size=12))
def test_what_is_the_same_as_before_shows_what_it_would_if_all_were_written(
    seen: list[Observation | None],
) -> None:
    thrifty, whole = Exposition(), Exposition()
    for number, each in enumerate(seen):
        for exposition in (thrifty, whole):
            if each is None:
                exposition.remove(SUBMISSION.key)
            else:
                exposition.accept(replace(each, started_at=each.started_at + timedelta(minutes=number)))
            if exposition is whole:
                whole._shown = [None] * len(whole._shown)
    assert thrifty.render(openmetrics=True) == whole.render(openmetrics=True)
