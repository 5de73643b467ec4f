from dataclasses import replace
from datetime import timedelta

import pytest

from scanner.model import Kind, Phase, Reason, Severity
from scanner.web.standing import Concern, concern_of
from scanner.web.view import days_left, describe, say_age, say_name, say_seconds, say_wait
from tests.web.samples import NOW, certificate, failed, good
from tests.web.verdicts import BLOCKED, LEGACY, SELF_SIGNED


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (0, "just now"),
        (1, "1 s ago"),
        (119, "119 s ago"),
        (120, "2 min ago"),
        (7199, "119 min ago"),
        (7200, "2 h ago"),
        (172800, "2 d ago"),
    ],
)
def test_ages(seconds: int, words: str) -> None:
    assert say_age(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(("seconds", "words"), [(-5, "now"), (0, "now"), (18, "in 18 s"), (300, "in 5 min")])
def test_waits(seconds: int, words: str) -> None:
    assert say_wait(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0.0 ms"),
        (0.0004, "0.4 ms"),
        (0.00996, "10 ms"),
        (0.213, "213 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.00 s"),
        (1.84, "1.84 s"),
        (9.996, "10.0 s"),
        (45.0, "45.0 s"),
    ],
)
def test_durations_have_three_figures_at_most(seconds: float, words: str) -> None:
    assert say_seconds(seconds) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tls_timeout", "TLS timeout"),
        ("null_mx", "null MX"),
        ("mta_sts_violated", "MTA-STS violated"),
        ("connection_refused", "connection refused"),
        ("pop3_err", "POP3 err"),
    ],
)
def test_names_are_written_as_people_do(name: str, words: str) -> None:
    assert say_name(name) == words


@pytest.mark.parametrize(
    ("after", "days", "mark"),
    [
        (timedelta(days=14), 14, "ok"),
        (timedelta(days=13, hours=23), 13, "warn"),
        (timedelta(hours=1), 0, "warn"),
        (timedelta(seconds=-1), -1, "bad"),
    ],
)
def test_days_left_are_whole_days(after: timedelta, days: int, mark: str) -> None:
    leaf = replace(certificate("mx.example.org"), not_after=NOW + after)

    assert days_left(leaf, NOW) == days
    assert describe(good("mx.example.org", 25, certificate=leaf), NOW).days_mark == mark


def test_the_bar_of_phases_fills_what_was_measured() -> None:
    seen = good("mx.example.org", 25, duration=2.0, phases={Phase.TLS: 1.0, Phase.CONNECT: 0.5})

    bar = [(segment.phase, segment.start, segment.width) for segment in describe(seen, NOW).segments]

    assert bar == [(Phase.CONNECT, 0.0, 25.0), (Phase.TLS, 25.0, 50.0)]


@pytest.mark.parametrize("duration", [0.0, 0.1])
def test_phases_longer_than_the_probe_never_overflow_the_bar(duration: float) -> None:
    phases = {Phase.CONNECT: 0.3, Phase.TLS: 0.1, Phase.DNS: -1}
    seen = good("mx.example.org", 25, duration=duration, phases=phases)

    assert sum(segment.width for segment in describe(seen, NOW).segments) == pytest.approx(100)


def test_a_probe_that_took_no_time_has_a_bar_without_width() -> None:
    seen = good("mx.example.org", 25, duration=0.0, phases={Phase.CONNECT: 0.0})

    assert [segment.width for segment in describe(seen, NOW).segments] == [0.0]


def test_the_worst_verdict_comes_first() -> None:
    row = describe(good("mx.example.org", 25, verdicts=(LEGACY, BLOCKED, SELF_SIGNED)), NOW)

    assert [shown.verdict.severity for shown in row.verdicts] == sorted(Severity, reverse=True)


@pytest.mark.parametrize(
    ("reason", "severity", "expected"),
    [
        (None, None, Concern.NONE),
        (None, Severity.NOTICE, Concern.NOTICE),
        (None, Severity.WARNING, Concern.SOON),
        (None, Severity.CRITICAL, Concern.NOW),
        (Reason.CONNECT_TIMEOUT, Severity.NOTICE, Concern.NOTICE),
        (Reason.CONNECTION_REFUSED, Severity.CRITICAL, Concern.NOW),
        (Reason.CLOSED_BEFORE_GREETING, None, Concern.SOON),
        (Reason.CLOSED_BEFORE_GREETING, Severity.NOTICE, Concern.SOON),
        (Reason.WRONG_PROTOCOL, None, Concern.NOW),
        (Reason.NAME_NOT_FOUND, None, Concern.NOW),
        (Reason.EGRESS_BLOCKED, None, Concern.NOTICE),
        (Reason.NULL_MX, None, Concern.NOTICE),
    ],
)
def test_concern_is_what_reason_and_verdicts_weigh(
    reason: Reason | None, severity: Severity | None, expected: Concern
) -> None:
    verdicts = () if severity is None else (replace(LEGACY, severity=severity, kind=Kind.WEAKNESS),)
    base = good("mx.example.org", 25) if reason is None else failed("mx.example.org", 25, reason)

    assert concern_of(replace(base, verdicts=verdicts)) is expected


def test_a_state_is_marked_by_what_the_scan_calls_it() -> None:
    """`!!` is red, `!` yellow, `·` information; that a service speaks is good, whatever its verdicts say."""
    closed = failed("mx.example.org", 25, Reason.CLOSED_BEFORE_GREETING)

    assert describe(closed, NOW).state_mark == "warn"
    assert describe(replace(closed, reason=Reason.WRONG_PROTOCOL), NOW).state_mark == "bad"
    assert describe(replace(closed, reason=Reason.SKIPPED), NOW).state_mark == "info"
    assert describe(good("mx.example.org", 25, verdicts=(BLOCKED,)), NOW).state_mark == "ok"


def test_the_versions_that_a_sweep_found_are_listed_the_newest_first() -> None:
    seen = good("mail.example.org", 587)
    versions = {"SSLv2": None, "SSLv3": False, "TLSv1.0": True, "TLSv1.1": None, "TLSv1.2": True}
    row = describe(replace(seen, versions=versions), NOW)
    assert (row.accepted, row.untold) == ("TLSv1.2, TLSv1.0", "TLSv1.1, SSLv2")
    without = describe(seen, NOW)
    assert (without.accepted, without.untold) == ("", "")
