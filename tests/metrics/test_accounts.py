"""The metrics about accounts: what the last check found, how often it failed, when the next one is due."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from scanner.metrics import Exposition
from scanner.metrics.accounts import FAMILIES
from scanner.model.account import AccountCheck, AccountPhase, AccountReason, Activity
from scanner.model.account_standing import AccountStanding
from tests.metrics.reading import read, samples
from tests.servers.prometheus import promtool_check_metrics

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOSTILE = 'a"b\\c\nd\x1b[31m{},=# \u202e'
SIGNED_IN = AccountCheck(
    "sales", Activity.IMAP, success=True, started_at=AT, duration=0.3, phases={AccountPhase.AUTH: 0.25}
)
REFUSED = replace(SIGNED_IN, success=False, reason=AccountReason.AUTH_FAILED)
TRIP = replace(
    SIGNED_IN,
    activity=Activity.ROUNDTRIP,
    phases={AccountPhase.SUBMIT: 0.5, AccountPhase.DELIVERY: 2.0},
    is_junk=False,
)
IMAP = {"account": "sales", "protocol": "imap"}


def standing(check: AccountCheck, failures: int = 0) -> AccountStanding:
    succeeded = check.started_at if check.success else None
    return AccountStanding(
        check.account,
        check.activity,
        check,
        failures,
        due_at=check.started_at + timedelta(minutes=15),
        succeeded_at=succeeded,
    )


def shown(*standings: AccountStanding) -> Exposition:
    exposition = Exposition()
    exposition.accounts.read_from(lambda: standings)
    return exposition


def test_a_sign_in_that_succeeds() -> None:
    exposition = shown(standing(SIGNED_IN))
    assert samples(exposition, "mailport_account_success") == [(IMAP, 1)]
    assert samples(exposition, "mailport_account_failures") == [(IMAP, 0)]
    assert samples(exposition, "mailport_account_phase_seconds") == [({**IMAP, "phase": "auth"}, 0.25)]
    assert samples(exposition, "mailport_account_success_timestamp_seconds") == [(IMAP, AT.timestamp())]
    due = samples(exposition, "mailport_account_next_check_timestamp_seconds")
    assert due == [(IMAP, AT.timestamp() + 900)]
    assert not samples(exposition, "mailport_account_reason_info")
    assert not samples(exposition, "mailport_roundtrip_seconds")


def test_a_sign_in_that_is_refused_says_why() -> None:
    exposition = shown(standing(REFUSED, failures=3))
    assert samples(exposition, "mailport_account_success") == [(IMAP, 0)]
    assert samples(exposition, "mailport_account_failures") == [(IMAP, 3)]
    assert samples(exposition, "mailport_account_reason_info") == [({**IMAP, "reason": "auth_failed"}, 1)]
    assert not samples(exposition, "mailport_account_success_timestamp_seconds")


def test_a_round_trip_is_timed_from_its_sending_to_the_mailbox() -> None:
    exposition = shown(standing(TRIP))
    assert samples(exposition, "mailport_roundtrip_seconds") == [({"account": "sales"}, 2.5)]
    assert samples(exposition, "mailport_roundtrip_junk") == [({"account": "sales"}, 0)]
    junk = shown(standing(replace(TRIP, is_junk=True)))
    assert samples(junk, "mailport_roundtrip_junk") == [({"account": "sales"}, 1)]


def test_a_message_that_did_not_arrive_has_no_time() -> None:
    lost = replace(
        TRIP,
        success=False,
        reason=AccountReason.DELIVERY_TIMEOUT,
        phases={AccountPhase.SUBMIT: 0.5},
        is_junk=None,
    )
    exposition = shown(standing(lost, failures=1))
    assert not samples(exposition, "mailport_roundtrip_seconds")
    assert not samples(exposition, "mailport_roundtrip_junk")


def test_an_account_that_was_not_checked_yet_is_only_due() -> None:
    exposition = shown(AccountStanding("sales", Activity.SMTP, due_at=AT))
    assert FAMILIES.keys() & read(exposition).keys() == {"mailport_account_next_check_timestamp_seconds"}
    assert not shown().accounts.render(openmetrics=True)


def test_every_family_is_valid_in_both_forms() -> None:
    every = (standing(TRIP), standing(REFUSED, 2), standing(replace(SIGNED_IN, account=HOSTILE)))
    exposition = shown(*every)
    report = promtool_check_metrics(exposition.accounts.render(openmetrics=False).decode())
    assert report.is_clean, report.output
    text, marked = read(exposition), read(exposition, openmetrics=True)
    assert FAMILIES.keys() <= text.keys()
    assert sum(len(family.samples) for family in text.values()) == sum(
        len(family.samples) for family in marked.values()
    )
