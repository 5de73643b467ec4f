"""Bare connections through a cluster: what the controls of a vantage ask for, and nothing else."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from scanner.cluster.fleet import TASK, Fleet
from scanner.cluster.flight import Flight, apart
from scanner.cluster.jobs import Batch, Job, Knock, job_for, read_batch
from scanner.cluster.remote_prober import RemoteProber
from scanner.cluster.results import Plain, read_delivery, read_knock, say_knock, say_refused, write_delivery
from scanner.cluster.stream import Stream
from scanner.cluster.tally import Tally
from scanner.cluster.worker import Worker
from scanner.config import ProbeSettings, Settings, default_settings, override
from scanner.model import Observation
from scanner.model.control import Gate, Realm
from scanner.model.exclusion import build_exclusion
from scanner.probe import Prober
from scanner.protocol import TlsClient
from scanner.service.parts import build_prober
from scanner.verdict import Policy
from tests.metrics.samples import SUBMISSION
from tests.servers.listener import run_listener
from tests.servers.process import free_port
from tests.servers.redis_server import RedisServer

SECONDS = 60.0
LEASE = 2.0
KNOCK: dict[str, Any] = {"id": "0a-1", "host": "www.site.test", "address": "192.0.2.1", "port": 443}


def test_a_knock_comes_through_beside_probes() -> None:
    knock = Knock(id="1", host="192.0.2.1", address="192.0.2.1", port=25, seconds=3.0)
    sent = Batch(id="ab", jobs=(job_for(SUBMISSION, "2"), knock))
    assert read_batch(sent.model_dump_json(exclude_defaults=True)) == sent


@pytest.mark.parametrize(
    "changes",
    [
        {"port": 0},
        {"address": "www.site.test"},
        {"host": "www site"},
        {"id": "../x"},
        {"seconds": 0},
        {"seconds": 61},
        {"seconds": "3"},
        {"hello": "00"},
        {"data": "00"},
        {"protocol": "smtp"},
    ],
    ids=str,
)
def test_a_knock_beyond_its_schema_is_refused(changes: dict[str, Any]) -> None:
    def text(**more: Any) -> str:
        return json.dumps({"id": "b", "jobs": [{**KNOCK, **more}]})

    (job,) = read_batch(text()).jobs
    assert isinstance(job, Knock)
    with pytest.raises(ValueError):
        read_batch(text(**changes))


@pytest.mark.parametrize("is_open", [True, False, None])
def test_what_came_of_a_knock_comes_back(is_open: bool | None) -> None:
    (result,) = read_delivery(write_delivery("w", [("b", say_knock("1", is_open=is_open))])).results
    assert read_knock(result.body) is is_open
    assert read_knock(json.loads(say_refused("1", "loopback").body)) is None
    assert read_knock({"excluded": "by a reload, while it waited"}) is None


@pytest.mark.parametrize("body", [{}, {"knock": "yes"}, {"knock": 1}, {"seen": {}}], ids=str)
def test_what_is_no_answer_to_a_knock_is_a_value_error(body: Plain) -> None:
    with pytest.raises(ValueError):
        read_knock(body)


async def test_no_probe_is_in_one_batch_with_a_knock() -> None:
    loop = asyncio.get_running_loop()
    knock = Knock(id="3", host="a.test", address="8.8.5.1", port=443)
    jobs: list[Job | Knock] = [job_for(SUBMISSION, "1"), knock, job_for(SUBMISSION, "2")]
    flights = [Flight(job, loop.create_future()) for job in jobs]
    assert [[one.job.id for one in some] for some in apart(flights)] == [["1", "2"], ["3"]]


class OneAnswer(Fleet):
    """A fleet whose workers give one answer to every job."""

    def __init__(self, body: Plain) -> None:
        self._body = body
        self.tally = Tally()
        self.lease = LEASE
        self.asked: list[Job | Knock] = []

    async def do(self, job: Job | Knock) -> Plain:
        self.asked.append(job)
        return self._body


def remote(fleet: Fleet) -> RemoteProber:
    return RemoteProber(fleet, ProbeSettings(), ehlo_name="probe.test", tls=TlsClient(), policy=Policy())


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"knock": True}, True),
        ({"knock": False}, False),
        ({"knock": None}, None),
        ({"refused": "a private address"}, None),
        ({"nonsense": 1}, None),
    ],
    ids=str,
)
async def test_a_worker_is_asked_and_believed(body: Plain, told: bool | None) -> None:
    fleet = OneAnswer(body)
    fleet.tally.hear("worker", None, knows_knocks=True)
    assert await remote(fleet).knock("www.site.test", "8.8.5.1", 443, 3.0) is told
    (job,) = fleet.asked
    assert isinstance(job, Knock)
    assert (job.host, job.address, job.port, job.seconds) == ("www.site.test", "8.8.5.1", 443, 3.0)


@pytest.mark.parametrize("workers", [[], ["old"], ["new", "old"]], ids=str)
async def test_where_a_worker_is_of_an_older_version_nothing_can_be_told(workers: list[str]) -> None:
    delivered = {
        "old": '{"worker":"old","fault":null,"results":[]}',
        "new": write_delivery("new", []),
    }
    fleet = OneAnswer({"knock": True})
    for name in workers:
        told = read_delivery(delivered[name])
        fleet.tally.hear(told.worker, told.fault, knows_knocks=told.knows_knocks)
    assert await remote(fleet).knock("www.site.test", "8.8.5.1", 443) is None
    assert fleet.asked == []
    told = read_delivery(delivered["new"])
    for name in workers or ["new"]:
        fleet.tally.hear(name, None, knows_knocks=told.knows_knocks)
    assert await remote(fleet).knock("www.site.test", "8.8.5.1", 443) is True


async def test_who_is_excluded_is_not_asked_for() -> None:
    fleet = OneAnswer({"knock": True})
    fleet.tally.hear("worker", None, knows_knocks=True)
    prober = remote(fleet)
    prober.exclude(build_exclusion(("site.test",)))
    assert await prober.knock("www.site.test", "8.8.5.1", 443) is None
    assert fleet.asked == []


class Door(Prober):
    """Takes knocks, and opens to all of them."""

    def __init__(self) -> None:
        self.knocks: list[tuple[str, int]] = []

    async def knock(self, host: str, address: str, port: int, seconds: float | None = None) -> bool:
        self.knocks.append((address, port))
        return True


class ClosedWay:
    """A worker's own way out that is closed at every gate."""

    fault: str | None = "closed"

    def __init__(self) -> None:
        self.gates: list[Gate] = []

    async def look_at(self, seen: Observation) -> tuple[Observation, str | None]:
        return seen, None

    async def find_fault(self, gate: Gate) -> str | None:
        self.gates.append(gate)
        return "closed"


def settings_of(url: str, **more: Any) -> Settings:
    return override(default_settings([]), {"cluster.broker": url, "cluster.lease": LEASE, **more})


def knock_at(address: str) -> Knock:
    return Knock(id="1", host=address, address=address, port=25)


@pytest.mark.parametrize(
    ("address", "may_be_private", "is_asked"),
    [
        ("127.0.0.1", False, False),
        ("10.0.0.1", False, False),
        ("169.254.169.254", False, False),
        ("::1", False, False),
        ("10.0.0.1", True, True),
        ("8.8.5.1", False, True),
        ("192.0.2.1", False, True),
        ("2001:db8::1", False, True),
    ],
)
async def test_a_worker_knocks_where_its_own_settings_allow_it_and_where_nobody_is(
    address: str, may_be_private: bool, is_asked: bool
) -> None:
    door = Door()
    settings = settings_of("redis://127.0.0.1:1/0", **{"probe.allow_private": may_be_private})
    said = await Worker(settings, door)._connect(knock_at(address), is_anyway=False)
    assert door.knocks == ([(address, 25)] if is_asked else [])
    assert json.loads(said.body).get("knock") is (True if is_asked else None)
    assert ("probe.allow_private is not set" in said.body) is not is_asked


async def test_a_worker_without_a_way_out_gives_a_knock_back_unless_there_is_no_other() -> None:
    door, way = Door(), ClosedWay()
    worker = Worker(settings_of("redis://127.0.0.1:1/0"), door, way)
    knock = knock_at("192.0.2.1")
    assert json.loads((await worker._connect(knock, is_anyway=False)).body) == {"fault": "closed"}
    assert (door.knocks, way.gates) == ([], [Gate(25, 4, Realm.PUBLIC)])
    assert json.loads((await worker._connect(knock, is_anyway=True)).body) == {"knock": True}


@asynccontextmanager
async def sending(fleet: Fleet) -> AsyncIterator[None]:
    running = asyncio.create_task(fleet.run())
    try:
        yield
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


@asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    try:
        async with asyncio.timeout(SECONDS):
            yield
    finally:
        stop.set()
        await running


async def test_a_worker_tells_through_a_broker_whether_somebody_is_there(redis_server: RedisServer) -> None:
    settings = settings_of(redis_server.url, **{"probe.allow_private": True, "cluster.queue": "knocks"})
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        heard.append(connection.recv(1024))

    fleet = Fleet(settings.cluster, settings.vantage, 0)
    worker = Worker(settings, build_prober(settings))
    with run_listener("127.0.0.1", 0, serve) as listener:
        async with sending(fleet), working(worker):
            for port, is_open in ((listener.port, True), (free_port(), False)):
                fleet.tally.hear(worker.name, None, knows_knocks=True)
                assert await remote(fleet).knock("127.0.0.1", "127.0.0.1", port) is is_open
            assert fleet.tally.all_knock(LEASE)
    assert (listener.connections, heard) == (1, [b""])


async def _never(text: str) -> None:
    raise AssertionError(text)


async def test_a_knock_of_a_worker_that_dies_goes_to_another(redis_server: RedisServer) -> None:
    settings = settings_of(redis_server.url, **{"probe.allow_private": True, "cluster.queue": "dying"})
    fleet = Fleet(settings.cluster, settings.vantage, 0)
    fleet.tally.hear("worker", None, knows_knocks=True)
    dead = Stream(settings.cluster, f"{settings.vantage}:tasks", consumer="dead", lease=LEASE)
    dead.register_task(_never, task_name=TASK)
    door = Door()
    async with sending(fleet):
        asking = asyncio.create_task(remote(fleet).knock("127.0.0.1", "127.0.0.1", 443))
        async with asyncio.timeout(SECONDS):
            await anext(dead.listen())
        await dead.shutdown()
        assert not asking.done()
        async with working(Worker(settings, door)):
            assert await asking is True
    assert door.knocks == [("127.0.0.1", 443)]
