"""What a worker delivers, against a real Redis: all its batches in one message, acknowledged with it."""

import asyncio
import json

import pytest
from taskiq import BrokerMessage
from taskiq.acks import AckController

from scanner.cluster.outbox import Outbox, Share
from scanner.cluster.results import Said, read_delivery
from scanner.cluster.stream import Backlog, Stream
from scanner.cluster.task_queue import TaskQueue
from scanner.config.cluster_settings import ClusterSettings
from tests.servers.redis_server import RedisServer

SECONDS = 30.0


async def _never(text: str) -> None:
    raise AssertionError(text)


async def test_what_is_done_is_acknowledged_with_its_results_and_what_is_over_is_not_told(
    redis_server: RedisServer,
) -> None:
    settings = ClusterSettings(broker=redis_server.url)
    tasks = Stream(settings, "default:tasks", consumer="a", lease=60.0)
    results = Stream(settings, "default:results", consumer="a", lease=60.0)
    work = tasks.register_task(_never, task_name="work")
    deliver = results.register_task(_never, task_name="deliver")
    for queue in (tasks, results):
        await queue.backlog()
    outbox = Outbox("w", tasks, results, deliver, lambda: "no way out")
    shares = []
    messages = tasks.listen()
    async with asyncio.timeout(SECONDS):
        for name in ("whole", "part", "over"):
            await work.kiq(name)
            shares.append(Share(name, 2, 2, AckController((await anext(messages)).ack).ack))
            outbox.expect(shares[-1])
        whole, part, over = shares
        for share, number in ((whole, "1"), (whole, "2"), (part, "3"), (over, "4")):
            outbox.put(share, Said(number, '{"refused":"why"}'))
        outbox.drop(over)
        running = asyncio.create_task(outbox.run())
        await whole.is_told.wait()
    assert (await tasks.backlog(), await results.backlog()) == (Backlog(0, 2), Backlog(1, 0))
    (text,) = await results.find_all()
    delivery = read_delivery(json.loads(text)["args"][0])
    assert (delivery.worker, delivery.fault) == ("w", "no way out")
    told = [(one.batch, one.id) for one in delivery.results]
    assert told == [("whole", "1"), ("whole", "2"), ("part", "3")]
    assert await tasks.marked("part") == {"3"}
    assert not await tasks.marked("over")
    assert not part.is_told.is_set()
    running.cancel()
    await messages.aclose()
    for queue in (tasks, results):
        await queue.shutdown()


async def test_nothing_is_remembered_of_a_batch_that_was_told_at_the_second_try_or_given_up(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ClusterSettings(broker=redis_server.url)
    tasks = Stream(settings, "default:tasks", consumer="a", lease=60.0)
    results = Stream(settings, "default:results", consumer="a", lease=60.0)
    work = tasks.register_task(_never, task_name="work")
    deliver = results.register_task(_never, task_name="deliver")
    kick, tries = results.kick, 0

    async def kick_at_second_try(message: BrokerMessage) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ConnectionResetError
        await kick(message)

    monkeypatch.setattr(results, "kick", kick_at_second_try)
    monkeypatch.setattr("scanner.cluster.outbox.PAUSE_SECONDS", 0.01)
    for queue in (tasks, results):
        await queue.backlog()
    outbox = Outbox("w", tasks, results, deliver, lambda: None)
    messages = tasks.listen()
    running = asyncio.create_task(outbox.run())
    async with asyncio.timeout(SECONDS):
        shares = []
        for name in ("whole", "given up"):
            await work.kiq(name)
            shares.append(Share(name, 2, 2, AckController((await anext(messages)).ack).ack))
            tasks._marks.take_over(name, f"text of {name}")
            outbox.expect(shares[-1])
        whole, given_up = shares
        for share, number in ((whole, "1"), (whole, "2"), (given_up, "3")):
            outbox.put(share, Said(number, "{}"))
        await whole.is_told.wait()
        assert (tries, set(await tasks.marked("given up"))) == (2, {"3"})
        for share in shares:
            outbox.drop(share)
    assert (tasks._marks._unended, tasks._marks._second_hand) == ({}, {})
    running.cancel()
    await messages.aclose()
    for queue in (tasks, results):
        await queue.shutdown()


async def test_with_each_batch_it_is_told_how_many_nobody_has_read(redis_server: RedisServer) -> None:
    queue = TaskQueue(ClusterSettings(broker=redis_server.url), "default:tasks", consumer="a", lease=60.0)
    work = queue.register_task(_never, task_name="work")
    await work.kiq("before there are readers")
    assert queue.unread is None
    await queue.backlog()
    messages = queue.listen()
    async with asyncio.timeout(SECONDS):
        await anext(messages)
    await messages.aclose()
    for waiting in (1, 2):
        await work.kiq("text")
        assert queue.unread == waiting
        assert await queue.backlog() == Backlog(waiting, 1)
    await queue.shutdown()
