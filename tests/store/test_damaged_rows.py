"""One damaged row costs itself: whatever stands in it, all others are read and the store goes on writing."""

# ruff: noqa: S608 - the statements are of these tests' own making

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from scanner.store import Entry, EventQuery, Place, add_order
from tests.store.conftest import OpenStore
from tests.store.observations import FULL, seen, told

KEY = FULL.endpoint.key
NO_UTF8 = "cast(x'7bff7d' AS text)"
DEEP = "replace(hex(zeroblob(100000)), '0', '[')"
POLICY = (
    "INSERT INTO policies(domain, policy_id, mode, mx, max_age, fetched_at, ends_at, stronger_until) "
    "VALUES ({}, '1', 'enforce', {}, {}, 1, 9000000000000000, 1)"
)
LATEST = "WHERE started_at = (SELECT max(started_at) FROM samples)"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(path=tmp_path / "mailport.db")


def change(place: Place, statement: str) -> None:
    """Change the file as its damage or another program would."""
    assert place.path is not None
    with closing(sqlite3.connect(place.path)) as connection, connection:
        assert connection.execute(statement).rowcount > 0


async def fill(open_store: OpenStore) -> None:
    """Leave three entries, the last one of which is the latest."""
    store = open_store()
    await store.load()
    for number in range(3):
        store.put(Entry(seen(number), f"memory {number}", (told(number),)))
    await store.close()


@pytest.mark.parametrize(
    ("statement", "memories", "latest"),
    [
        pytest.param(f"UPDATE samples SET rest = {NO_UTF8} {LATEST}", 1, 0, id="sample-no-utf8"),
        pytest.param(f"UPDATE samples SET rest = {DEEP} {LATEST}", 1, 0, id="sample-deep"),
        pytest.param(f"UPDATE samples SET rest = '5' {LATEST}", 1, 0, id="sample-no-object"),
        pytest.param(f"""UPDATE samples SET rest = '{{"t":{{"banner":5}}}}' {LATEST}""", 1, 0, id="no-text"),
        pytest.param(
            f"""UPDATE samples SET rest = '{{"t":{{"banner":"\\ud800"}}}}' {LATEST}""", 1, 0, id="half"
        ),
        pytest.param(f"UPDATE samples SET duration = 'nan' {LATEST}", 1, 0, id="sample-duration"),
        pytest.param("UPDATE contents SET body = x'00'", 1, 0, id="contents-no-zlib"),
        pytest.param("UPDATE contents SET body = 'text'", 1, 0, id="contents-text"),
        pytest.param("UPDATE contents SET body = 1000000000000", 1, 0, id="contents-number"),
        pytest.param(f"UPDATE contents SET usual = {DEEP}", 1, 0, id="usual-deep"),
        pytest.param(f"UPDATE contents SET usual = {NO_UTF8}", 1, 0, id="usual-no-utf8"),
        pytest.param("UPDATE samples SET evidence_id = 77", 1, 0, id="contents-gone"),
        pytest.param(f"UPDATE endpoints SET memory = {NO_UTF8}", 0, 1, id="memory-no-utf8"),
        pytest.param("UPDATE endpoints SET memory = x'00'", 0, 1, id="memory-blob"),
        pytest.param(f"INSERT INTO meta VALUES ('other', {NO_UTF8})", 1, 1, id="meta"),
        pytest.param(POLICY.format(NO_UTF8, "'[]'", 1), 1, 1, id="policy-no-utf8"),
        pytest.param(POLICY.format("'a'", "'5'", 1), 1, 1, id="policy-mx"),
        pytest.param(POLICY.format("'a'", DEEP, 1), 1, 1, id="policy-deep"),
        pytest.param(POLICY.format("'a'", "'[]'", "'x'"), 1, 1, id="policy-age"),
    ],
)
async def test_a_damaged_row_is_passed_over_and_counted(
    open_store: OpenStore, place: Place, statement: str, memories: int, latest: int
) -> None:
    await fill(open_store)
    change(place, statement)
    store = open_store()
    known = await store.load()
    assert (len(known.memories), len(known.latest), known.policies) == (memories, latest, {})
    assert store.status.unreadable == 1
    store.put(Entry(seen(9), "memory 9", (told(9),)))
    assert await store.flush()
    assert store.status.refused == store.status.failures == 0
    assert [each.memory for each in store.reader.memories()] == ["memory 9"]
    assert len(store.reader.events(EventQuery())) == 4


@pytest.mark.parametrize("column", ["host", "tls_mode", "port", "vantage"])
async def test_an_endpoint_whose_key_is_damaged_is_nobodys(
    open_store: OpenStore, place: Place, column: str
) -> None:
    await fill(open_store)
    change(place, f"UPDATE endpoints SET {column} = {NO_UTF8}")
    store = open_store()
    assert (await store.load()).memories == {}
    store.put(Entry(seen(9), "memory 9"))
    assert await store.flush()
    assert store.status.refused == 0
    assert [each.memory for each in store.reader.find(lambda key, _: key == KEY)] == ["memory 9"]
    assert store.reader.history(KEY) == (seen(9),)


@pytest.mark.parametrize("text", [NO_UTF8, DEEP, "5"])
async def test_a_damaged_event_is_passed_over(open_store: OpenStore, place: Place, text: str) -> None:
    await fill(open_store)
    change(place, f"UPDATE events SET body = {text} WHERE id = 2")
    store = open_store()
    await store.load()
    assert [event.subject for event in store.reader.events(EventQuery())] == ["subject 2", "subject 0"]
    assert store.status.unreadable == 1


async def test_what_comes_after_damage_in_the_usual_texts_can_be_read(
    open_store: OpenStore, place: Place
) -> None:
    await fill(open_store)
    change(place, f"UPDATE contents SET usual = {DEEP}")
    store = open_store()
    await store.load()
    store.put(Entry(seen(9), "memory 9"))
    assert await store.flush()
    assert store.reader.history(KEY) == (seen(9),)


@pytest.mark.parametrize(
    "body",
    ["x'00'", "'text'", "7", "(SELECT other.body FROM contents other WHERE other.id != contents.id)"],
)
async def test_a_damaged_content_is_told_and_written_anew_when_it_is_shown_again(
    open_store: OpenStore, place: Place, body: str
) -> None:
    """The hash is intact: without a look at the body it would be taken for sound for ever."""
    await fill(open_store)
    change(place, f"UPDATE contents SET body = {body}")
    store = open_store()
    await store.load()
    assert store.reader.history(KEY) == ()
    before = store.status.unreadable
    with capture_logs() as logs:
        store.put(Entry(seen(9), "memory 9"))
        assert await store.flush()
    damaged = [line for line in logs if line["event"] == "store_content_damaged"]
    assert store.status.unreadable - before == len(damaged) >= 1
    found = store.reader.history(KEY)
    assert found == (seen(9), *found[1:])
    assert len(found) == 4, "what was stored with it before can be read again"
    store.put(Entry(seen(10), "memory 10"))
    assert await store.flush()
    assert len(store.reader.history(KEY)) == 5


@pytest.mark.parametrize("key", ["store", "batch:default"])
async def test_a_damaged_mark_of_the_store_itself_does_not_hold_it_up(
    open_store: OpenStore, place: Place, key: str
) -> None:
    await fill(open_store)
    change(place, f"UPDATE meta SET value = {NO_UTF8} WHERE key = '{key}'")
    store = open_store()
    assert len((await store.load()).memories) == 1
    store.put(Entry(seen(9), "memory 9"))
    assert await store.flush()


async def test_a_damaged_moment_of_an_endpoint_does_not_hold_up_the_pruning_of_others(
    open_store: OpenStore, place: Place
) -> None:
    await fill(open_store)
    change(place, "UPDATE endpoints SET updated_at = 'zzz'")
    store = open_store()
    await store.load()
    assert store.reader.memories() == ()
    store.put(Entry(seen(9), "memory 9"))
    assert await store.flush()
    assert [each.memory for each in store.reader.memories()] == ["memory 9"]


@pytest.mark.parametrize(
    ("at", "argument"),
    [
        ("1", DEEP),
        ("1", NO_UTF8),
        ("1", "'5'"),
        ("1", """'{"a":' || replace(hex(zeroblob(5000)), '0', '9') || '}'"""),
        ("9000000000000000000", "'{}'"),
        ("9e18", "'{}'"),
        ("'x'", "'{}'"),
    ],
)
async def test_an_order_that_cannot_be_read_is_told_and_never_met_again(
    open_store: OpenStore, place: Place, at: str, argument: str
) -> None:
    await fill(open_store)
    change(place, f"INSERT INTO orders(at, action, argument) VALUES ({at}, 'accept', {argument})")
    sound = add_order(place, "pin", {})
    store = open_store()
    await store.load()
    with capture_logs() as logs:
        assert [order.id for order in await store.take_orders()] == [sound]
        assert await store.flush()
        assert await store.take_orders() == ()
    assert [line["order"] for line in logs if line["event"] == "order_unreadable"] == [sound - 1]
    assert [order.id for order in store.reader.pending_orders()] == [sound]


async def test_the_file_and_what_lies_beside_it_are_for_their_owner_only(
    open_store: OpenStore, place: Place
) -> None:
    assert place.path is not None
    store = open_store()
    await store.load()
    modes = {file.name: file.stat().st_mode & 0o777 for file in place.path.parent.iterdir()}
    names = ("mailport.db", "mailport.db-wal", "mailport.db-shm", "mailport.db.lock")
    assert modes == dict.fromkeys(names, 0o600)
