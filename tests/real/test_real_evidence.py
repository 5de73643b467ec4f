"""What a record says of a real host, held against the servers' own logs and against Python's own TLS."""

import hashlib
import imaplib
import json
import poplib
import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.command import run
from tests.cli.running_farm import open_farm
from tests.model.schema_check import check_records
from tests.servers.certificates import CA_NAME
from tests.servers.mail_host import MAIL_PORTS, MailHost
from tests.servers.process import wait_until

SECONDS = 15.0
OUR_ADDRESS = "127.0.91.7"
"""Where the probes come from, so that the servers' logs tell them from all others."""
OUR_NAME = "probe.client.test"

Records = dict[int, dict[str, Any]]


@pytest.fixture(scope="module")
def settings(mail_host: MailHost) -> Iterator[dict[str, Any]]:
    """A configuration that knows the host by its name and comes from an address of its own."""
    with open_farm((), records={mail_host.name: {"A": [mail_host.address]}}) as names:
        yield {
            "targets": [f"{mail_host.name}:{port}" for port in MAIL_PORTS],
            "probe": {
                "source_address": OUR_ADDRESS,
                "ehlo_name": OUR_NAME,
                "ca_file": str(mail_host.ca_file),
                "allow_private": True,
                "versions_interval": None,  # a sweep's connections have an end of their own in the logs
            },
            "limits": {"rate": 0, "per_address_gap": 0},
            "resolver": {"servers": [names.farm.resolver]},
        }


@pytest.fixture(scope="module")
def records(settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Records:
    """The records of one scan, by port."""
    path = tmp_path_factory.mktemp("evidence") / "mailport.yml"
    path.write_text(yaml.safe_dump(settings))
    outcome = run("scan", "--config", path, "--format", "json", "--fail-on", "warning")
    assert outcome.status == 0
    found = json.loads(outcome.stdout)
    check_records(found)
    assert len(found) == len(MAIL_PORTS)
    return {record["port"]: record for record in found}


def lines_of_ours(log: Path, wanted: str, number: int) -> list[str]:
    """Wait until a server's log tells that our connections have ended; return those lines."""

    def lines() -> list[str]:
        return [line for line in log.read_text("utf-8").splitlines() if OUR_ADDRESS in line]

    assert wait_until(lambda: sum(wanted in line for line in lines()) >= number, SECONDS), lines()
    return lines()


def test_postfix_saw_each_step_once_and_a_quit(records: Records, mail_host: MailHost) -> None:
    lines = lines_of_ours(mail_host.postfix.log_file, " disconnect from ", 3)
    ends = sorted(line.partition(f"[{OUR_ADDRESS}] ")[2] for line in lines if " disconnect from " in line)
    with_starttls = "ehlo=2 starttls=1 quit=1 commands=4"
    assert ends == ["ehlo=1 quit=1 commands=2", with_starttls, with_starttls]
    assert not [line for line in lines if re.search("lost connection|timeout|error|improper", line)]


def test_dovecot_saw_a_logout_and_no_attempt_to_sign_in(records: Records, mail_host: MailHost) -> None:
    lines = lines_of_ours(mail_host.dovecot_log_file, "", 4)
    assert len(lines) == 4
    for line in lines:
        assert "Aborted login by logging out (no auth attempts" in line
        assert ", TLS, " in line


@dataclass(frozen=True, slots=True)
class Seen:
    """What one of Python's own clients saw on a port once TLS was on."""

    version: str | None
    cipher: str
    fingerprint: str
    capabilities: list[str]


def facts_of(sock: object, capabilities: list[str]) -> Seen:
    assert isinstance(sock, ssl.SSLSocket)
    cipher, certificate = sock.cipher(), sock.getpeercert(binary_form=True)
    assert cipher is not None
    assert certificate is not None
    return Seen(sock.version(), cipher[0], hashlib.sha256(certificate).hexdigest(), capabilities)


def see_smtp(host: MailHost, port: int, context: ssl.SSLContext) -> Seen:
    peer = "peer.client.test"
    with (
        smtplib.SMTP_SSL(host.address, port, peer, context=context)
        if port == 465
        else smtplib.SMTP(host.address, port, peer)
    ) as client:
        if port != 465:
            client.starttls(context=context)
        _, *capabilities = client.ehlo()[1].decode().split("\n")
        return facts_of(client.sock, capabilities)


def see_imap(host: MailHost, port: int, context: ssl.SSLContext) -> Seen:
    with (
        imaplib.IMAP4_SSL(host.address, port, ssl_context=context)
        if port == 993
        else imaplib.IMAP4(host.address, port)
    ) as client:
        if port != 993:
            client.starttls(context)
        return facts_of(client.sock, client.capability()[1][0].decode().split())


def see_pop3(host: MailHost, port: int, context: ssl.SSLContext) -> Seen:
    client = (
        poplib.POP3_SSL(host.address, port, context=context)
        if port == 995
        else poplib.POP3(host.address, port)
    )
    with closing(client):
        if port != 995:
            client.stls(context)
        capabilities = [" ".join((word, *rest)) for word, rest in client.capa().items()]
        return facts_of(client.sock, capabilities)


SEE = {"smtp": see_smtp, "imap": see_imap, "pop3": see_pop3}


@pytest.mark.parametrize("port", MAIL_PORTS)
def test_python_sees_the_same_tls_certificate_and_capabilities(
    port: int, records: Records, mail_host: MailHost
) -> None:
    context = ssl.create_default_context(cafile=str(mail_host.ca_file))
    context.check_hostname = False  # its clients know the host by its address only
    record = records[port]
    seen = SEE[record["protocol"]](mail_host, port, context)
    assert (record["tls"]["version"], record["tls"]["cipher"]) == (seen.version, seen.cipher)
    assert record["certificate"]["fingerprint_sha256"] == seen.fingerprint
    assert record["capabilities_tls"] == seen.capabilities


@pytest.mark.parametrize("port", MAIL_PORTS)
def test_the_certificate_is_the_one_that_was_issued(port: int, records: Records, mail_host: MailHost) -> None:
    certificate = records[port]["certificate"]
    assert datetime.fromisoformat(certificate["not_after"]) == mail_host.leaf.not_after
    assert certificate["names"] == list(mail_host.leaf.names)
    assert certificate["issuer"] == f"CN={CA_NAME}"
    assert certificate["key"] == "EC secp256r1"
    assert certificate["chain_length"] == 2
