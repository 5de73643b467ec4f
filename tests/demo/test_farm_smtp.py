"""The farm's SMTP servers, as aiosmtplib and a bare socket see them."""

import asyncio
import ssl
from collections.abc import AsyncIterator

import aiosmtplib
import pytest

from scanner.demo import Farm, Scenario, rows_of
from scanner.model import Protocol

NAMES = (
    "healthy",
    "starttls-last",
    "starttls-lower-case",
    "starttls-masked",
    "starttls-tempfail",
    "starttls-refused",
    "starttls-injected",
    "starttls-in-tls",
    "auth-missing",
    "auth-in-clear",
    "helo-only",
    "greeting-554",
    "greeting-421",
    "greeting-lines",
)


@pytest.fixture
async def farm() -> AsyncIterator[Farm]:
    rows = [row for row in rows_of(*NAMES) if row.protocol is Protocol.SMTP]
    async with Farm(rows, base=None) as opened:
        yield opened
    assert not [entry for entry in opened.log if entry.event.startswith("fault")]


def find(farm: Farm, name: str, port: int) -> Scenario:
    return next(row for row in farm.scenarios if (row.name, row.port) == (name, port))


def trusting(farm: Farm) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=farm.ca_file)


def client_of(farm: Farm, row: Scenario) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(
        hostname=farm.address_of(row),
        port=farm.port_of(row),
        local_hostname="client.example",
        start_tls=False,
        use_tls=False,
        timeout=5,
    )


async def talk(farm: Farm, row: Scenario, *commands: bytes) -> list[bytes]:
    """Send each command after the reply before it, and return the replies, the greeting first."""
    reader, writer = await asyncio.open_connection(farm.address_of(row), farm.port_of(row))
    replies = []
    async with asyncio.timeout(5):
        for command in (b"", *commands):
            writer.write(command)
            lines = [await reader.readline()]
            while lines[-1][3:4] == b"-":
                lines.append(await reader.readline())
            replies.append(b"".join(lines))
    writer.close()
    await writer.wait_closed()
    return replies


@pytest.mark.parametrize("port", [25, 587])
async def test_starttls_upgrades_to_a_trusted_session_without_a_second_offer(farm: Farm, port: int) -> None:
    row = find(farm, "healthy", port)
    async with client_of(farm, row) as client:
        await client.ehlo()
        assert client.supports_extension("starttls")
        assert not client.supports_extension("auth")
        code, _ = await client.starttls(server_hostname=row.host, tls_context=trusting(farm))
        assert code == 220
        await client.ehlo()
        assert not client.supports_extension("starttls")
        assert client.supports_extension("auth") is (port == 587)
        assert (await client.noop()).code == 250


async def test_implicit_tls_comes_before_the_greeting(farm: Farm) -> None:
    row = find(farm, "healthy", 465)
    reader, writer = await asyncio.open_connection(
        farm.address_of(row), farm.port_of(row), ssl=trusting(farm), server_hostname=row.host
    )
    assert await reader.readline() == b"220 healthy.mail.test ESMTP Postfix\r\n"
    writer.write(b"EHLO client.example\r\nQUIT\r\n")
    rest = await reader.read()
    assert b"250-AUTH PLAIN LOGIN\r\n" in rest or b"250 AUTH PLAIN LOGIN\r\n" in rest
    assert b"STARTTLS" not in rest
    assert rest.endswith(b"221 2.0.0 Bye\r\n")
    writer.close()
    await writer.wait_closed()


async def test_commands_that_send_mail_are_unknown(farm: Farm) -> None:
    commands = [b"MAIL FROM:<a@example>\r\n", b"AUTH PLAIN AGEAYg==\r\n", b"VRFY root\r\n", b"QUIT\r\n"]
    replies = await talk(farm, find(farm, "healthy", 25), *commands)
    assert [reply[:3] for reply in replies] == [b"220", b"502", b"502", b"502", b"221"]


async def test_what_was_sent_in_clear_behind_starttls_is_forgotten(farm: Farm) -> None:
    row = find(farm, "healthy", 587)
    reader, writer = await asyncio.open_connection(farm.address_of(row), farm.port_of(row))
    await reader.readline()
    writer.write(b"EHLO client.example\r\n")
    while not (await reader.readline()).startswith(b"250 "):
        pass
    writer.write(b"STARTTLS\r\nEHLO injected.example\r\n")
    assert (await reader.readline()).startswith(b"220 ")
    await writer.start_tls(trusting(farm), server_hostname=row.host)
    writer.write(b"NOOP\r\n")
    assert await reader.readline() == b"250 2.0.0 Ok\r\n"
    writer.close()
    await writer.wait_closed()
    assert "line EHLO injected.example" not in [entry.event for entry in farm.log]


@pytest.mark.parametrize(
    ("name", "line"), [("starttls-last", b"250 STARTTLS\r\n"), ("starttls-lower-case", b"250-starttls\r\n")]
)
async def test_the_keyword_stands_where_the_scenario_says(farm: Farm, name: str, line: bytes) -> None:
    _, reply = await talk(farm, find(farm, name, 25), b"EHLO client.example\r\n")
    assert line in reply.splitlines(keepends=True)


async def test_a_masking_firewall_hides_banner_and_keyword(farm: Farm) -> None:
    row = find(farm, "starttls-masked", 25)
    greeting, ehlo, starttls = await talk(farm, row, b"EHLO client.example\r\n", b"STARTTLS\r\n")
    assert greeting.startswith(b"220 ******")
    assert b"250-XXXXXXXA\r\n" in ehlo
    assert b"STARTTLS" not in ehlo
    assert starttls.startswith(b"500 5.5.1")


@pytest.mark.parametrize(("name", "code"), [("starttls-tempfail", b"454"), ("starttls-refused", b"502")])
async def test_starttls_is_offered_and_refused(farm: Farm, name: str, code: bytes) -> None:
    _, ehlo, starttls = await talk(farm, find(farm, name, 587), b"EHLO client.example\r\n", b"STARTTLS\r\n")
    assert b"STARTTLS" in ehlo
    assert starttls.startswith(code)


async def test_the_injector_sends_plaintext_in_the_same_segment_and_then_does_tls(farm: Farm) -> None:
    row = find(farm, "starttls-injected", 587)
    reader, writer = await asyncio.open_connection(farm.address_of(row), farm.port_of(row))
    await reader.readline()
    writer.write(b"STARTTLS\r\n")
    segment = await reader.read(1000)
    assert segment.startswith(b"220 ")
    assert segment.endswith(b"250 AUTH PLAIN\r\n")
    await writer.start_tls(trusting(farm), server_hostname=row.host)
    writer.write(b"EHLO client.example\r\n")
    assert await reader.readline() == b"250-starttls-injected.mail.test\r\n"
    writer.close()
    await writer.wait_closed()


async def test_ehlo_is_refused_and_helo_works(farm: Farm) -> None:
    row = find(farm, "helo-only", 587)
    replies = await talk(farm, row, b"EHLO client.example\r\n", b"HELO client.example\r\n", b"STARTTLS\r\n")
    assert [reply[:3] for reply in replies] == [b"220", b"502", b"250", b"502"]


async def test_554_waits_for_quit(farm: Farm) -> None:
    row = find(farm, "greeting-554", 25)
    replies = await talk(farm, row, b"EHLO client.example\r\n", b"QUIT\r\n")
    assert [reply[:3] for reply in replies] == [b"554", b"503", b"221"]


async def test_421_is_followed_by_the_end(farm: Farm) -> None:
    row = find(farm, "greeting-421", 25)
    reader, writer = await asyncio.open_connection(farm.address_of(row), farm.port_of(row))
    assert (await reader.read()).startswith(b"421 ")
    writer.close()
    await writer.wait_closed()


async def test_a_long_greeting_ends_with_a_line_without_a_dash(farm: Farm) -> None:
    (greeting,) = await talk(farm, find(farm, "greeting-lines", 25))
    assert greeting.count(b"\r\n") == 21


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("auth-missing", (True, False), (False, False)),
        ("auth-in-clear", (True, True), (False, True)),
        ("starttls-in-tls", (True, False), (True, True)),
    ],
)
async def test_offers_before_and_after_tls(
    farm: Farm, name: str, before: tuple[bool, bool], after: tuple[bool, bool]
) -> None:
    row = find(farm, name, 587)
    async with client_of(farm, row) as client:
        await client.ehlo()
        assert (client.supports_extension("starttls"), client.supports_extension("auth")) == before
        await client.starttls(server_hostname=row.host, tls_context=trusting(farm))
        await client.ehlo()
        assert (client.supports_extension("starttls"), client.supports_extension("auth")) == after
