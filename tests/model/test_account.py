"""The outcome of an account check as JSON, and the removal of secrets from text."""

import base64
import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from scanner.model.account import (
    AccountCheck,
    AccountPhase,
    AccountReason,
    AccountTls,
    Activity,
    to_account_record,
)
from scanner.model.redact import LONGEST_DETAIL, redact

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


def test_a_check_becomes_a_record_of_plain_values() -> None:
    check = AccountCheck(
        account="support",
        activity=Activity.SMTP,
        success=False,
        started_at=NOW,
        duration=0.25,
        host="mail.example.org",
        port=587,
        tls_mode=AccountTls.STARTTLS,
        reason=AccountReason.AUTH_FAILED,
        phases={AccountPhase.CONNECT: 0.02, AccountPhase.AUTH: 0.1},
    )
    record = json.loads(json.dumps(to_account_record(check)))
    assert record["reason"] == "auth_failed"
    assert record["started_at"] == "2026-01-02T03:04:05.678Z"
    assert record["phases"] == {"connect": 0.02, "auth": 0.1}
    assert record["tls_mode"] == "starttls"


@given(st.text(min_size=3, max_size=40), st.text(max_size=30), st.text(max_size=30))
def test_no_form_of_a_secret_survives(secret: str, before: str, after: str) -> None:
    secret = "".join(c for c in secret if not 0xD800 <= ord(c) <= 0xDFFF) + "Zq9!"
    plain = base64.b64encode(f"\0jane@example.org\0{secret}".encode()).decode()
    for form in (secret, base64.b64encode(secret.encode()).decode(), plain):
        shown = redact(f"{before} {form} {after}", [secret], users=["jane@example.org"])
        assert form not in shown
        assert len(shown) <= LONGEST_DETAIL
        assert shown.isprintable()


def test_a_short_secret_leaves_words_alone() -> None:
    assert redact("535 no\r\n", ["no"]) == "535 no\\r\\n"
