"""What is behind a complaint, where the operator's own accounts were tried at the same servers."""

from dataclasses import replace

import pytest

from scanner.explain import Complaint
from scanner.explain.diagnosis import diagnose
from scanner.explain.suspicion import Case, Standing, Suspect
from scanner.model import Reason
from scanner.model.account import AccountCheck, AccountReason, Activity
from tests.explain.test_compare import HOST, held
from tests.explain.test_diagnosis import of, saying
from tests.verdict.observations import NOW
from tests.verdict.test_recommendation import bad, good

TIMEOUT, AUTHENTICATION, SYNC = Complaint.TIMEOUT, Complaint.AUTHENTICATION, Complaint.SYNC
SENDS = AccountCheck(
    "desk", Activity.SMTP, success=True, started_at=NOW, duration=0.2, host=HOST, port=587, mechanism="PLAIN"
)
READS = replace(SENDS, activity=Activity.IMAP, port=993, mechanism="LOGIN")


def failing(check: AccountCheck, reason: AccountReason) -> AccountCheck:
    return replace(check, success=False, reason=reason, mechanism=None)


def told(suspect: Suspect) -> str:
    return " ".join((*suspect.pro, *suspect.contra))


def test_an_account_that_signs_in_points_to_the_users_own_password() -> None:
    case = Case((saying("PLAIN"),), accounts=(SENDS,))
    suspect = diagnose(AUTHENTICATION, case)[0]
    assert suspect.id == "wrong_credentials"
    assert f"The account desk signs in at {HOST}:587 with a password." in suspect.pro
    for cause in ("app_password_required", "auth_disabled"):
        assert of(AUTHENTICATION, case, cause).standing is Standing.UNLIKELY


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        (AccountReason.APP_PASSWORD_REQUIRED, "app_password_required"),
        (AccountReason.OAUTH_REQUIRED, "app_password_required"),
        (AccountReason.AUTH_DISABLED, "auth_disabled"),
        (AccountReason.ENCRYPTION_REQUIRED, "encryption_required"),
    ],
)
def test_what_our_own_account_is_told_counts(reason: AccountReason, cause: str) -> None:
    case = Case((saying("PLAIN"),), accounts=(failing(SENDS, reason),))
    suspect = of(AUTHENTICATION, case, cause)
    assert suspect.pro == (f"The account desk fails at {HOST}:587: {reason.value.replace('_', ' ')}.",)
    without = of(AUTHENTICATION, replace(case, accounts=()), cause)
    assert without.pro == ()


def test_a_token_says_nothing_of_passwords() -> None:
    case = Case((saying("PLAIN", "XOAUTH2"),), accounts=(replace(SENDS, mechanism="XOAUTH2"),))
    assert "desk" not in told(of(AUTHENTICATION, case, "app_password_required"))
    assert "desk" not in told(of(AUTHENTICATION, case, "wrong_credentials"))


def test_an_account_that_gets_through_clears_the_way() -> None:
    case = Case((bad(587, Reason.CONNECT_TIMEOUT),), port=587, accounts=(SENDS,))
    for cause in ("egress_blocked", "port_blocked", "host_down"):
        assert any("desk signs in" in text for text in of(TIMEOUT, case, cause).contra), cause
    blocked = replace(case, accounts=(failing(SENDS, AccountReason.CONNECT_TIMEOUT),))
    assert any("connect timeout" in text for text in of(TIMEOUT, blocked, "port_blocked").pro)


def test_reading_works_or_not() -> None:
    case = Case((good(993),), accounts=(READS,))
    assert any("desk signs in" in text for text in of(SYNC, case, "imap_failing").contra)
    down = Case((good(993),), accounts=(failing(READS, AccountReason.AUTH_SERVER_TROUBLE),))
    assert any("auth server trouble" in text for text in of(SYNC, down, "imap_failing").pro)


def test_other_servers_and_other_ports_say_nothing() -> None:
    elsewhere = replace(SENDS, host="mx.elsewhere.test")
    trip = replace(SENDS, activity=Activity.ROUNDTRIP)
    case = Case((saying("PLAIN"),), held(f"{HOST}:587:starttls"), accounts=(elsewhere, READS, trip))
    for complaint in Complaint:
        assert not any("desk" in told(suspect) for suspect in diagnose(complaint, case))


@pytest.mark.parametrize("complaint", list(Complaint))
def test_accounts_add_to_the_evidence_and_take_none_away(complaint: Complaint) -> None:
    case = Case((saying("PLAIN"), good(993)), held(f"{HOST}:587:starttls"))
    more = replace(case, accounts=(SENDS, failing(READS, AccountReason.READ_TIMEOUT)))
    before = {suspect.id: suspect for suspect in diagnose(complaint, case)}
    for suspect in diagnose(complaint, more):
        assert set(before[suspect.id].pro) <= set(suspect.pro)
        assert set(before[suspect.id].contra) <= set(suspect.contra)
