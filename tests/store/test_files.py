"""Faults of an SQLite file, each with a real one: full disk, lock, damage, removal, no right to write."""

import asyncio
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from scanner.store import (
    Entry,
    EventQuery,
    Limits,
    NewerSchemaError,
    Place,
    Reader,
    Store,
    StoreError,
    StoreInUseError,
    add_order,
)
from tests.store.conftest import QUICK, OpenStore
from tests.store.observations import FULL, all_samples, seen, told
from tests.store.tiny_disk import Disk, mounted
from tests.store.waiting import until

KEY = FULL.endpoint.key


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(path=tmp_path / "mailport.db")


@pytest.fixture
def path(place: Place) -> Path:
    assert place.path is not None
    return place.path


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with mounted(tmp_path / "disk", "1m") as made:
        yield made


def fill(store: Store, numbers: range) -> None:
    """Put one entry a number, each with memory and event."""
    for number in numbers:
        store.put(Entry(seen(number), f"memory {number}", (told(number),)))


def assert_whole(store: Store, numbers: range) -> None:
    """Everything that `fill` put is there, once."""
    assert [each.started_at for each in store.reader.history(KEY)] == [
        seen(number).started_at for number in reversed(numbers)
    ]
    subjects = [event.subject for event in store.reader.events(EventQuery(limit=1000))]
    assert sorted(subjects) == sorted(f"subject {number}" for number in numbers)
    assert store.reader.memories()[0].memory == f"memory {numbers[-1]}"


async def closed_store(open_store: OpenStore, numbers: range) -> None:
    """Leave a file with some entries."""
    store = open_store()
    await store.load()
    fill(store, numbers)
    await store.close()


# ------------------------------------------------------------------------------------------------ full disk


async def test_a_full_disk_is_told_once_and_everything_is_written_afterwards(
    open_store: OpenStore, disk: Disk
) -> None:
    store = open_store(Place(path=disk.folder / "mailport.db"))
    await store.load()
    with capture_logs() as logs:
        disk.fill()
        fill(store, range(300))
        status = await until(store, lambda status: status.failures >= 3)
        assert not status.is_up
        assert "the disk is full" in (status.error or "")
        assert status.pending == 300
        disk.free()
        assert await store.flush(20)
    assert_whole(store, range(300))
    assert store.status.is_up
    assert store.status.error is None
    assert [line["event"] for line in logs] == ["store_down", "store_up"]


async def test_a_disk_full_from_the_start_is_told(open_store: OpenStore, disk: Disk) -> None:
    disk.fill()
    store = open_store(Place(path=disk.folder / "mailport.db"))
    with pytest.raises(StoreError, match="disk"):
        await store.load(0.5)
    fill(store, range(3))
    disk.free()
    await store.load()
    assert await store.flush()
    assert_whole(store, range(3))


# ------------------------------------------------------------------------------------------------- no right


async def test_a_folder_that_may_not_be_written_to_is_told(open_store: OpenStore, disk: Disk) -> None:
    disk.make("ro")
    store = open_store(Place(path=disk.folder / "deep" / "mailport.db"))
    with pytest.raises(StoreError, match="Read-only file system; mend the folder"):
        await store.load(0.3)
    disk.make("rw")
    await store.load()
    assert (disk.folder / "deep").stat().st_mode & 0o777 == 0o700


async def test_a_file_that_becomes_read_only_is_told_and_comes_back(
    open_store: OpenStore, disk: Disk
) -> None:
    file = disk.folder / "mailport.db"
    store = open_store(Place(path=file))
    await store.load()
    # What holds the connection open for writing would keep the disk from being made read-only.
    await store.close()
    disk.make("ro")
    again = open_store(Place(path=file))
    fill(again, range(3))
    status = await until(again, lambda status: status.failures >= 2)
    assert "Read-only file system" in (status.error or "")
    disk.make("rw")
    assert await again.flush()
    assert_whole(again, range(3))


async def test_a_user_without_rights_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    code = (
        "import asyncio, sys, pathlib\n"
        "from scanner.store import Place, Store, StoreError\n"
        "async def main():\n"
        "    store = Store(Place(path=pathlib.Path(sys.argv[1])))\n"
        "    try:\n"
        "        await store.load(0.5)\n"
        "    except StoreError as error:\n"
        "        print(error)\n"
        "    await store.close()\n"
        "asyncio.run(main())\n"
    )
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", code, "/proc/self/mailport.db"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.count("\n") >= 1
    assert "mend the folder" in done.stdout


# --------------------------------------------------------------------------------------------------- locked

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


async def test_a_lock_of_another_program_is_waited_for(open_store: OpenStore, path: Path) -> None:
    store = open_store()
    await store.load()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert await asyncio.to_thread(holder.stdout.readline) == b"held\n"
        fill(store, range(10))
        status = await until(store, lambda status: status.failures >= 2)
        assert "another program holds it locked" in (status.error or "")
        assert status.pending == 20 - 10  # ten entries, their events with them
        holder.communicate(b"")
    assert await store.flush()
    assert_whole(store, range(10))


WRITER = """
import asyncio, sys, pathlib
from scanner.store import Place, Store
async def main():
    store = Store(Place(path=pathlib.Path(sys.argv[1])))
    await store.load()
    print("loaded", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await store.close()
asyncio.run(main())
"""


async def test_a_second_process_is_kept_away_until_the_first_ends(open_store: OpenStore, path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        assert first.stdout is not None
        while b"loaded" not in await asyncio.to_thread(first.stdout.readline):
            assert first.poll() is None
        store = open_store()
        with pytest.raises(StoreInUseError, match=rf"another mailport \(process {first.pid}\) writes to it"):
            await store.load(0.3)
        first.kill()
    await store.load()
    assert store.status.is_up


# --------------------------------------------------------------------------------------------------- damage


def overwrite(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(20_000))


def overwrite_the_middle(path: Path) -> None:
    with path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(4096)
        file.write(random.Random(2).randbytes(size - 4096))


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def write_text(path: Path) -> None:
    path.write_text("this is no database\n" * 50)


@pytest.mark.parametrize("damage", [overwrite, overwrite_the_middle, cut, write_text])
async def test_a_damaged_file_is_put_aside_and_the_store_starts_anew(
    open_store: OpenStore, path: Path, damage: Callable[[Path], None]
) -> None:
    await closed_store(open_store, range(50))
    damage(path)
    damaged = path.read_bytes()

    store = open_store(clock=lambda: 1_768_478_400.0)
    known = await store.load()
    assert known.memories == {}
    (loss,) = store.take_losses()
    aside = path.with_name("mailport.db.corrupt-20260115T120000Z")
    assert aside.read_bytes() == damaged
    assert f"put aside as {aside.name}" in loss.text
    assert store.take_losses() == ()
    fill(store, range(2))
    assert await store.flush()
    assert_whole(store, range(2))


async def test_a_second_damaged_file_does_not_replace_the_first(open_store: OpenStore, path: Path) -> None:
    for _ in range(3):
        overwrite(path)
        store = open_store(clock=lambda: 1_768_478_400.0)
        await store.load()
        await store.close()
        path.with_name("mailport.db-wal").unlink(missing_ok=True)
    assert len(list(path.parent.glob("mailport.db.corrupt-*Z*"))) == 3


async def test_damage_while_it_runs_costs_history_and_no_memory(open_store: OpenStore, path: Path) -> None:
    store = open_store(pace=replace(QUICK, prune_seconds=0.05, look_seconds=0.05))
    await store.load()
    fill(store, range(200))
    store.put(Entry(seen(7, host="other.example.org"), "of the other"))
    assert await store.flush()
    overwrite_the_middle(path)
    path.with_name("mailport.db-wal").write_bytes(b"")
    async with asyncio.timeout(20):
        while not (losses := store.take_losses()):
            store.put(Entry(seen(200), "memory 200"))
            await asyncio.sleep(0.01)
    assert "put aside as mailport.db.corrupt-" in losses[0].text
    assert await store.flush()
    memories = {each.key[0]: each.memory for each in store.reader.memories()}
    assert memories == {"smtp.example.org": "memory 200", "other.example.org": "of the other"}
    assert store.reader.history(seen(0, host="other.example.org").endpoint.key)
    assert len(list(path.parent.glob("mailport.db.corrupt-*Z"))) == 1


@pytest.mark.parametrize("what", ["file", "folder"])
async def test_removal_while_it_runs_costs_history_and_no_memory(
    open_store: OpenStore, tmp_path: Path, what: str
) -> None:
    file = tmp_path / "state" / "mailport.db"
    store = open_store(Place(path=file))
    await store.load()
    fill(store, range(5))
    store.put(Entry(seen(7, host="other.example.org"), "of the other"))
    assert await store.flush()
    if what == "file":
        file.unlink()
    else:
        shutil.rmtree(file.parent)
    fill(store, range(5, 7))
    assert await store.flush()
    (loss,) = store.take_losses()
    assert "removed or replaced" in loss.text
    memories = {each.key[0]: each.memory for each in store.reader.memories()}
    assert memories == {"smtp.example.org": "memory 6", "other.example.org": "of the other"}
    assert [event.subject for event in store.reader.events()] == ["subject 6", "subject 5"]
    assert store.reader.history(KEY)[0] == seen(6)


async def test_an_old_copy_laid_in_its_place_gets_the_newest_memory(
    open_store: OpenStore, path: Path
) -> None:
    await closed_store(open_store, range(3))
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    store = open_store()
    await store.load()
    fill(store, range(3, 6))
    assert await store.flush()
    copy.replace(path)
    store.put(Entry(seen(1, host="other.example.org"), "x"))
    assert await store.flush()
    memories = {each.key[0]: each.memory for each in store.reader.memories()}
    assert memories == {"smtp.example.org": "memory 5", "other.example.org": "x"}
    assert store.take_losses() == ()


# ---------------------------------------------------------------------------------- what belongs to others


async def test_a_database_of_another_program_is_left_alone(open_store: OpenStore, path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE endpoints (id INTEGER)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="belongs to another program"):
        await open_store().load()
    assert path.read_bytes() == before


async def test_a_text_that_is_named_by_mistake_is_left_alone(open_store: OpenStore, tmp_path: Path) -> None:
    text = tmp_path / "mailport.yml"
    text.write_text("targets: [bücher.example]\n" * 300)
    with pytest.raises(StoreError, match="this is a text"):
        await open_store(Place(path=text)).load()
    assert text.read_text() == "targets: [bücher.example]\n" * 300


async def test_a_newer_schema_is_a_clear_error_at_once(open_store: OpenStore, path: Path) -> None:
    await closed_store(open_store, range(1))
    with sqlite3.connect(path) as changed:
        changed.execute("UPDATE mailport_schema SET version_num = '9999'")
    changed.close()
    store = open_store()
    with pytest.raises(NewerSchemaError, match=r"written by a newer mailport .*9999.*update mailport"):
        await store.load(None)
    with pytest.raises(StoreError, match="newer mailport"):
        Reader(Place(path=path)).memories()


def test_a_file_that_is_not_there_is_told_to_who_only_reads(place: Place, path: Path) -> None:
    with pytest.raises(StoreError, match="there is no such file; start mailport serve"):
        Reader(place).events()
    with pytest.raises(StoreError, match="there is no such file; start mailport serve"):
        add_order(place, "baseline accept", {})
    assert not path.exists()


async def test_a_file_that_goes_while_it_is_opened_is_told_as_one_that_is_not_there(
    open_store: OpenStore, place: Place, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await closed_store(open_store, range(1))
    connect = sqlite3.connect

    def connect_too_late(*arguments: Any, **options: Any) -> sqlite3.Connection:
        path.unlink()
        return connect(*arguments, **options)

    monkeypatch.setattr(sqlite3, "connect", connect_too_late)
    with pytest.raises(StoreError, match="there is no such file; start mailport serve"):
        Reader(place).events()


async def test_after_the_end_nobody_waits_for_ever(open_store: OpenStore) -> None:
    store = open_store()
    await store.load()
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.take_orders()
    assert not await store.flush(0.1)
    store.put(Entry(seen(0)))


async def test_a_row_that_cannot_be_understood_is_passed_over(open_store: OpenStore, path: Path) -> None:
    await closed_store(open_store, range(4))
    with sqlite3.connect(path) as changed:
        changed.execute("UPDATE samples SET rest = 'x' WHERE id = 2")
        changed.execute("UPDATE events SET body = '{}' WHERE id = 3")
    changed.close()
    with capture_logs() as logs:
        store = open_store()
        await store.load()
        assert store.reader.history(KEY) == (seen(3), seen(2), seen(0))
        assert len(store.reader.events()) == 3
    assert store.status.unreadable == 2
    assert [line["event"] for line in logs].count("store_row_skipped") == 1


async def test_contents_that_cannot_be_understood_cost_their_samples_only(
    open_store: OpenStore, path: Path
) -> None:
    store = open_store()
    await store.load()
    store.put(Entry(seen(0), "a"))
    store.put(Entry(replace(seen(1), level=1), "b"))
    await store.close()
    with sqlite3.connect(path) as changed:
        changed.execute("UPDATE contents SET body = x'00' WHERE id = (SELECT max(id) FROM contents)")
    changed.close()
    again = open_store()
    known = await again.load()
    assert (dict(known.memories), known.latest) == ({KEY: "b"}, {})
    assert again.reader.history(KEY) == (seen(0),)


async def test_a_file_gives_space_back_after_pruning(open_store: OpenStore, path: Path) -> None:
    pace = replace(QUICK, prune_seconds=0.01, prune_endpoints=500)
    store = open_store(limits=Limits(samples=1), pace=pace)
    await store.load()
    for number in range(50):
        for host in range(200):
            odd = seen(number, host=f"h{host}.example.org")
            store.put(Entry(replace(odd, detail=f"{number} {'y' * 900}")))
    assert await store.flush(60)
    before = store.status.size_bytes or 0
    assert before > 5_000_000
    async with asyncio.timeout(30):
        while path.stat().st_size > before / 3:
            assert await store.flush()
    assert len(all_samples(store.reader)) == 200
