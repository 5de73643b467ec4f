"""The queue against a real Redis: TLS and passwords, and what becomes of what nobody finishes."""

import asyncio
import json
from pathlib import Path

import pytest

from scanner.cluster.marks import ENDED_LEASES, MARKED_LEASES
from scanner.cluster.stream import FAULTS, MOST_DELIVERIES, Backlog, Stream
from scanner.config.cluster_settings import ClusterSettings
from tests.servers.certificates import Authority, create_authority
from tests.servers.redis_server import PASSWORD, RedisServer

LEASE = 0.2
SECONDS = 30.0


def stream(settings: ClusterSettings, consumer: str, lease: float = LEASE) -> Stream:
    """Return a reader of one queue, which knows one task."""
    made = Stream(settings, "default:tasks", consumer=consumer, lease=lease)

    async def work(text: str) -> None:
        raise AssertionError(text)

    made.register_task(work, task_name="work")
    return made


async def send(reader: Stream, text: str) -> None:
    """Put a message into the queue."""
    task = reader.find_task("work")
    assert task is not None
    await task.kiq(text)


async def take(reader: Stream) -> str:
    """Return the next message of a reader without telling that it is done."""
    messages = reader.listen()
    try:
        async with asyncio.timeout(SECONDS):
            return (await anext(messages)).data.decode()
    finally:
        await messages.aclose()


async def test_a_broker_is_reached_by_tls_with_a_password_in_a_file(
    tls_redis: RedisServer, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "pw").write_text(f"{PASSWORD}\n")
    (tmp_path / "wrong").write_text("other\n")
    url = f"rediss://localhost:{tls_redis.tls_port}/0"
    good = {"broker": url, "password_file": "pw", "ca_file": str(authority.ca_file)}
    stranger = create_authority(tmp_path / "stranger").ca_file
    changes: list[dict[str, str]] = [{"ca_file": str(stranger)}, {"password_file": "wrong"}]
    for change in changes:
        reader = stream(ClusterSettings.model_validate({**good, **change}, context=tmp_path), "a")
        with pytest.raises(FAULTS):
            await reader.backlog()
        await reader.shutdown()
    reader = stream(ClusterSettings.model_validate(good, context=tmp_path), "a")
    assert await reader.backlog() == Backlog(0, 0)
    await reader.shutdown()


async def test_what_a_reader_leaves_another_one_takes_over_though_nothing_new_comes(
    redis_server: RedisServer,
) -> None:
    settings = ClusterSettings(broker=redis_server.url)
    first, second = stream(settings, "first"), stream(settings, "second")
    await first.backlog()
    await send(first, "text")
    assert "text" in await take(first)
    assert await first.backlog() == Backlog(0, 1)
    assert "text" in await take(second)
    assert (first.is_second_hand("text"), second.is_second_hand("text")) == (False, True)
    second.mark_with(first, "delivery", "batch", ["1", "2"])
    assert await first.marked("batch") == set(), "before anything is delivered nothing is told"
    task = first.find_task("work")
    assert task is not None
    await task.kicker().with_task_id("delivery").kiq("results")
    assert await first.marked("batch") == {"1", "2"}
    for reader in (first, second):
        await reader.shutdown()


async def test_what_is_noted_of_a_message_goes_soon_after_it(redis_server: RedisServer) -> None:
    reader = stream(ClusterSettings(broker=redis_server.url), "a", lease=30.0)
    results = Stream(ClusterSettings(broker=redis_server.url), "default:results", consumer="a", lease=30.0)
    deliver = results.register_task(_never, task_name="deliver")
    await reader.backlog()
    with redis_server.client as client:
        for name in ("done", "open"):
            await send(reader, name)
            messages = reader.listen()
            async with asyncio.timeout(SECONDS):
                message = await anext(messages)
            await messages.aclose()
            reader.mark_with(results, name, name, ["1"])
            await deliver.kicker().with_task_id(name).kiq("results")
            if name == "done":
                ended = message.ack()
                assert ended is not None
                await ended
        long = {one: client.pttl(f"mailport:default:tasks:done:{one}") / 30_000 for one in ("done", "open")}
        assert 0 < long["done"] <= ENDED_LEASES
        assert ENDED_LEASES < long["open"] <= MARKED_LEASES
    assert await reader.backlog() == Backlog(0, 1)
    for each in (reader, results):
        await each.shutdown()


async def _never(text: str) -> None:
    raise AssertionError(text)


MESSAGE = {"task_id": "1", "task_name": "work", "labels": {}, "args": ["poison"], "kwargs": {}}


@pytest.mark.parametrize(
    "poison",
    [
        "[" * 200_000,
        json.dumps({**MESSAGE, "labels": {"timeout": "1"}}),
        json.dumps({**MESSAGE, "labels": {"ack_type": "when_received"}}),
        json.dumps({**MESSAGE, "labels": {"ack_type": "x"}}),
        json.dumps({**MESSAGE, "labels_types": {"x": 99}}),
        json.dumps({**MESSAGE, "kwargs": {"context": None}}),
    ],
    ids=lambda text: text[:90],
)
async def test_what_we_did_not_write_ends_no_reader_and_is_handed_to_nobody(
    redis_server: RedisServer, poison: str
) -> None:
    reader = stream(ClusterSettings(broker=redis_server.url), "a")
    await reader.backlog()
    with redis_server.client as client:
        client.xadd("mailport:default:tasks", {"data": poison})
    await send(reader, "text")
    assert "text" in await take(reader)
    assert await reader.backlog() == Backlog(0, 1)
    await reader.shutdown()


async def test_what_nobody_survives_is_given_up(redis_server: RedisServer) -> None:
    settings = ClusterSettings(broker=redis_server.url)
    readers = [stream(settings, str(number)) for number in range(MOST_DELIVERIES)]
    await readers[0].backlog()
    await send(readers[0], "poison")
    for reader in readers:
        assert "poison" in await take(reader)
    last = stream(settings, "last")
    messages = last.listen()
    waiting = asyncio.ensure_future(anext(messages))
    async with asyncio.timeout(SECONDS):
        while not last.given_up:
            await asyncio.sleep(0.01)
    assert await last.backlog() == Backlog(0, 0)
    waiting.cancel()
    await asyncio.wait([waiting])
    for reader in (*readers, last):
        await reader.shutdown()


async def test_who_is_cancelled_in_the_moment_in_which_a_command_is_sent_hears_of_it(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = stream(ClusterSettings(broker=redis_server.url), "a")
    connection = reader.connection_pool.make_connection()
    await connection.connect()
    send_whole = connection._send_packed_command

    async def ask() -> object:
        await connection.send_command("PING")
        return await connection.read_response()

    asking = asyncio.create_task(ask())

    async def send_and_cancel(command: list[bytes]) -> None:
        await send_whole(command)
        asking.cancel()

    monkeypatch.setattr(connection, "_send_packed_command", send_and_cancel)
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not connection.is_connected
    await reader.shutdown()
