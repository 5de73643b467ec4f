"""The farm's IMAP and POP3 servers, as aioimaplib, imaplib, poplib and a bare socket see them."""

import asyncio
import imaplib
import poplib
import ssl
from collections.abc import AsyncIterator

import aioimaplib
import pytest

from scanner.demo import Farm, Scenario, rows_of
from scanner.model import Protocol

NAMES = (
    "healthy",
    "starttls-refused",
    "starttls-missing",
    "auth-in-clear",
    "imap-chatter",
    "imap-preauth",
    "imap-bye",
    "imap-bare-greeting",
    "pop3-no-capa",
    "pop3-apop",
    "pop3-dots",
    "pop3-err",
)


@pytest.fixture
async def farm() -> AsyncIterator[Farm]:
    rows = [row for row in rows_of(*NAMES) if row.protocol is not Protocol.SMTP]
    async with Farm(rows, base=None) as opened:
        yield opened
    assert not [entry for entry in opened.log if entry.event.startswith("fault")]


def find(farm: Farm, name: str, port: int) -> Scenario:
    return next(row for row in farm.scenarios if (row.name, row.port) == (name, port))


def trusting(farm: Farm, *, checks_name: bool = False) -> ssl.SSLContext:
    """These clients connect by address, so most of them cannot check the name."""
    context = ssl.create_default_context(cafile=farm.ca_file)
    context.check_hostname = checks_name
    return context


async def talk(farm: Farm, row: Scenario, sent: bytes) -> bytes:
    """Return all that comes after the greeting, until the server closes."""
    reader, writer = await asyncio.open_connection(farm.address_of(row), farm.port_of(row))
    async with asyncio.timeout(5):
        await reader.readline()
        writer.write(sent)
        rest = await reader.read()
    writer.close()
    await writer.wait_closed()
    return rest


async def greeting_of(farm: Farm, row: Scenario) -> bytes:
    reader, writer = await asyncio.open_connection(farm.address_of(row), farm.port_of(row))
    async with asyncio.timeout(5):
        line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line


async def test_imap_over_implicit_tls(farm: Farm) -> None:
    row = find(farm, "healthy", 993)
    client = aioimaplib.IMAP4_SSL(
        farm.address_of(row), farm.port_of(row), timeout=5, ssl_context=trusting(farm)
    )
    await client.wait_hello_from_server()
    assert client.has_capability("IMAP4rev1")
    assert client.has_capability("AUTH=PLAIN")
    assert not client.has_capability("STARTTLS")
    assert (await client.noop()).result == "OK"
    assert (await client.logout()).result == "OK"


async def test_imap_starttls_lifts_logindisabled(farm: Farm) -> None:
    row = find(farm, "healthy", 143)

    def upgrade() -> tuple[tuple[str, ...], tuple[str, ...]]:
        with imaplib.IMAP4(farm.address_of(row), farm.port_of(row), timeout=5) as client:
            before = client.capabilities
            client.starttls(trusting(farm))
            return before, client.capabilities

    before, after = await asyncio.to_thread(upgrade)
    assert {"STARTTLS", "LOGINDISABLED"} <= set(before)
    assert "AUTH=PLAIN" not in before
    assert "AUTH=PLAIN" in after
    assert not {"STARTTLS", "LOGINDISABLED"} & set(after)


async def test_imap_lets_nobody_in(farm: Farm) -> None:
    rest = await talk(
        farm, find(farm, "healthy", 143), b"a LOGIN user secret\r\nb SELECT INBOX\r\nc LOGOUT\r\n"
    )
    assert rest.splitlines()[:2] == [b"a BAD Unknown command.", b"b BAD Unknown command."]
    assert rest.endswith(b"c OK Logout completed.\r\n")


async def test_the_literal_is_as_long_as_it_says_and_looks_like_the_end(farm: Farm) -> None:
    rest = await talk(farm, find(farm, "imap-chatter", 143), b"tag7 CAPABILITY\r\ntag8 LOGOUT\r\n")
    head, _, behind = rest.partition(b"{")
    length, _, text = behind.partition(b"}\r\n")
    literal, after = text[: int(length)], text[int(length) :]
    assert head.startswith(b"* 3 EXISTS\r\n")
    assert literal.startswith(b"tag7 OK ")
    assert b"AUTH=LOGIN" in literal
    assert after.startswith(b"\r\n* CAPABILITY IMAP4rev1 ")
    assert b"\r\ntag7 OK Capability completed.\r\n" in after


async def test_imap_starttls_is_refused(farm: Farm) -> None:
    rest = await talk(farm, find(farm, "starttls-refused", 143), b"a STARTTLS\r\nb LOGOUT\r\n")
    assert rest.startswith(b"a NO ")


async def test_preauth_allows_no_starttls(farm: Farm) -> None:
    row = find(farm, "imap-preauth", 143)
    assert (await greeting_of(farm, row)).startswith(b"* PREAUTH ")
    assert (await talk(farm, row, b"a STARTTLS\r\nb LOGOUT\r\n")).startswith(b"a BAD ")


@pytest.mark.parametrize(
    ("name", "port", "start"),
    [
        ("imap-bye", 143, b"* BYE "),
        ("imap-bare-greeting", 143, b"* OK imap-bare-greeting.mail.test ready\r\n"),
        ("pop3-err", 110, b"-ERR [SYS/TEMP] "),
    ],
)
async def test_greetings(farm: Farm, name: str, port: int, start: bytes) -> None:
    assert (await greeting_of(farm, find(farm, name, port))).startswith(start)


@pytest.mark.parametrize("name", ["imap-bye", "pop3-err"])
async def test_who_turns_us_away_closes(farm: Farm, name: str) -> None:
    row = next(row for row in farm.scenarios if row.name == name)
    assert await talk(farm, row, b"") == b""


@pytest.mark.parametrize(
    ("name", "has", "lacks"),
    [("starttls-missing", b"AUTH=PLAIN", b"STARTTLS"), ("auth-in-clear", b"STARTTLS", b"LOGINDISABLED")],
)
async def test_weak_imap_offers(farm: Farm, name: str, has: bytes, lacks: bytes) -> None:
    rest = await talk(farm, find(farm, name, 143), b"a CAPABILITY\r\nb LOGOUT\r\n")
    words = rest.splitlines()[0].split()
    assert has in words
    assert lacks not in words


async def test_pop3_over_implicit_tls(farm: Farm) -> None:
    row = find(farm, "healthy", 995)

    def read() -> dict[str, list[str]]:
        address, port = farm.address_of(row), farm.port_of(row)
        client = poplib.POP3_SSL(address, port, timeout=5, context=trusting(farm))
        capabilities = client.capa()
        client.quit()
        return capabilities

    capabilities = await asyncio.to_thread(read)
    assert capabilities["SASL"] == ["PLAIN"]
    assert "USER" in capabilities
    assert "STLS" not in capabilities


@pytest.mark.parametrize("name", ["healthy", "pop3-apop", "pop3-dots"])
async def test_stls_upgrades(farm: Farm, name: str) -> None:
    row = find(farm, name, 110)

    def upgrade() -> tuple[bytes, dict[str, list[str]], dict[str, list[str]]]:
        client = poplib.POP3(farm.address_of(row), farm.port_of(row), timeout=5)
        before = client.capa()
        client.stls(trusting(farm))
        after = client.capa()
        client.quit()
        return client.getwelcome(), before, after

    welcome, before, after = await asyncio.to_thread(upgrade)
    assert "STLS" in before
    assert "USER" not in before
    assert "USER" in after
    assert "STLS" not in after
    assert (b"<1896.697170952@pop3-apop.mail.test>" in welcome) is (name == "pop3-apop")


async def test_a_line_that_begins_with_a_dot_is_stuffed(farm: Farm) -> None:
    rest = await talk(farm, find(farm, "pop3-dots", 110), b"CAPA\r\nQUIT\r\n")
    assert b"\r\n..X-DOT\r\n.\r\n" in rest


async def test_stls_works_where_capa_is_unknown(farm: Farm) -> None:
    row = find(farm, "pop3-no-capa", 110)
    reader, writer = await asyncio.open_connection(farm.address_of(row), farm.port_of(row))
    await reader.readline()
    writer.write(b"CAPA\r\n")
    assert (await reader.readline()).startswith(b"-ERR")
    writer.write(b"STLS\r\n")
    assert (await reader.readline()).startswith(b"+OK")
    await writer.start_tls(trusting(farm, checks_name=True), server_hostname=row.host)
    writer.write(b"QUIT\r\n")
    assert await reader.readline() == b"+OK Bye.\r\n"
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    ("name", "reply"), [("starttls-refused", b"-ERR TLS"), ("starttls-missing", b"-ERR Unk")]
)
async def test_stls_is_refused(farm: Farm, name: str, reply: bytes) -> None:
    assert (await talk(farm, find(farm, name, 110), b"STLS\r\nQUIT\r\n")).startswith(reply)


async def test_user_is_offered_in_clear(farm: Farm) -> None:
    rest = await talk(farm, find(farm, "auth-in-clear", 110), b"CAPA\r\nQUIT\r\n")
    assert b"\r\nUSER\r\n" in rest
    assert b"\r\nSTLS\r\n" in rest
