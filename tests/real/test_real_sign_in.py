"""Signing in at a real Postfix and a real Dovecot: every protocol, mode and mechanism; wrong passwords."""

from pathlib import Path

import pytest

from scanner.model.account import AccountPhase, AccountReason, Activity
from tests.accounts.account_world import make_account, make_checker
from tests.servers.mail_host import MailHost

PORTS = {
    Activity.SMTP: ("587:starttls", "465:ssl"),
    Activity.IMAP: ("143:starttls", "993:ssl"),
    Activity.POP3: ("110:starttls", "995:ssl"),
}
EVERYWHERE = [(activity, port) for activity, ports in PORTS.items() for port in ports]
FULL = {
    AccountPhase.DNS,
    AccountPhase.CONNECT,
    AccountPhase.GREETING,
    AccountPhase.TLS,
    AccountPhase.AUTH,
    AccountPhase.QUIT,
}


@pytest.mark.parametrize(("activity", "port"), EVERYWHERE)
@pytest.mark.parametrize("mechanism", ["auto", "plain", "login"])
async def test_a_good_password_signs_in(
    mail_host: MailHost, tmp_path: Path, activity: Activity, port: str, mechanism: str
) -> None:
    account = make_account(
        tmp_path, mail_host.password, mechanism=mechanism, **{activity.value: f"{mail_host.name}:{port}"}
    )
    check = await make_checker(mail_host.ca_file, {mail_host.name: mail_host.address}).check(
        account, activity
    )
    assert check.success, check
    assert (check.reason, check.detail, check.advice) == (None, None, None)
    wanted = FULL | ({AccountPhase.MAILBOXES} if activity is Activity.IMAP else set())
    assert set(check.phases) == wanted
    assert all(0 < seconds < check.duration for phase, seconds in check.phases.items() if phase != "dns")
    assert sum(check.phases.values()) <= check.duration
    assert check.address == mail_host.address
    if activity is Activity.IMAP:
        assert check.mailboxes == 1
    if mechanism != "auto":
        assert check.mechanism == mechanism.upper()


@pytest.mark.parametrize(("activity", "port"), EVERYWHERE)
async def test_a_wrong_password_is_refused_once_and_shown_nowhere(
    mail_host: MailHost, tmp_path: Path, activity: Activity, port: str
) -> None:
    secret = "not-the-password-Zq9"
    before = mail_host.dovecot_log_file.read_text().count("Password mismatch")
    account = make_account(tmp_path, secret, **{activity.value: f"{mail_host.name}:{port}"})
    check = await make_checker(mail_host.ca_file, {mail_host.name: mail_host.address}).check(
        account, activity
    )
    assert check.reason is AccountReason.AUTH_FAILED
    assert check.advice
    assert check.detail
    assert secret not in repr(check)
    assert mail_host.dovecot_log_file.read_text().count("Password mismatch") == before + 1
