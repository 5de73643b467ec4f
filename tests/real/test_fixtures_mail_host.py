"""The real mail host, seen by clients that are not ours: smtplib, imaplib, poplib, aiosmtplib, openssl."""

import asyncio
import imaplib
import poplib
import smtplib
import socket
import ssl
import subprocess
import time
from email.message import EmailMessage

import aiosmtplib
import pytest

from tests.servers.mail_host import MailHost, ScreenedHost
from tests.servers.process import wait_until

SECONDS = 15.0


@pytest.fixture
def trust(mail_host: MailHost) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(mail_host.ca_file))


@pytest.fixture(autouse=True)
def names_resolve_to_the_fixture(mail_host: MailHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """The libraries take one name for the address and the certificate; only the address is ours to say."""
    real = socket.create_connection

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        host = mail_host.address if address[0] == mail_host.name else address[0]
        return real((host, address[1]), SECONDS)

    monkeypatch.setattr(socket, "create_connection", connect)


def test_port_25_greets_and_offers_starttls_but_no_sign_in(
    mail_host: MailHost, trust: ssl.SSLContext
) -> None:
    with smtplib.SMTP(mail_host.name, 25, "client.test") as client:
        client.ehlo()
        assert client.has_extn("starttls")
        assert client.starttls(context=trust)[0] == 220
        client.ehlo()
        assert not client.has_extn("auth")
        assert not client.has_extn("starttls")


def test_port_587_offers_sign_in_only_after_tls(mail_host: MailHost, trust: ssl.SSLContext) -> None:
    with smtplib.SMTP(mail_host.name, 587, "client.test") as client:
        client.ehlo()
        assert not client.has_extn("auth")
        client.starttls(context=trust)
        client.ehlo()
        assert client.esmtp_features["auth"].split() == ["PLAIN", "LOGIN"]
        assert client.login(mail_host.user, mail_host.password)[0] == 235


def test_a_wrong_password_is_refused(mail_host: MailHost, trust: ssl.SSLContext) -> None:
    with smtplib.SMTP_SSL(mail_host.name, 465, "client.test", context=trust) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError) as refusal:
            client.login(mail_host.user, "wrong")
        assert refusal.value.smtp_code == 535
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("nobody", mail_host.password)


def test_imap_has_sign_in_only_after_tls(mail_host: MailHost, trust: ssl.SSLContext) -> None:
    with imaplib.IMAP4(mail_host.name, 143) as client:
        assert "LOGINDISABLED" in client.capabilities
        client.starttls(trust)
        assert "LOGINDISABLED" not in client.capabilities
        assert client.login(mail_host.user, mail_host.password)[0] == "OK"
    with imaplib.IMAP4_SSL(mail_host.name, 993, ssl_context=trust) as client:
        assert client.login(mail_host.mailbox, mail_host.password)[0] == "OK"


def test_pop3_with_stls_and_with_implicit_tls(mail_host: MailHost, trust: ssl.SSLContext) -> None:
    client = poplib.POP3(mail_host.name, 110)
    assert "STLS" in client.capa()
    with pytest.raises(poplib.error_proto):
        client.user(mail_host.user)
    client.stls(trust)
    client.user(mail_host.user)
    assert client.pass_(mail_host.password).startswith(b"+OK")
    client.quit()
    secure = poplib.POP3_SSL(mail_host.name, 995, context=trust)
    assert secure.getwelcome().startswith(b"+OK")
    secure.quit()


def test_a_message_sent_by_587_arrives_in_the_mailbox(mail_host: MailHost, trust: ssl.SSLContext) -> None:
    message = EmailMessage()
    message["From"] = message["To"] = mail_host.mailbox
    message["Subject"] = f"round trip {time.monotonic_ns()}"
    message.set_content("there and back")
    with smtplib.SMTP(mail_host.name, 587, "client.test") as client:
        client.starttls(context=trust)
        client.login(mail_host.user, mail_host.password)
        assert client.send_message(message) == {}
    with imaplib.IMAP4_SSL(mail_host.name, 993, ssl_context=trust) as reader:
        reader.login(mail_host.user, mail_host.password)

        def has_arrived() -> bool:
            reader.select("INBOX")
            return bool(reader.search(None, "SUBJECT", f'"{message["Subject"]}"')[1][0])

        assert wait_until(has_arrived, SECONDS), mail_host.postfix.log_text()


def test_postfix_keeps_its_mail_to_itself(mail_host: MailHost, trust: ssl.SSLContext) -> None:
    with smtplib.SMTP(mail_host.name, 25, "client.test") as client:
        client.ehlo()
        client.mail("a@client.test")
        assert client.rcpt("b@elsewhere.test")[0] == 554


async def test_an_asyncio_client_signs_in_as_well(mail_host: MailHost, trust: ssl.SSLContext) -> None:
    client = aiosmtplib.SMTP(hostname=mail_host.address, port=587, start_tls=False, timeout=SECONDS)
    async with client:
        await client.starttls(server_hostname=mail_host.name, tls_context=trust)
        assert (await client.login(mail_host.user, mail_host.password)).code == 235


@pytest.mark.parametrize(
    ("port", "starttls"),
    [(25, "smtp"), (465, None), (587, "smtp"), (143, "imap"), (993, None), (110, "pop3"), (995, None)],
)
def test_openssl_verifies_every_port(mail_host: MailHost, port: int, starttls: str | None) -> None:
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"{mail_host.address}:{port}", "-servername", mail_host.name]
        + ["-verify_hostname", mail_host.name, "-verify_return_error", "-CAfile", str(mail_host.ca_file)]
        + (["-starttls", starttls] if starttls else []),
        input="",
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Verification: OK" in done.stdout
    assert "TLSv1.3" in done.stdout


def test_the_log_tells_what_a_client_did(mail_host: MailHost) -> None:
    mark = f"mark-{time.monotonic_ns()}.client.test"
    with smtplib.SMTP(mail_host.name, 25, mark) as client:
        client.ehlo()
        client.mail("a@client.test")
        client.rcpt("b@elsewhere.test")
    assert wait_until(lambda: f"helo=<{mark}>" in mail_host.postfix.log_text(), SECONDS)


async def test_postscreen_makes_everyone_wait(screened_host: ScreenedHost) -> None:
    for source in ("127.0.26.1", "127.0.26.2"):
        reader, writer = await asyncio.open_connection(screened_host.address, 25, local_addr=(source, 0))
        first = await asyncio.wait_for(reader.readline(), SECONDS)
        start = time.monotonic()
        second = await asyncio.wait_for(reader.readline(), SECONDS)
        assert first.startswith(b"220-" + screened_host.name.encode())
        assert second.startswith(b"220 " + screened_host.name.encode())
        assert time.monotonic() - start >= screened_host.greet_wait - 0.5
        writer.close()
        await writer.wait_closed()


def test_postscreen_takes_no_mail_from_who_talks_too_early(screened_host: ScreenedHost) -> None:
    with socket.socket() as connection:
        connection.settimeout(SECONDS)
        connection.bind(("127.0.26.3", 0))
        connection.connect((screened_host.address, 25))
        stream = connection.makefile("rwb", buffering=0)
        assert stream.readline().startswith(b"220-")
        stream.write(b"HELO early.client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@mail.test>\r\n")
        assert stream.readline().startswith(b"250 ")
        assert stream.readline().startswith(b"250 ")
        assert stream.readline().startswith(b"550 5.5.1 ")
        stream.close()
    assert wait_until(lambda: "PREGREET" in screened_host.postfix.log_text(), SECONDS)
