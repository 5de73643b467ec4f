"""The farm's DNS server, as dnspython's client and resolver see it."""

import asyncio
import struct
from collections.abc import AsyncIterator

import dns.asyncquery
import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import pytest

from scanner.demo import Farm, rows_of

MANY = [f"127.0.9.{number}" for number in range(1, 200)]


@pytest.fixture
async def farm() -> AsyncIterator[Farm]:
    records = {
        "many.mail.test": {"A": MANY},
        "six.mail.test": {"AAAA": ["::1"]},
        "around.mail.test": {"CNAME": ["around.mail.test."]},
        "alias2.mail.test": {"CNAME": ["alias.mail.test."]},
        "private.mail.test": {"A": ["192.168.0.1"]},
    }
    async with Farm(rows_of("healthy", "close"), base=None, records=records) as opened:
        yield opened


def place_of(farm: Farm) -> tuple[str, int]:
    address, _, port = farm.resolver.rpartition(":")
    return address, int(port)


def resolver_of(farm: Farm) -> dns.asyncresolver.Resolver:
    resolver = dns.asyncresolver.Resolver(configure=False)
    address, resolver.port = place_of(farm)
    resolver.nameservers = [address]
    resolver.timeout = resolver.lifetime = 2.0
    return resolver


async def look_up(farm: Farm, name: str, kind: str) -> list[str]:
    return sorted(record.to_text() for record in await resolver_of(farm).resolve(name, kind))


async def ask(farm: Farm, name: str, kind: str, *, patience: float = 2.0) -> dns.message.Message:
    address, port = place_of(farm)
    return await dns.asyncquery.udp(dns.message.make_query(name, kind), address, patience, port)


async def test_every_host_has_its_own_address(farm: Farm) -> None:
    found = {row.host: await look_up(farm, row.host, "A") for row in farm.scenarios}
    assert found == {row.host: [farm.address_of(row)] for row in farm.scenarios}
    assert len({tuple(addresses) for addresses in found.values()}) == 2


async def test_the_mail_domain_publishes_its_servers_on_the_ports_they_have(farm: Farm) -> None:
    assert await look_up(farm, "mail.test", "MX") == ["10 healthy.mail.test."]
    by_port = {row.port: farm.port_of(row) for row in farm.scenarios if row.name == "healthy"}
    for service, port in (("_submissions", 465), ("_submission", 587), ("_imaps", 993), ("_pop3", 110)):
        found = await look_up(farm, f"{service}._tcp.mail.test", "SRV")
        assert found == [f"0 1 {by_port[port]} healthy.mail.test."]


@pytest.mark.parametrize(
    ("name", "kind", "records"),
    [
        ("six.mail.test", "AAAA", ["::1"]),
        ("private.mail.test", "A", ["192.168.0.1"]),
        ("nullmx.mail.test", "MX", ["0 ."]),
        ("HEALTHY.mail.TEST", "MX", None),
        ("healthy.mail.test", "AAAA", None),
        ("nodata.mail.test", "A", None),
        ("_tcp.mail.test", "A", None),
    ],
)
async def test_data_and_no_data(farm: Farm, name: str, kind: str, records: list[str] | None) -> None:
    if records is not None:
        assert await look_up(farm, name, kind) == records
        return
    with pytest.raises(dns.resolver.NoAnswer):
        await look_up(farm, name, kind)


@pytest.mark.parametrize("name", ["nobody.mail.test", "example.org", "a.healthy.mail.test"])
async def test_unknown_names_do_not_exist(farm: Farm, name: str) -> None:
    with pytest.raises(dns.resolver.NXDOMAIN):
        await look_up(farm, name, "A")


async def test_an_alias_is_followed(farm: Farm) -> None:
    answer = await resolver_of(farm).resolve("alias2.mail.test", "A")
    assert answer.canonical_name.to_text() == "healthy.mail.test."
    assert [record.to_text() for record in answer] == [farm.address_of(farm.scenarios[0])]


async def test_an_alias_of_itself_ends(farm: Farm) -> None:
    assert (await ask(farm, "around.mail.test", "A")).rcode() == dns.rcode.NOERROR


async def test_servfail(farm: Farm) -> None:
    assert (await ask(farm, "servfail.mail.test", "A")).rcode() == dns.rcode.SERVFAIL


async def test_silence(farm: Farm) -> None:
    with pytest.raises(dns.exception.Timeout):
        await ask(farm, "silent.mail.test", "A", patience=0.3)


async def test_a_long_answer_is_truncated_by_udp_and_whole_by_tcp(farm: Farm) -> None:
    answer = await ask(farm, "many.mail.test", "A")
    assert answer.flags & dns.flags.TC
    assert not answer.answer
    assert await look_up(farm, "many.mail.test", "A") == sorted(MANY)


async def test_tcp_answers_several_questions_on_one_connection(farm: Farm) -> None:
    reader, writer = await asyncio.open_connection(*place_of(farm))
    for name in ("healthy.mail.test", "nobody.mail.test"):
        wire = dns.message.make_query(name, "A").to_wire()
        writer.write(struct.pack("!H", len(wire)) + wire)
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        reply = dns.message.from_wire(await reader.readexactly(length))
        assert reply.rcode() == (dns.rcode.NOERROR if name.startswith("healthy") else dns.rcode.NXDOMAIN)
    writer.close()
    await writer.wait_closed()


async def test_garbage_is_not_answered_and_does_no_harm(farm: Farm) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=place_of(farm))
    for junk in (b"", b"\0", b"\xff" * 40, dns.message.make_query("a.test", "A").to_wire()[:-3]):
        transport.sendto(junk)
    transport.close()
    assert (await ask(farm, "healthy.mail.test", "A")).answer
