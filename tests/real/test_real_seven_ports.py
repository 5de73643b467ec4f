"""A real Postfix and a real Dovecot on all seven ports, seen by mailport and by independent clients."""

import asyncio
import poplib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aioimaplib
import aiosmtplib
import pytest

from tests.cli.command import Outcome, run
from tests.cli.running_farm import RunningFarm, open_farm
from tests.servers.mail_host import MAIL_PORTS, MailHost, ScreenedHost
from tests.servers.process import wait_until

Records = dict[int, dict[str, Any]]


@pytest.fixture(scope="module")
def names(mail_host: MailHost, screened_host: ScreenedHost) -> Iterator[RunningFarm]:
    """A DNS server that knows the real hosts."""
    records = {host.name: {"A": [host.address]} for host in (mail_host, screened_host)}
    with open_farm((), records=records) as farm:
        yield farm


def scan(names: RunningFarm, host: MailHost | ScreenedHost, *arguments: str) -> Outcome:
    return run(
        *("scan", *arguments, "--format", "ndjson", "--allow-private", "--rate", "0", "--no-versions"),
        *("--resolver", names.farm.resolver, "--ca-file", str(host.ca_file)),
    )


@pytest.fixture(scope="module")
def records(names: RunningFarm, mail_host: MailHost) -> Records:
    """The records of one scan of the host by its name, by port."""
    outcome = scan(names, mail_host, mail_host.name)
    assert outcome.status == 0
    return {record["port"]: record for record in outcome.records}


def test_all_seven_ports_are_open_with_tls_and_a_good_certificate(
    records: Records, mail_host: MailHost
) -> None:
    assert set(records) == set(MAIL_PORTS)
    for record in records.values():
        assert (record["state"], record["reason"], record["level"]) == ("open", None, 4)
        assert (record["host"], record["address"]) == (mail_host.name, mail_host.address)
        assert record["tls"]["version"] == "TLSv1.3"
        certificate = record["certificate"]
        assert certificate["names"] == [mail_host.name]
        assert (certificate["trusted"], certificate["name_matches"], certificate["problems"]) == (
            True,
            True,
            [],
        )


@pytest.mark.parametrize("port", MAIL_PORTS)
def test_every_phase_of_the_way_is_timed(records: Records, port: int) -> None:
    clear = ["capabilities", "starttls"] if records[port]["tls_mode"] == "starttls" else []
    phases = records[port]["phases"]

    assert set(phases) == {"dns", "connect", "greeting", *clear, "tls", "capabilities_tls", "quit"}
    assert all(seconds >= 0 for seconds in phases.values())
    assert sum(phases.values()) - phases["dns"] <= records[port]["duration"]


def test_the_software_is_told_by_its_greeting(records: Records) -> None:
    assert {port: records[port]["software"] for port in MAIL_PORTS} == {
        **dict.fromkeys((25, 465, 587), "Postfix"),
        **dict.fromkeys((143, 993, 110, 995), "Dovecot"),
    }


def test_passwords_are_taken_inside_tls_only(records: Records) -> None:
    for port in (465, 587, 143, 993, 110, 995):
        assert "PLAIN" in records[port]["auth"]["after_tls"]
        assert not set(records[port]["auth"]["before_tls"] or ()) & {"PLAIN", "LOGIN", "USER"}
    assert "LOGINDISABLED" in records[143]["capabilities"]
    assert "LOGINDISABLED" not in records[143]["capabilities_tls"]


def test_nothing_critical_is_said_of_a_healthy_host(records: Records) -> None:
    assert [verdict["id"] for record in records.values() for verdict in record["verdicts"]] == []


async def test_an_independent_smtp_client_sees_the_same(records: Records, mail_host: MailHost) -> None:
    for port in (25, 587):
        client = aiosmtplib.SMTP(
            hostname=mail_host.address,
            port=port,
            start_tls=False,
            timeout=10,
            local_hostname="peer.mail.test",
        )
        await client.connect()
        await client.ehlo()
        assert client.supports_extension("starttls") == records[port]["starttls"]["offered"]
        before = {line.split()[0].lower() for line in records[port]["capabilities"]}
        assert set(client.esmtp_extensions) == before
        await client.starttls(validate_certs=False)
        await client.ehlo()
        after = {line.split()[0].lower() for line in records[port]["capabilities_tls"]}
        assert set(client.esmtp_extensions) == after
        assert {way.upper() for way in client.server_auth_methods} == set(records[port]["auth"]["after_tls"])
        await client.quit()


async def test_an_independent_imap_client_sees_the_same(records: Records, mail_host: MailHost) -> None:
    context = ssl.create_default_context(cafile=mail_host.ca_file)
    context.check_hostname = False
    client = aioimaplib.IMAP4_SSL(mail_host.address, 993, timeout=10, ssl_context=context)
    await client.wait_hello_from_server()
    await client.protocol.capability()
    assert set(client.protocol.capabilities) == set(records[993]["capabilities_tls"])
    await client.logout()
    # The library leaves the connection to the garbage collector.
    client.protocol.transport.abort()
    await asyncio.sleep(0)


def test_an_independent_pop3_client_sees_the_same(records: Records, mail_host: MailHost) -> None:
    context = ssl.create_default_context(cafile=mail_host.ca_file)
    context.check_hostname = False
    client = poplib.POP3(mail_host.address, 110, timeout=10)
    assert set(client.capa()) == {line.split()[0] for line in records[110]["capabilities"]}
    client.stls(context)
    assert set(client.capa()) == {line.split()[0] for line in records[110]["capabilities_tls"]}
    client.quit()


def test_the_servers_saw_polite_visits_and_no_sign_in(
    names: RunningFarm, records: Records, mail_host: MailHost
) -> None:
    before = len(mail_host.postfix.log_text())

    def news() -> str:
        return mail_host.postfix.log_text()[before:]

    assert scan(names, mail_host, mail_host.name).status == 0
    wait_until(lambda: news().count("disconnect from") >= 3, seconds=20)

    goodbyes = [line for line in news().splitlines() if "disconnect from" in line]
    assert all("quit=1" in line for line in goodbyes), goodbyes
    forbidden = [f" {word}=" for word in ("auth", "mail", "rcpt", "vrfy", "unknown")]
    assert not [line for line in goodbyes if any(word in line for word in forbidden)]
    assert "lost connection" not in news()


def test_a_greeting_that_comes_in_two_parts_is_waited_for(
    names: RunningFarm, screened_host: ScreenedHost, tmp_path: Path
) -> None:
    # From an address of its own: postscreen spares a client that it knows.
    config = tmp_path / "mailport.yml"
    config.write_text("probe:\n  source_address: 127.0.99.7\n")
    outcome = scan(names, screened_host, f"{screened_host.name}:25", "--config", str(config))
    (record,) = outcome.records

    # The first contact may end in a temporary refusal; talking too early never happens.
    assert record["state"] in ("open", "rejecting")
    assert record["banner"].count("220") == 2
    assert record["phases"]["greeting"] >= screened_host.greet_wait * 0.9
    assert "PREGREET from [127.0.99.7]" not in screened_host.postfix.log_text()
