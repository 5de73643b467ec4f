"""A real Postfix and Dovecot that are strict: tokens, TLS before anything, and who may send as whom."""

import sys
from pathlib import Path

import pytest
from aiosmtplib import SMTP, SMTPException, SMTPRecipientsRefused

from scanner.accounts.attempt import AccountFailure, Attempt
from scanner.accounts.reasons import Stage, read_reply
from scanner.accounts.smtp_sign_in import open_smtp
from scanner.accounts.way import Login, Visit
from scanner.config.account_secrets import Secret
from scanner.config.account_values import AccountServer
from scanner.model.account import AccountPhase, AccountReason, AccountTls, Activity
from tests.accounts.account_world import make_account, make_checker
from tests.servers.mail_host import MailHost
from tests.servers.token_host import EXPIRED, TOKEN, TokenHost

R = AccountReason
PORTS = {Activity.SMTP: "587:starttls", Activity.IMAP: "993:ssl", Activity.POP3: "995:ssl"}
MESSAGE = b"From: probe@mail.test\r\nTo: probe@mail.test\r\nSubject: a test\r\n\r\nA line.\r\n"


def token_command(token: str) -> list[str]:
    return [sys.executable, "-c", f"print({token!r})"]


@pytest.mark.parametrize("activity", list(PORTS))
async def test_a_token_signs_in_where_a_local_server_vouches_for_it(
    token_host: TokenHost, tmp_path: Path, activity: Activity
) -> None:
    account = make_account(
        tmp_path,
        token_command=token_command(TOKEN),
        token_timeout=60,
        **{activity.value: f"{token_host.name}:{PORTS[activity]}"},
    )
    check = await make_checker(token_host.ca_file, {token_host.name: token_host.address}).check(
        account, activity
    )
    assert check.success, (check, [log.read_text()[-2000:] for log in token_host.logs])
    assert check.mechanism == "XOAUTH2"
    assert TOKEN in token_host.asked


@pytest.mark.parametrize("activity", list(PORTS))
async def test_a_token_that_has_expired_is_refused(
    token_host: TokenHost, tmp_path: Path, activity: Activity
) -> None:
    account = make_account(
        tmp_path,
        token_command=token_command(EXPIRED),
        token_timeout=60,
        **{activity.value: f"{token_host.name}:{PORTS[activity]}"},
    )
    check = await make_checker(token_host.ca_file, {token_host.name: token_host.address}).check(
        account, activity
    )
    assert check.reason is R.AUTH_FAILED, check
    assert EXPIRED not in repr(check)
    assert EXPIRED in token_host.asked


@pytest.mark.parametrize("activity", list(PORTS))
async def test_where_only_tokens_are_taken_the_password_is_not_sent(
    token_only_host: TokenHost, tmp_path: Path, activity: Activity
) -> None:
    host = token_only_host
    account = make_account(tmp_path, host.password, **{activity.value: f"{host.name}:{PORTS[activity]}"})
    check = await make_checker(host.ca_file, {host.name: host.address}).check(account, activity)
    assert check.reason is R.OAUTH_REQUIRED, check
    assert "token_command" in (check.advice or "")


@pytest.mark.parametrize(
    ("activity", "port"), [(Activity.SMTP, 587), (Activity.IMAP, 143), (Activity.POP3, 110)]
)
async def test_a_server_that_wants_tls_first_says_so_to_whoever_goes_without(
    mail_host: MailHost, tmp_path: Path, activity: Activity, port: int
) -> None:
    account = make_account(
        tmp_path,
        mail_host.password,
        allow_unencrypted=True,
        **{activity.value: f"{mail_host.name}:{port}:none"},
    )
    check = await make_checker(mail_host.ca_file, {mail_host.name: mail_host.address}).check(
        account, activity
    )
    assert check.reason is R.ENCRYPTION_REQUIRED, check


async def test_port_25_has_no_sign_in(mail_host: MailHost, tmp_path: Path) -> None:
    account = make_account(tmp_path, mail_host.password, smtp=f"{mail_host.name}:25:starttls")
    check = await make_checker(mail_host.ca_file, {mail_host.name: mail_host.address}).check(
        account, Activity.SMTP
    )
    assert check.reason is R.AUTH_NOT_OFFERED, check


@pytest.mark.parametrize(
    ("sender", "recipient", "size", "reason"),
    [
        ("somebody.else@mail.test", "probe@mail.test", 0, R.SENDER_REFUSED),
        ("probe@mail.test", "nobody@mail.test", 0, R.RECIPIENT_REFUSED),
        ("probe@mail.test", "probe@mail.test", 30_000, R.MESSAGE_REFUSED),
    ],
)
async def test_what_is_refused_after_the_sign_in_is_told_by_its_step(
    token_host: TokenHost, sender: str, recipient: str, size: int, reason: AccountReason
) -> None:
    way = make_checker(token_host.ca_file, {token_host.name: token_host.address}).way
    server = AccountServer(token_host.name, 587, AccountTls.STARTTLS)
    visit = Visit(server, Login(token_host.user, Secret(token_host.password)))
    attempt = Attempt(60)

    async def send() -> None:
        async with open_smtp(attempt, way, visit) as client:
            attempt.current = AccountPhase.SUBMIT
            await client.sendmail(sender, [recipient], MESSAGE + b"x" * size)

    with pytest.raises(AccountFailure) as caught:
        await send()
    assert caught.value.reason is reason, caught.value
    assert not isinstance(caught.value, SMTPException)


async def test_without_a_sign_in_mail_for_others_is_refused_as_relaying(mail_host: MailHost) -> None:
    """The words of a real Postfix, read as an account check reads them."""
    async with SMTP(hostname=mail_host.address, port=25, start_tls=False) as client:
        with pytest.raises(SMTPRecipientsRefused) as caught:
            await client.sendmail("probe@mail.test", ["jane@elsewhere.test"], MESSAGE)
    refused = caught.value.recipients[0]
    assert read_reply(f"{refused.code} {refused.message}", Stage.RECIPIENT) is R.RELAY_DENIED
