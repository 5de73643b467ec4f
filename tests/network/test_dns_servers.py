"""Which name servers are asked: their order and rate, those of the system, and changes of resolv.conf."""

import asyncio
from pathlib import Path

import dns.resolver
import pytest

from scanner.network import Resolver, dns_servers
from scanner.network.answer import Status
from scanner.network.dns_servers import LAST_FOR, MAX_SERVERS, Server, Servers, read_system_places
from tests.network.loops import Runner, on_both_loops
from tests.network.name_servers import Clock, records_of, scripted, serving

PLACES = [("127.0.0.1", 53), ("127.0.0.2", 53), ("127.0.0.3", 53)]


def order(servers: Servers) -> list[str]:
    return [server.place[0] for server in servers.in_order()]


def test_one_that_failed_is_asked_last_for_a_while() -> None:
    clock = Clock()
    servers = Servers(PLACES, rate=0, clock=clock)
    first, second, _ = servers.in_order()
    servers.note_failure(first)
    assert order(servers) == ["127.0.0.2", "127.0.0.3", "127.0.0.1"]
    servers.note_failure(second)
    assert order(servers) == ["127.0.0.3", "127.0.0.1", "127.0.0.2"]
    servers.note_answer(second)
    assert order(servers) == ["127.0.0.2", "127.0.0.3", "127.0.0.1"]
    clock.now += LAST_FOR
    assert order(servers) == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]


def test_servers_that_stay_keep_what_is_known_of_them() -> None:
    servers = Servers(PLACES, rate=0, clock=Clock())
    servers.note_failure(servers.in_order()[0])
    servers.replace([PLACES[0], ("::1", 53), PLACES[0]])
    assert [str(server) for server in servers.in_order()] == ["[::1]:53", "127.0.0.1:53"]


def test_there_is_an_end_to_the_list() -> None:
    servers = Servers([("127.0.0.1", port) for port in range(1, 100)], rate=0, clock=Clock())
    assert len(servers.in_order()) == MAX_SERVERS


@pytest.fixture
def resolv_conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "resolv.conf"
    read = dns.resolver.Resolver.read_resolv_conf
    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", lambda self, _: read(self, str(path)))
    return path


def test_the_systems_servers_are_those_of_resolv_conf(resolv_conf: Path) -> None:
    resolv_conf.write_text(
        "# a comment\nnameserver 127.0.0.2\nnameserver ::1\noptions edns0\nsearch a.test\n"
    )
    assert read_system_places() == (("127.0.0.2", 53), ("::1", 53))
    for text in ("", "nameserver\n", "search a.test\n"):
        resolv_conf.write_text(text)
        assert read_system_places() == (("127.0.0.1", 53),)


async def test_a_changed_resolv_conf_is_read_again_and_the_cache_stays(
    resolv_conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolv_conf.write_text("nameserver 127.0.0.1\n")
    async with (
        serving({"a.test": {"MX": ["10 mx.test."]}}, "127.0.0.1") as (zone, (_, port)),
        scripted(lambda query, _: records_of(query, 900, "20 new.test.")) as (_, elsewhere),
    ):
        places = {"127.0.0.1": ("127.0.0.1", port), "127.0.0.9": elsewhere}
        read = read_system_places

        def moved() -> tuple[tuple[str, int], ...]:
            return tuple(places[address] for address, _ in read())

        monkeypatch.setattr("scanner.network.resolver.read_system_places", moved)
        resolver = Resolver()
        before = await resolver.mx("a.test")
        resolv_conf.write_text("nameserver 127.0.0.9\n")
        resolver.read_system_servers()
        assert (await resolver.mx("a.test")).records == before.records
        assert (await resolver.mx("b.test")).records[0].host == "new.test"
        assert zone.asked == [("a.test", "MX")]


async def test_servers_by_setting_are_not_those_of_the_system(resolv_conf: Path) -> None:
    async with serving({}) as (_, place):
        resolver = Resolver([place])
        resolv_conf.write_text("nameserver 127.0.0.9\n")
        resolver.read_system_servers()
        assert (await resolver.mx("a.test")).status is Status.NO_NAME


@on_both_loops
def test_the_rate_holds_for_each_server(run: Runner) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        one, other, free = Server(PLACES[0], 100), Server(PLACES[1], 100), Server(PLACES[2], 0)
        begun = loop.time()
        await asyncio.gather(*(server.wait_for_turn() for server in (one, other, free) for _ in range(11)))
        # Ten gaps of 10 ms; uvloop's clock has whole milliseconds.
        assert loop.time() - begun >= 0.098
        # The two servers were waited for side by side.
        assert one._free_at - begun == pytest.approx(0.11, abs=0.002)
        assert other._free_at - begun == pytest.approx(0.11, abs=0.002)

    run(main())


async def test_waiting_for_the_rate_is_not_the_servers_time() -> None:
    async with scripted(lambda query, _: records_of(query, 900, "5 mx.test.")) as (server, place):
        resolver = Resolver([place], rate=25, timeout=0.1)
        answers = await asyncio.gather(*(resolver.mx(f"n{number}.test") for number in range(10)))
        assert {answer.status for answer in answers} == {Status.FOUND}
        assert len(server.queries) == 10
        assert max(answer.seconds for answer in answers) < 0.1


def test_a_link_local_server_is_reached_by_its_interface() -> None:
    assert Server(("fe80::1%lo", 53), 0).destination == ("fe80::1", 53, 0, 1)
    assert dns_servers.Server(("192.0.2.1", 53), 0).destination == ("192.0.2.1", 53)
