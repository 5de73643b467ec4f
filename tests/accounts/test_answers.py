"""What servers really answer to a sign-in, and what it is taken for: texts of well-known providers."""

import base64
from pathlib import Path

import pytest

from scanner.model.account import AccountReason, Activity
from tests.accounts.account_world import SECRET, make_account, make_checker
from tests.accounts.scripted import SERVERS, run_scripted
from tests.servers.certificates import Authority

NAME = "scripted.mail.test"
R = AccountReason
SMTP, IMAP, POP3 = Activity.SMTP, Activity.IMAP, Activity.POP3
LONG = "334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiQmVhcmVyIn0=\r\n"

SMTP_ANSWERS = [
    ("535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6", R.AUTH_FAILED),
    (
        "535-5.7.8 Username and Password not accepted.\r\n535 5.7.8  https://support.example - gsmtp",
        R.AUTH_FAILED,
    ),
    ("535 5.7.3 Authentication unsuccessful [AM0PR0.example]", R.AUTH_FAILED),
    ("535 Authentication credentials invalid", R.AUTH_FAILED),
    (
        "534-5.7.9 Application-specific password required. Learn more\r\n534 5.7.9 - gsmtp",
        R.APP_PASSWORD_REQUIRED,
    ),
    ("534-5.7.14 Please log in via your web browser\r\n534 5.7.14 - gsmtp", R.WEB_LOGIN_REQUIRED),
    (
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
        R.AUTH_DISABLED,
    ),
    ("535 5.7.139 Authentication unsuccessful, basic authentication is disabled.", R.AUTH_DISABLED),
    ("550 5.7.30 Basic authentication is not supported for Client Submission.", R.AUTH_DISABLED),
    ("530 5.7.0 Must issue a STARTTLS command first", R.ENCRYPTION_REQUIRED),
    ("538 5.7.11 Encryption required for requested authentication mechanism", R.ENCRYPTION_REQUIRED),
    ("504 5.5.4 Unrecognized authentication type", R.MECHANISM_UNSUPPORTED),
    ("504 5.7.4 Unrecognized authentication type", R.MECHANISM_UNSUPPORTED),
    (
        "454 4.7.0 Temporary authentication failure: Connection lost to authentication server",
        R.AUTH_SERVER_TROUBLE,
    ),
    ("421 4.7.0 Too many login attempts, please try again later", R.RATE_LIMITED),
    ("421 4.7.0 Try again later, closing connection. - gsmtp", R.RATE_LIMITED),
    ("535 5.7.0 (#AUTH005) Too many bad auth attempts.", R.RATE_LIMITED),
    ("534 5.7.12 A password transition is needed", R.PASSWORD_EXPIRED),
    ("525 5.7.13 User account is disabled", R.PASSWORD_EXPIRED),
    ("503 5.5.1 Error: authentication not enabled", R.AUTH_NOT_OFFERED),
    ("502 5.5.2 Error: command not recognized", R.AUTH_DISABLED),
    ("502 5.5.1 AUTH command disabled", R.AUTH_DISABLED),
    ("500 5.5.1 Command unrecognized: AUTH", R.AUTH_DISABLED),
    ("500 what?", R.AUTH_DISABLED),
    ("504 Command parameter not implemented", R.MECHANISM_UNSUPPORTED),
    ("504 5.5.1 AUTH PLAIN is not for you", R.MECHANISM_UNSUPPORTED),
    ("504 5.5.2 not here", R.MECHANISM_UNSUPPORTED),
    ("500 5.5.6 Authentication Exchange line is too long", R.PROTOCOL_ERROR),
    ("500 5.5.2 Line too long", R.PROTOCOL_ERROR),
    ("501 5.5.2 Cannot decode what was sent", R.PROTOCOL_ERROR),
    ("599 what nobody ever said", R.SERVER_REFUSED),
    ("hello?", R.PROTOCOL_ERROR),
]
IMAP_ANSWERS = [
    ("TAG NO [AUTHENTICATIONFAILED] Authentication failed.", R.AUTH_FAILED),
    ("TAG NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)", R.AUTH_FAILED),
    ("TAG NO LOGIN failed.", R.AUTH_FAILED),
    ("TAG NO", R.AUTH_FAILED),
    (
        "TAG NO [ALERT] Application-specific password required: https://support.example",
        R.APP_PASSWORD_REQUIRED,
    ),
    ("TAG NO [ALERT] Please log in via your web browser", R.WEB_LOGIN_REQUIRED),
    ("TAG NO [ALERT] Your account is not enabled for IMAP use.", R.PROTOCOL_DISABLED),
    ("TAG NO [UNAVAILABLE] Temporary authentication failure.", R.AUTH_SERVER_TROUBLE),
    ("TAG NO [CONTACTADMIN] Account is locked by the administrator", R.PASSWORD_EXPIRED),
    ("TAG NO [EXPIRED] Password expired.", R.PASSWORD_EXPIRED),
    ("TAG NO [PRIVACYREQUIRED] Plaintext authentication disallowed.", R.ENCRYPTION_REQUIRED),
    ("TAG NO [LIMIT] Too many simultaneous connections. (Failure)", R.RATE_LIMITED),
    ("TAG NO [INUSE] Mailbox is in use", R.IN_USE),
    ("TAG BAD Error in IMAP command received by server.", R.PROTOCOL_ERROR),
    ("* BYE [UNAVAILABLE] Temporary internal error\r\n", R.AUTH_SERVER_TROUBLE),
    ("WRONGTAG OK you are in", R.PROTOCOL_ERROR),
    ("TAG MAYBE", R.PROTOCOL_ERROR),
]
POP3_ANSWERS = [
    ("-ERR [AUTH] Authentication failed.", R.AUTH_FAILED),
    ("-ERR [AUTH] Username and password not accepted.", R.AUTH_FAILED),
    ("-ERR Logon failure: unknown user name or bad password.", R.AUTH_FAILED),
    ("-ERR", R.AUTH_FAILED),
    ("-ERR [AUTH] Application-specific password required", R.APP_PASSWORD_REQUIRED),
    ("-ERR [SYS/PERM] Your account is not enabled for POP access.", R.PROTOCOL_DISABLED),
    ("-ERR [SYS/TEMP] Temporary authentication failure.", R.AUTH_SERVER_TROUBLE),
    ("-ERR [IN-USE] Mailbox is locked by another session", R.IN_USE),
    ("-ERR [LOGIN-DELAY] minimum time between mail checks violation", R.RATE_LIMITED),
    ("-ERR Working without SSL/TLS is not allowed", R.ENCRYPTION_REQUIRED),
    ("what?", R.PROTOCOL_ERROR),
]
CASES = [
    *((SMTP, (f"{text}\r\n",), reason) for text, reason in SMTP_ANSWERS),
    *((IMAP, ("+ \r\n", f"{text}\r\n"), reason) for text, reason in IMAP_ANSWERS),
    *((POP3, ("+OK go on\r\n", f"{text}\r\n"), reason) for text, reason in POP3_ANSWERS),
]


@pytest.mark.parametrize(("activity", "answers", "reason"), CASES, ids=lambda part: str(part)[:60])
async def test_an_answer_is_taken_for_what_it_means(
    authority: Authority, tmp_path: Path, activity: Activity, answers: tuple[str, ...], reason: AccountReason
) -> None:
    with run_scripted(authority.issue(NAME), SERVERS[activity](*answers)) as server:
        account = make_account(tmp_path, **{activity.value: f"{NAME}:{server.port}:ssl"})
        check = await make_checker(authority.ca_file, {NAME: "127.0.0.1"}).check(account, activity)
    assert check.reason is reason, check
    assert check.advice
    assert not check.success


@pytest.mark.parametrize("activity", [SMTP, IMAP, POP3])
async def test_an_answer_that_repeats_the_password_does_not_show_it(
    authority: Authority, tmp_path: Path, activity: Activity
) -> None:
    plain = base64.b64encode(f"\0probe@mail.test\0{SECRET}".encode()).decode()
    words = f"{SECRET} {plain} {base64.b64encode(SECRET.encode()).decode()}"
    refusal = {SMTP: f"535 5.7.8 {words}", IMAP: f"TAG NO {words}", POP3: f"-ERR {words}"}[activity]
    before = {SMTP: (), IMAP: ("+ \r\n",), POP3: ("+OK\r\n",)}[activity]
    with run_scripted(authority.issue(NAME), SERVERS[activity](*before, f"{refusal}\r\n")) as server:
        account = make_account(tmp_path, **{activity.value: f"{NAME}:{server.port}:ssl"})
        check = await make_checker(authority.ca_file, {NAME: "127.0.0.1"}).check(account, activity)
    assert check.reason is R.AUTH_FAILED
    assert check.detail is not None
    assert check.detail.count("***") >= 3
    assert SECRET not in check.detail
    assert plain not in check.detail


async def test_a_library_error_that_repeats_the_command_does_not_show_the_password(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With LOGIN the password stands in the command, which aioimaplib puts into its errors and its log."""
    caplog.set_level(1)
    script = SERVERS[IMAP]("ZZZ9 OK of another command\r\n", inside="IMAP4rev1")
    with run_scripted(authority.issue(NAME), script) as server:
        account = make_account(tmp_path, imap=f"{NAME}:{server.port}:ssl")
        check = await make_checker(authority.ca_file, {NAME: "127.0.0.1"}).check(account, IMAP)
    assert (check.reason, check.mechanism) == (R.PROTOCOL_ERROR, "LOGIN")
    assert b"LOGIN" in server.heard
    assert "battery" not in repr(check)
    assert "battery" not in caplog.text


@pytest.mark.parametrize(
    ("activity", "answers", "reason"),
    [
        (SMTP, (LONG, "535 5.7.8 Username and Password not accepted\r\n"), R.AUTH_FAILED),
        (
            IMAP,
            ("+ \r\n", "+ eyJzdGF0dXMiOiI0MDAifQ==\r\n", "TAG NO [AUTHENTICATIONFAILED] no\r\n"),
            R.AUTH_FAILED,
        ),
        (POP3, ("+ \r\n", "+ eyJzdGF0dXMiOiI0MDAifQ==\r\n", "-ERR [AUTH] no\r\n"), R.AUTH_FAILED),
        (SMTP, ("235 2.7.0 Accepted\r\n",), None),
        (IMAP, ("+ \r\n", "TAG OK in\r\n"), None),
        (POP3, ("+ \r\n", "+OK in\r\n"), None),
    ],
)
async def test_a_token_is_sent_as_xoauth2_and_its_refusal_is_heard_to_the_end(
    authority: Authority,
    tmp_path: Path,
    activity: Activity,
    answers: tuple[str, ...],
    reason: AccountReason | None,
) -> None:
    with run_scripted(authority.issue(NAME), SERVERS[activity](*answers)) as server:
        account = make_account(
            tmp_path,
            token_command=["/bin/sh", "-c", "echo ya29.a0AfH6-token"],
            **{activity.value: f"{NAME}:{server.port}:ssl"},
        )
        check = await make_checker(authority.ca_file, {NAME: "127.0.0.1"}).check(account, activity)
    assert (check.reason, check.mechanism) == (reason, "XOAUTH2"), check
    sent = base64.b64encode(b"user=probe@mail.test\1auth=Bearer ya29.a0AfH6-token\1\1")
    assert sent in server.heard
    assert "ya29" not in repr(check)


@pytest.mark.parametrize(
    ("activity", "offer", "reason"),
    [
        (SMTP, ("AUTH XOAUTH2",), R.OAUTH_REQUIRED),
        (SMTP, ("AUTH CRAM-MD5",), R.MECHANISM_UNSUPPORTED),
        (SMTP, ("8BITMIME",), R.AUTH_NOT_OFFERED),
        (IMAP, "IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2", R.OAUTH_REQUIRED),
        (IMAP, "IMAP4rev1 LOGINDISABLED", R.AUTH_NOT_OFFERED),
        (POP3, ("SASL XOAUTH2",), R.OAUTH_REQUIRED),
    ],
)
async def test_what_is_not_offered_is_not_tried(
    authority: Authority, tmp_path: Path, activity: Activity, offer: object, reason: AccountReason
) -> None:
    with run_scripted(authority.issue(NAME), SERVERS[activity](inside=offer)) as server:
        account = make_account(tmp_path, **{activity.value: f"{NAME}:{server.port}:ssl"})
        check = await make_checker(authority.ca_file, {NAME: "127.0.0.1"}).check(account, activity)
    assert check.reason is reason, check
    assert b"AUTH " not in server.heard
    assert b"LOGIN " not in server.heard
    assert b"USER " not in server.heard
