"""How long an account waits after its server refused it: it must never be mailport that locks it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.accounts.back_off import (
    LONGEST_WAIT,
    Restraint,
    is_held_back,
    restrain,
    restraint_from_json,
    restraint_to_json,
)
from scanner.model.account import SIGN_IN_REFUSED, AccountCheck, AccountReason, Activity

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def make_check(reason: AccountReason | None, at: datetime = NOW) -> AccountCheck:
    return AccountCheck("a", Activity.IMAP, reason is None, at, 0.1, reason=reason)


def test_each_refusal_doubles_the_wait_up_to_a_day() -> None:
    restraint: Restraint | None = None
    at, waits = NOW, []
    for _ in range(10):
        restraint = restrain(restraint, make_check(AccountReason.AUTH_FAILED, at), "mark", 900)
        assert restraint is not None
        waits.append(restraint.not_before - at)
        at = restraint.not_before
    assert waits[:4] == [15 * MINUTE, 30 * MINUTE, 60 * MINUTE, 120 * MINUTE]
    assert waits[-1] == LONGEST_WAIT


def test_a_week_of_a_wrong_password_is_a_dozen_attempts() -> None:
    restraint: Restraint | None = None
    attempts = 0
    for minute in range(7 * 24 * 60):
        at = NOW + minute * MINUTE
        if not is_held_back(restraint, "mark", at):
            attempts += 1
            restraint = restrain(restraint, make_check(AccountReason.AUTH_FAILED, at), "mark", 60)
    assert attempts == 13


def test_a_changed_secret_is_tried_at_once_and_counts_anew() -> None:
    first = restrain(None, make_check(AccountReason.AUTH_FAILED), "old", 900)
    second = restrain(first, make_check(AccountReason.AUTH_FAILED), "old", 900)
    assert is_held_back(second, "old", NOW + MINUTE)
    assert not is_held_back(second, "new", NOW + MINUTE)
    third = restrain(second, make_check(AccountReason.AUTH_FAILED), "new", 900)
    assert third is not None
    assert third.refusals == 1


def test_success_ends_it_and_a_server_that_is_down_leaves_it() -> None:
    held = restrain(None, make_check(AccountReason.AUTH_FAILED), "mark", 900)
    assert restrain(held, make_check(None), "mark", 900) is None
    assert restrain(held, make_check(AccountReason.CONNECT_TIMEOUT), "mark", 900) is held
    assert restrain(None, make_check(AccountReason.CONNECT_TIMEOUT), "mark", 900) is None
    assert not is_held_back(None, "mark", NOW)


@pytest.mark.parametrize("reason", sorted(SIGN_IN_REFUSED))
def test_every_refusal_of_a_sign_in_holds_back(reason: AccountReason) -> None:
    assert is_held_back(restrain(None, make_check(reason), "mark", 900), "mark", NOW + MINUTE)


@given(st.integers(1, 10**9), st.datetimes(timezones=st.just(UTC)), st.text(max_size=60))
def test_it_outlives_a_restart(refusals: int, not_before: datetime, mark: str) -> None:
    restraint = Restraint(refusals, not_before, mark, AccountReason.AUTH_FAILED)
    assert restraint_from_json(restraint_to_json(restraint)) == restraint


def test_what_cannot_be_read_back_is_no_restraint() -> None:
    for values in ({}, {"refusals": "x", "not_before": "y", "secret_mark": "", "reason": "z"}):
        assert restraint_from_json(values) is None
