"""How long an account waits after its server refused it: it must never be mailport that locks it."""

from dataclasses import replace
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
from scanner.accounts.diary import blank_page, due_at, page_from_json, page_to_json, write_down
from scanner.accounts.reasons import Stage, read_refusal
from scanner.config.account_settings import Account
from scanner.config.secret_marks import secret_mark
from scanner.model.account import SIGN_IN_REFUSED, AccountCheck, AccountPhase, AccountReason, Activity

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


BEGUN = replace(make_check(AccountReason.SERVER_CLOSED), mechanism="PLAIN")


@pytest.mark.parametrize(
    "reason",
    [
        AccountReason.SERVER_CLOSED,
        AccountReason.READ_TIMEOUT,
        AccountReason.PROTOCOL_ERROR,
        AccountReason.QUOTA,
        AccountReason.ENCRYPTION_REQUIRED,
        AccountReason.MECHANISM_UNSUPPORTED,
    ],
)
def test_a_sign_in_that_was_begun_and_not_granted_counts_whatever_was_said(reason: AccountReason) -> None:
    check = replace(BEGUN, reason=reason)
    assert is_held_back(restrain(None, check, "mark", 900), "mark", NOW + MINUTE)
    granted = replace(check, phases={AccountPhase.AUTH: 0.1})
    assert restrain(None, granted, "mark", 900) is None
    assert restrain(None, replace(check, mechanism=None), "mark", 900) is None


@pytest.mark.parametrize("reason", [AccountReason.AUTH_SERVER_TROUBLE, AccountReason.IN_USE])
def test_what_the_server_says_not_to_be_the_password_does_not_count(reason: AccountReason) -> None:
    assert restrain(None, replace(BEGUN, reason=reason), "mark", 900) is None


def test_after_one_that_hung_up_at_the_password_the_other_sign_ins_wait_too() -> None:
    account = Account.model_validate(
        {"name": "a", "username": "a@b.example", "password_env": "X", "interval": 900}
    )
    pages = {each: blank_page(account, each, NOW) for each in account.activities}
    pages = write_down(pages, account, BEGUN, "mark", 0.0)
    assert all(page.planned >= NOW + 15 * MINUTE for page in pages.values())


@pytest.mark.parametrize(
    "text",
    ["535 5.1.1 no such user", "-ERR [AUTH] User unknown", "NO no such user here", "-ERR no such user"],
)
def test_a_user_that_a_server_does_not_know_is_no_recipient_when_signing_in(text: str) -> None:
    assert read_refusal(text, Stage.SIGN_IN) is AccountReason.AUTH_FAILED


@given(st.integers(1, 10**9), st.datetimes(timezones=st.just(UTC)), st.text(max_size=60))
def test_it_outlives_a_restart(refusals: int, not_before: datetime, mark: str) -> None:
    restraint = Restraint(refusals, not_before, mark, AccountReason.AUTH_FAILED)
    assert restraint_from_json(restraint_to_json(restraint)) == restraint


def test_a_restart_ends_the_waiting_of_a_variable_but_not_the_interval() -> None:
    keys = {"name": "a", "username": "a@b.example", "password_env": "X", "interval": 900}
    account = Account.model_validate(keys)
    mark = secret_mark(account)
    pages = {Activity.IMAP: blank_page(account, Activity.IMAP, NOW)}
    for hour in (0, 3):
        refused = make_check(AccountReason.AUTH_FAILED, NOW + timedelta(hours=hour))
        pages = write_down(pages, account, refused, mark, 0.0)
    kept = page_from_json(page_to_json(pages[Activity.IMAP]), account, Activity.IMAP)
    assert kept is not None
    last = NOW + timedelta(hours=3)
    assert due_at({Activity.IMAP: kept}, account, Activity.IMAP, mark) == last + 30 * MINUTE
    assert due_at({Activity.IMAP: kept}, account, Activity.IMAP, "another process") == last + 15 * MINUTE


def test_what_cannot_be_read_back_is_no_restraint() -> None:
    for values in ({}, {"refusals": "x", "not_before": "y", "secret_mark": "", "reason": "z"}):
        assert restraint_from_json(values) is None
