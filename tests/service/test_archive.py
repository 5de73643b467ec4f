"""What stands in the store ends no service: damaged rows and nonsense orders, met by the real one."""

# ruff: noqa: S608 - the statements are of these tests' own making

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from signal import SIGTERM
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from scanner.config import default_settings
from scanner.model.observation import Key
from scanner.service import archive as service_archive
from scanner.service.archive import Archive
from scanner.service.orders import OrderDesk
from scanner.service.past import Past
from scanner.service.watch import Watch
from scanner.store import Known, Order, add_order
from tests.cli.running_farm import RunningFarm
from tests.service.serving import serving
from tests.service.test_orders import ROW, learn, place_of, told, view, wait_until_taken
from tests.store.observations import NOW

NO_UTF8 = "cast(x'7bff7d' AS text)"
DEEP = "replace(hex(zeroblob(100000)), '0', '[')"


@pytest.fixture
def document(farm: RunningFarm, tmp_path: Path) -> dict[str, Any]:
    """A watch of one endpoint, probed each second, which remembers."""
    return {
        **farm.settings,
        "targets": farm.targets(ROW),
        "schedule": {"interval": 1, "jitter": 0},
        "policy": {"baseline_after": 1},
        "controls": False,
        "store": {"url": f"sqlite:///{tmp_path}/mailport.db"},
    }


def change(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "mailport.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def key_in(folder: Path) -> list[Any]:
    with closing(sqlite3.connect(folder / "mailport.db")) as connection:
        found = connection.execute("SELECT host, address, port, protocol, tls_mode FROM endpoints")
        return list(found.fetchone())


def test_damaged_rows_cost_neither_the_baseline_nor_what_comes(
    document: dict[str, Any], tmp_path: Path
) -> None:
    learn(tmp_path, document)
    change(
        tmp_path,
        f"UPDATE samples SET rest = {NO_UTF8}",
        f"UPDATE contents SET usual = {DEEP}",
        f"INSERT INTO meta VALUES ('other', {NO_UTF8})",
    )
    with serving(tmp_path, document) as service:
        assert service.wait_for_event("store_loaded")["endpoints"] == 1
        service.running.wait_until(lambda: service.value("mailport_store_written_entries_total") >= 1)
        assert service.running.end(SIGTERM)[0] == 0
    assert not [line for line in service.log if line["event"] in {"store_down", "store_refused"}]
    assert view(tmp_path)["baseline"]


def test_nonsense_orders_are_done_with_and_the_next_is_carried_out(
    document: dict[str, Any], tmp_path: Path
) -> None:
    learn(tmp_path, document)
    # Sound JSON, nested so deep that it can be read but, perhaps, not be dealt with.
    nested = json.dumps({"keys": [], "domains": ["x"]}).replace('"x"', "[" * 900 + "]" * 900)
    change(
        tmp_path,
        f"INSERT INTO orders(at, action, argument) VALUES (1, 'accept', {DEEP})",
        "INSERT INTO orders(at, action, argument) VALUES (9e18, 'accept', '{}')",
        "INSERT INTO orders(at, action, argument) VALUES ('x', 'accept', '{}')",
        f"INSERT INTO orders(at, action, argument) VALUES (1, 'accept', '{nested}')",
        f"INSERT INTO orders(at, action, argument) VALUES (1, {NO_UTF8}, '{{}}')",
    )
    with serving(tmp_path, document) as service:
        wait_until_taken(service, [True] * 5)
        add_order(place_of(tmp_path), "pin", {"keys": [key_in(tmp_path)]})
        wait_until_taken(service, [True] * 6)
        assert service.running.end(SIGTERM)[0] == 0
    unreadable = [line["order"] for line in service.log if line["event"] == "order_unreadable"]
    assert {1, 2, 3, 5} <= set(unreadable) <= {1, 2, 3, 4, 5}
    assert len(unreadable) == len(set(unreadable))
    assert told(tmp_path) == ["pin"]
    with serving(tmp_path, document) as service:
        service.running.wait_until(lambda: service.value("mailport_store_written_entries_total") >= 1)
        assert service.running.end(SIGTERM)[0] == 0
    assert not [line for line in service.log if line["event"].startswith("order_")]


class DeadEnd:
    """A watch about whose first endpoint nothing can be asked without a fault."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def latest_of(self, key: Key) -> None:
        self.asked.append(key[0])
        if key[0] == "first":
            raise OverflowError("too much")

    def is_awaited(self, _key: Key) -> bool:
        return False

    def findings(self) -> tuple[()]:
        return ()


def test_an_order_whose_carrying_out_fails_costs_itself_only() -> None:
    desk, watch = OrderDesk("default"), DeadEnd()
    orders = [
        Order(number, NOW, "pin", {"keys": [[host, "192.0.2.1", 25, "smtp", "starttls"]]})
        for number, host in enumerate(("first", "second"))
    ]
    desk.take(orders)
    with capture_logs() as logs:
        assert desk.work(cast("Watch", watch)) == (0, 1)
        assert desk.work(cast("Watch", watch)) == ()
    assert [(line["event"], line["order"]) for line in logs] == [
        ("order_failed", 0),
        ("order_without_endpoint", 1),
    ]
    assert watch.asked[-1] == "second"


async def test_no_exception_of_the_store_ends_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(place_of(tmp_path), default_settings([]))
    monkeypatch.setattr(service_archive, "ORDER_SECONDS", 0.0)
    calls = 0
    enough = asyncio.Event()

    async def fail(_seconds: float | None = None) -> Known:
        nonlocal calls
        calls += 1
        if calls > 3:
            enough.set()
        raise RecursionError("too deep")

    monkeypatch.setattr(archive.store, "load", fail)
    with capture_logs() as logs:
        assert await archive.load() == Past()
        running = asyncio.create_task(archive.run(cast("Watch", DeadEnd())))
        async with asyncio.timeout(10):
            await enough.wait()
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await archive.close()
    told_of = [line["event"] for line in logs if line["log_level"] == "error"]
    assert told_of == ["store_not_loaded", "archive_failed"]
