"""What crosses the wire to a real server that must not get the password: every byte of it is looked at."""

import base64
import selectors
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scanner.model.account import AccountCheck, AccountReason, Activity
from tests.accounts.account_world import make_account, make_checker
from tests.servers.listener import PATIENCE_SECONDS, Listener, run_listener
from tests.servers.mail_host import MailHost
from tests.servers.stripper import run_stripper

USER = "probe@mail.test"
PORTS = [
    (Activity.SMTP, 587, "starttls"),
    (Activity.SMTP, 465, "ssl"),
    (Activity.IMAP, 143, "starttls"),
    (Activity.IMAP, 993, "ssl"),
    (Activity.POP3, 110, "starttls"),
    (Activity.POP3, 995, "ssl"),
]


@contextmanager
def run_recorder(server: tuple[str, int], sent: bytearray) -> Iterator[Listener]:
    """Stand before a server and write down every byte that comes from the client."""

    def serve(connection: socket.socket) -> None:
        with (
            socket.create_connection(server, PATIENCE_SECONDS) as upstream,
            selectors.DefaultSelector() as both,
        ):
            both.register(connection, selectors.EVENT_READ, upstream)
            both.register(upstream, selectors.EVENT_READ, connection)
            while True:
                for key, _ in both.select(PATIENCE_SECONDS):
                    source = connection if key.data is upstream else upstream
                    data = source.recv(65536)
                    if not data:
                        return
                    if source is connection:
                        sent.extend(data)
                    key.data.sendall(data)

    with run_listener("127.0.0.1", 0, serve) as listener:
        yield listener


def check_nothing_secret(sent: bytes, password: str) -> None:
    """Fail where the password, the user or a command that signs in is among the bytes, in whatever form."""
    words = [password, f"\0{USER}\0{password}", USER]
    forms = [form for word in words for form in (word.encode(), base64.b64encode(word.encode()))]
    for form in (*forms, b"AUTH", b"LOGIN ", b"USER ", b"PASS "):
        assert form not in sent


async def look(
    host: MailHost, folder: Path, activity: Activity, port: int, mode: str, ca_file: Path | None
) -> AccountCheck:
    account = make_account(folder, host.password, **{activity.value: f"{host.name}:{port}:{mode}"})
    return await make_checker(ca_file, {host.name: "127.0.0.1"}).check(account, activity)


@pytest.mark.parametrize(("activity", "port", "mode"), PORTS)
async def test_a_certificate_that_is_not_trusted_keeps_the_password_here(
    mail_host: MailHost, tmp_path: Path, activity: Activity, port: int, mode: str
) -> None:
    sent = bytearray()
    with run_recorder((mail_host.address, port), sent) as recorder:
        check = await look(mail_host, tmp_path, activity, recorder.port, mode, None)
        assert check.reason is AccountReason.CERTIFICATE_UNTRUSTED, check
        trusted = await look(mail_host, tmp_path, activity, recorder.port, mode, mail_host.ca_file)
    assert trusted.success, trusted
    assert recorder.connections == 2
    # Neither in clear before TLS: of the second visit all that is secret is encrypted.
    check_nothing_secret(bytes(sent), mail_host.password)


async def test_where_starttls_is_taken_out_on_the_way_the_password_stays_here(
    mail_host: MailHost, tmp_path: Path
) -> None:
    sent = bytearray()
    with (
        run_stripper(("127.0.0.1", 0), (mail_host.address, 587)) as stripper,
        run_recorder(("127.0.0.1", stripper.port), sent) as recorder,
    ):
        check = await look(mail_host, tmp_path, Activity.SMTP, recorder.port, "starttls", mail_host.ca_file)
    assert check.reason is AccountReason.STARTTLS_MISSING, check
    assert sent.startswith(b"EHLO ")
    check_nothing_secret(bytes(sent), mail_host.password)
