"""`mailport scan --cluster`: workers make the probes, and the scan tells what one without them tells."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM

import pytest

from tests.cli.command import Running, run, started
from tests.cli.running_farm import RunningFarm, open_farm, open_rows
from tests.cli.test_resume import timeless, with_servers
from tests.cluster.cluster import LEASE, most_at_once, running_cluster, settings_of
from tests.servers.process import wait_until
from tests.servers.redis_server import RedisServer
from tests.service.serving import read_log, write_config

MANY = ("healthy", "tls12-only", "cert-expired", "auth-in-clear", "cert-self", "starttls-missing")
QUICK_SECONDS = 4.0
"""For the end of a scan by a signal on a busy machine."""


class Bench:
    """Workers at a broker, and the options of a scan that uses them."""

    def __init__(self, folder: Path, farm: RunningFarm, broker: RedisServer, vantage: str) -> None:
        self.folder = folder
        self.broker = broker
        document = settings_of(farm, broker)
        document.pop("targets")
        document["vantage"] = vantage
        document["limits"] = {"rate": 0, "per_address_gap": 0, "concurrency": 40}
        self.config = write_config(folder, document)
        self.workers: list[Running] = []
        self.stack = ExitStack()

    @property
    def options(self) -> tuple[str, ...]:
        return ("--config", str(self.config), "--cluster", self.broker.url, "--format", "ndjson")

    def add_worker(self) -> Running:
        worker = self.stack.enter_context(
            started(self.folder, "worker", "--config", self.config, "--log-format", "json")
        )
        worker.wait_until(lambda: any(line["event"] == "working" for line in read_log(worker)))
        self.workers.append(worker)
        return worker

    def keys(self) -> set[str]:
        """What of scans is in the broker."""
        with self.broker.client as client:
            return {key.decode() for key in client.scan_iter() if b":scan" in key}

    def queues(self) -> set[str]:
        return {key for key in self.keys() if key.endswith((":tasks", ":results", ":scans"))}


@contextmanager
def opened(
    folder: Path, farm: RunningFarm, broker: RedisServer, workers: int, vantage: str = "default"
) -> Iterator[Bench]:
    bench = Bench(folder, farm, broker, vantage)
    with bench.stack:
        for _ in range(workers):
            bench.add_worker()
        yield bench


@pytest.fixture(scope="module")
def farm() -> Iterator[RunningFarm]:
    """A farm whose journal only these tests write."""
    with open_farm() as opened_farm:
        yield opened_farm


def is_free(worker: Running) -> bool:
    """Whether a worker has come to the end of its last scan."""
    return bool(read_log(worker)[-1]["event"] == "scan_over")


def lines_in(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def hosts_of(farm: RunningFarm) -> Counter[tuple[str, int]]:
    return Counter(farm.place(row) for row in farm.farm.scenarios)


def test_workers_tell_what_a_scan_without_them_tells(
    farm: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    (tmp_path / "targets").write_text("".join(f"{one}\n" for one in farm.targets()))
    listed = ("--targets", tmp_path / "targets")
    with opened(tmp_path, farm, redis_server, workers=3) as bench:
        alone = run("scan", *listed, "--config", bench.config, "--format", "ndjson")
        farm_before = len(farm.events("connect"))
        found = run("scan", *listed, *bench.options)
        assert (found.status, found.stderr.count("no worker")) == (alone.status, 0), found.stderr
        assert timeless(found.records) == timeless(alone.records)
        seen = Counter((entry.host, entry.port) for entry in farm.events("connect")[farm_before:])
        assert set(seen) == with_servers(farm)
        assert bench.queues() == set()
        begun = [sum(line["event"] == "scan_begun" for line in read_log(one)) for one in bench.workers]
        assert all(begun), begun
        for worker in bench.workers:
            worker.wait_until(partial(is_free, worker))
        assert [worker.end(SIGTERM)[0] for worker in bench.workers] == [0, 0, 0]
    assert {most_at_once(farm, entry.address) for entry in farm.events("connect")} == {1}


@pytest.mark.parametrize("victim", ["worker", "broker"])
def test_what_dies_in_the_middle_loses_nothing(
    farm: RunningFarm, redis_server: RedisServer, victim: str, tmp_path: Path
) -> None:
    with opened(tmp_path, farm, redis_server, workers=2) as bench:
        arguments = ("scan", *farm.targets(), *bench.options, "--concurrency", "6", "--out", tmp_path / "out")
        with started(tmp_path, *arguments) as running:
            running.wait_until(lambda: lines_in(tmp_path / "out") >= 20)
            if victim == "worker":
                bench.workers[0].send(SIGKILL)
            else:
                redis_server.kill()
                running.wait_until(lambda: "does not answer" in running.stderr)
                redis_server.start()
            assert running.wait(120) == 0
            said = running.stderr
        records = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
        assert Counter((one["host"], one["port"]) for one in records) == hosts_of(farm)
        assert not [one for one in records if one["state"] == "unknown" and one["reason"] == "internal"]
        assert ("the broker answers again; the scan goes on" in said) == (victim == "broker")
        assert "pass-word" not in said
        assert bench.queues() == set()


def test_a_killed_scan_is_gone_on_with_and_leaves_nothing(
    farm: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    with opened(tmp_path, farm, redis_server, workers=2) as bench:
        arguments = ("scan", *farm.targets(), *bench.options, "--resume", journal)
        with started(tmp_path, *arguments, "--concurrency", "4", "--out", tmp_path / "out") as running:
            running.wait_until(lambda: lines_in(journal) >= 25)
            running.send(SIGKILL)
            assert running.process.wait() == -SIGKILL
        with redis_server.client as client:
            # Its queues are there still, but not for ever: nobody prolongs them any more.
            left = bench.queues()
            assert len(left) == 3
            assert {0 < client.pttl(key) <= 60_000 for key in left} == {True}
            for key in left:
                client.pexpire(key, 1)  # as if that minute were over
        done = {(one["host"], one["port"]) for one in map(json.loads, journal.read_text().splitlines())}
        for worker in bench.workers:
            worker.wait_until(partial(is_free, worker))
        before = len(farm.events("connect"))
        resumed = run(*arguments)
        assert resumed.status == 0
        assert Counter((one["host"], one["port"]) for one in resumed.records) == hosts_of(farm)
        probed = {(entry.host, entry.port) for entry in farm.events("connect")[before:]}
        assert probed == with_servers(farm) - done
        alone = run("scan", *farm.targets(), "--config", bench.config, "--format", "ndjson")
        assert timeless(resumed.records) == timeless(alone.records)
        assert wait_until(lambda: bench.queues() == set(), 30)


def test_ctrl_c_ends_it_clean_and_without_workers_it_says_what_it_waits_for(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    with (
        open_rows("healthy", "mute") as farm,
        opened(tmp_path, farm, redis_server, workers=1) as bench,
    ):
        arguments = ("scan", *farm.targets(), *bench.options, "--out", tmp_path / "out")
        with started(tmp_path, *arguments, "--concurrency", "1") as running:
            running.wait_until(lambda: len(bench.queues()) == 3)
            bench.workers[0].send(SIGKILL)
            running.wait_until(lambda: f"no worker has told anything for {LEASE:g} s" in running.stderr, 60)
            bench.add_worker()
            running.wait_until(lambda: "workers are there again; the scan goes on" in running.stderr, 60)
            if running.process.poll() is None:
                status, seconds = running.end(SIGINT)
                assert (status, seconds < QUICK_SECONDS) in {(130, True), (0, True)}
        assert bench.queues() == set()


def test_a_watch_and_a_second_scan_are_not_disturbed(
    farm: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    with open_rows("healthy", "tls12-only") as watched:
        document = settings_of(watched, redis_server)
        with running_cluster(tmp_path, document, workers=2) as cluster:
            cluster.scheduler.wait_ready()
            late = cluster.value("results_total", outcome="late")
            bench = Bench(tmp_path, farm, redis_server, "default")
            arguments = ("scan", *farm.targets(), *bench.options, "--concurrency", "8")
            with (
                started(tmp_path, *arguments, "--out", tmp_path / "one") as one,
                started(tmp_path, *arguments, "--out", tmp_path / "two") as two,
            ):
                taken = cluster.value("results_total", outcome="taken")
                cluster.wait_for("results_total", taken + 16, outcome="taken")
                assert (one.wait(120), two.wait(120)) == (0, 0)
            assert cluster.value("results_total", outcome="late") == late
            assert cluster.value("jobs_resent_total") == 0
            assert not cluster.scheduler.samples("mailport_endpoint_reason_info")
            for name in ("one", "two"):
                records = map(json.loads, (tmp_path / name).read_text().splitlines())
                assert Counter((each["host"], each["port"]) for each in records) == hosts_of(farm)
            assert bench.queues() == set()


def test_the_rate_holds_over_all_workers(
    farm: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    with open_rows(*MANY) as few:
        with opened(tmp_path, few, redis_server, workers=3) as bench:
            found = run("scan", *few.targets(), *bench.options, "--rate", "5")
            assert found.status == 0
        starts = sorted(entry.at for entry in few.events("connect"))
        assert len(starts) == len(few.targets())
        busiest = max(sum(start <= other < start + 2.0 for other in starts) for start in starts)
        # A batch of eight goes out at once.
        assert busiest <= 2 * 5 + 8


def test_workers_of_a_vantage_know_of_its_scans_alone(redis_server: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "main").mkdir()
    with (
        open_rows("healthy") as farm,
        opened(tmp_path, farm, redis_server, workers=1, vantage="oslo") as oslo,
    ):
        elsewhere = Bench(tmp_path / "main", farm, redis_server, "default")
        found = run("scan", *farm.targets(), *elsewhere.options)
        assert (found.status, "vantage default" in found.problem) == (3, True)
        assert farm.events("connect") == []
        found = run("scan", *farm.targets(), *oslo.options)
        assert found.status == 0
        assert {(one["vantage"], one["state"]) for one in found.records} == {("oslo", "open")}
        assert len(found.records) == len(farm.targets())
