"""How the farm begins and ends: addresses, ports, journal, and nothing left behind."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop

from scanner.demo import SCENARIOS, Farm, FarmError, Scenario, count_open_at_most, rows_of, targets
from scanner.demo.channel import Channel
from scanner.demo.dialogue import Setting
from scanner.demo.hostile import Silent

HIGH = 20_000
LOOPS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
Run = Callable[[Awaitable[None]], None]


async def greeting_of(farm: Farm, row: Scenario) -> bytes:
    reader, writer = await asyncio.open_connection(farm.address_of(row), farm.port_of(row))
    async with asyncio.timeout(5):
        line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line


def open_sockets() -> set[str]:
    """Return the sockets of this process."""
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        # The descriptor that listed the folder is gone by now.
        with contextlib.suppress(FileNotFoundError):
            found.add(str(path.readlink()))
    return {target for target in found if target.startswith("socket:")}


async def comes_true(condition: Callable[[], bool]) -> None:
    """Wait until it does, for two seconds at most."""
    async with asyncio.timeout(2):
        while not condition():
            await asyncio.sleep(0.01)


@LOOPS
def test_nothing_is_left_behind_while_clients_hang_on(run: Run) -> None:
    async def main() -> None:
        before, tasks = open_sockets(), asyncio.all_tasks()
        async with Farm(base=None) as farm:
            ca_file = farm.ca_file
            assert ca_file.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")
            rows = rows_of("mute", "drip", "endless", "long-line", "healthy", "tls-mute", "greeting-slow")
            places = [(farm.address_of(row), farm.port_of(row)) for row in rows]
            clients = await asyncio.gather(*(asyncio.open_connection(*place) for place in places))
            await comes_true(lambda: [entry.event for entry in farm.log].count("connect") == len(rows))
        assert asyncio.all_tasks() == tasks
        assert not ca_file.parent.exists()
        for _, writer in clients:
            writer.transport.abort()
        await comes_true(lambda: not open_sockets() - before)
        assert not [entry for entry in farm.log if entry.event.startswith("fault")]

    run(main())


@LOOPS
def test_a_farm_can_be_opened_again_at_once_in_the_same_place(run: Run) -> None:
    async def main() -> None:
        async with Farm(rows_of("healthy"), base=None) as first:
            row = first.scenarios[0]
            assert await greeting_of(first, row) == b"220 healthy.mail.test ESMTP Postfix\r\n"
            base = first.resolver.partition(":")[0].rpartition(".")[0] + ".0"
        async with Farm(rows_of("healthy"), base=base) as second:
            assert second.resolver == first.resolver
            assert await greeting_of(second, row) == b"220 healthy.mail.test ESMTP Postfix\r\n"

    run(main())


@LOOPS
def test_one_client_after_the_other_never_looks_like_two(run: Run) -> None:
    async def visit(farm: Farm, row: Scenario) -> None:
        reader, writer = await asyncio.open_connection(farm.address_of(row), farm.port_of(row))
        await reader.readline()
        writer.write(b"QUIT\r\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        async with Farm(rows_of("greeting-bare", "healthy"), base=None) as farm:
            first, second = farm.scenarios[0], rows_of("greeting-bare")[0]
            for _ in range(50):
                await visit(farm, first)
            assert count_open_at_most(farm.log) == 1
            farm.log.clear()
            await asyncio.gather(
                *(visit(farm, first) for _ in range(4)), *(visit(farm, second) for _ in range(3))
            )
            assert count_open_at_most(farm.log, farm.address_of(first)) == 4
            assert count_open_at_most(farm.log, farm.address_of(second)) == 3
            assert count_open_at_most(farm.log) == 7

    run(main())


async def test_two_farms_stand_side_by_side() -> None:
    async with Farm(rows_of("healthy"), base=None) as one, Farm(rows_of("healthy"), base=None) as other:
        row = one.scenarios[0]
        assert one.address_of(row) != other.address_of(row)
        assert await greeting_of(one, row) == await greeting_of(other, row)


async def test_a_taken_place_is_told_and_the_first_farm_stays_well() -> None:
    async with Farm(rows_of("close", "healthy"), base=None, real_ports=False) as first:
        base = first.resolver.partition(":")[0].rpartition(".")[0] + ".0"
        with pytest.raises(FarmError, match=r"is taken .*choose another base"):
            async with Farm(rows_of("healthy"), base=base, real_ports=False):
                pass
        row = rows_of("healthy")[0]
        assert (await greeting_of(first, row)).startswith(b"220 ")


async def test_high_ports_are_the_real_ones_plus_20000() -> None:
    async with Farm(rows_of("healthy"), base=None, real_ports=False) as farm:
        assert [farm.port_of(row) for row in farm.scenarios] == [row.port + HIGH for row in farm.scenarios]
        assert farm.resolver.endswith(":20053")
        assert targets(farm) == [
            "smtp://healthy.mail.test:20025",
            "smtps://healthy.mail.test:20465",
            "smtp://healthy.mail.test:20587",
            "imap://healthy.mail.test:20143",
            "imaps://healthy.mail.test:20993",
            "pop3://healthy.mail.test:20110",
            "pop3s://healthy.mail.test:20995",
        ]
        assert (await greeting_of(farm, farm.scenarios[0])).startswith(b"220 ")


class _Unprivileged(socket.socket):
    """A socket of somebody who may not have the ports below 1024."""

    def bind(self, address: Any) -> None:
        if address[1] < 1024:
            raise PermissionError(errno.EACCES, "Permission denied")
        super().bind(address)


async def test_without_privilege_the_farm_takes_high_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", _Unprivileged)
    async with Farm(rows_of("healthy"), base=None) as farm:
        assert farm.port_of(farm.scenarios[0]) == 25 + HIGH
        assert farm.resolver.endswith(":20053")


async def test_without_privilege_real_ports_are_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "socket", _Unprivileged)
    with pytest.raises(FarmError, match="may not open ports below 1024: run it as root"):
        async with Farm(rows_of("healthy"), base=None, real_ports=True):
            pass


async def test_hosts_go_on_in_the_next_network() -> None:
    row = replace(rows_of("close")[0], behaviour=Silent())
    rows = [replace(row, name=f"host-{number}") for number in range(300)]
    async with Farm(rows, base=None, real_ports=False) as farm:
        addresses = [farm.address_of(row) for row in rows]
    assert len({*addresses, farm.resolver.partition(":")[0]}) == 301
    assert len({address.rpartition(".")[0] for address in addresses}) == 2
    assert not {address.rpartition(".")[2] for address in addresses} & {"0", "255"}


async def test_the_journal_tells_what_the_client_did_in_order() -> None:
    async with Farm(rows_of("healthy"), base=None) as farm:
        row = farm.scenarios[0]
        reader, writer = await asyncio.open_connection(farm.address_of(row), farm.port_of(row))
        await reader.readline()
        writer.write(b"EHLO client.example\r\nX\xff" + b"y" * 300 + b"\r\nQUIT\r\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()
    entries = [entry for entry in farm.log if entry.host == row.host]
    cut = "line X\xff" + "y" * 193 + "..."
    assert [entry.event for entry in entries] == [
        "connect",
        "line EHLO client.example",
        cut,
        "line QUIT",
        "disconnect",
    ]
    assert {(entry.address, entry.port) for entry in entries} == {(farm.address_of(row), farm.port_of(row))}
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)


async def test_the_journal_is_bounded() -> None:
    async with Farm(rows_of("healthy"), base=None, journal_length=5) as farm:
        for _ in range(4):
            await greeting_of(farm, farm.scenarios[0])
        assert len(farm.log) == 5


class _Faulty:
    async def serve(self, _channel: Channel, _setting: Setting, /) -> None:
        raise ZeroDivisionError("a mistake of ours")


async def test_a_fault_of_ours_is_journalled_and_stops_nothing() -> None:
    rows = [replace(rows_of("close")[0], name="faulty", behaviour=_Faulty()), *rows_of("healthy")]
    async with Farm(rows, base=None) as farm:
        assert await greeting_of(farm, rows[0]) == b""
        assert await greeting_of(farm, rows[0]) == b""
        assert (await greeting_of(farm, rows[1])).startswith(b"220 ")
    faults = [entry.event for entry in farm.log if entry.event.startswith("fault")]
    assert faults == ["fault: ZeroDivisionError('a mistake of ours')"] * 2


async def test_no_connection_lasts_longer_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.demo.listener.LONGEST_CONNECTION_SECONDS", 0.2)
    async with Farm(rows_of("mute"), base=None) as farm:
        assert await greeting_of(farm, farm.scenarios[0]) == b""


async def test_a_farm_that_is_not_open_says_so() -> None:
    farm = Farm(rows_of("healthy"), base=None)
    for ask in (lambda: farm.ca_file, lambda: farm.resolver, lambda: farm.port_of(SCENARIOS[0])):
        with pytest.raises(FarmError, match="has not been opened"):
            ask()
