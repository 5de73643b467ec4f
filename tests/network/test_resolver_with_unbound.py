"""The resolver against a validating unbound before an nsd with signed, unsigned and broken zones."""

import pytest

from scanner.network import Resolver
from scanner.network.answer import Answer, Status
from scanner.network.dns_message import MAX_RECORDS
from tests.network.name_servers import Clock
from tests.servers.name_service import NameService


async def ask(service: NameService, kind: str, name: str, *, trust: bool | None = None) -> Answer[object]:
    """Ask the validating server one question."""
    resolver = Resolver([service.resolver], trust_ad=trust, clock=Clock())
    found: Answer[object] = await getattr(resolver, kind)(name)
    return found


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("mx", "dane-ee.secure.test"),
        ("tlsa", "_25._tcp.ee.secure.test"),
        ("address_records", "ee.secure.test"),
    ],
)
async def test_signed_records_are_authentic_where_the_server_is_trusted(
    name_service: NameService, kind: str, name: str
) -> None:
    for trust in (None, True, False):
        answer = await ask(name_service, kind, name, trust=trust)
        assert answer.status is Status.FOUND
        assert answer.is_authentic is (trust is not False)


async def test_that_a_signed_name_does_not_exist_is_authentic(name_service: NameService) -> None:
    answer = await ask(name_service, "tlsa", "_25._tcp.mx.secure.test")
    assert (answer.status, answer.is_authentic) == (Status.NO_NAME, True)


@pytest.mark.parametrize("name", ["complete.plain.test", "dane-alias.secure.test"])
async def test_unsigned_records_are_not_authentic(name_service: NameService, name: str) -> None:
    answer = await ask(name_service, "mx", name)
    assert (answer.status, answer.is_authentic) == (Status.FOUND, False)


@pytest.mark.parametrize("trust", [True, False])
@pytest.mark.parametrize(
    ("kind", "name"),
    [("mx", "bogus.test"), ("mx", "expired.test"), ("tlsa", "_25._tcp.broken-tlsa.secure.test")],
)
async def test_what_does_not_validate_is_bogus(
    name_service: NameService, kind: str, name: str, trust: bool
) -> None:
    answer = await ask(name_service, kind, name, trust=trust)
    assert (answer.status, answer.records, answer.is_authentic) == (Status.BOGUS, (), False)
    assert "extended error" in str(answer.detail)


@pytest.mark.parametrize("name", ["lame.plain.test", "loop.plain.test"])
async def test_a_zone_that_fails_is_not_bogus(name_service: NameService, name: str) -> None:
    answer = await ask(name_service, "mx", name)
    assert answer.status is Status.FAILED
    assert "SERVFAIL" in str(answer.detail)


async def test_long_answers_come_whole(name_service: NameService) -> None:
    text = await ask(name_service, "txt", "_mta-sts.huge-txt.plain.test")
    assert len(str(text.records[0])) > 60_000
    crowd = await ask(name_service, "mx", "three-hundred.plain.test")
    assert len(crowd.records) == MAX_RECORDS
    assert "more than 256 MX records" in str(crowd.detail)


async def test_an_alias_is_named(name_service: NameService) -> None:
    assert (await ask(name_service, "address_records", "alias-host.plain.test")).alias == "mx.plain.test"


async def test_old_records_stand_in_while_the_server_is_stopped(name_service: NameService) -> None:
    clock = Clock()
    resolver = Resolver([name_service.resolver], timeout=0.3, clock=clock)
    fresh = await resolver.mx("dane-ee.secure.test")
    clock.now += 100_000
    with name_service.resolver_server.silent():
        old = await resolver.mx("dane-ee.secure.test")
        assert (old.records, old.is_stale, old.is_authentic) == (fresh.records, True, True)
        assert (await resolver.mx("complete.plain.test")).status is Status.TIMEOUT
    clock.now += 100
    assert not (await resolver.mx("dane-ee.secure.test")).is_stale
